"""Credit notes: what was taken back of an invoice and how it was given back, in any API version.

Came in 2019. What a note says in words (its memo, its lines' descriptions) is personal and stays in the log. Refuses to
know the refunds themselves: those are another family's matter.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import FINAL, Family, Missing, Reference, id_of, need, plain, rank_of_verb
from ledger.translations.credit_note_lines import Lines, lines_of
from ledger.translations.invoice_taxes import DiscountAmount, TaxAmount, each_discount, each_tax, is_reverse_charged


class RefundShare(msgspec.Struct, gc=False):
    """A refund of the note (basil on). What stands in a list defaults to null: see `invoice_taxes`."""

    refund: Reference | str | None = None
    amount_refunded: int | None = None


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's credit note."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    subtotal: int | None | UnsetType = UNSET
    total: int | None | UnsetType = UNSET
    total_excluding_tax: int | None | UnsetType = UNSET
    amount_shipping: int | None | UnsetType = UNSET
    discount_amount: int | None | UnsetType = UNSET
    discount_amounts: list[DiscountAmount] | None | UnsetType = UNSET
    tax_amounts: list[TaxAmount] | None | UnsetType = UNSET
    total_taxes: list[TaxAmount] | None | UnsetType = UNSET
    pre_payment_amount: int | None | UnsetType = UNSET
    post_payment_amount: int | None | UnsetType = UNSET
    out_of_band_amount: int | None | UnsetType = UNSET
    refund: Reference | str | None | UnsetType = UNSET
    refunds: list[RefundShare] | None | UnsetType = UNSET
    customer_balance_transaction: Reference | str | None | UnsetType = UNSET
    pdf: str | None | UnsetType = UNSET
    lines: Lines | None | UnsetType = UNSET
    effective_at: int | None | UnsetType = UNSET
    voided_at: int | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class CreditNote(msgspec.Struct, gc=False):
    """A credit note, independent of the API version. Amounts are minor units of `currency`."""

    customer: str | None | UnsetType = UNSET
    invoice: str | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`issued` or `void`: a void one takes nothing back."""
    type: str | None | UnsetType = UNSET
    """`pre_payment` (it lowers what is due), `post_payment` (something is given back) or `mixed`."""
    reason: str | None | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    """What is taken back in all, with tax and after discounts."""
    subtotal_minor: int | None | UnsetType = UNSET
    total_minor: int | None | UnsetType = UNSET
    total_excluding_tax_minor: int | None | UnsetType = UNSET
    tax_minor: int | None | UnsetType = UNSET
    """The sum of all taxes, those included in the price as well as those added to it."""
    taxes: Json | None | UnsetType = UNSET
    """One entry a tax, as in `invoices`."""
    reverse_charge: bool | UnsetType = UNSET
    """Whether the customer had to declare a tax of it."""
    shipping_minor: int | None | UnsetType = UNSET
    discount_minor: int | None | UnsetType = UNSET
    discounts: Json | None | UnsetType = UNSET
    """One entry a discount that is taken back as well: `discount` (its id), `amount_minor`."""
    pre_payment_minor: int | None | UnsetType = UNSET
    """What it took off the amount due."""
    post_payment_minor: int | None | UnsetType = UNSET
    """What was given back: refunded, put on the customer's balance, or outside Stripe."""
    out_of_band_minor: int | None | UnsetType = UNSET
    """The part of that which was given back outside Stripe."""
    refunds: Json | None | UnsetType = UNSET
    """`refund` (its id) and `amount_minor` (None up to acacia, which does not tell)."""
    customer_balance_transaction: str | None | UnsetType = UNSET
    pdf: str | None | UnsetType = UNSET
    lines: Json | UnsetType = UNSET
    """`id`, `type` (`invoice_line_item` or `custom_line_item`), `amount_minor` (before discounts and taxes that are
    added), `invoice_line`, `quantity`, `unit_amount_decimal`, `discounts` and `taxes` (null: the version does not
    tell)."""
    lines_complete: bool | UnsetType = UNSET
    """False when Stripe cut the list of lines short: the rest must be fetched."""
    line_count: int | UnsetType = UNSET
    """How many lines the payload carries: a lower bound unless `lines_complete`."""
    effective_at_s: Instant | None | UnsetType = UNSET
    voided_at_s: Instant | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET


