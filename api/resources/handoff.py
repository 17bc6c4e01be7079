"""Beginning a checkout from a browser, without a key: a signed token says whose it is. Also the publishable key.

The one part of the API that anybody may ask something of Stripe with; so it is limited for each organization, and
everything but the choice (how long, which currency, how many) is the token's. A form is sent on to Stripe's page.
"""

import math
from hashlib import sha256
from typing import Any

import msgspec
from flask import Response, request
from limits import parse
from marshmallow import Schema, fields

from api.calls import checkout
from api.calls.customers import Whom
from api.calls.tokens import Handoff, Tokens
from api.limits import Windows
from api.operations import asked_by
from api.problems import Problem
from api.resources.billing import desk
from api.resources.context import context
from api.resources.publish import read, section
from api.settings import Settings
from commands.checkout import MAX_CONTEXT
from ledger.errors import Invalid
from ledger.ids import PLATFORM

handoff = section("handoff", "Hand-off: what browsers ask for, without a key")

#: The same choice with the same token is the same checkout for so long: buyers press twice.
_SAME_S = 60
_WINDOWS = Windows()
_TEXTS = ("token", "interval", "currency")
#: A pricing page may stand anywhere; no cookie and no key comes with what it asks.
_FROM_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
}


@handoff.after_request  # type: ignore[untyped-decorator] # of a library without types
def _let_any_page_read(response: Response) -> Response:
    response.headers.extend(_FROM_ANYWHERE)
    return response


class PublishableKey(Schema):
    """What Stripe's own script needs in a browser."""

    publishable_key = fields.String(
        required=True, allow_none=True, metadata={"description": "pk_…; null: none is configured"}
    )
    mode = fields.String(required=True, allow_none=True, metadata={"description": "The mode of the key"})


@read(handoff, "/publishable-key", None, PublishableKey)
def get_publishable_key() -> Response:
    """Get Stripe's publishable key, for Stripe Elements. Everybody may have it."""
    key = context().settings.stripe_publishable_key
    mode = None if key is None else "live" if key.startswith("pk_live_") else "test"
    return _json({"publishable_key": key, "mode": mode})


class Begun(Schema):
    """A checkout that a browser began."""

    url = fields.String(required=True, allow_none=True, metadata={"description": "Stripe's page: go there"})
    session = fields.String(required=True, metadata={"description": "Stripe's id of it"})


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a buyer chose."""

    token: str
    interval: str | None = None
    currency: str | None = None
    quantity: int = 1
    context: dict[str, str] = msgspec.field(default_factory=dict)


def begin_checkout(plan: str) -> Response:
    """Begin a checkout for the organization that a token names.

    Takes JSON, or a form, which is sent on (303). Needs no key: the token is made by `make_checkout_token`.
    """
    here, choice = context(), _choice()
    token = Tokens(here.settings.master()).open(choice.token, here.clock())
    if token.plans and plan not in token.plans:
        raise Problem("not_found")
    _limit(here.settings, token)
    shown = _begun(plan, token, choice, here.clock())
    if request.mimetype == "application/x-www-form-urlencoded" and shown["url"] is not None:
        return Response(status=303, headers={"Location": str(shown["url"])})
    return _json({"url": shown["url"], "session": shown["session"]})


def _begun(plan: str, token: Handoff, choice: Choice, now_s: float) -> dict[str, Any]:
    said = msgspec.json.encode([plan, choice, int(now_s) // _SAME_S])
    chosen: dict[str, Any] = {
        "interval": choice.interval,
        "currency": choice.currency,
        "quantity": choice.quantity,
        "success_url": token.success_url,
        "cancel_url": token.cancel_url,
        "context": {**choice.context, **token.context},  # what the back end said counts
    }
    for number in range(2):
        asked = asked_by(
            "checkout",
            "a browser with a token asked",
            idempotency_key=sha256(said + bytes([number])).hexdigest(),
            origin="api",
            key_id=token.key_id,
        )
        whom = Whom(token.mode, PLATFORM, token.org)
        _, shown = checkout.create_checkout(desk(), whom, asked, plan=plan, **chosen)
        if shown["status"] == "open":
            break  # otherwise it was paid or closed since a moment ago: this is another one
    return shown


def _choice() -> Choice:
    """What was sent. Raises Problem("bad_request"), Invalid("invalid_input")."""
    try:
        if request.mimetype == "application/x-www-form-urlencoded":
            given: Any = {k: v for k, v in request.form.items() if k in (*_TEXTS, "quantity")}
            given["context"] = {
                k.removeprefix("context_"): v for k, v in request.form.items() if k.startswith("context_")
            }
        else:
            given = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem("bad_request", "The body must be a JSON object, or a form.") from error
    try:
        choice = msgspec.convert(given, Choice, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"a checkout: {error}", code="invalid_input") from error
    if len(choice.context) > MAX_CONTEXT or "\0" in choice.token:
        raise Invalid("a checkout: this is no choice", code="invalid_input")
    return choice


class _TooOften(Problem):
    """An organization's browsers began too many checkouts."""

    def __init__(self, left_s: float) -> None:
        super().__init__("rate_limited", "Too many checkouts were begun for this organization; ask again later.")
        self._left_s = left_s

    def headers(self) -> list[tuple[str, str]]:
        """The answer's headers."""
        return [*super().headers(), ("Retry-After", str(math.ceil(self._left_s)))]


def _limit(settings: Settings, token: Handoff) -> None:
    """Counted for each organization: whoever has a token cannot fill Stripe with sessions, nor the log."""
    if settings.checkout_rate_limit is not None:
        limit = parse(settings.checkout_rate_limit)
        count, left_s = _WINDOWS.count(f"{token.mode}/{token.org}", limit.get_expiry())
        if count > limit.amount:
            raise _TooOften(left_s)


def _json(content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), 200, {"Content-Type": "application/json"})


_served: Any = handoff.response(200, Begun)(begin_checkout)
_served = handoff.doc(
    security=[],
    operationId="handoff.begin_checkout",
    responses={
        str(status): {"$ref": f"#/components/responses/{code}"}
        for status, code in ((403, "bad_token"), (404, "not_found"), (429, "rate_limited"), (503, "stripe_unavailable"))
    },
    requestBody={
        "required": True,
        "content": {
            kind: {
                "schema": {
                    "type": "object",
                    "required": ["token"],
                    "properties": {
                        **{name: {"type": "string"} for name in _TEXTS},
                        "quantity": {"type": "integer", "default": 1},
                        "context": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                }
            }
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    },
)(_served)
_served.resource = None
handoff.route("/checkout/<string:plan>", methods=["POST"])(_served)
