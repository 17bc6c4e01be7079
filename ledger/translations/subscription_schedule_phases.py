"""The phases of a subscription schedule: what will be bought from when to when, in any API version.

Knows plans (up to 2020-03-02) and items (since), coupons and discounts, and how proration was said before it had a
word. Refuses to know the rest of the schedule.
"""

from typing import Any

import msgspec

from ledger.translations.base import Reference, need, plain

# Phases come in a list, which `previous_attributes` hold whole: they are never laid over each other, so what is not
# there defaults to null, and a fact's phase is plain JSON, in which null is all that can be said.


class Discount(msgspec.Struct, gc=False):
    coupon: Reference | str | None = None
    discount: Reference | str | None = None
    promotion_code: Reference | str | None = None


class Item(msgspec.Struct, gc=False):
    """What a phase sells; also what it invoices once, when it starts."""

    price: Reference | str | None = None
    plan: Reference | str | None = None
    quantity: int | None = None
    discounts: list[Discount] | None = None
    metadata: dict[str, Any] | None = None


class Phase(msgspec.Struct, gc=False):
    start_date: int | None = None
    end_date: int | None = None
    trial_end: int | None = None
    trial: bool | None = None
    items: list[Item] | None = None
    plans: list[Item] | None = None
    add_invoice_items: list[Item] | None = None
    coupon: Reference | str | None = None
    discounts: list[Discount] | None = None
    proration_behavior: str | None = None
    prorate: bool | None = None
    billing_cycle_anchor: str | None = None
    collection_method: str | None = None
    billing: str | None = None
    currency: str | None = None
    default_payment_method: Reference | str | None = None
    metadata: dict[str, Any] | None = None


def phases_of(listed: list[Phase]) -> list[dict[str, Any]]:
    """A schedule's phases as facts hold them: plain JSON, in Stripe's order.

    Raises Missing for a phase without a start or items, and for an item without a price.
    """
    return [_phase(phase) for phase in listed]


def prices_of(phases: list[dict[str, Any]]) -> tuple[str, ...]:
    """Every price of every phase once, those invoiced once included."""
    return tuple(sorted({item["price"] for p in phases for item in (*p["items"], *p["invoiced_once"])}))


def _phase(phase: Phase) -> dict[str, Any]:
    sold = phase.plans if phase.items is None else phase.items
    return {
        "start_s": need(phase.start_date, "phases.start_date"),
        "end_s": phase.end_date,
        "trial_end_s": phase.end_date if phase.trial and phase.trial_end is None else phase.trial_end,
        "items": [_item(item) for item in need(sold, "phases.items")],
        "invoiced_once": [_item(item) for item in phase.add_invoice_items or ()],
        "discounts": _discounts(phase.discounts, phase.coupon),
        "proration_behavior": phase.proration_behavior or _PRORATED[phase.prorate],
        "billing_cycle_anchor": phase.billing_cycle_anchor,
        "collection_method": phase.collection_method or phase.billing,
        "currency": phase.currency,
        "default_payment_method": _id(phase.default_payment_method),
        "metadata": plain(phase.metadata),
    }


#: What `prorate` was called since: https://docs.stripe.com/changelog/2020-08-27
_PRORATED = {True: "create_prorations", False: "none", None: None}


def _item(item: Item) -> dict[str, Any]:
    return {
        "price": need(_id(item.price) or _id(item.plan), "phases.items.price"),
        "quantity": item.quantity,
        "discounts": _discounts(item.discounts, None),
        "metadata": plain(item.metadata),
    }


def _discounts(listed: list[Discount] | None, coupon: Reference | str | None) -> list[dict[str, str | None]]:
    """Every discount once; up to acacia a phase's only coupon stood beside the list as well."""
    found = [
        {"coupon": _id(d.coupon), "discount": _id(d.discount), "promotion_code": _id(d.promotion_code)}
        for d in listed or ()
    ]
    single = _id(coupon)
    if single is not None and not any(d["coupon"] == single for d in found):
        found.insert(0, {"coupon": single, "discount": None, "promotion_code": None})
    return found


def _id(reference: Reference | str | None) -> str | None:
    if reference is None or isinstance(reference, str):
        return reference
    return reference.id or None
