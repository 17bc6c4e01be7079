"""Connected accounts: https://docs.stripe.com/api/accounts. They are the platform's objects; what happens to them is
told in their own name."""

from typing import Any

from stripe import params as sdk

from api.sandbox.copying import copied
from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid
from api.sandbox.listing import page, whole
from api.sandbox.resources import account_shapes, account_standing, external_accounts, payouts_due, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = account_standing.KIND


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """An account; of type standard when nothing is said. Raises StripeError when an account asks for one."""
    if worlds.platform_of(desk) is not None:
        raise invalid("Only a platform can create accounts.", "type")
    if params.get("type") is not None and params.get("controller") is not None:
        raise invalid("You may not provide both `type` and `controller`.", "type")
    account = _opened(desk, "acct_" + desk.new_id("x", 16)[2:], params)
    account_standing.assess(desk, account)
    return account


def _opened(desk: Desk, id: str, params: dict[str, Any]) -> Object:
    type, controller = account_shapes.controller(params.get("type") or "standard", params.get("controller"))
    country = params.get("country") or "US"
    account: Object = {
        "id": id,
        "object": KIND,
        "business_profile": account_shapes.profile(None),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": controller,
        "country": country,
        "created": desk.now_s,
        "default_currency": (params.get("default_currency") or account_shapes.currency_of(country)).lower(),
        "details_submitted": False,
        "email": None,
        "future_requirements": account_shapes.nothing_wanted(),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": account_shapes.nothing_wanted(),
        "settings": account_shapes.settings(None, None),
        "tos_acceptance": {"date": None},
        "type": type,
        "_requested": [],
        "_onboarded": False,
    }
    desk.add(KIND, account)
    _set(desk, account, params)
    return account


def _set(desk: Desk, account: Object, params: dict[str, Any]) -> None:
    """Take over what was said."""
    said = {**_of_token(desk, params.get("account_token")), **params}
    for name in ("business_type", "email"):
        if name in said:
            account[name] = said[name]
    if "metadata" in said:
        account["metadata"] = metadata(account["metadata"], said["metadata"])
    if said.get("business_profile"):
        account["business_profile"] = account_shapes.profile(said["business_profile"], account["business_profile"])
    if said.get("tos_acceptance"):
        account["tos_acceptance"] = {**account["tos_acceptance"], **said["tos_acceptance"]}
    account["company"] = account_shapes.company(account, said.get("company") or {})
    if said.get("individual"):
        _person(desk, account, said["individual"])
    held = account_shapes.settings(None, said.get("settings"), account["settings"])
    account["settings"] = account_shapes.named(held, account["business_profile"])
    for name, asked in (said.get("capabilities") or {}).items():
        requested = asked.get("requested")
        if requested and name not in account["_requested"]:
            account["_requested"].append(name)
        elif requested is False and name in account["_requested"]:
            account["_requested"].remove(name)
    other = worlds.beside(desk, account["id"])
    if said.get("external_account") is not None:
        external_accounts.replace(desk, other, account, said["external_account"])
    payouts_due.schedule(other, account["settings"]["payouts"]["schedule"]["interval"])


def _of_token(desk: Desk, id: str | None) -> Object:
    if id is None:
        return {}
    token = desk.get("token", id, "account_token")
    said = dict(token["_account"])
    if said.pop("tos_shown_and_accepted", False):
        said["tos_acceptance"] = {"date": desk.now_s, "ip": "0.0.0.0", "user_agent": None}  # noqa: S104 - shown, not bound
    token["used"] = True
    return said


