"""What a checkout session or a payment link sells, and what that comes to: https://docs.stripe.com/api/checkout/sessions/line_items."""

from collections.abc import Sequence
from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import prices
from api.sandbox.resources.discounting import Discountable, off
from api.sandbox.resources.pricing import amount_of, in_currency
from api.sandbox.resources.taxing import Buyer, Taxable, exclusive_part, inclusive_part, taxes
from api.sandbox.state import Object


def asked_items(desk: Desk, said: Sequence[dict[str, Any]] | None, mode: str, currency: str | None) -> list[Object]:
    """The items that were asked for, each with its price. Raises StripeError when mode and prices do not fit."""
    if not said:
        raise invalid("You must pass line_items in payment and subscription mode.", "line_items", "parameter_missing")
    items = [_item(desk, one, f"line_items[{i}]") for i, one in enumerate(said)]
    sold = [desk.get("price", item["price"]) for item in items]
    recurring = [price["recurring"] is not None for price in sold]
    if mode == "payment" and any(recurring):
        raise invalid("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode"
                      " or use only one-time prices.", "line_items")  # fmt: skip
    if mode == "subscription" and not any(recurring):
        raise invalid("You must provide at least one recurring price in `subscription` mode when using prices.",
                      "line_items")  # fmt: skip
    chosen = currency or sold[0]["currency"]
    for price in sold:
        if chosen != price["currency"] and chosen not in (price.get("_currency_options") or {}):
            raise invalid(
                f"The price {price['id']} cannot be used in {chosen}: all prices of a session share one currency.",
                "line_items",
            )
    return [{**item, "id": desk.new_id("li"), "currency": chosen} for item in items]


def _item(desk: Desk, said: dict[str, Any], name: str) -> Object:
    if (said.get("price") is None) == (said.get("price_data") is None):
        raise invalid("You must pass either `price` or `price_data`.", f"{name}[price]", "parameter_missing")
    if said.get("price") is not None:
        price = desk.get("price", said["price"], f"{name}[price]")
        if not price["active"]:
            raise invalid(f"The price specified is inactive: {price['id']}", f"{name}[price]", "price_inactive")
    else:
        price = prices.described(desk, said["price_data"], f"{name}[price_data]")
    metered = (price["recurring"] or {}).get("usage_type") == "metered"
    if metered and said.get("quantity") is not None:
        raise invalid("You cannot pass a quantity for a metered price.", f"{name}[quantity]")
    if not metered and said.get("quantity") is None:
        raise invalid("Quantity is required.", f"{name}[quantity]", "parameter_missing")
    return {
        "price": price["id"],
        "quantity": None if metered else said["quantity"],
        "tax_rates": said.get("tax_rates") or [],
        "metered": metered,
    }


def totaled(
    desk: Desk, items: Sequence[Object], discounts: Sequence[str], buyer: Buyer, *, automatic: bool, trial: bool
) -> tuple[list[Object], Object]:
    """The lines as they are shown, and the amounts of the whole. In a trial what recurs costs nothing yet."""
    currency = str(items[0]["currency"])
    sold = [desk.get("price", item["price"]) for item in items]
    due = [
        0 if item["metered"] or (trial and price["recurring"]) else amount_of(price, item["quantity"], currency)
        for item, price in zip(items, sold, strict=True)
    ]
    asked = [Discountable(amount, price["product"]) for amount, price in zip(due, sold, strict=True)]
    taken = [sum(part["amount"] for part in parts) for parts in off(desk, asked, discounts, currency)]
    taxable = [
        Taxable(amount - less, tuple(item["tax_rates"]), in_currency(price, currency).get("tax_behavior"))
        for item, price, amount, less in zip(items, sold, due, taken, strict=True)
    ]
    found = taxes(desk, taxable, buyer, automatic=automatic)
    lines = [
        {
            "id": item["id"],
            "object": "item",
            "amount_discount": less,
            "amount_subtotal": amount,
            "amount_tax": exclusive_part(tax) + inclusive_part(tax),
            "amount_total": amount - less + exclusive_part(tax),
            "currency": currency,
            "description": desk.get("product", price["product"])["name"],
            "metadata": {},
            "price": price["id"],
            "quantity": item["quantity"],
        }
        for item, price, amount, less, tax in zip(items, sold, due, taken, found, strict=True)
    ]
    whole = {
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
        "amount_total": sum(line["amount_total"] for line in lines),
        "total_details": {
            "amount_discount": sum(line["amount_discount"] for line in lines),
            "amount_shipping": 0,
            "amount_tax": sum(line["amount_tax"] for line in lines),
        },
    }
    return lines, whole


def present(desk: Desk, line: Object) -> Object:
    """With its price whole."""
    from api.sandbox.presenting import present as shown  # which knows all presenters, this one included

    return {**line, "price": shown(desk, desk.get("price", line["price"]))}


PRESENTERS = {"item": present}
