"""How an account, its bank accounts and its people are rendered. Decides nothing about them."""

from typing import Any

from api.sandbox.state import Object

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
CURRENCY = {"US": "usd", "GB": "gbp", "CH": "chf", "JP": "jpy", "CA": "cad", "AU": "aud", "SE": "sek", "DK": "dkk"}
_PROFILE = """annual_revenue estimated_worker_count mcc minority_owned_business_designation name product_description
    specified_commercial_transactions_act_url support_address support_email support_phone support_url url""".split()
_CONTROLLERS = {
    "custom": ("application_custom", "application", "application", "none"),
    "express": ("application_express", "application", "stripe", "express"),
    "standard": ("account", "stripe", "stripe", "full"),
}


def currency_of(country: str) -> str:
    """What is paid with there; the euro where nothing else is known."""
    return CURRENCY.get(country, "eur")


def nothing_wanted() -> Object:
    """Requirements that are all met."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }


def profile(said: dict[str, Any] | None, held: Object | None = None) -> Object:
    """`business_profile`."""
    return {**dict.fromkeys(_PROFILE), **(held or {}), **(said or {})}


def controller(type: str, said: dict[str, Any] | None) -> tuple[str, Object]:
    """The type, and what it means: https://docs.stripe.com/connect/migrate-to-controller-properties."""
    payer, losses, collects, dashboard = _CONTROLLERS[type]
    if said is not None:
        type = "none"
        payer = said.get("fees", {}).get("payer", "account")
        losses = said.get("losses", {}).get("payments", "stripe")
        collects = said.get("requirement_collection", "stripe")
        dashboard = said.get("stripe_dashboard", {}).get("type", "full")
        same = next((t for t, c in _CONTROLLERS.items() if c[1:] == (losses, collects, dashboard)), None)
        type = same or type
    return type, {
        "fees": {"payer": payer},
        "is_controller": True,
        "losses": {"payments": losses},
        "requirement_collection": collects,
        "stripe_dashboard": {"type": dashboard},
        "type": "application",
    }


def settings(name: str | None, said: dict[str, Any] | None, held: Object | None = None) -> Object:
    """`settings`, with what was said of each part."""
    kana = {"statement_descriptor_prefix_kana": None, "statement_descriptor_prefix_kanji": None}
    plain: Object = held or {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            **kana,
        },
        "dashboard": {"display_name": name, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            **kana,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "paypay_payments": {},
        "sepa_debit_payments": {},
    }
    shown = {part: dict(value) for part, value in plain.items()}
    for part, value in (said or {}).items():
        shown[part] = {**shown.get(part, {}), **value}
        if part == "payouts" and "schedule" in value:
            shown[part]["schedule"] = {**plain["payouts"]["schedule"], **value["schedule"]}
    return shown


def company(account: Object, said: dict[str, Any]) -> Object:
    """`company`: to a platform that collects it all of it, else its name. Numbers are not kept."""
    held: Object = account.get("company") or {"name": None}
    if account["controller"]["requirement_collection"] != "application":
        return {**held, "name": said.get("name", held["name"])}
    plain = {
        "address": dict.fromkeys(_ADDRESS),
        **dict.fromkeys(("directors_provided", "executives_provided", "owners_provided", "tax_id_provided"), False),
        "phone": None,
        "verification": {"document": dict.fromkeys(("back", "details", "details_code", "front"))},
    }
    shown: Object = {**plain, **held, **{k: v for k, v in said.items() if k not in ("address", "tax_id")}}
    shown["address"] = {**shown["address"], **(said.get("address") or {})}
    shown["tax_id_provided"] = shown["tax_id_provided"] or said.get("tax_id") is not None
    return shown


def named(settings: Object, profile: Object) -> Object:
    """`settings`, with the names that Stripe makes of the business's own, or of its address, where none were given."""
    host = (profile["url"] or "").partition("://")[2].partition("/")[0]
    name = profile["name"] or host.partition(".")[0].title() or None
    dashboard, payments = settings["dashboard"], settings["payments"]
    return {
        **settings,
        "dashboard": {**dashboard, "display_name": dashboard["display_name"] or name},
        "payments": {
            **payments,
            "statement_descriptor": payments["statement_descriptor"] or (host or name or "").upper()[:22] or None,
        },
    }


def bank_account(id: str, said: dict[str, Any], account: str | None, *, default: bool) -> Object:
    """A bank account: in a token (no `account`), or one that is paid out to."""
    number = str(said["account_number"])
    shown: Object = {
        "id": id,
        "object": "bank_account",
        "account_holder_name": said.get("account_holder_name"),
        "account_holder_type": said.get("account_holder_type"),
        "account_type": said.get("account_type"),
        "bank_name": "STRIPE TEST BANK",
        "country": said["country"],
        "currency": said["currency"].lower(),
        "fingerprint": f"ba{number[-14:]}",
        "last4": number[-4:],
        "routing_number": said.get("routing_number") or "110000000",
        "status": "new",
    }
    if account is None:
        return shown
    wanted: Object = {name: [] for name in ("currently_due", "errors", "past_due", "pending_verification")}
    return {
        **shown,
        "account": account,
        "available_payout_methods": ["standard"],
        "default_for_currency": default,
        "future_requirements": dict(wanted),
        "metadata": {},
        "requirements": wanted,
    }


def person(id: str, account: str, created_s: int, said: dict[str, Any]) -> Object:
    """A person of an account; numbers of documents are not kept."""
    wanted: Object = {name: [] for name in ("alternatives", "currently_due", "errors", "eventually_due", "past_due")}
    relationship = {
        **dict.fromkeys(("authorizer", "director", "executive", "legal_guardian", "owner"), False),
        "percent_ownership": None,
        "representative": False,
        "title": None,
        **(said.get("relationship") or {}),
    }
    return {
        "id": id,
        "object": "person",
        "account": account,
        "address": {**dict.fromkeys(_ADDRESS), **(said.get("address") or {})},
        "created": created_s,
        "dob": {**dict.fromkeys(("day", "month", "year")), **(said.get("dob") or {})},
        "email": said.get("email"),
        "first_name": said.get("first_name"),
        "future_requirements": {**wanted, "pending_verification": []},
        "id_number_provided": said.get("id_number") is not None,
        "last_name": said.get("last_name"),
        "metadata": dict(said.get("metadata") or {}),
        "phone": said.get("phone"),
        "relationship": relationship,
        "requirements": {**wanted, "pending_verification": []},
        "ssn_last_4_provided": bool(said.get("ssn_last_4") or said.get("id_number")),
        "verification": {
            "additional_document": dict.fromkeys(("back", "details", "details_code", "front")),
            "details": None,
            "details_code": None,
            "document": dict.fromkeys(("back", "details", "details_code", "front")),
            "status": "verified" if said.get("dob") else "unverified",
        },
    }
