"""Tokens: a card or bank account that is handed over once: https://docs.stripe.com/api/tokens."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import account_shapes, method_details
from api.sandbox.resources.sources import shown_source
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "token"
_KINDS = {"card": "tok", "bank_account": "btok", "account": "ct", "person": "cpt"}


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A token of one thing."""
    kinds = [kind for kind in _KINDS if params.get(kind)]
    if len(kinds) != 1:
        raise invalid("You must supply either a card, customer, PII data, bank account, or account to create a token.")
    kind = kinds[0]
    token: Object = {
        "id": desk.new_id(_KINDS[kind]),
        "object": KIND,
        "client_ip": "0.0.0.0",  # noqa: S104 - what is shown, not what is bound
        "created": desk.now_s,
        "livemode": desk.livemode,
        "type": kind,
        "used": False,
    }
    said = params[kind]
    if kind == "card":
        if isinstance(said, str):
            raise invalid("The sandbox makes tokens of a card's number only.", "card")
        said = {**said, **{name: int(said[name]) for name in ("exp_month", "exp_year") if name in said}}
        shown, kept = method_details.details_of(desk, "card", said)
        token |= {"card": shown_source(desk.new_id("card"), shown, None, said), **kept}
    elif kind == "bank_account":
        meant = {**said, "currency": said.get("currency") or account_shapes.currency_of(said["country"])}
        token["bank_account"] = account_shapes.bank_account(desk.new_id("ba"), meant, None, default=False)
        token["_bank"] = meant
    else:
        token[f"_{kind}"] = said
    return desk.add(KIND, token)


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The token."""
    return desk.get(KIND, id)


ROUTES = (
    Route("POST", "/v1/tokens", sdk.TokenCreateParams, create),
    Route("GET", "/v1/tokens/{token}", None, retrieve),
)
PREFIXES = {"tok": KIND, "btok": KIND, "ct": KIND, "cpt": KIND}
