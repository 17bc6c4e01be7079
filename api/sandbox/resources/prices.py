"""Prices: https://docs.stripe.com/api/prices. What a quantity of one comes to is `pricing`'s matter."""

from decimal import Decimal
from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources.price_terms import currency_options, recurring, terms
from api.sandbox.routes import Route
from api.sandbox.state import Object

_CURRENCY_LENGTH = 3


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A price of a product, or of one that is described with it."""
    return new_price(desk, params)


def new_price(
    desk: Desk, params: dict[str, Any], prefix: str = "", id: str | None = None, *, quiet: bool = False
) -> Object:
    """Keep a price. `prefix` names the parameter that holds the others; `quiet`: no event. Raises StripeError."""
    product = _product(desk, params, prefix)
    period = recurring(params.get("recurring"), desk.version)
    if period is not None and period["meter"] is not None:
        desk.get("billing.meter", period["meter"], "recurring[meter]")
    tiered = params.get("billing_scheme") == "tiered" or bool(params.get("tiers"))
    price: Object = {
        "id": id or desk.new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "tiered" if tiered else "per_unit",
        "created": desk.now_s,
        "currency": _currency(params["currency"], prefix),
        "custom_unit_amount": None,
        "livemode": desk.livemode,
        "lookup_key": None,
        "metadata": metadata(None, params.get("metadata") or {}),
        "nickname": params.get("nickname"),
        "product": product["id"],
        "recurring": period,
        "tax_behavior": params.get("tax_behavior") or "unspecified",
        "tiers_mode": _tiers_mode(params, tiered),
        "transform_quantity": params.get("transform_quantity"),
        "type": "one_time" if period is None else "recurring",
        **terms(params, prefix),
    }
    if price["unit_amount_decimal"] is not None and Decimal(price["unit_amount_decimal"]) < 0 and not quiet:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    price["_currency_options"] = currency_options(params, price)
    if params.get("lookup_key") is not None:
        _take_key(desk, price, params)
    desk.add("price", price)
    if quiet:
        return price
    if period is not None:
        desk.emit("plan.created", as_plan(price))
    desk.emit("price.created", price)
    return price


def described(desk: Desk, said: dict[str, Any], param: str) -> Object:
    """The inactive price that stands behind `price_data`: https://docs.stripe.com/products-prices/manage-prices#inline-pricing."""
    return new_price(desk, {**said, "active": False}, param)


def _product(desk: Desk, params: dict[str, Any], prefix: str) -> Object:
    named = f"{prefix}[product]" if prefix else "product"
    data = params.get("product_data")
    if (params.get("product") is None) == (data is None):
        raise invalid("You must specify either `product` or `product_data` when creating a price.", named)
    if data is not None:
        from api.sandbox.resources.products import new_product  # which makes its default price here

        return new_product(desk, data)
    return desk.get("product", params["product"], named)


def _currency(said: str, prefix: str) -> str:
    currency = said.lower()
    if len(currency) != _CURRENCY_LENGTH or not currency.isalpha():
        raise invalid(f"Invalid currency: {said}", f"{prefix}[currency]" if prefix else "currency")
    return currency


def _tiers_mode(params: dict[str, Any], tiered: bool) -> str | None:
    mode = params.get("tiers_mode")
    if tiered is not (mode is not None):
        raise invalid("`tiers_mode` goes with `billing_scheme=tiered`, and is needed there.", "tiers_mode")
    return mode


def _take_key(desk: Desk, price: Object, params: dict[str, Any]) -> None:
    """Give a lookup key to a price: one price has it at a time."""
    key = params["lookup_key"]
    for other in desk.find("price", lookup_key=key):
        if other["id"] == price["id"]:
            continue
        if not params.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key")
        desk.change(other, {"lookup_key": None}, "price.updated")
    price["lookup_key"] = key


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its name, metadata, lookup key, tax behavior (once) and currencies; amounts never change."""
    price = desk.get("price", id)
    changes: Object = {name: params[name] for name in ("active", "nickname") if name in params}
    if "tax_behavior" in params:
        if price["tax_behavior"] not in ("unspecified", params["tax_behavior"]):
            raise invalid("You cannot change `tax_behavior` once it has been set.", "tax_behavior")
        changes["tax_behavior"] = params["tax_behavior"]
    if "metadata" in params:
        changes["metadata"] = metadata(price["metadata"], params["metadata"])
    if "currency_options" in params:
        changes["_currency_options"] = currency_options(params, price)
    if "lookup_key" in params:
        taken = dict(price)
        if params["lookup_key"] is not None:
            _take_key(desk, taken, params)
        changes["lookup_key"] = params["lookup_key"] and taken["lookup_key"]
    desk.change(price, changes, "price.updated")
    return price


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The price."""
    return desk.get("price", id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Prices, newest first."""
    keys, period = params.get("lookup_keys"), params.get("recurring") or {}

    def asked(price: Object) -> bool:
        if keys is not None and price["lookup_key"] not in keys:
            return False
        return all((price["recurring"] or {}).get(name) == value for name, value in period.items())

    where = {n: params[n] for n in ("active", "currency", "product", "type") if params.get(n) is not None}
    return page(params, desk.scan("price", asked, **where), "/v1/prices")


def present(desk: Desk, price: Object) -> Object:
    """Tiers and further currencies are shown when they are asked for."""
    includable: Object = {}
    if "_tiers" in price:
        includable["tiers"] = price["_tiers"]
    if price.get("_currency_options"):
        includable["currency_options"] = price["_currency_options"]
    return {**price, "_includable": includable}


def as_plan(price: Object) -> Object:
    """A recurring price as a plan: https://docs.stripe.com/api/plans/object."""
    period = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": period["interval"],
        "interval_count": period["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": period["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": period["trial_period_days"],
        "usage_type": period["usage_type"],
        "_includable": {"tiers": price["_tiers"]} if "_tiers" in price else {},
    }


ROUTES = (
    Route("POST", "/v1/prices", sdk.PriceCreateParams, create),
    Route("GET", "/v1/prices", sdk.PriceListParams, listed),
    Route("GET", "/v1/prices/{price}", None, retrieve),
    Route("POST", "/v1/prices/{price}", sdk.PriceUpdateParams, update),
)
PRESENTERS = {"price": present}
PREFIXES = {"price": "price"}
