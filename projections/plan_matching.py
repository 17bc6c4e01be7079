"""Which version of a plan a price was sold under: pure rules over what the read models of plans and sales say."""

import calendar
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from projections.base import Row
from projections.plans import plan_itself

_S = 1_000_000


class Found(NamedTuple):
    """A version of a plan, and what led to it."""

    plan: str
    version: int
    name: str
    """The price's id or lookup key, or the plan's own name."""
    price: str | None
    legacy: bool
    sold_s: int
    named: Row | None
    """The row of `plan_names`; None: a catalogue names the version itself."""


class Names:
    """What the names that concern one subscription or purchase lead to."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self._lookup_keys = {r.id: tuple(zip(r.since_s, r.lookup_keys, strict=True)) for r in rows["price_lookup_keys"]}
        self._legacy = {r.price: r for r in rows["legacy_prices"]}
        self._versions: dict[str, list[Row]] = {}
        for row in rows["plan_names"]:
            self._versions.setdefault(row.name, []).append(row)

    def found(self, price: str, sold_s: int) -> Found | None:
        """The version that a price was sold under at this second; None: no plan has it."""
        for name in self._names_of(price, sold_s):
            legacy = self._legacy.get(name)
            if legacy is not None and legacy.version is not None:
                return Found(legacy.plan, legacy.version, name, price, True, sold_s, None)
            versions = self._versions.get(plan_itself(legacy.plan) if legacy is not None else name)
            if versions:
                row = in_force(versions, sold_s)
                return Found(row.plan, row.version, name, price, legacy is not None, sold_s, row)
        return None

    def at(self, found: Found, sold_s: int) -> Found:
        """The same plan, by the same name, as sold at another second."""
        if found.named is None:
            return found._replace(sold_s=sold_s)
        versions = self._versions[found.named.name]
        row = in_force([v for v in versions if v.plan == found.plan], sold_s)
        return found._replace(version=row.version, sold_s=sold_s, named=row)

    def _names_of(self, price: str, sold_s: int) -> Iterator[str]:
        """A price's id, the lookup key that it had when it was sold, those before, and those after."""
        yield price
        known = self._lookup_keys.get(price, ())
        yield from (name for at_s, name in reversed(known) if at_s <= sold_s)
        yield from (name for at_s, name in known if at_s > sold_s)


def in_force(versions: Sequence[Row], at_s: int) -> Row:
    """Of some versions the newest in force when this second began; where none was yet, the first."""
    begun = [v for v in versions if v.effective_us <= at_s * _S]
    if begun:
        return max(begun, key=_age)
    return min(versions, key=_age)


def _age(row: Row) -> tuple[int, int, str]:
    return row.effective_us, row.version, row.plan


class Sold(NamedTuple):
    """What a subscription is placed on by its prices."""

    found: Found
    away_s: int | None
    """When it was last seen without a price of the plan; None: it always had one."""
    also: tuple[str, ...]
    """Other plans that its prices belong to."""


def place_subscription(subscription: Row, held: Sequence[Mapping[str, object]], names: Names) -> Sold | None:
    """The plan of the first of its prices that has one, in the version in force when that plan was sold to it."""
    created_s = subscription.created_s
    sets = [(frozenset(h["prices"]), int(h["first_s"]), int(h["last_s"])) for h in held]  # type: ignore[call-overload]
    by_price: dict[str, Found | None] = {}
    for price in sorted(p for prices, _, _ in sets for p in prices):
        by_price[price] = names.found(price, _sold_s(sets, {price}, created_s)[0])
    current = [by_price.get(i["price"]) for i in subscription.items or ()]
    placed = [f for f in current if f is not None]
    if not placed:
        return None
    first = placed[0]
    of_plan = {p for p, f in by_price.items() if f is not None and f.plan == first.plan}
    sold_s, away_s = _sold_s(sets, of_plan, created_s)
    return Sold(names.at(first, sold_s), away_s, tuple(sorted({f.plan for f in placed} - {first.plan})))


def _sold_s(
    sets: Sequence[tuple[frozenset[str], int, int]], prices: set[str], created_s: int | None
) -> tuple[int, int | None]:
    """When some of these prices were sold, and when the subscription was last seen without any of them.

    What it always had was sold when it was created. What it came back to, having been elsewhere, was sold when it was
    last seen elsewhere, unless the prices it came back with are new and so tell the second.
    """
    holding = [first for held, first, _ in sets if held & prices]
    away_s = max((last for held, _, last in sets if not held & prices), default=None)
    if away_s is None:
        return (created_s if created_s is not None else min(holding)), None
    return min((first for first in holding if first > away_s), default=away_s), away_s


def place_purchase(purchase: Row, names: Names) -> Sold | None:
    """The plan of what was bought once."""
    found = [names.found(name, purchase.sold_s or 0) for name in purchase.names]
    placed = [f for f in found if f is not None]
    if not placed:
        return None
    return Sold(placed[0], None, tuple(sorted({f.plan for f in placed} - {placed[0].plan})))


def ending_s(found: Found, start_s: int | None) -> int | None:
    """When a purchase that lasts some months or days is over; None: it lasts for ever."""
    named = found.named
    if named is None or start_s is None or not (named.lasts_months or named.lasts_days):
        return None
    try:
        return later_s(start_s, named.lasts_months or 0, named.lasts_days or 0)
    except (OverflowError, ValueError, OSError):  # beyond the calendar: nobody will see the end of it
        return None


def later_s(start_s: int, months: int, days: int = 0) -> int:
    """Calendar months later in UTC (the last day where the month is too short), then days."""
    start = datetime.fromtimestamp(start_s, UTC)
    year, month = divmod(start.month - 1 + months, 12)
    year += start.year
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int((start.replace(year=year, month=month + 1, day=day) + timedelta(days=days)).timestamp())
