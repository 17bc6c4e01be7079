"""What a quantity of a price comes to: per unit, in tiers, in packages: https://docs.stripe.com/products-prices/pricing-models.

Knows prices as the sandbox keeps them. Refuses to know who is billed, and when.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from api.sandbox.rounding import half_up
from api.sandbox.state import Object
from ledger.money import ZERO_DECIMAL

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
_LEAST = {
    "aed": 200,
    "aud": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "sek": 300,
    "sgd": 50,
    "usd": 50,
}
"""https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""


def least_charge(currency: str) -> int:
    """The smallest amount that can be charged; 1 where Stripe publishes none."""
    return _LEAST.get(currency, 1)


class Priced(NamedTuple):
    """One line's worth of a price."""

    quantity: int
    amount: int
    unit: Decimal | None
    """The price of one; None where a line is a flat fee of a tier."""
    tier: int | None = None
    """Counted from 1."""


def in_currency(price: Object, currency: str) -> Object:
    """The terms of a price in a currency: its own, or those of `currency_options`. None of it: KeyError."""
    if currency == price["currency"]:
        return price
    return {**price, **price["_currency_options"][currency], "currency": currency}


def priced(price: Object, quantity: int, currency: str | None = None) -> list[Priced]:
    """What a quantity comes to, a line each: one, or one for each tier that is reached and for its flat fee."""
    terms = price if currency is None else in_currency(price, currency)
    if terms["billing_scheme"] == "tiered":
        return _volume(terms, quantity) if terms["tiers_mode"] == "volume" else _graduated(terms, quantity)
    unit = Decimal(terms["unit_amount_decimal"])
    return [Priced(quantity, half_up(unit * _packages(terms, quantity)), unit)]


def amount_of(price: Object, quantity: int, currency: str | None = None) -> int:
    """What a quantity comes to in all, in minor units."""
    return sum(part.amount for part in priced(price, quantity, currency))


def prorated(amount_minor: int, part_s: int, whole_s: int) -> int:
    """The share of an amount that falls to part of its period, to the second, halves away from zero.

    https://docs.stripe.com/billing/subscriptions/prorations.
    """
    return half_up(Decimal(amount_minor) * part_s / whole_s) if whole_s > 0 else 0


def written(amount: Decimal, currency: str) -> str:
    """An amount in words of an invoice line: `$25.00`."""
    if currency not in ZERO_DECIMAL:
        amount /= 100
    places = 0 if currency in ZERO_DECIMAL else 2
    exact = amount.normalize().as_tuple().exponent
    if isinstance(exact, int) and -exact > places:
        places = -exact
    number = f"{amount:,.{places}f}"
    return f"{_SYMBOLS[currency]}{number}" if currency in _SYMBOLS else f"{number} {currency.upper()}"


def _packages(price: Object, quantity: int) -> int:
    """`transform_quantity`: so many packages instead of so many units."""
    packing = price.get("transform_quantity")
    if not packing:
        return quantity
    rounding = ROUND_CEILING if packing["round"] == "up" else ROUND_FLOOR
    return int((Decimal(quantity) / packing["divide_by"]).to_integral_value(rounding))


def _graduated(price: Object, quantity: int) -> list[Priced]:
    lines: list[Priced] = []
    below = 0
    for number, tier in enumerate(price["_tiers"], 1):
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        within = max(top - below, 0)
        if within > 0 or number == 1:
            lines += _of_tier(tier, within, number)
        below = max(below, top)
        if below >= quantity:
            break
    return lines


def _volume(price: Object, quantity: int) -> list[Priced]:
    for number, tier in enumerate(price["_tiers"], 1):
        if tier["up_to"] is None or quantity <= tier["up_to"]:
            return _of_tier(tier, quantity, number)
    raise AssertionError("the last tier of a price has no end")


def _of_tier(tier: Object, quantity: int, number: int) -> list[Priced]:
    unit = Decimal(tier["unit_amount_decimal"] or 0)
    lines = [Priced(quantity, half_up(unit * quantity), unit, number)]
    flat = Decimal(tier["flat_amount_decimal"] or 0)
    if flat and quantity > 0:
        lines.append(Priced(1, half_up(flat), None, number))
    return lines
