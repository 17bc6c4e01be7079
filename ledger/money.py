"""Money as integers in minor units with a currency. Never a float, never a mixed sum.

Exponents: https://docs.stripe.com/currencies#zero-decimal and `#three-decimal`.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Self

import msgspec

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())


def exponent(currency: str) -> int:
    """How many decimal digits the minor unit of `currency` (lower-case ISO 4217) stands behind the point.

    Stripe keeps ISK and UGX at two digits in its API for old times' sake; UGX is charged in whole units but
    *represented* with zero decimals here as in Stripe's table, ISK with two.
    """
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def allotted(total: int, parts: Iterable[Fraction]) -> list[int]:
    """Whole numbers near the parts that sum to `total`: rounded down, then one each to the largest remainders.

    Of equal remainders the first ones have it.
    """
    parts = list(parts)
    whole = [part.numerator // part.denominator for part in parts]
    left = total - sum(whole)
    by_remainder = sorted(range(len(parts)), key=lambda i: (whole[i] - parts[i], i))
    for n in range(left):
        whole[by_remainder[n % len(parts)]] += 1
    return whole


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount in minor units of one currency."""

    amount_minor: int
    currency: str

    def __add__(self, other: Self) -> "Money":
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def split(self, weights: tuple[int, ...]) -> tuple["Money", ...]:
        """Parts in proportion to `weights` that sum to the whole: remainders go to the largest fractions first.

        Raises ValueError when no weight is positive or one is negative.
        """
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        parts = allotted(self.amount_minor, (Fraction(self.amount_minor * w, whole) for w in weights))
        return tuple(Money(n, self.currency) for n in parts)

    def __str__(self) -> str:
        digits = exponent(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        whole, part = divmod(abs(self.amount_minor), 10**digits)
        tail = f".{part:0{digits}d}" if digits else ""
        return f"{sign}{whole}{tail} {self.currency.upper()}"
