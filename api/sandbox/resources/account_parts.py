"""What hangs on a connected account: capabilities, people, and the links that lead its owner to Stripe's pages."""

from typing import Any

from stripe import params as sdk

from api.sandbox.copying import copied
from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid, missing
from api.sandbox.listing import page
from api.sandbox.resources import account_shapes, account_standing, accounts, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

_LINK_S = 300


def create_link(desk: Desk, params: dict[str, Any]) -> Object:
    """Where the owner of an account fills in what is wanted; it serves once, for minutes."""
    account = desk.get("account", params["account"], "account")
    if params["type"] == "account_update" and account["controller"]["requirement_collection"] == "stripe":
        raise invalid("You cannot create `account_update` type Account Links for this account.", "type")
    for name in ("refresh_url", "return_url"):
        if params.get(name) is None:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    kind = "s" if account["controller"]["stripe_dashboard"]["type"] == "full" else "e"
    return {
        "object": "account_link",
        "created": desk.now_s,
        "expires_at": desk.now_s + _LINK_S,
        "url": f"https://connect.stripe.com/setup/{kind}/{account['id']}/{desk.new_id('x', 12)[2:]}",
    }


def create_login_link(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Where the owner of an express account sees it."""
    account = desk.get("account", id)
    if account["controller"]["stripe_dashboard"]["type"] != "express":
        raise invalid("Cannot create a login link for an account that is not an Express account.")
    if not account["details_submitted"]:
        raise invalid("Cannot create a login link for an account that has not completed onboarding.")
    url = f"https://connect.stripe.com/express/{id}/{desk.new_id('x', 12)[2:]}"
    return {"object": "login_link", "created": desk.now_s, "url": url}


def capabilities(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """All that were asked for."""
    account = desk.get("account", id)
    data = [account_standing.capability(account, name) for name in account["_requested"]]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/accounts/{id}/capabilities"}


def capability(desk: Desk, params: dict[str, Any], id: str, name: str) -> Object:
    """One."""
    return account_standing.capability(desk.get("account", id), name)


def update_capability(desk: Desk, params: dict[str, Any], id: str, name: str) -> Object:
    """Ask for one, or no longer."""
    if "requested" in params:
        accounts.update(desk, {"capabilities": {name: {"requested": params["requested"]}}}, id)
    return capability(desk, {}, id, name)


def create_person(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """A person who stands for an account, owns or leads it."""
    account = desk.get("account", id)
    other = worlds.beside(desk, id)
    person = account_shapes.person(other.new_id("person"), account["id"], other.now_s, params)
    return other.add("person", person, event="person.created")


def update_person(desk: Desk, params: dict[str, Any], id: str, person: str) -> Object:
    """Change what is named."""
    other = worlds.beside(desk, id)
    held = other.get("person", person)
    said = {**{k: v for k, v in held.items() if v is not None}, **params}
    changes = account_shapes.person(person, id, held["created"], said)
    changes["metadata"] = metadata(held["metadata"], params.get("metadata", {}))
    other.change(held, changes, "person.updated")
    return held


def delete_person(desk: Desk, params: dict[str, Any], id: str, person: str) -> Object:
    """Forget a person."""
    other = worlds.beside(desk, id)
    held = other.get("person", person)
    other.emit("person.deleted", held)
    held["deleted"] = True
    return held


def person(desk: Desk, params: dict[str, Any], id: str, person: str) -> Object:
    """One person."""
    account = desk.get("account", id)
    if (account.get("individual") or {}).get("id") == person:
        theirs: Object = copied(account["individual"])
        return theirs
    held = worlds.beside(desk, id).held("person", person)
    if held is None:
        raise missing("person", person)
    return held


def persons(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """All people of an account, newest first."""
    desk.get("account", id)
    wanted = params.get("relationship") or {}
    found = worlds.beside(desk, id).scan(
        "person", lambda p: all(p["relationship"].get(name) == said for name, said in wanted.items())
    )
    return page(params, found, f"/v1/accounts/{id}/persons")


_ONE = "/v1/accounts/{account}"
ROUTES = (
    Route("POST", "/v1/account_links", sdk.AccountLinkCreateParams, create_link),
    Route("POST", _ONE + "/login_links", None, create_login_link),
    Route("GET", _ONE + "/capabilities", None, capabilities),
    Route("GET", _ONE + "/capabilities/{capability}", None, capability),
    Route("POST", _ONE + "/capabilities/{capability}", sdk.AccountCapabilityUpdateParams, update_capability),
    Route("POST", _ONE + "/persons", sdk.AccountPersonCreateParams, create_person),
    Route("GET", _ONE + "/persons", sdk.AccountPersonListParams, persons),
    Route("GET", _ONE + "/persons/{person}", None, person),
    Route("POST", _ONE + "/persons/{person}", sdk.AccountPersonUpdateParams, update_person),
    Route("DELETE", _ONE + "/persons/{person}", None, delete_person),
)
