"""What an account still has to tell before it may take money and be paid: https://docs.stripe.com/connect/handling-api-verification."""

from api.sandbox.desk import Desk
from api.sandbox.resources import worlds
from api.sandbox.resources.account_shapes import nothing_wanted
from api.sandbox.state import Object

KIND = "account"
_BY_STRIPE = (
    "business_profile.url",
    "business_type",
    "external_account",
    "representative.first_name",
    "representative.last_name",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
"""What Stripe's own pages ask for when it collects them."""


def wanted(desk: Desk, account: Object) -> list[str]:
    """What is due now."""
    if account["controller"]["requirement_collection"] == "stripe":
        return [] if account["_onboarded"] else list(_BY_STRIPE)
    other = worlds.beside(desk, account["id"])
    due = []
    if next(other.scan("bank_account"), None) is None:
        due.append("external_account")
    if not account["tos_acceptance"].get("date"):
        due += ["tos_acceptance.date", "tos_acceptance.ip"]
    profile = account["business_profile"]
    if "card_payments" in account["_requested"]:
        due += [] if profile["mcc"] else ["business_profile.mcc"]
        due += [] if profile["url"] or profile["product_description"] else ["business_profile.url"]
    kind = account["business_type"]
    if kind is None:
        return sorted([*due, "business_type"])
    if kind == "individual":
        person = account.get("individual") or {}
        due += [f"individual.{name}" for name in ("first_name", "last_name") if not person.get(name)]
        due += [] if (person.get("dob") or {}).get("year") else ["individual.dob.year"]
    elif not (account.get("company") or {}).get("name"):
        due.append("company.name")
    return sorted(due)


def assess(desk: Desk, account: Object) -> list[str]:
    """Bring capabilities and requirements up to date; which capabilities changed."""
    due = wanted(desk, account)
    rejected = account.get("_rejected")
    status = "inactive" if due or rejected else "active"
    changed = [name for name in account["_requested"] if account["capabilities"].get(name) != status]
    account["capabilities"] = dict.fromkeys(account["_requested"], status)
    reason = f"rejected.{rejected}" if rejected else "requirements.past_due" if due else None
    requirements = {**nothing_wanted(), "currently_due": due, "eventually_due": list(due), "past_due": list(due)}
    account["requirements"] = {**requirements, "disabled_reason": reason}
    enabled = status == "active"
    account |= {"charges_enabled": enabled, "payouts_enabled": enabled, "details_submitted": not due}
    return changed


def capability(account: Object, name: str) -> Object:
    """One capability of an account."""
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": nothing_wanted(),
        "requested": name in account["_requested"],
        "requested_at": account["created"] if name in account["_requested"] else None,
        "requirements": dict(account["requirements"]),
        "status": account["capabilities"].get(name, "unrequested"),
    }
