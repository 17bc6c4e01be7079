"""What billing acts take and answer. Nothing that Stripe says leaves unless it is listed here."""

from typing import Any

from marshmallow import Schema, fields, validate

from api.calls.tokens import LASTS_S, LONGEST_S
from api.schemas.acts import ActDone
from commands.acts import MAX_REASON

_INTERVALS = ("day", "week", "month", "year", "once")


def _said(description: str, **how: Any) -> Any:
    return fields.String(metadata={"description": description}, **how)


def _switch(description: str, default: bool | None = False) -> Any:
    return fields.Boolean(load_default=default, allow_none=default is None, metadata={"description": description})


def _shown(description: str) -> Any:
    return fields.String(required=True, allow_none=True, metadata={"description": description})


class Asks(Schema):
    """What every act with an organization takes."""

    account = fields.String(
        load_default=None,
        metadata={"description": "The Stripe account; if not given, the key's own, else the platform's"},
    )
    reason = fields.String(
        load_default="asked over the API",
        validate=validate.Length(1, MAX_REASON),
        metadata={"description": "Why; recorded"},
    )


class Contact(Asks):
    """Where invoices and receipts go."""

    email = fields.String(required=True, metadata={"description": "Sealed before it is kept"})
    name = fields.String(load_default=None, metadata={"description": "Sealed before it is kept"})


class FirstContact(Asks):
    """What is known of a customer that is made now."""

    email = fields.String(load_default=None, metadata={"description": "Of a new customer; sealed before it is kept"})
    name = fields.String(load_default=None, metadata={"description": "Of a new customer; sealed before it is kept"})


class SetUp(Asks):
    """How a payment method is to be used."""

    usage = fields.String(
        load_default="off_session",
        validate=validate.OneOf(("off_session", "on_session")),
        metadata={"description": "`off_session`: it is charged while nobody is there, as for a subscription"},
    )
    types = fields.List(
        fields.String(), load_default=(), metadata={"description": "Only these kinds, e.g. `card`; none: all offered"}
    )


def _text(description: str) -> Any:
    return fields.String(required=True, allow_none=True, metadata={"description": description})


class CustomerDone(ActDone):
    """The customer that an organization is in Stripe."""

    customer = _text("Stripe's id of it; null of a dry run where none was made yet")


class SetUpDone(CustomerDone):
    """A SetupIntent for Stripe Elements."""

    setup_intent = _text("Stripe's id of it")
    client_secret = _text("For the browser alone, and kept nowhere: fetched anew when the same key asks again")
    status = _text("As Stripe has it")


class MethodDone(CustomerDone):
    """A payment method."""

    payment_method = _text("Stripe's id of it")
    type = _text("Its kind, e.g. `card`")
    brand = _text("Of a card")
    last4 = _text("The last four digits")
    exp_month = fields.Integer(required=True, allow_none=True)
    exp_year = fields.Integer(required=True, allow_none=True)


class DefaultDone(CustomerDone):
    """The payment method that is charged from now on."""

    default_payment_method = _text("Stripe's id of it")


class Back(Asks):
    """Where the buyer comes back to."""

    success_url = _said("Where the buyer comes to afterwards; that proves nothing", required=True)
    cancel_url = _said("Where the buyer goes who does not want to", load_default=None)


class Chosen(Schema):
    """Which of a plan's prices."""

    interval = _said("The plan's first if not given", load_default=None, validate=validate.OneOf(_INTERVALS))
    currency = _said("Of the plan's prices; the first one's if not given", load_default=None)


class Bought(Back, Chosen):
    """What is bought of a plan, and how."""

    plan = _said("The plan's key", required=True)
    quantity = fields.Integer(load_default=1, metadata={"description": "How many, e.g. seats"})
    trial = _switch("Whether the plan's trial comes first", True)
    presentment_currency = _said("One that the prices offer beside their own", load_default=None)
    local_currency = _switch("Whether Stripe converts to the buyer's own; null: as the account is set", None)
    promotion_codes = _switch("Whether the buyer may give one")
    automatic_tax = _switch("Whether Stripe taxes by the buyer's address")
    context = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": "Where the buyer came from; kept as metadata"},
    )


