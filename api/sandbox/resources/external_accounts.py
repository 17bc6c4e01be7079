"""Where a connected account is paid out to: https://docs.stripe.com/api/external_accounts. They are its own objects."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import account_shapes, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "bank_account"


def test_account(account: Object) -> Object:
    """The bank account that pays all, of an account's own country."""
    return {
        "account_number": "000123456789",
        "routing_number": "110000000",
        "country": account["country"],
        "currency": account["default_currency"],
    }


def described(desk: Desk, said: Any) -> Object:
    """What a token, or the parameters themselves, say of a bank account. Raises StripeError."""
    if isinstance(said, dict):
        for name in ("account_number", "country", "currency"):
            if said.get(name) is None:
                param = f"external_account[{name}]"
                raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
        return said
    if said.startswith("btok_us"):
        numbers = {"btok_us": "000123456789", "btok_us_verified": "000123456789"}
        if said in numbers:
            test = {"routing_number": "110000000", "country": "US", "currency": "usd"}
            return {"account_number": numbers[said], **test}
    token = desk.get("token", said, "external_account")
    if token["type"] != KIND:
        raise invalid("The sandbox pays out to bank accounts.", "external_account")
    if token["used"]:
        raise invalid(f"You cannot use a Stripe token more than once: {said}.", code="token_already_used")
    token["used"] = True
    return dict(token["_bank"])


def added(other: Desk, account: Object, said: Object, *, default: bool = False, silent: bool = False) -> Object:
    """A bank account of the account from now on; the first of its currency is the default."""
    currency = said["currency"].lower()
    others = other.find(KIND, currency=currency)
    first = not others
    if default:
        for held in others:
            held["default_for_currency"] = False
    id = other.new_id("ba")
    bank = account_shapes.bank_account(id, said, account["id"], default=default or first)
    other.add(KIND, bank)
    if not silent:
        other.emit("account.external_account.created", bank)
    return bank


def replace(desk: Desk, other: Desk, account: Object, said: Any) -> None:
    """The only bank account of its currency from now on."""
    meant = described(desk, said)
    for held in other.find(KIND, currency=meant["currency"].lower()):
        other.emit("account.external_account.deleted", held)
        other.remove(KIND, held["id"])
    added(other, account, meant, default=True)


def create(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """One more bank account."""
    from api.sandbox.resources import accounts  # which adds the first by this module

    account = desk.get("account", id)
    before = dict(account)
    other = worlds.beside(desk, id)
    meant = described(desk, params["external_account"])
    bank = added(other, account, meant, default=bool(params.get("default_for_currency")))
    accounts.told(desk, account, before)
    return bank


def retrieve(desk: Desk, params: dict[str, Any], id: str, bank: str) -> Object:
    """One of them."""
    desk.get("account", id)
    return worlds.beside(desk, id).get(KIND, bank)


def update(desk: Desk, params: dict[str, Any], id: str, bank: str) -> Object:
    """Change what is noted of it, or make it the default of its currency."""
    other = worlds.beside(desk, id)
    held = retrieve(desk, {}, id, bank)
    changes: Object = {name: params[name] for name in ("account_holder_name", "account_holder_type") if name in params}
    if params.get("default_for_currency"):
        for another in other.find(KIND, currency=held["currency"]):
            another["default_for_currency"] = False
        changes["default_for_currency"] = True
    if "metadata" in params:
        changes["metadata"] = metadata(held["metadata"], params["metadata"])
    other.change(held, changes, "account.external_account.updated")
    return held


def delete(desk: Desk, params: dict[str, Any], id: str, bank: str) -> Object:
    """Forget one. Not the default of a currency that has others."""
    other = worlds.beside(desk, id)
    held = retrieve(desk, {}, id, bank)
    if held["default_for_currency"]:
        raise invalid("You cannot delete the default external account for your default currency.", "id")
    other.emit("account.external_account.deleted", held)
    held["deleted"] = True
    return held


def listed(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """All of them, newest first."""
    desk.get("account", id)
    banks = worlds.beside(desk, id).scan(KIND)
    return page(params, banks, f"/v1/accounts/{id}/external_accounts")


_ALL = "/v1/accounts/{account}/external_accounts"
ROUTES = (
    Route("POST", _ALL, sdk.AccountExternalAccountCreateParams, create),
    Route("GET", _ALL, sdk.AccountExternalAccountListParams, listed),
    Route("GET", _ALL + "/{bank}", None, retrieve),
    Route("POST", _ALL + "/{bank}", sdk.AccountExternalAccountUpdateParams, update),
    Route("DELETE", _ALL + "/{bank}", None, delete),
)
PREFIXES = {"ba": KIND}
