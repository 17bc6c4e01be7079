"""What we read of Stripe's invoice, and its groups that moved between API versions.

Every field may be absent, in nested objects too: `previous_attributes` are read with the same types.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.base import Reference, id_of, need
from ledger.translations.invoice_lines import Lines
from ledger.translations.invoice_taxes import DiscountAmount, TaxAmount, each_tax


class DiscountSource(msgspec.Struct, gc=False):
    coupon: Reference | str | None | UnsetType = UNSET


class Discount(msgspec.Struct, gc=False):
    """A discount; its coupon moved in clover, and before 2020-08-27 it had no id."""

    id: str | None | UnsetType = UNSET
    coupon: Reference | str | None | UnsetType = UNSET
    source: DiscountSource | None | UnsetType = UNSET


class Transitions(msgspec.Struct, gc=False):
    finalized_at: int | None | UnsetType = UNSET
    paid_at: int | None | UnsetType = UNSET
    voided_at: int | None | UnsetType = UNSET
    marked_uncollectible_at: int | None | UnsetType = UNSET


class SubscriptionDetails(msgspec.Struct, gc=False):
    subscription: Reference | str | None | UnsetType = UNSET


class Parent(msgspec.Struct, gc=False):
    subscription_details: SubscriptionDetails | None | UnsetType = UNSET


class PaidBy(msgspec.Struct, gc=False):
    payment_intent: Reference | str | None | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_record: Reference | str | None | UnsetType = UNSET


class Payment(msgspec.Struct, gc=False):
    """A payment of the invoice. What stands in a list defaults to null: see `invoice_taxes`."""

    id: str | None = None
    amount_paid: int | None = None
    amount_requested: int | None = None
    status: str | None = None
    is_default: bool | None = None
    payment: PaidBy | None = None


class Payments(msgspec.Struct, gc=False):
    data: list[Payment] | None | UnsetType = UNSET


class PretaxCredit(msgspec.Struct, gc=False):
    amount: int | None = None
    type: str | None = None


class AutomaticTax(msgspec.Struct, gc=False):
    enabled: bool | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    disabled_reason: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's invoice."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    subscription: Reference | str | None | UnsetType = UNSET
    parent: Parent | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    paid: bool | None | UnsetType = UNSET
    forgiven: bool | None | UnsetType = UNSET
    closed: bool | None | UnsetType = UNSET
    attempted: bool | None | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    billing: str | None | UnsetType = UNSET
    billing_reason: str | None | UnsetType = UNSET
    amount_due: int | None | UnsetType = UNSET
    amount_paid: int | None | UnsetType = UNSET
    amount_remaining: int | None | UnsetType = UNSET
    subtotal: int | None | UnsetType = UNSET
    total: int | None | UnsetType = UNSET
    total_excluding_tax: int | None | UnsetType = UNSET
    tax: int | None | UnsetType = UNSET
    total_tax_amounts: list[TaxAmount] | None | UnsetType = UNSET
    total_taxes: list[TaxAmount] | None | UnsetType = UNSET
    total_discount_amounts: list[DiscountAmount] | None | UnsetType = UNSET
    total_pretax_credit_amounts: list[PretaxCredit] | None | UnsetType = UNSET
    amount_shipping: int | None | UnsetType = UNSET
    amount_overpaid: int | None | UnsetType = UNSET
    amount_paid_off_stripe: int | None | UnsetType = UNSET
    pre_payment_credit_notes_amount: int | None | UnsetType = UNSET
    post_payment_credit_notes_amount: int | None | UnsetType = UNSET
    automatic_tax: AutomaticTax | None | UnsetType = UNSET
    customer_tax_exempt: str | None | UnsetType = UNSET
    discount: Discount | None | UnsetType = UNSET
    discounts: list[Discount | str] | None | UnsetType = UNSET
    starting_balance: int | None | UnsetType = UNSET
    ending_balance: int | None | UnsetType = UNSET
    paid_out_of_band: bool | None | UnsetType = UNSET
    attempt_count: int | None | UnsetType = UNSET
    next_payment_attempt: int | None | UnsetType = UNSET
    due_date: int | None | UnsetType = UNSET
    auto_advance: bool | None | UnsetType = UNSET
    hosted_invoice_url: str | None | UnsetType = UNSET
    invoice_pdf: str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payments: Payments | None | UnsetType = UNSET
    default_payment_method: Reference | str | None | UnsetType = UNSET
    period_start: int | None | UnsetType = UNSET
    period_end: int | None | UnsetType = UNSET
    finalized_at: int | None | UnsetType = UNSET
    status_transitions: Transitions | None | UnsetType = UNSET
    lines: Lines | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET
    date: int | None | UnsetType = UNSET


def subscription(payload: Payload) -> Any:
    parent = payload.parent
    if payload.subscription or isinstance(parent, UnsetType):
        return id_of(payload.subscription)
    if parent is None:
        return None
    details = parent.subscription_details
    if isinstance(details, SubscriptionDetails):
        return id_of(details.subscription)
    return payload.subscription if details is UNSET else None


def payment(payload: Payload) -> tuple[Any, Any]:
    """The payment intent and charge of the default payment, else of the first, where `payments` are expanded."""
    listed = payload.payments.data if isinstance(payload.payments, Payments) else UNSET
    if not isinstance(listed, list):
        return payload.payment_intent, payload.charge
    if not listed:
        return None, None
    chosen = next((p for p in listed if p.is_default is True), listed[0]).payment
    if not isinstance(chosen, PaidBy):
        return payload.payment_intent, payload.charge
    return chosen.payment_intent, chosen.charge


def payments(payload: Payload) -> list[dict[str, Any]] | UnsetType:
    """Every payment of the invoice, where `payments` are expanded."""
    listed = payload.payments.data if isinstance(payload.payments, Payments) else UNSET
    if not isinstance(listed, list):
        return UNSET
    return [
        {
            "id": paid.id,
            "status": paid.status,
            "amount_requested_minor": paid.amount_requested,
            "amount_paid_minor": paid.amount_paid,
            "is_default": paid.is_default,
            **paid_by(paid.payment),
        }
        for paid in listed
    ]


def paid_by(by: PaidBy | UnsetType | None) -> dict[str, str | None]:
    """What pays: a payment intent, a charge, or a payment that Stripe only records."""
    if not isinstance(by, PaidBy):
        return {"payment_intent": None, "charge": None, "payment_record": None}
    return {
        "payment_intent": id_of(by.payment_intent) or None,
        "charge": id_of(by.charge) or None,
        "payment_record": id_of(by.payment_record) or None,
    }


def taxes(payload: Payload) -> tuple[int | UnsetType | None, list[dict[str, Any]] | UnsetType | None]:
    """The sum of all taxes and each of them. A list tells more than `tax`, which may be null beside it."""
    listed = payload.total_taxes
    if isinstance(listed, UnsetType):
        listed = payload.total_tax_amounts
    if isinstance(listed, UnsetType) or listed is None:
        return (payload.tax if payload.tax is not UNSET else listed), listed
    taxes = each_tax(listed) if listed else []
    return sum([tax["amount_minor"] for tax in taxes]), taxes


def credit_grants(listed: list[PretaxCredit] | UnsetType | None) -> int | UnsetType | None:
    """What credit grants paid before tax. The list repeats the discounts, which are not counted here."""
    if not isinstance(listed, list):
        return listed
    return sum([int(need(c.amount, "amount of a credit")) for c in listed if c.type != "discount"])


def discounts(payload: Payload) -> list[dict[str, Any]] | UnsetType | None:
    """Every discount once. Where `discounts` are ids alone, `discount` beside them may know the coupon of one."""
    listed, single = payload.discounts, payload.discount
    if not isinstance(single, Discount):
        if isinstance(listed, list):
            return [_discount(d) for d in listed] if listed else []
        return [] if listed is UNSET and single is None else listed
    first = _discount(single)
    rest = [_discount(d) for d in listed] if isinstance(listed, list) else []
    if first["id"] is None:
        return rest or [first]
    return [first, *(d for d in rest if d["id"] != first["id"])]


def _discount(discount: Discount | str) -> dict[str, Any]:
    if isinstance(discount, str):
        return {"id": discount, "coupon": None}
    source = discount.source
    coupon = id_of(source.coupon if isinstance(source, DiscountSource) else discount.coupon)
    return {"id": discount.id or None, "coupon": coupon or None}
