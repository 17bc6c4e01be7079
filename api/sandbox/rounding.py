"""Parts of an amount, in whole minor units: the only place where the sandbox rounds."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from ledger import money


def half_up(amount: Decimal | Fraction | int) -> int:
    """To whole minor units, halves away from zero, as Stripe rounds tax and discounts of a line."""
    exact = Fraction(amount)
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def percent_of(amount_minor: int, percent: Decimal | str) -> int:
    """So many percent of an amount."""
    return half_up(Fraction(amount_minor) * Fraction(percent) / 100)


def allotted(total_minor: int, weights: Sequence[int]) -> list[int]:
    """A total in proportion to weights, to the last unit: the largest remainders get what is left over."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    return money.allotted(total_minor, (Fraction(total_minor * w, whole) for w in weights))


def plain(number: Decimal) -> str:
    """A decimal as Stripe writes it: no exponent, no needless zeros."""
    text = format(number.normalize(), "f")
    return "0" if text in ("-0", "") else text
