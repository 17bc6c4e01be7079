"""By what pass-through is decided and believed alike: periods, exact amounts, and which version of a policy holds.

Pure rules. Refuses to know where policies and charges come from, and what time it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.errors import Invalid

#: What happens when what was spent reaches the cap.
StopRule = Literal["notify", "block_new", "halt"]
STOP_RULES: tuple[StopRule, ...] = ("notify", "block_new", "halt")
#: Why a charge may not be billed.
HeldBecause = Literal["no_policy", "outside_dates", "other_currency", "above_cap"]
HELD_BECAUSE: tuple[HeldBecause, ...] = ("no_policy", "outside_dates", "other_currency", "above_cap")
#: What one amount may be at most, in minor units, and how many decimals of one it may have.
MAX_MINOR = 10**15
DECIMALS = 6
#: A markup is told in hundredths of a percent.
BPS = 10_000
MAX_TIME_S = 253_402_300_799
"""The last second of the year 9999."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an approved version of a cost policy says."""

    version: int
    billing_owner: str
    """Who is invoiced: a Stripe customer."""
    currency: str
    cap_minor: int | None
    """Per calendar month; None: explicitly without one."""
    warn_percent: int | None
    """Of the cap."""
    stop_rule: StopRule
    markup_bps: int
    from_s: int
    until_s: int | None

    def covers(self, at_s: int) -> bool:
        """Whether it speaks of this second."""
        return self.from_s <= at_s and (self.until_s is None or at_s < self.until_s)

    @property
    def warn_at_minor(self) -> Decimal | None:
        """From what spending on somebody is warned; None: never."""
        if self.cap_minor is None or self.warn_percent is None:
            return None
        return Decimal(self.cap_minor * self.warn_percent) / 100


class Match(NamedTuple):
    """The version that a charge is billed under, or why it is held."""

    terms: Terms | None
    held: HeldBecause | None


def covered(spans: Iterable[Mapping[str, Any]], at_s: float) -> bool:
    """Whether a time lies in one of some spans of `from_s` to `until_s` (None: without end)."""
    return any(s["from_s"] <= at_s and (s["until_s"] is None or at_s < s["until_s"]) for s in spans)


def in_force(versions: Iterable[Terms], at_s: int) -> Terms | None:
    """The newest version that speaks of this second."""
    return max((v for v in versions if v.covers(at_s)), key=lambda v: v.version, default=None)


def match(versions: Sequence[Terms], at_s: int, currency: str, running: Decimal) -> Match:
    """Which version a charge of `currency` at `at_s` is billed under.

    `running`: what was recorded in its month, category and currency up to and with it, in the order of recording: what
    brings this above the cap is held, and so is all that comes after.
    """
    terms = in_force(versions, at_s)
    if terms is None:
        return Match(None, "outside_dates" if versions else "no_policy")
    if terms.currency != currency:
        return Match(None, "other_currency")
    if terms.cap_minor is not None and running > terms.cap_minor:
        return Match(None, "above_cap")
    return Match(terms, None)


@lru_cache(maxsize=4_096)
def _month_of(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m")


def period_of(at_s: int) -> str:
    """The calendar month in UTC that a second lies in, as `YYYY-MM`: caps and batches are per month."""
    return _month_of(at_s // 86_400)


def last_second_of(period: str) -> int:
    """The last second of a month."""
    year, month = divmod(int(period[:4]) * 12 + int(period[5:]), 12)
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) - 1


def require_period(period: str) -> None:
    """Raises Invalid("bad_period") unless `YYYY-MM`."""
    try:
        if datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC).strftime("%Y-%m") == period:
            return
    except ValueError:
        pass
    raise Invalid("a period is a calendar month, as YYYY-MM", code="bad_period")


def exact(given: str | int | Decimal) -> Decimal:
    """An amount in minor units, exactly, of up to six decimals. Raises Invalid("bad_amount"), for a float too."""
    try:
        if isinstance(given, (bool, float)):
            raise InvalidOperation
        amount = Decimal(given)
        if not amount.is_finite() or not -MAX_MINOR <= amount <= MAX_MINOR:
            raise InvalidOperation
        if amount != round(amount, DECIMALS):
            raise InvalidOperation
    except (InvalidOperation, ValueError, TypeError) as error:
        raise Invalid(
            f"an amount is a number of minor units, as text where it has decimals (at most {DECIMALS})",
            code="bad_amount",
        ) from error
    return amount


def told(amount: Decimal) -> str:
    """An exact amount as it is kept: without an exponent, and without zeros that say nothing."""
    plain = f"{amount:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def with_markup(cost: Decimal, markup_bps: int) -> int:
    """What is billed for a cost, in whole minor units: rounded once, half away from zero."""
    exactly = Fraction(cost) * Fraction(BPS + markup_bps, BPS)
    doubled = abs(exactly) * 2 + 1
    rounded = doubled.numerator // (doubled.denominator * 2)
    return rounded if exactly >= 0 else -rounded
