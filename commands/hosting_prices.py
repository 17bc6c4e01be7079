"""What a namespace's usage of a UTC day costs, and whom: exact, to the second, from what is known. Pure.

A record is used evenly over its period: by an instant, so many billionths of a unit of it are used, rounded down once,
here (`used_by`). What lies between two instants is a difference of two such numbers. So however a record is cut (by
midnight, a cut-over, another owner, another rate, an outage), its parts sum to it, and a cut that becomes known later
moves nothing anywhere else. All else is exact decimals; nothing is rounded but an invoice's total.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from itertools import pairwise
from typing import Any, NamedTuple

from ledger.hosting_events import CostRecord

DAY_S = 86_400
OUTAGE_CREDIT = "outage_credit"
E9 = Decimal(10**9)
#: Whatever would round raises instead.
EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])

#: (from when, what), in the order of time.
Timeline = Sequence[tuple[int, Any]]


class Rates(NamedTuple):
    """A version of a rate card."""

    version: int
    effective_s: int
    currency: str
    markup: Decimal
    """As a factor: 1.2 is 20 percent."""
    rates: Mapping[str, Decimal]


class Outage(NamedTuple):
    """A time in which usage costs less."""

    from_s: int
    until_s: int
    percent: Decimal


class Where(NamedTuple):
    """An environment, as pricing sees it."""

    id: str
    owners: Timeline
    """The first one from the beginning of time."""
    cards: Timeline
    """Rate cards, the first one from the beginning of time."""
    outages: Sequence[Outage] = ()


class World(NamedTuple):
    """Everything that decides a price, but the usage."""

    environments: Mapping[str, Where]
    namespaces: Mapping[str, Timeline]
    """Namespace -> environments."""
    projects: Mapping[str, Timeline]
    cards: Mapping[str, Sequence[Rates]]
    """Card -> its versions, in their order."""


class Segment(NamedTuple):
    """A part of a day in which nothing changes."""

    from_s: int
    until_s: int
    org: str
    environment: str
    rates: Rates
    credit: Decimal
    """Percent that an outage takes off."""


class Whose(NamedTuple):
    """Who pays for which environment, in which currency."""

    org: str
    environment: str
    currency: str


class What(NamedTuple):
    """What is paid for."""

    namespace: str
    project: str | None
    resource: str


class Price(NamedTuple):
    """So much of it, and what that costs and is charged; in exact minor units."""

    quantity_e9: int
    cost: Decimal
    amount: Decimal

    def less(self, other: "Price | None") -> "Price":
        """The difference."""
        if other is None:
            return self
        return Price(
            self.quantity_e9 - other.quantity_e9,
            EXACT.subtract(self.cost, other.cost),
            EXACT.subtract(self.amount, other.amount),
        )


NOTHING = Price(0, Decimal(0), Decimal(0))
Prices = dict[Whose, dict[What, Price]]


def used_by(record: CostRecord, at_s: int) -> int:
    """How many billionths of a record are used by an instant. Down to the whole one, toward nothing."""
    if at_s <= record.from_s:
        return 0
    if at_s >= record.until_s:
        return record.quantity_e9
    part = abs(record.quantity_e9) * (at_s - record.from_s) // (record.until_s - record.from_s)
    return part if record.quantity_e9 >= 0 else -part


def priced(world: World, day: int, namespace: str, records: Iterable[CostRecord]) -> tuple[Prices, int]:
    """What the records of a namespace cost on a day (since the epoch), and how many billionths nobody pays for.

    Nobody pays where it is placed in no environment, or its environment has no rates then.
    """
    segments: dict[str | None, list[Segment]] = {}
    used: dict[tuple[str | None, int, str], int] = {}
    start, end, unpaid = day * DAY_S, (day + 1) * DAY_S, 0
    for record in records:
        mine = segments.get(record.project)
        if mine is None:
            mine = segments[record.project] = cut(world, day, namespace, record.project)
        whole = used_by(record, end) - used_by(record, start)
        for number, segment in enumerate(mine):
            part = used_by(record, segment.until_s) - used_by(record, segment.from_s)
            if part:
                key = (record.project, number, record.resource)
                used[key] = used.get(key, 0) + part
                whole -= part
        unpaid += abs(whole)
    found: Prices = {}
    with localcontext(EXACT):
        for (project, number, resource), quantity in used.items():
            _add(found, segments[project][number], What(namespace, project, resource), quantity)
    return found, unpaid


def _add(found: Prices, segment: Segment, what: What, quantity_e9: int) -> None:
    rates = segment.rates
    mine = found.setdefault(Whose(segment.org, segment.environment, rates.currency), {})
    cost = Decimal(quantity_e9) / E9 * rates.rates.get(what.resource, Decimal(0))
    amount = cost * rates.markup
    mine[what] = _sum(mine.get(what, NOTHING), Price(quantity_e9, cost, amount))
    if segment.credit:
        credited = what._replace(resource=OUTAGE_CREDIT)
        taken = Price(0, Decimal(0), -amount * segment.credit / 100)
        mine[credited] = _sum(mine.get(credited, NOTHING), taken)


def _sum(a: Price, b: Price) -> Price:
    return Price(a.quantity_e9 + b.quantity_e9, a.cost + b.cost, a.amount + b.amount)


def cut(world: World, day: int, namespace: str, project: str | None) -> list[Segment]:
    """The parts of a day in which a namespace is in one environment, of one owner, at one price."""
    start, end = day * DAY_S, (day + 1) * DAY_S
    own = world.namespaces.get(namespace, ())
    its_project = world.projects.get(project, ()) if project is not None else ()
    found = []
    for a, b in _spans(start, end, (own, its_project)):
        placed, environment = _at(own, a)
        if not placed:
            _, environment = _at(its_project, a)
        where = world.environments.get(environment) if environment is not None else None
        if where is not None:
            found += _within(world, where, a, b)
    return found


def _within(world: World, where: Where, start: int, end: int) -> list[Segment]:
    edges = [(t, None) for o in where.outages for t in (o.from_s, o.until_s)]
    effective = [(c.effective_s, None) for _, card in where.cards for c in world.cards.get(card, ())]
    found = []
    for a, b in _spans(start, end, (where.owners, where.cards, edges, effective)):
        (_, org), (_, card) = _at(where.owners, a), _at(where.cards, a)
        # of those that are effective, the newest word counts
        versions = (c for c in world.cards.get(card, ()) if c.effective_s <= a)
        rates = max(versions, key=lambda c: c.version, default=None)
        credit = max((o.percent for o in where.outages if o.from_s <= a < o.until_s), default=Decimal(0))
        if rates is not None:
            found.append(Segment(a, b, org, where.id, rates, credit))
    return found


def _spans(start: int, end: int, timelines: Iterable[Timeline]) -> list[tuple[int, int]]:
    instants = sorted({start, end, *(t for timeline in timelines for t, _ in timeline if start < t < end)})
    return list(pairwise(instants))


def _at(timeline: Timeline, at_s: int) -> tuple[bool, Any]:
    """What holds at an instant, and whether anything was said of it."""
    place = bisect_right(timeline, at_s, key=lambda entry: entry[0])
    return (True, timeline[place - 1][1]) if place else (False, None)


def plain(value: Decimal) -> str:
    """A decimal as the log keeps it: digits and a point, no more of them than it needs."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum, exactly."""
    with localcontext(EXACT):
        return sum(values, Decimal(0))
