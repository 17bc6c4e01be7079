"""Invoices: what is owed, what was paid and how it stands, in any API version.

Persons' names and addresses stay in the log: no fact carries them, and of metadata what was sealed is left out, and of
lines what they say in words. Payments are known as far as the invoice lists them.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json
from ledger.translations.base import CREATED, DELETED, FINAL, UPDATED, Family, Missing, id_of, need, plain, rank_of_verb
from ledger.translations.invoice_flags import settled, status_by_flags
from ledger.translations.invoice_lines import lines_of
from ledger.translations.invoice_payload import (
    AutomaticTax,
    Payload,
    Transitions,
    credit_grants,
    discounts,
    payment,
    payments,
    subscription,
    taxes,
)
from ledger.translations.invoice_taxes import discount_sum, is_reverse_charged
from ledger.translations.invoice_whence import WHENCE


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
    credit_grants_minor: int | None | UnsetType = UNSET
    """What the customer's credit grants paid of it, before tax."""
    shipping_minor: int | None | UnsetType = UNSET
    starting_balance_minor: int | None | UnsetType = UNSET
    """The customer's balance before it was finalized: credit is negative, debt is positive."""
    ending_balance_minor: int | None | UnsetType = UNSET
    """The same after it was finalized; null until then."""
    balance_applied_minor: int | None | UnsetType = UNSET
    """What the customer's balance paid of it. Negative: it paid the balance, as one with a negative total does."""
    amount_overpaid_minor: int | None | UnsetType = UNSET
    amount_paid_off_stripe_minor: int | None | UnsetType = UNSET
    pre_payment_credit_notes_minor: int | None | UnsetType = UNSET
    """What credit notes took off the amount due while it was open."""
    post_payment_credit_notes_minor: int | None | UnsetType = UNSET
    """What credit notes gave back after it was paid."""
    taxes: Json | None | UnsetType = UNSET
    """One entry a tax: `amount_minor`, `inclusive`, `rate` (a tax rate's id), `reason`, `taxable_minor`."""
    reverse_charge: bool | UnsetType = UNSET
    """Whether the customer has to declare a tax of it."""
    customer_tax_exempt: str | None | UnsetType = UNSET
    automatic_tax_enabled: bool | None | UnsetType = UNSET
    automatic_tax_status: str | None | UnsetType = UNSET
    automatic_tax_disabled_reason: str | None | UnsetType = UNSET
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
    payments: Json | UnsetType = UNSET
    """`id`, `status`, `amount_requested_minor`, `amount_paid_minor`, `is_default`, and which `payment_intent`, `charge`
    or `payment_record` paid. Known only where somebody expanded them; the read model `invoice_payments` knows all."""
    default_payment_method: str | None | UnsetType = UNSET
    period_start_s: Instant | None | UnsetType = UNSET
    period_end_s: Instant | None | UnsetType = UNSET
    finalized_at_s: Instant | None | UnsetType = UNSET
    paid_at_s: Instant | None | UnsetType = UNSET
    voided_at_s: Instant | None | UnsetType = UNSET
    marked_uncollectible_at_s: Instant | None | UnsetType = UNSET
    lines: Json | UnsetType = UNSET
    """`id`, `amount_minor` (with taxes that are included, before discounts), `currency`, `price`, `product`,
    `unit_amount_decimal`, `quantity` (`quantity_decimal` where it is no whole number), `period_start_s`,
    `period_end_s`, `proration`, `subscription`, `subscription_item`, `invoice_item`, `discounts` and `taxes`. Of the
    last two null is: the API version does not tell."""
    lines_complete: bool | UnsetType = UNSET
    """False when Stripe cut the list of lines short: the rest must be fetched."""
    line_count: int | UnsetType = UNSET
    """How many lines the payload carries: a lower bound unless `lines_complete`."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


_NO_TRANSITIONS = Transitions(None, None, None, None)
_SILENT = Transitions()
_NO_AUTOMATIC_TAX = AutomaticTax(None, None, None)
_AUTOMATIC_TAX_SILENT = AutomaticTax()


def translate(payload: Payload) -> Invoice:
    """An invoice's facts. Raises Missing naming the required field that an invoice, not deleted, lacks."""
    customer, total = payload.customer, payload.total
    if payload.deleted is True and total is UNSET:
        return Invoice(deleted=True)
    if customer is UNSET:
        raise Missing("customer")
    status = payload.status if payload.status is not UNSET else status_by_flags(payload)
    paid = payload.paid
    if paid is UNSET and status is not UNSET:
        paid = status == "paid"
    amount_paid, amount_remaining = payload.amount_paid, payload.amount_remaining
    if amount_paid is UNSET or amount_remaining is UNSET:
        amount_paid, amount_remaining = settled(payload, paid)
    moved = payload.status_transitions
    if not isinstance(moved, Transitions):
        moved = _NO_TRANSITIONS if moved is None else _SILENT
    payment_intent, charge = payload.payment_intent, payload.charge
    if payload.payments is not UNSET:
        payment_intent, charge = payment(payload)
    tax_minor, each_tax = taxes(payload)
    discounted = payload.total_discount_amounts
    lines, lines_complete, line_count = lines_of(payload.lines)
    automatic = payload.automatic_tax
    if not isinstance(automatic, AutomaticTax):
        automatic = _NO_AUTOMATIC_TAX if automatic is None else _AUTOMATIC_TAX_SILENT
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
        discount_minor=discounted if not isinstance(discounted, list) else discount_sum(discounted),
        credit_grants_minor=credit_grants(payload.total_pretax_credit_amounts),
        shipping_minor=payload.amount_shipping,
        starting_balance_minor=payload.starting_balance,
        ending_balance_minor=payload.ending_balance,
        balance_applied_minor=_balance_applied(payload.starting_balance, payload.ending_balance),
        amount_overpaid_minor=payload.amount_overpaid,
        amount_paid_off_stripe_minor=payload.amount_paid_off_stripe,
        pre_payment_credit_notes_minor=payload.pre_payment_credit_notes_amount,
        post_payment_credit_notes_minor=payload.post_payment_credit_notes_amount,
        taxes=each_tax,
        reverse_charge=_reverse_charge(payload.customer_tax_exempt, each_tax),
        customer_tax_exempt=payload.customer_tax_exempt,
        automatic_tax_enabled=automatic.enabled,
        automatic_tax_status=automatic.status,
        automatic_tax_disabled_reason=automatic.disabled_reason,
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
        payments=payments(payload),
        default_payment_method=id_of(payload.default_payment_method),
        period_start_s=payload.period_start,
        period_end_s=payload.period_end,
        finalized_at_s=moved.finalized_at if moved.finalized_at is not UNSET else payload.finalized_at,
        paid_at_s=moved.paid_at,
        voided_at_s=moved.voided_at,
        marked_uncollectible_at_s=moved.marked_uncollectible_at,
        lines=lines,
        lines_complete=lines_complete,
        line_count=line_count,
        metadata=plain(payload.metadata),
        created_s=created if created is not UNSET else payload.date,
    )


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


def _balance_applied(starting: int | UnsetType | None, ending: int | UnsetType | None) -> int | UnsetType | None:
    if isinstance(starting, int) and isinstance(ending, int):
        return ending - starting
    return None if ending is None else UNSET


def _reverse_charge(exempt: str | UnsetType | None, taxes: list[dict[str, Any]] | UnsetType | None) -> bool | UnsetType:
    if isinstance(taxes, list) and is_reverse_charged(taxes):
        return True
    if isinstance(exempt, str):
        return exempt == "reverse"
    return False if isinstance(taxes, list) else UNSET


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
    whence=WHENCE,
)