def translate(payload: Payload) -> CreditNote:
    """A credit note's facts. Raises Missing for the invoice, status, currency, amount or time of creation."""
    if payload.customer is UNSET:
        raise Missing("customer")
    taxes = _taxes(payload)
    discounts = payload.discount_amounts
    lines, lines_complete, line_count = lines_of(payload.lines)
    before, after = _by_payment(payload)
    return CreditNote(
        customer=id_of(payload.customer),
        invoice=need(id_of(payload.invoice), "invoice"),
        number=payload.number,
        status=need(payload.status, "status"),
        type=payload.type,
        reason=payload.reason,
        currency=need(payload.currency, "currency"),
        amount_minor=need(payload.amount, "amount"),
        subtotal_minor=payload.subtotal,
        total_minor=payload.total,
        total_excluding_tax_minor=payload.total_excluding_tax,
        tax_minor=sum(t["amount_minor"] for t in taxes) if isinstance(taxes, list) else taxes,
        taxes=taxes,
        reverse_charge=is_reverse_charged(taxes) if isinstance(taxes, list) else UNSET,
        shipping_minor=payload.amount_shipping,
        discount_minor=payload.discount_amount,
        discounts=each_discount(discounts) if isinstance(discounts, list) else discounts,
        pre_payment_minor=before,
        post_payment_minor=after,
        out_of_band_minor=payload.out_of_band_amount,
        refunds=_refunds(payload),
        customer_balance_transaction=id_of(payload.customer_balance_transaction),
        pdf=payload.pdf,
        lines=lines,
        lines_complete=lines_complete,
        line_count=line_count,
        effective_at_s=payload.effective_at,
        voided_at_s=payload.voided_at,
        metadata=plain(payload.metadata),
        created_s=need(payload.created, "created"),
    )


def rank(verb: str, facts: CreditNote) -> int:
    """Lifecycle rank: what is void goes after every update of its second."""
    return FINAL if facts.status == "void" else rank_of_verb(verb)


def _taxes(payload: Payload) -> list[dict[str, Any]] | UnsetType | None:
    listed = payload.tax_amounts if isinstance(payload.total_taxes, UnsetType) else payload.total_taxes
    return each_tax(listed) if isinstance(listed, list) else listed


def _by_payment(payload: Payload) -> tuple[int | UnsetType | None, int | UnsetType | None]:
    """What it took off before payment and gave back after. Up to acacia a note was one or the other, whole."""
    before, after = payload.pre_payment_amount, payload.post_payment_amount
    if before is UNSET and after is UNSET and payload.type in ("pre_payment", "post_payment"):
        return (payload.amount, 0) if payload.type == "pre_payment" else (0, payload.amount)
    return before, after


def _refunds(payload: Payload) -> list[dict[str, Any]] | UnsetType | None:
    listed, single = payload.refunds, payload.refund
    if isinstance(listed, list):
        return [{"refund": id_of(r.refund) or None, "amount_minor": r.amount_refunded} for r in listed]
    if listed is UNSET and single is not UNSET:
        return [] if single is None else [{"refund": id_of(single) or None, "amount_minor": None}]
    return None if listed is None else UNSET


FAMILY = Family(
    name="credit_note",
    model="credit_notes",
    object_types=("credit_note",),
    event_types=("credit_note.*",),
    payload=Payload,
    facts=CreditNote,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=(
        "(mode, account, customer)",
        "(mode, account, invoice)",
        "(mode, account, id) WHERE NOT lines_complete",
    ),
    whence=(
        Whence("customer", True, ("customer, an id or expanded (all; may be null)",)),
        Whence("invoice", True, ("invoice, an id or expanded (all)",)),
        *unmoved("number"),
        Whence("status", True, ("status (all)",)),
        *unmoved("type", "reason"),
        Whence("currency", True, ("currency (all)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        *unmoved("subtotal_minor", "total_minor"),
        Whence("total_excluding_tax_minor", False, ("total_excluding_tax (since 2022)",)),
        Whence("tax_minor", False, ("as taxes",)),
        Whence(
            "taxes",
            False,
            (
                "tax_amounts[].amount, inclusive, tax_rate, taxability_reason, taxable_amount (up to acacia)",
                "total_taxes[].amount, tax_behavior, tax_rate_details.tax_rate, taxability_reason, taxable_amount"
                " (basil on)",
            ),
        ),
        Whence("reverse_charge", False, ("the reason of a tax is reverse_charge (since 2023)",)),
        Whence("shipping_minor", False, ("amount_shipping (since 2022)",)),
        Whence("discount_minor", False, ("discount_amount (all)",)),
        Whence("discounts", False, ("discount_amounts[].discount, amount (2020-08-27 on)",)),
        Whence("pre_payment_minor", False, ("amount, by type (up to acacia)", "pre_payment_amount (basil on)")),
        Whence("post_payment_minor", False, ("amount, by type (up to acacia)", "post_payment_amount (basil on)")),
        Whence("out_of_band_minor", False, ("out_of_band_amount (all)",)),
        Whence("refunds", False, ("refund (up to acacia)", "refunds[].refund, amount_refunded (basil on)")),
        Whence("customer_balance_transaction", False, ("customer_balance_transaction, an id or expanded (all)",)),
        *unmoved("pdf"),
        Whence(
            "lines",
            False,
            (
                "lines.data[].tax_amounts (up to acacia), taxes (basil on)",
                "lines.data[].unit_amount (where unit_amount_decimal is absent)",
            ),
        ),
        Whence("lines_complete", False, ("lines.has_more (all)",)),
        Whence("line_count", False, ("length of lines.data (all)",)),
        Whence("effective_at_s", False, ("effective_at (since 2023)",)),
        *unmoved("voided_at_s"),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", True, ("created (all)",)),
    ),
)
