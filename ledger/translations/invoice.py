"""Invoices: what is owed, what was paid and how it stands, in any API version.

Persons' names and addresses stay in the log: no fact carries them, and of metadata what was sealed is left out. What
the lines say is not read, only how many there are. Payments themselves are another family's matter.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, DELETED, FINAL, UPDATED, Family, Missing, id_of, need, plain, rank_of_verb
from ledger.translations.invoice_payload import (
    Payload,
    Transitions,
    discount_sum,
    discounts,
    line_state,
    payment,
    subscription,
    taxes,
)


class Invoice(msgspec.Struct, gc=False):
    """An invoice, independent of the API version. Amounts are minor units of `currency`."""

    deleted: bool | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    subscription: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    """`draft`, `open`, `paid`, `uncollectible`, `void`, or what Stripe may add; derived for versions without it."""
    number: str | None | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    billing_reason: str | None | UnsetType = UNSET
    amount_due_minor: int | None | UnsetType = UNSET
    amount_paid_minor: int | None | UnsetType = UNSET
    amount_remaining_minor: int | None | UnsetType = UNSET
    subtotal_minor: int | None | UnsetType = UNSET
    total_minor: int | UnsetType = UNSET
    """May be negative: a paid invoice is not always cash received."""
    total_excluding_tax_minor: int | None | UnsetType = UNSET
    tax_minor: int | None | UnsetType = UNSET
    """The sum of all taxes, those included in the price as well as those added to it."""
    discount_minor: int | None | UnsetType = UNSET
    starting_balance_minor: int | None | UnsetType = UNSET
    ending_balance_minor: int | None | UnsetType = UNSET
    taxes: Json | None | UnsetType = UNSET
    """One entry a tax: `amount_minor`, `inclusive`, `rate` (a tax rate's id), `reason`."""
    discounts: Json | None | UnsetType = UNSET
    """One entry a discount: `id`, `coupon` (None where only the discount's id is given)."""
    paid: bool | None | UnsetType = UNSET
    paid_out_of_band: bool | None | UnsetType = UNSET
    attempt_count: int | None | UnsetType = UNSET
    attempted: bool | None | UnsetType = UNSET
    next_payment_attempt_s: Instant | None | UnsetType = UNSET
    due_date_s: Instant | None | UnsetType = UNSET
    auto_advance: bool | None | UnsetType = UNSET
    hosted_invoice_url: str | None | UnsetType = UNSET
    invoice_pdf: str | None | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    charge: str | None | UnsetType = UNSET
    default_payment_method: str | None | UnsetType = UNSET
    period_start_s: Instant | None | UnsetType = UNSET
    period_end_s: Instant | None | UnsetType = UNSET
    finalized_at_s: Instant | None | UnsetType = UNSET
    paid_at_s: Instant | None | UnsetType = UNSET
    voided_at_s: Instant | None | UnsetType = UNSET
    marked_uncollectible_at_s: Instant | None | UnsetType = UNSET
    lines_complete: bool | UnsetType = UNSET
    """Whether the payload carries every line of the invoice."""
    line_count: int | UnsetType = UNSET
    """How many lines the payload carries: a lower bound unless `lines_complete`."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


_NO_TRANSITIONS = Transitions(None, None, None, None)
_SILENT = Transitions()
#: A draft's provisional number ends so (seen in 2019-03-14).
_DRAFT_NUMBER = "-DRAFT"


def translate(payload: Payload) -> Invoice:
    """An invoice's facts. Raises Missing naming the required field that an invoice, not deleted, lacks."""
    customer, total = payload.customer, payload.total
    if payload.deleted is True and total is UNSET:
        return Invoice(deleted=True)
    if customer is UNSET:
        raise Missing("customer")
    status = payload.status if payload.status is not UNSET else _status_before_2018_11(payload)
    paid = payload.paid
    if paid is UNSET and status is not UNSET:
        paid = status == "paid"
    amount_paid, amount_remaining = payload.amount_paid, payload.amount_remaining
    if amount_paid is UNSET or amount_remaining is UNSET:
        amount_paid, amount_remaining = _settled(payload, paid)
    moved = payload.status_transitions
    if not isinstance(moved, Transitions):
        moved = _NO_TRANSITIONS if moved is None else _SILENT
    payment_intent, charge = payload.payment_intent, payload.charge
    if payload.payments is not UNSET:
        payment_intent, charge = payment(payload)
    tax_minor, each_tax = taxes(payload)
    lines_complete, line_count = line_state(payload.lines)
    auto_advance, closed = payload.auto_advance, payload.closed
    if auto_advance is UNSET and closed is not UNSET:
        auto_advance = not closed
    created = payload.created
    return Invoice(
        deleted=payload.deleted is True or status == "deleted",
        customer=id_of(customer),
        subscription=subscription(payload),
        status=status,
        number=payload.number,
        currency=need(payload.currency, "currency"),
        collection_method=payload.collection_method if payload.collection_method is not UNSET else payload.billing,
        billing_reason=payload.billing_reason,
        amount_due_minor=payload.amount_due,
        amount_paid_minor=amount_paid,
        amount_remaining_minor=amount_remaining,
        subtotal_minor=payload.subtotal,
        total_minor=need(total, "total"),
        total_excluding_tax_minor=payload.total_excluding_tax,
        tax_minor=tax_minor,
        discount_minor=discount_sum(payload.total_discount_amounts),
        starting_balance_minor=payload.starting_balance,
        ending_balance_minor=payload.ending_balance,
        taxes=each_tax,
        discounts=discounts(payload),
        paid=paid,
        paid_out_of_band=payload.paid_out_of_band,
        attempt_count=payload.attempt_count,
        attempted=payload.attempted,
        next_payment_attempt_s=payload.next_payment_attempt,
        due_date_s=payload.due_date,
        auto_advance=auto_advance,
        hosted_invoice_url=payload.hosted_invoice_url,
        invoice_pdf=payload.invoice_pdf,
        payment_intent=id_of(payment_intent),
        charge=id_of(charge),
        default_payment_method=id_of(payload.default_payment_method),
        period_start_s=payload.period_start,
        period_end_s=payload.period_end,
        finalized_at_s=moved.finalized_at if moved.finalized_at is not UNSET else payload.finalized_at,
        paid_at_s=moved.paid_at,
        voided_at_s=moved.voided_at,
        marked_uncollectible_at_s=moved.marked_uncollectible_at,
        lines_complete=lines_complete,
        line_count=line_count,
        metadata=plain(payload.metadata),
        created_s=created if created is not UNSET else payload.date,
    )


def identify(payload: Payload) -> str:
    """The invoice's id. Raises Missing("id")."""
    return str(need(payload.id, "id"))


def rank(verb: str, facts: Invoice) -> int:
    """The order of one second: an invoice goes from draft over open to an end, whatever the events are called."""
    if verb == "deleted":
        return DELETED
    status = facts.status
    if status == "draft":
        return CREATED if verb == "created" else UPDATED
    found = _RANKS.get(status) if isinstance(status, str) else None
    return rank_of_verb(verb) if found is None else found


#: "deleted" is a status in 2020-08-27's specification.
_RANKS = {"open": 2, "uncollectible": 3, "paid": FINAL, "void": FINAL, "deleted": DELETED}


def _status_before_2018_11(payload: Payload) -> str | UnsetType:
    """The status that the flags of old versions amount to; UNSET when there is no word of them.

    `forgiven` became "uncollectible" and the flags a status in 2018-11-08
    (https://docs.stripe.com/changelog/2018-11-08/mark-invoice-uncollectible-instead-forgiven). An unpaid invoice that
    was closed is collected no more: the nearest status is "void". A finalized, numbered or attempted one is "open".
    """
    if payload.paid is UNSET and payload.closed is UNSET and payload.forgiven is UNSET and payload.attempted is UNSET:
        return UNSET
    if payload.paid:
        return "paid"
    if payload.forgiven:
        return "uncollectible"
    if payload.closed:
        return "void"
    number = payload.number
    numbered = bool(isinstance(number, str) and number and not number.endswith(_DRAFT_NUMBER))
    return "open" if payload.finalized_at or numbered or payload.attempted else "draft"


def _settled(payload: Payload, paid: bool | UnsetType | None) -> tuple[Any, Any]:
    """Amounts paid and remaining where the payload lacks either: old invoices were paid whole or not at all."""
    due, settled, remaining = payload.amount_due, payload.amount_paid, payload.amount_remaining
    if isinstance(due, int) and isinstance(paid, bool):
        if settled is UNSET:
            settled = due if paid else 0
        if remaining is UNSET:
            remaining = due - settled if settled is not None else None
    return settled, remaining


FAMILY = Family(
    name="invoice",
    model="invoices",
    object_types=("invoice",),
    event_types=("invoice.*",),
    payload=Payload,
    facts=Invoice,
    translate=translate,
    rank=rank,
    customer=lambda facts: facts.customer or None,
    claim=lambda facts: None,
    ignored=frozenset({"invoice.upcoming"}),
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("customer", True, ("customer (all; may be null; not on a deleted stub)",)),
        Whence(
            "subscription",
            False,
            ("subscription (up to acacia)", "parent.subscription_details.subscription (basil on)"),
        ),
        Whence(
            "status",
            False,
            ("paid, forgiven, closed, number, attempted (where status is absent)", "status (2018-11-08 on)"),
        ),
        Whence("number", False, ("number (since 2017; null on a draft)",)),
        Whence("currency", True, ("currency (all; not on a deleted stub)",)),
        Whence("collection_method", False, ("billing (up to 2019-10-08)", "collection_method (2019-10-17 on)")),
        Whence("billing_reason", False, ("billing_reason (since 2018)",)),
        Whence("amount_due_minor", False, ("amount_due (all)",)),
        Whence("amount_paid_minor", False, ("amount_due if paid, else 0 (where absent)", "amount_paid (since 2018)")),
        Whence(
            "amount_remaining_minor",
            False,
            ("amount_due less what is paid (where absent)", "amount_remaining (since 2018)"),
        ),
        Whence("subtotal_minor", False, ("subtotal (all)",)),
        Whence("total_minor", True, ("total (all; not on a deleted stub)",)),
        Whence("total_excluding_tax_minor", False, ("total_excluding_tax (since 2022)",)),
        Whence(
            "tax_minor",
            False,
            (
                "tax (up to acacia, where no list tells)",
                "sum of total_tax_amounts[].amount (since 2019, up to acacia)",
                "sum of total_taxes[].amount (basil on)",
            ),
        ),
        Whence("discount_minor", False, ("sum of total_discount_amounts[].amount (2020-08-27 on)",)),
        Whence("starting_balance_minor", False, ("starting_balance (all)",)),
        Whence("ending_balance_minor", False, ("ending_balance (all)",)),
        Whence(
            "taxes",
            False,
            (
                "total_tax_amounts[].amount, inclusive, tax_rate, taxability_reason (since 2019, up to acacia)",
                "total_taxes[].amount, tax_behavior, tax_rate_details.tax_rate, taxability_reason (basil on)",
            ),
        ),
        Whence(
            "discounts",
            False,
            (
                "discount.id, discount.coupon (up to acacia)",
                "discounts[] or discounts[].id, coupon (2020-08-27 on)",
                "discounts[].source.coupon (clover on)",
            ),
        ),
        Whence("paid", False, ("paid (up to acacia)", "status is paid (basil on)")),
        Whence("paid_out_of_band", False, ("paid_out_of_band (since 2022, up to acacia)",)),
        Whence("attempt_count", False, ("attempt_count (all)",)),
        Whence("attempted", False, ("attempted (all)",)),
        Whence("next_payment_attempt_s", False, ("next_payment_attempt (all)",)),
        Whence("due_date_s", False, ("due_date (since 2017)",)),
        Whence("auto_advance", False, ("not closed (where auto_advance is absent)", "auto_advance (2018-11-08 on)")),
        Whence("hosted_invoice_url", False, ("hosted_invoice_url (since 2017)",)),
        Whence("invoice_pdf", False, ("invoice_pdf (since 2017)",)),
        Whence(
            "payment_intent",
            False,
            ("payment_intent (2019 to acacia)", "payments.data[].payment.payment_intent (basil on, where expanded)"),
        ),
        Whence(
            "charge",
            False,
            ("charge (up to acacia)", "payments.data[].payment.charge (basil on, where expanded)"),
        ),
        Whence("default_payment_method", False, ("default_payment_method (since 2019)",)),
        Whence("period_start_s", False, ("period_start (all)",)),
        Whence("period_end_s", False, ("period_end (all)",)),
        Whence(
            "finalized_at_s",
            False,
            ("finalized_at (2018-11-08 to 2019-02-19)", "status_transitions.finalized_at (2019-03-14 on)"),
        ),
        Whence("paid_at_s", False, ("status_transitions.paid_at (since 2019)",)),
        Whence("voided_at_s", False, ("status_transitions.voided_at (since 2019)",)),
        Whence("marked_uncollectible_at_s", False, ("status_transitions.marked_uncollectible_at (since 2019)",)),
        Whence("lines_complete", False, ("lines.total_count, lines.data (where absent)", "lines.has_more (all)")),
        Whence("line_count", False, ("length of lines.data (all)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("date (up to 2019-02-19)", "created (2019-03-14 on)")),
    ),
)
