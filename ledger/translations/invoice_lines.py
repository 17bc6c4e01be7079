"""The lines of an invoice: what is charged, how many, at which price, for which period, in any API version.

Knows plans (up to 2020), prices (since) and `pricing` and `parent` (basil on). What a line says in words is personal
and stays in the log, and so does its metadata. Refuses to know what is not in the payload: Stripe sends ten lines.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.base import Reference, id_of, need
from ledger.translations.invoice_taxes import DiscountAmount, TaxAmount, each_discount, each_tax

# What stands in the list of lines defaults to null, not to UNSET: see `invoice_taxes`.


class Period(msgspec.Struct, gc=False):
    start: int | None = None
    end: int | None = None


class LinePrice(msgspec.Struct, gc=False):
    """A price, or the plan that it was before 2020."""

    id: str | None = None
    product: Reference | str | None = None
    unit_amount_decimal: str | None = None
    amount: int | None = None
    amount_decimal: str | None = None


class PriceDetails(msgspec.Struct, gc=False):
    price: Reference | str | None = None
    product: Reference | str | None = None


class Pricing(msgspec.Struct, gc=False):
    price_details: PriceDetails | None = None
    unit_amount_decimal: str | None = None


class ParentDetails(msgspec.Struct, gc=False):
    """What a line comes from: an invoice item or an item of a subscription."""

    subscription: Reference | str | None = None
    subscription_item: Reference | str | None = None
    invoice_item: Reference | str | None = None
    proration: bool | None = None


class LineParent(msgspec.Struct, gc=False):
    subscription_item_details: ParentDetails | None = None
    invoice_item_details: ParentDetails | None = None


class Line(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    amount: int | None = None
    currency: str | None = None
    quantity: int | None = None
    quantity_decimal: str | None = None
    period: Period | None = None
    price: LinePrice | None = None
    plan: LinePrice | None = None
    pricing: Pricing | None = None
    parent: LineParent | None = None
    proration: bool | None = None
    subscription: Reference | str | None = None
    subscription_item: Reference | str | None = None
    invoice_item: Reference | str | None = None
    discount_amounts: list[DiscountAmount] | None = None
    tax_amounts: list[TaxAmount] | None = None
    taxes: list[TaxAmount] | None = None


class Lines(msgspec.Struct, gc=False):
    """The list as the payload carries it. `count` is the `total_count` of 2014 and before."""

    data: list[Line] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET
    total_count: int | None | UnsetType = UNSET
    count: int | None | UnsetType = UNSET


_NO_PRICE = LinePrice()
_NO_PERIOD = Period()


def lines_of(
    listed: Lines | UnsetType | None,
) -> tuple[list[dict[str, Any]] | UnsetType, bool | UnsetType, int | UnsetType]:
    """The lines as facts hold them, in Stripe's order; whether these are all; how many they are.

    Raises Missing for a line without an id or an amount.
    """
    if not isinstance(listed, Lines) or not isinstance(listed.data, list):
        return UNSET, UNSET, UNSET
    lines = [_line(line) for line in listed.data]
    total = listed.count if listed.total_count is UNSET else listed.total_count
    return lines, is_complete(listed.has_more, total, len(lines)), len(lines)


def is_complete(has_more: bool | UnsetType | None, total: int | UnsetType | None, count: int) -> bool | UnsetType:
    """Whether a list of `count` entries is the whole; UNSET where the payload does not tell."""
    if isinstance(has_more, bool):
        return not has_more
    return total <= count if isinstance(total, int) else UNSET


def _line(line: Line) -> dict[str, Any]:
    period = line.period or _NO_PERIOD
    price, product, unit = _priced(line)
    source = _source(line)
    taxes = line.tax_amounts if line.taxes is None else line.taxes
    return {
        "id": need(line.id, "lines.data.id"),
        "amount_minor": need(line.amount, "lines.data.amount"),
        "currency": line.currency,
        "price": price,
        "product": product,
        "unit_amount_decimal": unit,
        "quantity": line.quantity,
        "quantity_decimal": fraction(line.quantity, line.quantity_decimal),
        "period_start_s": period.start,
        "period_end_s": period.end,
        "proration": source.proration is True,
        "subscription": id_of(source.subscription) or None,
        "subscription_item": id_of(source.subscription_item) or None,
        "invoice_item": id_of(source.invoice_item) or None,
        "discounts": None if line.discount_amounts is None else each_discount(line.discount_amounts),
        "taxes": None if taxes is None else each_tax(taxes),
    }


def _priced(line: Line) -> tuple[str | None, str | None, str | None]:
    """Price, product and unit amount (minor units as a decimal)."""
    pricing = line.pricing
    if pricing is not None:
        details = pricing.price_details or PriceDetails()
        return id_of(details.price) or None, id_of(details.product) or None, pricing.unit_amount_decimal
    price = line.price or line.plan or _NO_PRICE
    return price.id, id_of(price.product) or None, _unit_amount(price)


def _unit_amount(price: LinePrice) -> str | None:
    """What one costs, minor units as a decimal; plans had whole amounts up to 2019."""
    exact = price.unit_amount_decimal or price.amount_decimal
    return str(price.amount) if exact is None and price.amount is not None else exact


def fraction(quantity: int | None, exact: str | None) -> str | None:
    """The quantity as a decimal, where a whole number does not tell it."""
    return None if exact is None or exact == str(quantity) else exact


def _source(line: Line) -> ParentDetails:
    """Where a line comes from. Up to 2018 its id was that of its subscription or its invoice item."""
    if line.parent is not None:
        found = line.parent.subscription_item_details or line.parent.invoice_item_details
        return found or ParentDetails()
    subscription, item, own = line.subscription, line.invoice_item, line.id or ""
    if item is None and line.type == "invoiceitem" and own.startswith("ii_"):
        item = own
    if subscription is None and line.type == "subscription" and own.startswith("sub_"):
        subscription = own
    return ParentDetails(subscription, line.subscription_item, item, line.proration)
