"""Breakdowns of what hosting cost: by project, namespace, resource, environment, day or month, the largest first.

Shares sum to the total, in whole minor units and in hundredths of a percent: remainders are allotted here. Pure.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from commands.hosting_prices import exact_sum
from ledger.money import allotted

Aspect = Literal["project", "namespace", "resource", "environment", "day", "month"]
ASPECTS: tuple[Aspect, ...] = ("project", "namespace", "resource", "environment", "day", "month")
#: A hundred percent in hundredths.
_WHOLE = 10_000


class Share(NamedTuple):
    """What one of them cost."""

    key: str | None
    amount: Decimal
    amount_minor: int
    share_percent: str
    others: int = 0
    """How many are summed up here."""


class Broken(NamedTuple):
    """A total and its parts."""

    total: Decimal
    total_minor: int
    shares: tuple[Share, ...]


def break_down(amounts: Mapping[str | None, Decimal], top: int | None = None) -> Broken:
    """The largest `top` (None: all), and behind them the others as one, so that shares sum to the total."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1], item[0] is None, item[0] or ""))
    kept, rest = (ordered, []) if top is None or len(ordered) <= top else (ordered[:top], ordered[top:])
    parts = [(key, amount, 0) for key, amount in kept]
    if rest:
        parts.append((None, exact_sum(amount for _, amount in rest), len(rest)))
    total = exact_sum(amounts.values())
    total_minor = int(total.to_integral_value(ROUND_HALF_UP))
    minors = allotted(total_minor, [Fraction(amount) for _, amount, _ in parts])
    percents = _percents(total, [Fraction(amount) for _, amount, _ in parts])
    shares = (
        Share(key, amount, minor, f"{Decimal(percent).scaleb(-2):.2f}", others)
        for (key, amount, others), minor, percent in zip(parts, minors, percents, strict=True)
    )
    return Broken(total, total_minor, tuple(shares))


def _percents(total: Decimal, parts: list[Fraction]) -> list[int]:
    if not total:
        return [0] * len(parts)
    return allotted(_WHOLE, [part * _WHOLE / Fraction(total) for part in parts])
