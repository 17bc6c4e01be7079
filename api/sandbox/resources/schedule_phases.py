"""Phases of a subscription schedule: what was asked, and what the subscription becomes when one begins.

https://docs.stripe.com/billing/subscriptions/subscription-schedules. Refuses to know the schedule's own life.
"""

from collections.abc import Sequence
from typing import Any

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.periods import turn
from api.sandbox.resources.subscription_items import price_of, rates
from api.sandbox.resources.subscription_standing import items_of
from api.sandbox.rounding import plain
from api.sandbox.state import Object
from api.sandbox.times import add_interval

_REFUSED = ("add_invoice_items", "automatic_tax", "billing_thresholds", "transfer_data", "on_behalf_of")


def phases(desk: Desk, said: Sequence[dict[str, Any]], start_s: int) -> list[Object]:
    """Phases as they are kept, one after the other. Raises StripeError."""
    found: list[Object] = []
    at_s = start_s
    for i, one in enumerate(said):
        for name in _REFUSED:
            if one.get(name):
                raise invalid(f"The sandbox does not do `{name}` of phases.", f"phases[{i}][{name}]")
        begins = one.get("start_date")
        begins_s = desk.now_s if begins == "now" else at_s if begins is None else int(begins)
        if begins_s != at_s and found:
            raise invalid("A phase begins where the one before it ends.", f"phases[{i}][start_date]")
        phase = _phase(desk, one, begins_s, f"phases[{i}]")
        if phase["end_date"] <= begins_s:
            raise invalid("A phase ends after it begins.", f"phases[{i}][end_date]")
        found.append(phase)
        at_s = phase["end_date"]
    if not found:
        raise invalid("A schedule has at least one phase.", "phases")
    return found


def _phase(desk: Desk, said: dict[str, Any], start_s: int, param: str) -> Object:
    items = []
    prices = []
    for i, one in enumerate(said["items"]):
        price = price_of(desk, one, f"{param}[items][{i}]", desk.version)
        prices.append(price)
        items.append(_item(desk, one, price))
    trial_s = said.get("trial_end")
    end_s = _end(desk, said, prices[0], start_s, param)
    percent = said.get("application_fee_percent")
    return {
        "add_invoice_items": [],
        "application_fee_percent": None if percent is None else float(percent),
        "billing_cycle_anchor": said.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": said.get("collection_method"),
        "currency": said.get("currency") or prices[0]["currency"],
        "default_payment_method": said.get("default_payment_method"),
        "default_tax_rates": rates(desk, said.get("default_tax_rates")),
        "description": said.get("description"),
        "discounts": _discounts(said),
        "end_date": end_s,
        "invoice_settings": None,
        "items": items,
        "metadata": metadata(None, said.get("metadata") or {}),
        "on_behalf_of": None,
        "proration_behavior": said.get("proration_behavior") or "create_prorations",
        "start_date": start_s,
        "transfer_data": None,
        "trial_end": end_s if said.get("trial") else trial_s,
        "_fee_percent": None if percent is None else plain(percent),
    }


def _discounts(said: dict[str, Any]) -> list[Object]:
    """`discounts` of a phase name what is redeemed when it begins."""
    named = said.get("discounts") or ([{"coupon": said["coupon"]}] if said.get("coupon") else [])
    shown = []
    for one in named:
        kept = {name: one.get(name) for name in ("coupon", "discount", "promotion_code")}
        shown.append(kept)
    return shown


def _item(desk: Desk, said: dict[str, Any], price: Object) -> Object:
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata(None, said.get("metadata") or {}),
        "plan": price["id"],
        "price": price["id"],
        **({} if metered else {"quantity": said.get("quantity", 1)}),
        "tax_rates": rates(desk, said.get("tax_rates")),
    }


def _end(desk: Desk, said: dict[str, Any], price: Object, start_s: int, param: str) -> int:
    duration, times, end = said.get("duration"), said.get("iterations"), said.get("end_date")
    if sum(one is not None for one in (duration, times, end)) > 1:
        raise invalid("Name only one of `end_date`, `duration` and `iterations`.", f"{param}[end_date]")
    if end is not None:
        return desk.now_s if end == "now" else int(end)
    if duration is not None:
        return add_interval(start_s, duration["interval"], duration.get("interval_count", 1))
    return turn(start_s, price["recurring"], times or 1)


def as_it_is(desk: Desk, subscription: Object) -> Object:
    """The phase that a subscription is in when a schedule is made from it."""
    items = items_of(desk, subscription)
    return {
        "add_invoice_items": [],
        "application_fee_percent": subscription["application_fee_percent"],
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "default_payment_method": subscription["default_payment_method"],
        "default_tax_rates": list(subscription["default_tax_rates"]),
        "description": subscription["description"],
        "discounts": [
            {"coupon": None, "discount": discount, "promotion_code": None} for discount in subscription["discounts"]
        ],
        "end_date": min(item["current_period_end"] for item in items),
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": dict(item["metadata"]),
                "plan": item["_price"],
                "price": item["_price"],
                **({"quantity": item["quantity"]} if "quantity" in item else {}),
                "tax_rates": list(item["tax_rates"]),
            }
            for item in items
        ],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": min(item["current_period_start"] for item in items),
        "transfer_data": None,
        "trial_end": subscription["trial_end"],
        "_fee_percent": subscription["_fee_percent"],
    }


def wanted(phase: Object, items: Sequence[Object]) -> list[dict[str, Any]]:
    """What to say to a subscription's items so that they are those of a phase: the same price keeps its item."""
    by_price = {item["_price"]: item for item in items}
    said: list[dict[str, Any]] = []
    gone = [item for item in items if item["_price"] not in [one["price"] for one in phase["items"]]]
    for one in phase["items"]:
        terms = {name: one[name] for name in ("quantity", "tax_rates") if name in one}
        held = by_price.get(one["price"])
        if held is None and gone:
            held = gone.pop(0)
            terms["price"] = one["price"]
        if held is None:
            terms["price"] = one["price"]
        said.append({**terms, **({} if held is None else {"id": held["id"]})})
    return [*said, *({"id": item["id"], "deleted": True} for item in gone)]


def redeemed(desk: Desk, phase: Object, subscription: Object) -> list[str]:
    """The discounts of a phase, for its subscription."""
    named = [{name: value for name, value in one.items() if value is not None} for one in phase["discounts"]]
    return redeem(desk, named, Bearer(subscription["customer"], subscription["id"]))
