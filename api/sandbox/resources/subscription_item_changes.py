"""Which items a change adds, alters and takes away, and whether it begins a new period.

https://docs.stripe.com/api/subscriptions/update. What it costs says `subscription_changes`.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources.periods import around
from api.sandbox.resources.subscription_items import change, checked, new_item, price_of
from api.sandbox.resources.subscription_standing import items_of
from api.sandbox.state import Object


def apply(desk: Desk, subscription: Object, said: list[dict[str, Any]]) -> None:
    """Do to a subscription's items what is said of them. Raises StripeError."""
    for i, one in enumerate(said):
        param = f"items[{i}]"
        named = any(one.get(name) is not None for name in ("price", "plan", "price_data"))
        price = price_of(desk, one, param, desk.version) if named and not one.get("deleted") else None
        if one.get("id") is None:
            if price is None:
                raise invalid(f"Missing required param: {param}[price].", f"{param}[price]", "parameter_missing")
            item = new_item(desk, subscription, price, one)
            start_s, end_s = around(subscription["billing_cycle_anchor"], price["recurring"], desk.now_s)
            if subscription["status"] == "trialing":
                end_s = subscription["trial_end"]
            item |= {"current_period_start": start_s, "current_period_end": end_s}
            continue
        item = desk.get("subscription_item", one["id"], f"{param}[id]")
        if item["subscription"] != subscription["id"]:
            raise invalid(f"No such subscription item: '{one['id']}'", f"{param}[id]", "resource_missing")
        if one.get("deleted"):
            item["deleted"] = True
            continue
        if price is not None:
            item["_price"] = price["id"]
        change(desk, item, one)
    prices = [desk.get("price", item["_price"]) for item in items_of(desk, subscription)]
    if not prices:
        raise invalid("A subscription must have at least one active plan.", "items")
    checked(prices, subscription["currency"], flexible=subscription["billing_mode"]["type"] == "flexible")


def begins_anew(
    desk: Desk, subscription: Object, said: list[dict[str, Any]], *, anchor_now: bool, trial_end: int | str | None
) -> bool:
    """Whether the change begins a new period now."""
    trial = subscription["status"] == "trialing" and trial_end == "now"
    if anchor_now and subscription["status"] != "trialing":
        return True
    if trial or (isinstance(trial_end, int) and trial_end > desk.now_s):
        return True
    if subscription["status"] == "trialing":
        return False
    return any(_other_interval(desk, one) for one in said if one.get("id") is not None)


def _other_interval(desk: Desk, said: dict[str, Any]) -> bool:
    item = desk.get("subscription_item", said["id"], "items[0][id]")
    id = said.get("price") or said.get("plan")
    period = said["price_data"]["recurring"] if said.get("price_data") else None
    if id is not None:
        period = desk.get("price", id, "items[0][price]")["recurring"]
    if not period or said.get("deleted"):
        return False
    was = desk.get("price", item["_price"])["recurring"]
    return (period["interval"], period.get("interval_count", 1)) != (was["interval"], was["interval_count"])
