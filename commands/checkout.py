"""Checkout sessions: Stripe's page on which an organization pays, subscribes, or leaves a payment method.

Each act is a call to Stripe that somebody waits for. A session carries the organization, and it is one that we made:
so what comes of it is the organization's. A browser that comes back from the page proves nothing; Stripe's own event
does, or that we looked.
"""

from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from commands.customers import ORG_KEY, OfCustomer
from commands.stripe_call_acts import call_act
from commands.stripe_calls import RequestCall
from ledger.errors import Invalid

MAX_URL = 2_000
#: Stripe keeps as many pairs of metadata at most, of such lengths; ours stand among them.
MAX_CONTEXT, MAX_CONTEXT_KEY, MAX_CONTEXT_VALUE = 20, 32, 200
MAX_QUANTITY = 1_000_000


class Line(msgspec.Struct, frozen=True):
    """One price that is bought."""

    price: str
    metered: bool = False


class CreateCheckout(OfCustomer, frozen=True, kw_only=True):
    """Sell an organization a plan on Stripe's page."""

    plan: str
    version: int
    purpose: Literal["payment", "subscription"]
    lines: tuple[Line, ...]
    success_url: str
    cancel_url: str | None = None
    quantity: int = 1
    trial_days: int | None = None
    without_payment_method: Literal["cancel", "pause", "create_invoice"] = "cancel"
    presentment_currency: str | None = None
    """A currency that the prices offer beside their own; None: their own."""
    local_currency: bool | None = None
    """Whether Stripe shows a buyer's own currency and converts; None: as the account's settings say."""
    promotion_codes: bool = False
    automatic_tax: bool = False
    terms: bool = False
    """Whether the buyer must agree to the seller's terms."""
    context: dict[str, str] = msgspec.field(default_factory=dict)
    """Where the buyer came from, e.g. the page and the campaign: kept as metadata, and never looked at."""


class CreateSetupCheckout(OfCustomer, frozen=True, kw_only=True):
    """Let an organization leave a payment method on Stripe's page."""

    currency: str
    success_url: str
    cancel_url: str | None = None


class RequestPayment(OfCustomer, frozen=True, kw_only=True):
    """Ask an organization for one payment on Stripe's page."""

    PERSONAL: ClassVar[tuple[str, ...]] = ("description",)

    amount_minor: int
    currency: str
    description: str
    """What it is for, as the buyer reads it."""
    success_url: str
    cancel_url: str | None = None
    automatic_tax: bool = False


class ExpireCheckout(OfCustomer, frozen=True, kw_only=True):
    """Close a checkout that is open: nobody pays on it any more."""

    session: str


# ---- what they are for Stripe -----------------------------------------------------------------


def called(command: OfCustomer, operation: str, params: dict[str, Any], *path: str) -> RequestCall:
    """The call that a command is."""
    return RequestCall(
        call_id=command.call_id,
        mode=command.mode,
        account=command.account,
        operation=operation,
        path=path,
        params=params,
        org=command.org,
        awaited=True,
    )


def _session(command: OfCustomer, mode: str, success_url: str, cancel_url: str | None) -> dict[str, Any]:
    """What every checkout session says."""
    require_url(success_url)
    if cancel_url is not None:
        require_url(cancel_url)
    return {
        "mode": mode,
        "customer": command.customer,
        "client_reference_id": command.org,
        "success_url": success_url,
        "metadata": {ORG_KEY: command.org},
        **({"cancel_url": cancel_url} if cancel_url is not None else {}),
    }


