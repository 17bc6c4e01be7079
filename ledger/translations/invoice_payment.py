"""Invoice payments: which payment pays how much of which invoice. Since 2025; older API versions send it as well.

It is the only link between an invoice and what paid it since basil. Nothing here is personal. Refuses to know whose
invoice it is: the invoice tells.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import FINAL, Family, Reference, id_of, need, rank_of_verb


class PaidBy(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_record: Reference | str | None | UnsetType = UNSET


class Transitions(msgspec.Struct, gc=False):
    paid_at: int | None | UnsetType = UNSET
    canceled_at: int | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's invoice payment."""

    object: str = ""
    id: str | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount_requested: int | None | UnsetType = UNSET
    amount_paid: int | None | UnsetType = UNSET
    is_default: bool | None | UnsetType = UNSET
    payment: PaidBy | None | UnsetType = UNSET
    status_transitions: Transitions | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class InvoicePayment(msgspec.Struct, gc=False):
    """A payment of an invoice, independent of the API version. Amounts are minor units of `currency`."""

    invoice: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`open`, `paid` or `canceled`."""
    currency: str | UnsetType = UNSET
    amount_requested_minor: int | UnsetType = UNSET
    amount_paid_minor: int | None | UnsetType = UNSET
    """Null until something was paid."""
    is_default: bool | None | UnsetType = UNSET
    """Whether this is the payment that Stripe tries by itself."""
    type: str | None | UnsetType = UNSET
    """`payment_intent`, `charge` or `payment_record`: which of these it is."""
    payment_intent: str | None | UnsetType = UNSET
    charge: str | None | UnsetType = UNSET
    payment_record: str | None | UnsetType = UNSET
    paid_at_s: Instant | None | UnsetType = UNSET
    canceled_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET


_NO_TRANSITIONS, _SILENT = Transitions(None, None), Transitions()
#: What an invoice payment does not come back from.
ENDED = ("paid", "canceled")


def translate(payload: Payload) -> InvoicePayment:
    """An invoice payment's facts. Raises Missing for the invoice, status, currency, amount asked or creation time."""
    by, moved = payload.payment, payload.status_transitions
    if not isinstance(by, PaidBy):
        by = PaidBy(None, None, None, None) if by is None else PaidBy()
    if not isinstance(moved, Transitions):
        moved = _NO_TRANSITIONS if moved is None else _SILENT
    return InvoicePayment(
        invoice=need(id_of(payload.invoice), "invoice"),
        status=need(payload.status, "status"),
        currency=need(payload.currency, "currency"),
        amount_requested_minor=need(payload.amount_requested, "amount_requested"),
        amount_paid_minor=payload.amount_paid,
        is_default=payload.is_default,
        type=by.type,
        payment_intent=id_of(by.payment_intent),
        charge=id_of(by.charge),
        payment_record=id_of(by.payment_record),
        paid_at_s=moved.paid_at,
        canceled_at_s=moved.canceled_at,
        created_s=need(payload.created, "created"),
    )


def rank(verb: str, facts: InvoicePayment) -> int:
    """Lifecycle rank: what is paid or canceled goes after all else of its second."""
    return FINAL if facts.status in ENDED else rank_of_verb(verb)


FAMILY = Family(
    name="invoice_payment",
    model="invoice_payments",
    object_types=("invoice_payment",),
    event_types=("invoice_payment.*",),
    payload=Payload,
    facts=InvoicePayment,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, invoice)", "(mode, account, payment_intent)", "(mode, account, charge)"),
    whence=(
        Whence("invoice", True, ("invoice, an id or expanded (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("amount_requested_minor", True, ("amount_requested (all)",)),
        Whence("amount_paid_minor", False, ("amount_paid (all)",)),
        Whence("is_default", False, ("is_default (all)",)),
        Whence("type", False, ("payment.type (all)",)),
        Whence("payment_intent", False, ("payment.payment_intent, an id or expanded (all, where that is its type)",)),
        Whence("charge", False, ("payment.charge, an id or expanded (all, where that is its type)",)),
        Whence("payment_record", False, ("payment.payment_record (clover on, where that is its type)",)),
        Whence("paid_at_s", False, ("status_transitions.paid_at (all)",)),
        Whence("canceled_at_s", False, ("status_transitions.canceled_at (all)",)),
        Whence("created_s", True, ("created (all)",)),
    ),
)
