"""What acts with invoices, payments, subscriptions and issuances take, and what they answer."""

from typing import Any

from marshmallow import Schema, fields, validate

from api.schemas.acts import ActDone
from api.schemas.billing_pages import Asks
from api.schemas.shape import BOOL, Kind, of_table
from projections.issuances import ISSUANCES

_REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")


def text(description: str, *, required: bool = False, choice: tuple[str, ...] = ()) -> Any:
    """A text that is given."""
    given: dict[str, Any] = {"required": True} if required else {"load_default": None}
    rule: dict[str, Any] = {"validate": validate.OneOf(choice)} if choice else {}
    return fields.String(metadata={"description": description}, **given, **rule)


def whole(description: str, *, required: bool = False, least: int | None = None) -> Any:
    """A whole number that is given."""
    given: dict[str, Any] = {"required": True} if required else {"load_default": None}
    rule: dict[str, Any] = {"validate": validate.Range(min=least)} if least is not None else {}
    return fields.Integer(strict=True, metadata={"description": description}, **given, **rule)


def flag(description: str, *, default: bool = False) -> Any:
    """Yes or no."""
    return fields.Boolean(load_default=default, metadata={"description": description})


def _told(field: Any = fields.String, description: str = "") -> Any:
    return field(required=True, allow_none=True, metadata={"description": description} if description else {})


class InvoiceFinalize(Asks):
    """How a draft is closed."""

    auto_advance = flag("Whether Stripe collects it by itself", default=True)


class InvoicePay(Asks):
    """How an invoice is paid now."""

    payment_method = text("Stripe's id; if not given, the one that is there")
    out_of_band = flag("It was paid elsewhere: nothing is taken")


class InvoiceCredit(Asks):
    """A credit note."""

    amount_minor = whole("In the invoice's currency", required=True, least=1)
    back = text("How what was paid is given back", choice=("refund", "credit", "out_of_band"))
    why = text("As Stripe tells the customer", choice=_REASONS)


class PaymentRefund(Asks):
    """A refund."""

    amount_minor = whole("All that is left, if not given", least=1)
    why = text("As Stripe has it", choice=("duplicate", "fraudulent", "requested_by_customer"))


class InvoiceDone(ActDone):
    """An invoice, as Stripe answered."""

    invoice = _told()
    status = _told()
    number = _told()
    currency = _told()
    total_minor = _told(fields.Integer)
    amount_due_minor = _told(fields.Integer)
    amount_remaining_minor = _told(fields.Integer)


class CreditDone(ActDone):
    """A credit note, as Stripe answered."""

    invoice = _told()
    id = _told(description="Of the credit note")
    status = _told()
    currency = _told()
    amount_minor = _told(fields.Integer)


class RefundDone(ActDone):
    """A refund, as Stripe answered."""

    payment_intent = _told()
    id = _told(description="Of the refund")
    status = _told()
    currency = _told()
    amount_minor = _told(fields.Integer)


class InvoicePages(Schema):
    """Where an invoice is seen and paid: fresh from Stripe, and kept nowhere."""

    invoice = _told()
    status = _told()
    number = _told()
    hosted_invoice_url = _told()
    invoice_pdf = _told()


class BalanceAmount(Schema):
    """An amount."""

    currency = _told()
    amount_minor = _told(fields.Integer)


class AccountBalance(Schema):
    """What Stripe holds for an account, as it says now."""

    account = fields.String(required=True)
    available = fields.List(fields.Nested(BalanceAmount), required=True)
    pending = fields.List(fields.Nested(BalanceAmount), required=True)
    instant_available = fields.List(fields.Nested(BalanceAmount), required=True)
    connect_reserved = fields.List(fields.Nested(BalanceAmount), required=True)


# ---- subscriptions ----------------------------------------------------------------------------

_PRORATION = ("create_prorations", "always_invoice", "none")
_INTERVALS = ("day", "week", "month", "year")


class PlanWanted(Asks):
    """A plan of our catalogue, and how it is bought."""

    plan = text("Its key", required=True)
    interval = text("The first that it is sold by, if not given", choice=_INTERVALS)
    currency = text("The first that it is sold in, if not given")
    quantity = fields.Integer(strict=True, load_default=1, validate=validate.Range(min=1))


class NewSubscription(PlanWanted):
    """A subscription that begins now."""

    trial = flag("Whether the plan's trial comes first", default=True)
    collection = fields.String(
        load_default="charge_automatically", validate=validate.OneOf(("charge_automatically", "send_invoice"))
    )
    days_until_due = whole("Of `send_invoice`; 30, if not given", least=0)


class SubscriptionCommitment(PlanWanted):
    """A subscription for the months of the plan's commitment."""

    after = fields.String(
        load_default="release",
        validate=validate.OneOf(("release", "cancel")),
        metadata={"description": "When the commitment is over, it goes on (`release`) or ends (`cancel`)"},
    )


class SubscriptionChange(Asks):
    """What a subscription is to have."""

    plan = text("A plan of the catalogue; if not given, the quantity alone changes")
    version = whole("Of the plan; the one in force, if not given", least=1)
    interval = text("As before, if not given", choice=_INTERVALS)
    quantity = whole("As before, if not given", least=0)
    proration = fields.String(load_default="create_prorations", validate=validate.OneOf(_PRORATION))
    prorated_at_s = whole("Unix seconds, as the preview had it: then both come to the same")


