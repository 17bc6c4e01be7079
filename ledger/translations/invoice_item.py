"""Invoice items: what waits for the next invoice, or stands on one, in any API version.

Knows plans (up to 2020), prices (2020 to acacia) and `pricing` and `parent` (basil on).
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence, unmoved
from ledger.translations.base import Family, Missing, Reference, id_of, need, plain
from ledger.translations.invoice_lines import fraction


class Period(msgspec.Struct, gc=False):
    start: int | None | UnsetType = UNSET
    end: int | None | UnsetType = UNSET


class Price(msgspec.Struct, gc=False):
    """A price, or the plan that it was before 2020."""

    id: str | None | UnsetType = UNSET
    product: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_decimal: str | None | UnsetType = UNSET


class PriceDetails(msgspec.Struct, gc=False):
    price: Reference | str | None | UnsetType = UNSET
    product: Reference | str | None | UnsetType = UNSET


class Pricing(msgspec.Struct, gc=False):
    price_details: PriceDetails | None | UnsetType = UNSET
    unit_amount_decimal: str | None | UnsetType = UNSET


class SubscriptionDetails(msgspec.Struct, gc=False):
    subscription: Reference | str | None | UnsetType = UNSET
    subscription_item: Reference | str | None | UnsetType = UNSET


class Parent(msgspec.Struct, gc=False):
    subscription_details: SubscriptionDetails | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's invoice item."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    subscription: Reference | str | None | UnsetType = UNSET
    subscription_item: Reference | str | None | UnsetType = UNSET
    parent: Parent | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    net_amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    plan: Price | None | UnsetType = UNSET
    price: Price | None | UnsetType = UNSET
    pricing: Pricing | None | UnsetType = UNSET
    unit_amount: int | None | UnsetType = UNSET
    unit_amount_decimal: str | None | UnsetType = UNSET
    quantity: int | None | UnsetType = UNSET
    quantity_decimal: str | None | UnsetType = UNSET
    period: Period | None | UnsetType = UNSET
    proration: bool | None | UnsetType = UNSET
    discountable: bool | None | UnsetType = UNSET
    discounts: list[Reference | str] | None | UnsetType = UNSET
    tax_rates: list[Reference | str] | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    date: int | None | UnsetType = UNSET


class InvoiceItem(msgspec.Struct, gc=False):
    """An invoice item, independent of the API version. Amounts are minor units of `currency`."""

    deleted: bool | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    """The invoice that it stands on; null while it waits for one."""
    subscription: str | None | UnsetType = UNSET
    subscription_item: str | None | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    """Negative is in favor of the customer."""
    net_amount_minor: int | None | UnsetType = UNSET
    """What is left of a proration after the discounts of what it prorates."""
    currency: str | UnsetType = UNSET
    price: str | None | UnsetType = UNSET
    product: str | None | UnsetType = UNSET
    unit_amount_decimal: str | None | UnsetType = UNSET
    """What one costs, minor units as a decimal."""
    quantity: int | None | UnsetType = UNSET
    quantity_decimal: str | None | UnsetType = UNSET
    """The quantity, where it is no whole number."""
    period_start_s: Instant | None | UnsetType = UNSET
    period_end_s: Instant | None | UnsetType = UNSET
    proration: bool | None | UnsetType = UNSET
    discountable: bool | None | UnsetType = UNSET
    discounts: tuple[str, ...] | None | UnsetType = UNSET
    tax_rates: tuple[str, ...] | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> InvoiceItem:
    """An invoice item's facts. Raises Missing for the customer, amount or currency of one that is not deleted."""
    if payload.deleted is True and payload.amount is UNSET:
        return InvoiceItem(deleted=True)
    if payload.customer is UNSET:
        raise Missing("customer")
    period = payload.period
    if not isinstance(period, Period):
        period = Period(None, None) if period is None else Period()
    price, product, unit = _priced(payload)
    subscription, item = _source(payload)
    quantity = payload.quantity
    exact = payload.quantity_decimal
    if isinstance(exact, str):
        exact = fraction(quantity if isinstance(quantity, int) else None, exact)
    return InvoiceItem(
        deleted=payload.deleted is True,
        customer=id_of(payload.customer),
        invoice=id_of(payload.invoice),
        subscription=id_of(subscription),
        subscription_item=id_of(item),
        amount_minor=need(payload.amount, "amount"),
        net_amount_minor=payload.net_amount,
        currency=need(payload.currency, "currency"),
        price=price,
        product=product,
        unit_amount_decimal=unit,
        quantity=quantity,
        quantity_decimal=exact,
        period_start_s=period.start,
        period_end_s=period.end,
        proration=payload.proration,
        discountable=payload.discountable,
        discounts=_ids(payload.discounts),
        tax_rates=_ids(payload.tax_rates),
        description=payload.description,
        metadata=plain(payload.metadata),
        created_s=payload.date,
    )