def _person(desk: Desk, account: Object, said: dict[str, Any]) -> None:
    held = account.get("individual") or {}
    said = {**{k: v for k, v in held.items() if v is not None}, **said}
    said["relationship"] = {"representative": True, **(said.get("relationship") or {})}
    id = held.get("id") or desk.new_id("person")
    person = account["individual"] = account_shapes.person(id, account["id"], account["created"], said)
    if "address" in account["company"]:
        account["company"] |= {"address": dict(person["address"]), "phone": person["phone"]}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is named; capabilities follow."""
    account = _present(desk, id)
    before = copied(account)
    _set(desk, account, params)
    told(desk, account, before)
    return account


def told(desk: Desk, account: Object, before: Object) -> None:
    """Assess an account anew, and say in its name what changed."""
    changed = account_standing.assess(desk, account)
    if account == before:
        return
    other = worlds.beside(desk, account["id"])
    for name in changed:
        other.emit("capability.updated", account_standing.capability(account, name))
    other.emit("account.updated", account, before)


def onboard(desk: Desk, id: str) -> Object:
    """Whoever owns the account fills in all that Stripe's pages ask for: a means of the sandbox."""
    account = _present(desk, id)
    before = copied(account)
    account["_onboarded"] = True
    account["business_type"] = account["business_type"] or "company"
    account["tos_acceptance"] = {**account["tos_acceptance"], "date": desk.now_s}
    other = worlds.beside(desk, id)
    if next(other.scan("bank_account"), None) is None:
        external_accounts.added(other, account, external_accounts.test_account(account))
    told(desk, account, before)
    return account


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Delete an account, unless it holds money. Its application is told that it is no longer authorized."""
    account = _present(desk, id)
    other = worlds.beside(desk, id)
    held = other.held("_balance", "_balance")
    if held is not None and any(s["available"] or s["pending"] for s in held["currencies"].values()):
        raise invalid("This account cannot be deleted: its balance is not zero.", code="account_invalid")
    application = {"id": worlds.APPLICATION, "object": "application", "name": "Recount Sandbox"}
    other.emit("account.application.deauthorized", application)
    account["deleted"] = True
    return account


def reject(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Flag an account: it can take no money any more."""
    account = _present(desk, id)
    before = copied(account)
    account["_rejected"] = params["reason"]
    told(desk, account, before)
    return account


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The account."""
    return own(desk, params) if id == desk.account_id else _present(desk, id)


def own(desk: Desk, params: dict[str, Any]) -> Object:
    """The account whose key it is, or as which it asks."""
    platform = worlds.platform_of(desk)
    if platform is not None:
        return platform.get(KIND, desk.account_id)
    held = desk.held(KIND, desk.account_id)
    if held is None:
        said = {"email": "platform@example.com", "business_profile": {"name": "Recount Sandbox"}}
        held = _opened(desk, desk.account_id, said)
        held |= {"_onboarded": True, "_platform": True, "_requested": ["card_payments", "transfers"]}
        account_standing.assess(desk, held)
    return held


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Connected accounts, newest first."""
    return page(params, desk.scan(KIND, lambda a: not a.get("_platform")), "/v1/accounts")


def _present(desk: Desk, id: str) -> Object:
    found = desk.held(KIND, id)
    if found is None or found.get("deleted") or found.get("_platform"):
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key does not have access to account '{id}' (or that account does not exist). Application"
            " access may have been revoked.",
            code="account_invalid",
        )
    return found


def present(desk: Desk, account: Object) -> Object:
    """The account, with its bank accounts."""
    other = worlds.beside(desk, account["id"])
    banks = [dict(bank) for bank in other.scan("bank_account")]
    if account["controller"]["stripe_dashboard"]["type"] == "express":
        account["login_links"] = whole([], f"/v1/accounts/{account['id']}/login_links")
    return {**account, "external_accounts": whole(banks, f"/v1/accounts/{account['id']}/external_accounts")}


ROUTES = (
    Route("POST", "/v1/accounts", sdk.AccountCreateParams, create),
    Route("GET", "/v1/accounts", sdk.AccountListParams, listed),
    Route("GET", "/v1/account", None, own),
    Route("GET", "/v1/accounts/{account}", None, retrieve),
    Route("POST", "/v1/accounts/{account}", sdk.AccountUpdateParams, update),
    Route("DELETE", "/v1/accounts/{account}", None, delete),
    Route("POST", "/v1/accounts/{account}/reject", sdk.AccountRejectParams, reject),
)
PRESENTERS = {KIND: present}
PREFIXES = {"acct": KIND}
