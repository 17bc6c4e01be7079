"""The items of a subscription: what is bought, how many, at which price, in any API version.

Knows plans (up to 2020) and prices (since), single plans beside no items (up to 2016), and where a period is kept.
Refuses to know the rest of the subscription.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ledger.translations.base import Missing, Reference, need, plain

# What stands in the list of items defaults to null, not to UNSET: `previous_attributes` hold lists whole, so these
# are never laid over each other, and a fact's item is plain JSON, in which null is all that can be said.


class Recurring(msgspec.Struct, gc=False):
    interval: str | None = None
    interval_count: int | None = None
    usage_type: str | None = None


class Price(msgspec.Struct, gc=False):
    id: str | None = None
    product: Reference | str | None = None
    lookup_key: str | None = None
    nickname: str | None = None
    unit_amount: int | None = None
    unit_amount_decimal: str | None = None
    currency: str | None = None
    recurring: Recurring | None = None
    billing_scheme: str | None = None
    metadata: dict[str, Any] | None = None


class Item(msgspec.Struct, gc=False):
    """A subscription item. Its `plan` stays closed: where there is a price, it says the same again."""

    id: str | None = None
    price: Price | None = None
    plan: Raw = Raw()
    quantity: int | None = None
    current_period_start: int | None = None
    current_period_end: int | None = None
    metadata: dict[str, Any] | None = None


class ItemList(msgspec.Struct, gc=False):
    data: list[Item] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET


class Plan(msgspec.Struct, gc=False):
    """What a price was called before 2020; very old subscriptions have one and no items."""

    id: str | None | UnsetType = UNSET
    product: Reference | str | None | UnsetType = UNSET
    nickname: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_decimal: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET
    usage_type: str | None | UnsetType = UNSET
    billing_scheme: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET


_ONCE = Recurring()
_decode_plan = msgspec.json.Decoder(Plan | None).decode


def items_of(
    listed: ItemList | None | UnsetType,
    plan: Plan | None | UnsetType,
    quantity: int | None | UnsetType,
    start_s: int | None,
    end_s: int | None,
) -> list[dict[str, Any]]:
    """A subscription's items as facts hold them: plain JSON, in Stripe's order.

    `plan` and `quantity` are the subscription's own and count only where it has no list. `start_s` and `end_s` are
    its period, which is that of every item that has none of its own (up to acacia). Raises Missing for items and a
    plan that are not there, and for an item that lacks its id or its price.
    """
    if not listed:
        return [_item(None, _price_of(plan or None, "items"), _or_null(quantity), start_s, end_s, None)]
    return [
        _item(
            item.id or need(None, "items.data.id"),
            item.price or _price_of(_decode_plan(item.plan) if item.plan else None, "items.data.price"),
            item.quantity,
            item.current_period_start or start_s,
            item.current_period_end or end_s,
            item.metadata,
        )
        for item in need(listed.data, "items.data")
    ]


def _item(
    item_id: str | None, price: Price, quantity: int | None, start_s: int | None, end_s: int | None, metadata: Any
) -> dict[str, Any]:
    recurring = price.recurring or _ONCE
    product = price.product
    return {
        "id": item_id,
        "price": price.id or need(None, "items.data.price.id"),
        "product": product if product is None or isinstance(product, str) else product.id,
        "lookup_key": price.lookup_key,
        "nickname": price.nickname,
        "quantity": quantity,
        "unit_amount_minor": price.unit_amount,
        "unit_amount_decimal": price.unit_amount_decimal,
        "currency": price.currency,
        "interval": recurring.interval,
        "interval_count": recurring.interval_count,
        "usage_type": recurring.usage_type,
        "billing_scheme": price.billing_scheme,
        "current_period_start_s": start_s,
        "current_period_end_s": end_s,
        "metadata": plain(metadata),
        "price_metadata": price.metadata or {},
    }


def _price_of(plan: Plan | None, lacking: str) -> Price:
    """A plan as the price that it became. Raises Missing(lacking) when there is none."""
    if plan is None:
        raise Missing(lacking)
    return Price(
        id=plan.id or None,
        product=plan.product or None,
        nickname=plan.nickname or None,
        unit_amount=_or_null(plan.amount),
        unit_amount_decimal=plan.amount_decimal or None,
        currency=plan.currency or None,
        recurring=Recurring(plan.interval or None, plan.interval_count or None, plan.usage_type or None),
        billing_scheme=plan.billing_scheme or None,
        metadata=plan.metadata or None,
    )


def _or_null(value: int | None | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else value
