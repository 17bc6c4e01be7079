"""What an invoice item bills: an amount, a price, or one that is described; and the quiet price behind a plain amount.

https://docs.stripe.com/api/invoiceitems/create. Refuses to know invoices.
"""

from decimal import Decimal
from typing import Any

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.prices import described, new_price
from api.sandbox.resources.pricing import in_currency
from api.sandbox.rounding import half_up, plain
from api.sandbox.state import Object


def asked(desk: Desk, customer: Object, params: dict[str, Any]) -> Object:
    """What an item bills: an amount, a price, or one that is described: its fields."""
    quantity = params.get("quantity", 1)
    id = (params.get("pricing") or {}).get("price") or params.get("price")
    data: Any = params.get("price_data")
    exact = params.get("unit_amount_decimal", params.get("unit_amount"))
    if id is None and data is None:
        currency = str(params.get("currency") or customer["currency"] or "usd").lower()
        if exact is None and params.get("amount") is None:
            raise invalid(
                "One of `amount`, `pricing[price]` or `price_data` is required.", "amount", "parameter_missing"
            )
        unit = Decimal(params["amount"] if exact is None else exact)
        price = _behind(desk, params.get("description"), unit, currency, params.get("tax_behavior"))
    else:
        price = described(desk, data, "price_data") if id is None else desk.get("price", id, "pricing[price]")
        if price["type"] != "one_time":
            raise invalid(
                f"The price specified is set to `type={price['type']}` but this field only accepts prices with"
                " `type=one_time`.",
                "pricing[price]" if id else "price_data",
            )
        currency = str(params.get("currency") or price["currency"]).lower()
        unit = Decimal(in_currency(price, currency)["unit_amount_decimal"])
    name = params.get("description") or desk.get("product", price["product"])["name"]
    return {
        "amount": half_up(unit * quantity),
        "currency": currency,
        "description": params.get("description") if id is None and data is None else name,
        "discountable": params.get("discountable", unit >= 0),
        "metadata": metadata(None, params.get("metadata") or {}),
        "period": params.get("period") or {"end": desk.now_s, "start": desk.now_s},
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": plain(unit),
        },
        "quantity": quantity,
        "tax_rates": params.get("tax_rates") or [],
        "discounts": redeem(desk, params.get("discounts") or [], Bearer(customer["id"])),
    }


def _behind(desk: Desk, name: str | None, unit: Decimal, currency: str, behavior: str | None) -> Object:
    """The inactive price that stands behind a plain amount; the same for the same name and amount."""
    key = f"{name}/{unit}/{currency}/{behavior}"
    held = next(desk.scan("price", _behind=key), None)
    if held is not None:
        return held
    return quiet(desk, name or "Invoice item", unit, currency, behavior, key)


def quiet(desk: Desk, name: str, unit: Decimal, currency: str, behavior: str | None, key: str) -> Object:
    """A price and its product that nobody made by hand: no event tells of them."""
    product = desk.add(
        "product",
        {
            "id": desk.new_id("prod", 14),
            "object": "product",
            "active": False,
            "created": desk.now_s,
            "default_price": None,
            **dict.fromkeys(("description", "package_dimensions", "shippable", "statement_descriptor", "unit_label")),
            "images": [],
            "livemode": desk.livemode,
            "marketing_features": [],
            "metadata": {},
            "name": name,
            "tax_code": None,
            "tax_details": None,
            "type": "service",
            "updated": desk.now_s,
            "url": None,
        },
    )
    asked = {"product": product["id"], "currency": currency, "tax_behavior": behavior, "active": False}
    price = new_price(desk, {**asked, "unit_amount_decimal": unit}, quiet=True)
    price["_behind"] = key
    return price