class SetupWanted(Back):
    """In which currency a payment method is to be good."""

    currency = _said("Three lower-case letters", required=True)


class Requested(Back):
    """One payment."""

    amount_minor = fields.Integer(required=True, metadata={"description": "In minor units of `currency`"})
    currency = _said("Three lower-case letters", required=True)
    description = _said("As the buyer reads it; sealed before it is kept", required=True)
    automatic_tax = _switch("Whether Stripe taxes by the buyer's address")


class Visit(Asks):
    """A visit to the portal."""

    return_url = _said("Where the page's way back leads", required=True)
    flow = _said(
        "Straight to one thing: `payment_method_update`, `subscription_cancel` or `subscription_update`",
        load_default=None,
        validate=validate.OneOf(("payment_method_update", "subscription_cancel", "subscription_update")),
    )
    subscription = _said("The one that the flow is about", load_default=None)
    configuration = _said("A portal configuration; if not given, the account's default", load_default=None)


class CheckoutDone(ActDone):
    """A checkout session."""

    session = _shown("Stripe's id of it")
    url = _shown("Stripe's page, for the buyer alone, and kept nowhere; null once the session is over")
    status = _shown("`open`, `complete` or `expired`")
    payment_status = _shown("`paid`, `unpaid` or `no_payment_required`")
    expires_at = fields.Integer(required=True, allow_none=True, metadata={"description": "Unix seconds"})


class PlanCheckoutDone(CheckoutDone):
    """A checkout session that sells a plan."""

    plan = _shown("The plan and its version, e.g. `pro@3`")


class PortalDone(ActDone):
    """A visit to the portal."""

    url = _shown("Stripe's page, good for minutes, and kept nowhere")


class Looked(Schema):
    """What became of a session, as Stripe says now."""

    session = _shown("Stripe's id of it")
    url = _shown("Stripe's page while the session is open")
    status = _shown("`open`, `complete` or `expired`")
    payment_status = _shown("`paid`, `unpaid` (also while a bank debit is on its way) or `no_payment_required`")
    expires_at = fields.Integer(required=True, allow_none=True, metadata={"description": "Unix seconds"})
    customer = _shown("Stripe's id of it")
    subscription = _shown("That it began")


class Token(Schema):
    """A token for a browser."""

    token = _shown("For one organization's browser; it holds no secret")
    until = fields.Integer(required=True, metadata={"description": "Until when it is good, unix seconds"})


class TokenWanted(Asks):
    """What a browser may begin with a token."""

    success_url = _said("Where the buyer comes to afterwards", required=True)
    cancel_url = _said("Where the buyer goes who does not want to", load_default=None)
    plans = fields.List(fields.String(), load_default=(), metadata={"description": "Only these; if not given, any"})
    context = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": "Said of every checkout that is begun with it"},
    )
    lasts_s = fields.Integer(
        load_default=LASTS_S,
        validate=validate.Range(1, LONGEST_S),
        metadata={"description": "For how many seconds it is good"},
    )


class LinkWanted(Chosen):
    """What is sold at a payment link."""

    plan = _said("The plan's key", required=True)
    adjustable_quantity = _switch("Whether the buyer says how many")
    promotion_codes = _switch("Whether the buyer may give one")
    automatic_tax = _switch("Whether Stripe taxes by the buyer's address")
    reason = Asks._declared_fields["reason"]


class LinkDone(ActDone):
    """A payment link."""

    payment_link = _shown("Stripe's id of it")
    url = _shown("Where anybody buys")


class Receipt(Schema):
    """Where a payer reads a receipt."""

    charge = _shown("Stripe's id of it")
    receipt_url = _shown("Whoever has it reads the receipt: fetched now, and kept nowhere")
    receipt_number = _shown("As it stands on the receipt that was sent")


class Where(Schema):
    """Where a charge is."""

    account = _said("The Stripe account; if not given, the key's own, else the platform's", load_default=None)
