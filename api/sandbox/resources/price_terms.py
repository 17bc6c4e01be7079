"""The terms of a price as it is asked for: unit amounts, tiers, currencies. Refuses what contradicts itself.

https://docs.stripe.com/api/prices/create.
"""

from decimal import Decimal
from typing import Any

from api.sandbox.errors import invalid
from api.sandbox.rounding import plain
from api.sandbox.state import Object

_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""Three years: https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count."""
_DECIMAL_PLACES = 12


def unit(params: dict[str, Any], name: str = "unit_amount") -> tuple[int | None, str | None]:
    """A unit amount as Stripe shows it: the integer if it is one, and the decimal; both None when none was given."""
    whole, exact = params.get(name), params.get(f"{name}_decimal")
    if whole is not None and exact is not None:
        raise invalid(f"You may only specify one of these parameters: {name}, {name}_decimal.", name)
    if whole is not None:
        return whole, str(whole)
    if exact is None:
        return None, None
    exact = Decimal(exact)
    if -int(exact.normalize().as_tuple().exponent) > _DECIMAL_PLACES:
        raise invalid(f"Invalid decimal: at most {_DECIMAL_PLACES} places", f"{name}_decimal")
    return (int(exact) if exact == exact.to_integral_value() else None), plain(exact)


def terms(params: dict[str, Any], prefix: str = "") -> Object:
    """What one costs: exactly one of a unit amount, a custom one, or tiers."""
    named = f"{prefix}[{{}}]" if prefix else "{}"
    whole, exact = unit(params)
    custom = params.get("custom_unit_amount")
    if params.get("billing_scheme") == "tiered" or params.get("tiers"):
        if exact is not None or custom:
            raise invalid("You cannot specify `unit_amount` with `tiers`.", named.format("unit_amount"))
        return {"unit_amount": None, "unit_amount_decimal": None, "_tiers": _tiers(params, named.format("tiers"))}
    if custom and custom.get("enabled"):
        shown = {name: custom.get(name) for name in ("maximum", "minimum", "preset")}
        return {"unit_amount": None, "unit_amount_decimal": None, "custom_unit_amount": shown}
    if exact is None:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            named.format("unit_amount"),
            "parameter_missing",
        )
    return {"unit_amount": whole, "unit_amount_decimal": exact}


def _tiers(params: dict[str, Any], name: str) -> list[Object]:
    said = params.get("tiers")
    if not said or said[-1]["up_to"] != "inf":
        raise invalid("The last tier must have `up_to` set to `inf`.", name)
    tiers, below = [], 0
    for i, tier in enumerate(said):
        top = None if tier["up_to"] == "inf" else tier["up_to"]
        if (top is None) != (i == len(said) - 1) or (top is not None and top <= below):
            raise invalid("Tiers must be sorted, ascending by `up_to`.", f"{name}[{i}][up_to]")
        below = top or below
        each, each_exact = unit(tier)
        flat, flat_exact = unit(tier, "flat_amount")
        if each_exact is None and flat_exact is None:
            raise invalid("A tier needs a `unit_amount` or a `flat_amount`.", f"{name}[{i}]")
        tiers.append(
            {
                "flat_amount": flat,
                "flat_amount_decimal": flat_exact,
                "unit_amount": each,
                "unit_amount_decimal": each_exact,
                "up_to": top,
            }
        )
    return tiers


def currency_options(params: dict[str, Any], own: Object) -> Object | None:
    """The terms in each further currency, with those of its own: None when none were asked for."""
    said = params.get("currency_options")
    if not said:
        return None
    options = {}
    for currency, option in said.items():
        found = terms({**option, "billing_scheme": own["billing_scheme"]}, f"currency_options[{currency}]")
        options[currency] = _option(found, option.get("tax_behavior") or own["tax_behavior"])
    options[own["currency"]] = _option(own, own["tax_behavior"])
    return options


def _option(found: Object, tax_behavior: str | None) -> Object:
    option: Object = {
        "custom_unit_amount": found.get("custom_unit_amount"),
        "tax_behavior": tax_behavior,
        "unit_amount": found["unit_amount"],
        "unit_amount_decimal": found["unit_amount_decimal"],
    }
    if "_tiers" in found:
        option |= {"tiers": found["_tiers"], "_tiers": found["_tiers"]}
    return option


def recurring(said: dict[str, Any] | None, version: str) -> Object | None:
    """How often it is billed, and of what: https://docs.stripe.com/api/prices/object#price_object-recurring."""
    if said is None:
        return None
    interval, count = said["interval"], said.get("interval_count", 1)
    if not 1 <= count <= _LONGEST[interval]:
        raise invalid(
            "Invalid interval_count: the maximum interval is three years.",
            "recurring[interval_count]",
            "parameter_invalid_integer",
        )
    usage, meter = said.get("usage_type") or "licensed", said.get("meter")
    if usage == "metered" and meter is None and version[:10] >= "2025-03-31":
        raise invalid(
            "Prices with `recurring[usage_type]=metered` must be backed by meters: pass `recurring[meter]`.",
            "recurring[meter]",
        )
    if meter is not None and usage != "metered":
        raise invalid("`recurring[meter]` goes with `usage_type=metered`.", "recurring[meter]")
    return {
        "interval": interval,
        "interval_count": count,
        "meter": meter,
        "trial_period_days": said.get("trial_period_days"),
        "usage_type": usage,
    }
