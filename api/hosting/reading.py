"""What pricing needs, read from the read models and the log: the world as it was said, and the records of days.

One repeatable-read transaction sees everything as of one position. Refuses to decide anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from commands.accruals import price_of
from commands.hosting_prices import EXACT, Outage, Price, Prices, Rates, Timeline, Where, Whose, World
from ledger import store
from ledger.claims import DAY_S, day_name, day_number, usage_of
from ledger.hosting_billing_events import AccruedEntry
from ledger.hosting_events import (
    CostRecord,
    EnvironmentCreated,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    HostingPlaced,
    OutageCredited,
    OutageWithdrawn,
    RateCardPublished,
)
from ledger.ids import Mode
from replay.tables import LIVE

#: Before all time: since when the first owner owns.
ALWAYS_S = -1
#: Days that are looked for by the index of batches; more are found by looking at all batches.
_BY_INDEX = 400
#: Batches that are opened at once: bounds memory, at about a megabyte for each.
_OPEN = 32

_ENVIRONMENTS = f"SELECT id, owners, rate_cards, outages FROM {LIVE}.environments WHERE mode = %s"
_PLACEMENTS = f"SELECT kind, id, placed FROM {LIVE}.placements WHERE mode = %s"
_CARDS = (
    f"SELECT card, version, effective_s, currency, markup_percent, rates FROM {LIVE}.rate_cards"
    " WHERE mode = %s ORDER BY card, version"
)
_MONTHS = f"SELECT month, rates FROM {LIVE}.hosting_months WHERE mode = %s"
_BATCHES = (
    f"SELECT position FROM {LIVE}.cost_events WHERE mode = %s AND days && %s"
    " AND (%s::text[] IS NULL OR namespaces && %s) ORDER BY position"
)
#: The first of a batch's days is its earliest.
_SINCE = f"SELECT position FROM {LIVE}.cost_events WHERE mode = %s AND position > %s AND days[1] < %s ORDER BY position"
#: What changes the price of what was used, or who pays it.
_REPRICING = (
    EnvironmentCreated,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    OutageCredited,
    OutageWithdrawn,
    HostingPlaced,
    RateCardPublished,
)


class Seen(NamedTuple):
    """A connection in whose transaction everything stands still, and up to where it has read the log."""

    conn: psycopg.Connection[Any]
    position: int


@contextmanager
def seeing(conninfo: str) -> Iterator[Seen]:
    """Everything as of one position."""
    with psycopg.connect(store.as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with conn.transaction():
            row = conn.execute(f"SELECT position FROM {LIVE}.checkpoints WHERE name = 'billing'").fetchone()
            yield Seen(conn, int(row[0]) if row is not None else 0)


def world_of(seen: Seen, mode: Mode, month: str | None = None) -> World:
    """Everything that decides prices; of a closed month with the rates that were frozen."""
    conn = seen.conn
    environments = {
        id: Where(
            id,
            _timeline(owners, "org"),
            _timeline(cards, "rate_card"),
            [Outage(o["from_s"], o["until_s"], Decimal(o["percent"])) for o in outages],
        )
        for id, owners, cards, outages in conn.execute(_ENVIRONMENTS, [mode])
    }
    placed: dict[str, dict[str, Any]] = {"namespace": {}, "project": {}}
    for kind, id, said in conn.execute(_PLACEMENTS, [mode]):
        placed[kind][id] = [(p["from_s"], p["environment"]) for p in said]
    frozen = dict(conn.execute(_MONTHS, [mode]).fetchall()).get(month) or {}
    versions: dict[str, list[Rates]] = {}
    for card, version, effective_s, currency, markup, rates in conn.execute(_CARDS, [mode]):
        if version <= frozen.get(card, version):
            factor = EXACT.add(1, EXACT.divide(Decimal(markup), 100))
            prices = {resource: Decimal(rate) for resource, rate in rates.items()}
            versions.setdefault(card, []).append(Rates(version, effective_s, currency, factor, prices))
    return World(environments, placed["namespace"], placed["project"], versions)


def _timeline(said: Sequence[dict[str, Any]], what: str) -> Timeline:
    """What holds from which instant on, the first one from the beginning of time."""
    return [(ALWAYS_S if each["from_s"] is None else each["from_s"], each[what]) for each in said]


def newest_cards(seen: Seen, mode: Mode) -> dict[str, int]:
    """Rate card -> its newest version."""
    return {card: version for card, version, *_ in seen.conn.execute(_CARDS, [mode])}


def records_of(
    seen: Seen, mode: Mode, day: int, namespaces: Sequence[str] | None = None
) -> dict[str, list[CostRecord]]:
    """The records that touch a day, by namespace: of some namespaces, or of all."""
    wanted = list(namespaces) if namespaces is not None else None
    chosen = frozenset(wanted) if wanted is not None else None
    start, end = day * DAY_S, (day + 1) * DAY_S
    found: dict[str, list[CostRecord]] = defaultdict(list)
    positions = [p for (p,) in seen.conn.execute(_BATCHES, [mode, [day_name(day)], wanted, wanted])]
    for usage in _opened(seen, positions):
        for namespace, records in usage.items():
            if chosen is None or namespace in chosen:
                found[namespace] += [r for r in records if r.from_s < end and r.until_s > start]
    return found


def _opened(seen: Seen, positions: Sequence[int]) -> Iterator[dict[str, tuple[CostRecord, ...]]]:
    for start in range(0, len(positions), _OPEN):
        for recorded in store.read_positions(seen.conn, positions[start : start + _OPEN]):
            yield usage_of(recorded.event)


def touched(seen: Seen, mode: Mode, after: int, before: str) -> dict[int, set[str]]:
    """Day -> namespaces of which records came after a position, in batches that touch days before another."""
    found: dict[int, set[str]] = defaultdict(set)
    positions = [p for (p,) in seen.conn.execute(_SINCE, [mode, after, before])]
    for usage in _opened(seen, positions):
        for namespace, records in usage.items():
            for record in records:
                for day in range(record.from_s // DAY_S, (record.until_s - 1) // DAY_S + 1):
                    found[day].add(namespace)
    return found


def repriced_from(seen: Seen, mode: Mode, after: int) -> int | None:
    """From which instant on something that was said after a position prices usage anew; None: nothing was said."""
    names = [event.NAME for event in _REPRICING]
    said = [e.event for e in store.read_own(seen.conn, names, after=after, upto=seen.position) if e.event.mode == mode]
    return min((_instant(event) for event in said), default=None)


def _instant(event: Any) -> int:
    if isinstance(event, (EnvironmentMoved, EnvironmentRateCardChanged, HostingPlaced)):
        return event.at_s
    if isinstance(event, (OutageCredited, OutageWithdrawn)):
        return event.from_s
    return int(event.effective_s) if isinstance(event, RateCardPublished) else 0


def days_with_records(seen: Seen, mode: Mode, from_day: str, before_day: str) -> list[str]:
    """UTC days in [from, before) that records touch. No first day: from the beginning."""
    if from_day >= before_day:
        return []
    if from_day:
        days = [day_name(d) for d in range(day_number(from_day), day_number(before_day))]
        if len(days) <= _BY_INDEX:
            found = seen.conn.execute(
                f"SELECT DISTINCT d FROM {LIVE}.cost_events, unnest(days) AS d"
                " WHERE mode = %s AND days && %s AND d = ANY(%s) ORDER BY d",
                [mode, days, days],
            )
            return [d for (d,) in found]
    rows = seen.conn.execute(
        f"SELECT DISTINCT d FROM {LIVE}.cost_events, unnest(days) AS d WHERE mode = %s AND d >= %s AND d < %s"
        " ORDER BY d",
        [mode, from_day, before_day],
    )
    return [d for (d,) in rows]


class Booked(NamedTuple):
    """What is booked of a day."""

    prices: Prices
    numbers: dict[tuple[str, str], int]
    """(organization, environment) -> how many bookings there are."""


def booked(seen: Seen, mode: Mode, day: str, namespaces: Iterable[str] | None = None) -> Booked:
    """What is booked of a day: of some namespaces, or of all; the numbers are of all."""
    chosen = frozenset(namespaces) if namespaces is not None else None
    prices: Prices = {}
    numbers: dict[tuple[str, str], int] = {}
    rows = seen.conn.execute(
        f"SELECT org, environment, currency, entries FROM {LIVE}.accruals WHERE mode = %s AND day = %s", [mode, day]
    )
    for org, environment, currency, entries in rows:
        numbers[org, environment] = numbers.get((org, environment), 0) + 1
        for entry in entries:
            if chosen is not None and entry[0] not in chosen:
                continue
            what, price = price_of(AccruedEntry(*entry))
            mine = prices.setdefault(Whose(org, environment, currency), {})
            known = mine.get(what)
            mine[what] = price if known is None else _sum(known, price)
    return Booked(prices, numbers)


def _sum(a: Price, b: Price) -> Price:
    return Price(a.quantity_e9 + b.quantity_e9, EXACT.add(a.cost, b.cost), EXACT.add(a.amount, b.amount))
