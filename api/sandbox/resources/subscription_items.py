"""Items of a subscription: a price, so many of it, and its present period: https://docs.stripe.com/api/subscription_items.

Knows what may be an item. What adding, changing and taking away costs is `subscription_changes`' matter.
"""

from collections.abc import Sequence
from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.prices import as_plan, described
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "subscription_item"
_MOST = 20


def price_of(desk: Desk, said: dict[str, Any], param: str, version: str) -> Object:
    """The recurring price that an item names or describes. Raises StripeError."""
    name = "plan" if said.get("plan") is not None else "price"
    id: str | None = said.get("price") or said.get("plan")
    data: Any = said.get("price_data")
    if (id is None) == (data is None):
        raise invalid(f"Missing required param: {param}[price].", f"{param}[price]", "parameter_missing")
    price = described(desk, data, f"{param}[price_data]") if id is None else desk.get("price", id, f"{param}[{name}]")
    if price["type"] != "recurring":
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            f"{param}[{name}]",
        )
    if not price["active"] and data is None:
        raise invalid(
            f"The price specified is inactive. This field only accepts active prices: {price['id']}",
            f"{param}[{name}]",
        )
    return price


def new_item(desk: Desk, subscription: Object, price: Object, said: dict[str, Any]) -> Object:
    """Keep an item; its period is set by who bills it."""
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and said.get("quantity") is not None:
        raise invalid("You cannot set the quantity of a metered price.", "items[0][quantity]")
    quantity = None if metered else _quantity(said.get("quantity", 1))
    id = desk.new_id("si", 14)
    bearer = Bearer(subscription["customer"], subscription_item=id)
    return desk.add(
        KIND,
        {
            "id": id,
            "object": KIND,
            "billing_thresholds": None,
            "created": desk.now_s,
            "current_period_end": desk.now_s,
            "current_period_start": desk.now_s,
            "current_trial": None,
            "discounts": redeem(desk, said.get("discounts") or [], bearer),
            "metadata": metadata(None, said.get("metadata") or {}),
            **({} if quantity is None else {"quantity": quantity}),
            "subscription": subscription["id"],
            "tax_rates": rates(desk, said.get("tax_rates")),
            "_price": price["id"],
        },
    )


def _quantity(said: int) -> int:
    if said < 0:
        raise invalid("Invalid non-negative integer", "items[0][quantity]", "parameter_invalid_integer")
    return said


def change(desk: Desk, item: Object, said: dict[str, Any]) -> None:
    """What is said of an item that is there, but its price."""
    if "quantity" in said:
        item["quantity"] = _quantity(said["quantity"])
    if "metadata" in said:
        item["metadata"] = metadata(item["metadata"], said["metadata"])
    if "tax_rates" in said:
        item["tax_rates"] = rates(desk, said["tax_rates"])
    if "discounts" in said:
        bearer = Bearer(None, subscription_item=item["id"])
        item["discounts"] = redeem(desk, said["discounts"] or [], bearer)


def rates(desk: Desk, said: Sequence[str] | None) -> list[str]:
    """Tax rates that there are. Raises StripeError for others."""
    return [str(desk.get("tax_rate", id, f"tax_rates[{i}]")["id"]) for i, id in enumerate(said or ())]


def checked(prices: Sequence[Object], currency: str, *, flexible: bool) -> None:
    """Refuse items that cannot be billed together: https://docs.stripe.com/billing/subscriptions/mixed-interval."""
    if len(prices) > _MOST:
        raise invalid(f"A subscription has at most {_MOST} items.", "items")
    for price in prices:
        if currency != price["currency"] and currency not in (price.get("_currency_options") or {}):
            raise invalid(
                f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency:"
                f" `{currency}`.",
                "items[0][price]",
            )
    ids = [price["id"] for price in prices]
    if len(set(ids)) < len(ids):
        raise invalid("Cannot add multiple subscription items with the same plan", "items")
    periods = {(p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}
    if len(periods) > 1 and not flexible:
        raise invalid(
            "Currently, all items of a subscription must have the same billing interval (month, year), unless its"
            " billing mode is flexible.",
            "items",
        )


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """Add an item, prorated."""
    from api.sandbox.resources.subscription_changes import change_items  # which adds items through this module

    terms = {name: params.pop(name) for name in _TERMS if name in params}
    subscription = desk.get("subscription", params.pop("subscription"), "subscription")
    return change_items(desk, subscription, [params], terms)[-1]


_TERMS = ("payment_behavior", "proration_behavior", "proration_date", "off_session")


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change an item's price, quantity or metadata, prorated."""
    from api.sandbox.resources.subscription_changes import change_items

    terms = {name: params.pop(name) for name in _TERMS if name in params}
    item = desk.get(KIND, id)
    change_items(desk, desk.get("subscription", item["subscription"]), [{**params, "id": id}], terms)
    return item


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take an item away, prorated; the last one cannot be."""
    from api.sandbox.resources.subscription_changes import change_items

    terms = {name: params.pop(name) for name in _TERMS if name in params}
    item = desk.get(KIND, id)
    change_items(desk, desk.get("subscription", item["subscription"]), [{"id": id, "deleted": True, **params}], terms)
    return item


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The item."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Items of a subscription."""
    subscription = desk.get("subscription", params["subscription"], "subscription")
    return page(params, desk.scan(KIND, subscription=subscription["id"]), "/v1/subscription_items")


def present(desk: Desk, item: Object) -> Object:
    """With its price, and the same as a plan; with its tax rates."""
    from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

    price = desk.get("price", item["_price"])
    rates = [presented(desk, desk.get("tax_rate", id)) for id in item["tax_rates"]]
    return {**item, "plan": as_plan(price), "price": presented(desk, price), "tax_rates": rates}


ROUTES = (
    Route("POST", "/v1/subscription_items", sdk.SubscriptionItemCreateParams, create),
    Route("GET", "/v1/subscription_items", sdk.SubscriptionItemListParams, listed),
    Route("GET", "/v1/subscription_items/{item}", None, retrieve),
    Route("POST", "/v1/subscription_items/{item}", sdk.SubscriptionItemUpdateParams, update),
    Route("DELETE", "/v1/subscription_items/{item}", sdk.SubscriptionItemDeleteParams, delete),
)
PRESENTERS = {KIND: present}
PREFIXES = {"si": KIND}