def _sold(command: CreateCheckout) -> RequestCall:
    if not command.lines or not 1 <= command.quantity <= MAX_QUANTITY:
        raise Invalid(f"a checkout sells something, 1 to {MAX_QUANTITY} times", code="bad_quantity")
    require_context(command.context)
    named = {ORG_KEY: command.org, **plan_said(command.plan, command.version)}
    params = _session(command, command.purpose, command.success_url, command.cancel_url)
    params["metadata"] = {**{f"context_{k}": v for k, v in command.context.items()}, **named}
    params["line_items"] = [line_item(line, command.quantity) for line in command.lines]
    if command.purpose == "subscription":
        params["subscription_data"] = {
            "metadata": named,
            **trial_of(command.trial_days, command.without_payment_method),
        }
    else:
        params["payment_intent_data"] = {"metadata": named}
        params["invoice_creation"] = {"enabled": True, "invoice_data": {"metadata": named}}
    if command.presentment_currency is not None:
        params["currency"] = _currency(command.presentment_currency)
    if command.local_currency is not None:
        params["adaptive_pricing"] = {"enabled": command.local_currency}
    if command.promotion_codes:
        params["allow_promotion_codes"] = True
    if command.terms:
        params["consent_collection"] = {"terms_of_service": "required"}
    return called(command, "checkout_sessions.create", {**params, **_taxed(command.automatic_tax)})


def plan_said(plan: str, version: int) -> dict[str, str]:
    """Metadata that says what is sold: of what is bought once, Stripe's objects do not tell it by themselves."""
    return {"recount_plan": plan, "recount_plan_version": str(version)}


def line_item(line: Line, quantity: int) -> dict[str, Any]:
    """What is metered has no quantity: it is told as it is used."""
    return {"price": line.price} if line.metered else {"price": line.price, "quantity": quantity}


def trial_of(days: int | None, missing: str) -> dict[str, Any]:
    """What a subscription says of its trial. `missing`: what follows where no payment method is left."""
    if days is None:
        return {}
    ends = {"end_behavior": {"missing_payment_method": missing}}
    return {"trial_period_days": days, "trial_settings": ends}


def _taxed(automatic: bool) -> dict[str, Any]:
    """Stripe taxes by the address that the buyer gives, which is then the customer's."""
    if not automatic:
        return {}
    return {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}


def _set_up(command: CreateSetupCheckout) -> RequestCall:
    params = _session(command, "setup", command.success_url, command.cancel_url)
    params |= {"currency": _currency(command.currency), "setup_intent_data": {"metadata": {ORG_KEY: command.org}}}
    return called(command, "checkout_sessions.create", params)


def _payment(command: RequestPayment) -> RequestCall:
    if not 0 < command.amount_minor < 2**53:
        raise Invalid("a payment is of 1 minor unit or more", code="bad_amount")
    params = _session(command, "payment", command.success_url, command.cancel_url)
    price = {
        "currency": _currency(command.currency),
        "unit_amount": command.amount_minor,
        "product_data": {"name": command.description},
    }
    params |= {
        "line_items": [{"price_data": price, "quantity": 1}],
        "payment_intent_data": {"metadata": {ORG_KEY: command.org}},
    }
    return called(command, "checkout_sessions.create", {**params, **_taxed(command.automatic_tax)})


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.islower()):
        raise Invalid(f"{code!r} is no currency; write three lower-case letters, such as eur", code="bad_currency")
    return code


def require_url(url: str) -> None:
    """A buyer is sent there: over TLS, except to this machine. Raises Invalid("bad_url")."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise Invalid("this is no address of a page", code="bad_url") from None
    local = parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    if not (plain and host and (parts.scheme == "https" or local)):
        raise Invalid("a page that a buyer comes back to has an https:// address", code="bad_url")


def require_context(context: dict[str, str]) -> None:
    """Raises Invalid("bad_context") for what is no context of a checkout."""
    sound = len(context) <= MAX_CONTEXT and all(
        0 < len(k) <= MAX_CONTEXT_KEY and k.isascii() and k.replace("_", "").isalnum() and len(v) <= MAX_CONTEXT_VALUE
        for k, v in context.items()
    )
    if not sound:
        raise Invalid(f"a context has up to {MAX_CONTEXT} short texts under plain names", code="bad_context")


CREATE_CHECKOUT = call_act("create_checkout", CreateCheckout, _sold)
CREATE_SETUP_CHECKOUT = call_act("create_setup_checkout", CreateSetupCheckout, _set_up)
REQUEST_PAYMENT = call_act("request_payment", RequestPayment, _payment)
EXPIRE_CHECKOUT = call_act(
    "expire_checkout", ExpireCheckout, lambda command: called(command, "checkout_sessions.expire", {}, command.session)
)