class SubscriptionPause(Asks):
    """How collecting pauses."""

    behavior = fields.String(
        load_default="void", validate=validate.OneOf(("void", "keep_as_draft", "mark_uncollectible"))
    )
    resumes_s = whole("Unix seconds at which it goes on by itself")


class SubscriptionCancel(Asks):
    """When it ends."""

    at_period_end = flag("Rather than now", default=True)
    prorate = flag("Of one that ends now: credit the rest of the period")
    invoice_now = flag("Of one that ends now: bill what is open at once")


class TrialEnd(Asks):
    """When the trial ends."""

    trial_end_s = whole("Unix seconds; now, if not given")


class SubscriptionDone(ActDone):
    """A subscription, as Stripe answered."""

    subscription = _told()
    status = _told()
    cancel_at_period_end = _told(fields.Boolean)
    trial_end_s = _told(fields.Integer)
    paused_collection = _told(description="What becomes of what falls due while collecting is paused; null: it is not")


class NewSubscriptionDone(SubscriptionDone):
    """A new subscription."""

    plan = _told(description="The plan and its version")


class CommitmentDone(ActDone):
    """A schedule, and the subscription that it began."""

    plan = _told(description="The plan and its version")
    schedule = _told()
    subscription = _told()


class Previewed(Schema):
    """What a change would be."""

    account = text("The Stripe account; if not given, the key's own, else the platform's")
    subscription = text("What would change; if not given, a new one is previewed")
    plan = text("A plan of the catalogue")
    version = whole("Of the plan", least=1)
    interval = text("As before, if not given", choice=_INTERVALS)
    currency = text("Of a new one")
    quantity = whole("As before, if not given", least=0)
    proration = fields.String(load_default="create_prorations", validate=validate.OneOf(_PRORATION))
    prorated_at_s = whole("Unix seconds; give the same to the change, and it comes to the same amounts")


class PreviewLine(Schema):
    """A line of the invoice that would come."""

    description = _told()
    amount_minor = fields.Integer(required=True)
    quantity = _told(fields.Integer)
    price = _told()
    proration = fields.Boolean(required=True)
    period_start_s = _told(fields.Integer)
    period_end_s = _told(fields.Integer)


class InvoicePreview(Schema):
    """The next invoice if the change were made now; nothing has happened."""

    currency = _told()
    subtotal_minor = _told(fields.Integer)
    total_minor = _told(fields.Integer)
    amount_due_minor = _told(fields.Integer)
    prorated_minor = fields.Integer(required=True, metadata={"description": "What the change itself comes to"})
    prorated_at_s = _told(fields.Integer)
    lines_complete = fields.Boolean(required=True)
    lines = fields.List(fields.Nested(PreviewLine), required=True)


# ---- issuances --------------------------------------------------------------------------------


class BillableLine(Schema):
    """A line to bill."""

    key = text("Yours, unique in the invoice", required=True)
    description = text("What the customer reads; sealed before it is kept", required=True)
    amount_minor = whole("With taxes that are included, without those on top", required=True)
    from_s = whole("Start of the period that it is for, unix seconds")
    until_s = whole("Its end")
    tax_rates = fields.List(fields.String(), load_default=(), metadata={"description": "Stripe's ids, txr_…"})


class Billable(Asks):
    """What is to be billed."""

    source = text("Your id of what is billed: the same is billed once", required=True)
    currency = text("Three lower-case letters", required=True)
    lines = fields.List(fields.Nested(BillableLine), required=True)
    collection = fields.String(
        load_default="charge_automatically", validate=validate.OneOf(("charge_automatically", "send_invoice"))
    )
    days_until_due = whole("Of `send_invoice`; 30, if not given", least=0)
    automatic_tax = flag("Stripe computes the tax")
    tax_behavior = text(
        "Of automatic tax: on top, or within; as the account's tax settings say, if not given",
        choice=("exclusive", "inclusive"),
    )
    tax_code = text("Of automatic tax: what is sold, txcd_…; as the account's tax settings say, if not given")
    draft_only = flag("It stops as a checked draft until `finalize_issuance`")


class IssuanceDone(ActDone):
    """What is being billed: follow it at `/v1/issuances/{issuance}`."""

    issuance = fields.String(required=True)


_LINES: Kind = Kind(lambda **given: fields.List(fields.Dict(), **given))
ISSUANCE = of_table(
    "Issuance",
    ISSUANCES.table,
    "id account org currency source_kind source collection automatic_tax state step customer invoice subtotal_minor"
    " tax_minor total_minor discrepancies failure released_total_minor lines invoice_status number stripe_total_minor"
    " amount_paid_minor amount_remaining_minor credited_minor due_s paid_s overdue requested_us",
    notes={
        "state": "`issuing`, `draft`, `held`, `issue_failed`, `issued`, `voiding` or `voided`",
        "step": "What was done last, or is being done",
        "total_minor": "By our own reckoning; null where Stripe computes the tax",
        "stripe_total_minor": "As Stripe has it",
        "discrepancies": "Of what is held: where Stripe's invoice is not what was meant",
        "failure": "What Stripe refused last",
        "overdue": "Open, and due before now",
    },
    discrepancies=_LINES,
    lines=_LINES,
    overdue=BOOL,
)
