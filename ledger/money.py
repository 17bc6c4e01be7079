"""Money as integers in minor units with a currency. Never a float, never a mixed sum.

Exponents: https://docs.stripe.com/currencies#zero-decimal and `#three-decimal`.
"""

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
        exact = [Fraction(self.amount_minor * w, whole) for w in weights]
        floors = [f.numerator // f.denominator for f in exact]
        left = self.amount_minor - sum(floors)
        by_fraction = sorted(range(len(weights)), key=lambda i: (floors[i] - exact[i], i))
        for i in by_fraction[:left]:
            floors[i] += 1
        return tuple(Money(n, self.currency) for n in floors)

    def __str__(self) -> str:
        digits = exponent(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        whole, part = divmod(abs(self.amount_minor), 10**digits)
        tail = f".{part:0{digits}d}" if digits else ""
        return f"{sign}{whole}{tail} {self.currency.upper()}"