def _priced(payload: Payload) -> tuple[Any, Any, Any]:
    """Price, product and unit amount, in whichever shape the payload has them."""
    pricing = payload.pricing
    if isinstance(pricing, Pricing):
        details = pricing.price_details
        if not isinstance(details, PriceDetails):
            details = PriceDetails(None, None) if details is None else PriceDetails()
        return id_of(details.price), id_of(details.product), pricing.unit_amount_decimal
    price = payload.price or payload.plan
    unit = _exact(payload.unit_amount_decimal, payload.unit_amount)
    if isinstance(price, Price):
        return price.id, id_of(price.product), _exact(price.amount_decimal, price.amount) if unit is UNSET else unit
    told = None if None in (payload.price, payload.plan, pricing) else UNSET
    return told, told, unit


def _exact(exact: str | UnsetType | None, whole: int | UnsetType | None) -> str | UnsetType | None:
    """An amount as a decimal, from the whole one where there is no other."""
    return str(whole) if exact is UNSET and isinstance(whole, int) else exact


def _source(payload: Payload) -> tuple[Any, Any]:
    """The subscription and the item of it that an invoice item is about."""
    parent = payload.parent
    if isinstance(parent, UnsetType) or payload.subscription:
        return payload.subscription, payload.subscription_item
    details = parent.subscription_details if parent is not None else None
    if isinstance(details, SubscriptionDetails):
        return details.subscription, details.subscription_item
    return (UNSET, UNSET) if details is UNSET else (None, None)


def _ids(listed: list[Reference | str] | UnsetType | None) -> tuple[str, ...] | UnsetType | None:
    return tuple(sorted(str(id_of(one)) for one in listed)) if isinstance(listed, list) else listed


FAMILY = Family(
    name="invoice_item",
    model="invoice_items",
    object_types=("invoiceitem",),
    event_types=("invoiceitem.*",),
    payload=Payload,
    facts=InvoiceItem,
    translate=translate,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)", "(mode, account, invoice)"),
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("customer", True, ("customer, an id or expanded (all; may be null; not on a deleted stub)",)),
        Whence("invoice", False, ("invoice, an id or expanded (all; null while it waits)",)),
        Whence(
            "subscription",
            False,
            ("subscription (up to acacia)", "parent.subscription_details.subscription (basil on)"),
        ),
        Whence(
            "subscription_item",
            False,
            (
                "subscription_item (since 2016, up to acacia)",
                "parent.subscription_details.subscription_item (basil on)",
            ),
        ),
        Whence("amount_minor", True, ("amount (all; not on a deleted stub)",)),
        Whence("net_amount_minor", False, ("net_amount (clover on)",)),
        Whence("currency", True, ("currency (all; not on a deleted stub)",)),
        Whence(
            "price",
            False,
            ("plan.id (up to 2020)", "price.id (2020 to acacia)", "pricing.price_details.price (basil on)"),
        ),
        Whence(
            "product",
            False,
            (
                "plan.product (2018 to 2020)",
                "price.product (2020 to acacia)",
                "pricing.price_details.product (basil on)",
            ),
        ),
        Whence(
            "unit_amount_decimal",
            False,
            (
                "plan.amount, amount_decimal (where unit_amount is absent)",
                "unit_amount (2019), unit_amount_decimal (2020 to acacia)",
                "pricing.unit_amount_decimal (basil on)",
            ),
        ),
        *unmoved("quantity"),
        Whence("quantity_decimal", False, ("quantity_decimal (dahlia on)",)),
        Whence("period_start_s", False, ("period.start (since 2014)",)),
        Whence("period_end_s", False, ("period.end (since 2014)",)),
        *unmoved("proration", "discountable"),
        Whence("discounts", False, ("discounts[], ids or expanded (2020-08-27 on)",)),
        Whence("tax_rates", False, ("tax_rates[].id (since 2019)",)),
        *unmoved("description"),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("date (all)",)),
    ),
)
