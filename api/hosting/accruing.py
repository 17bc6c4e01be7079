"""Accruing: book what days cost, and what became known of earlier ones since. May run anywhere, any number at once.

What should be booked is computed from everything that is known; what is booked is read; the difference is appended, in
the stream of the environment's day, at the next number. Whoever comes second with the same number has lost, waits until
the read models hold what the other booked, and looks again. So a job that dies in the middle has booked a part, and the
next one the rest.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from api.hosting import reading
from api.hosting.reading import Seen
from commands.accruals import ACCRUING, Count, Counted, Due, accrued, differences
from commands.hosting_prices import Prices, World, priced
from commands.reactions import SYSTEM
from commands.usage_reconciliation import compensating
from ledger import store
from ledger.claims import DAY_S, append_costs, day_name, day_number
from ledger.errors import StreamMoved
from ledger.events import Metadata, NewEvent
from ledger.hosting_billing_events import UsageReconciled
from ledger.ids import Mode, accrual_stream, accruing_stream
from ledger.store import Appended, Log
from replay.tables import LIVE

#: Bookings that are appended in one commit.
_TOGETHER = 500
#: How often a job looks anew while others book the same days.
_ATTEMPTS = 20

#: Waits until the read models hold the log up to a position.
CatchUp = Callable[[int], None]


class Accrued(NamedTuple):
    """What a run booked."""

    bookings: int
    days: tuple[str, ...]
    through: int
    unpaid: tuple[str, ...]
    """Namespaces that used something which nobody pays for: in no environment, or without rates."""


def accrue(log: Log, conninfo: str, mode: Mode, now_s: int, catch_up: CatchUp) -> Accrued:
    """Book everything that is missing of the days that are over. Raises StreamMoved, StoreUnavailable."""
    before = day_name(now_s // DAY_S)
    bookings, days, unpaid = 0, set[str](), set[str]()
    for _ in range(_ATTEMPTS):
        with reading.seeing(conninfo) as seen:
            counted = ACCRUING.fold(r.event for r in log.read_stream(accruing_stream(mode)))
            if counted.before_day > before:  # a clock that is behind
                before = counted.before_day
            _book_reconciled(seen, log, mode, counted.through, now_s)
            done, highest = True, 0
            for day, due, numbers, nobody in _missing(seen, mode, counted, before):
                unpaid |= nobody
                for some in chunks(due, _TOGETHER):
                    outcome = log.append(*_bookings(mode, some, numbers, seen.position, now_s))
                    if isinstance(outcome, Appended):
                        bookings, highest = bookings + len(some), max(highest, *outcome.positions)
                        days.add(day)
                    else:
                        done = False
            through = seen.position
        if done:
            _say(log, mode, Count(mode=mode, through=through, before_day=before), counted, bookings, now_s)
            return Accrued(bookings, tuple(sorted(days)), through, tuple(sorted(unpaid)))
        catch_up(max(highest, log.head()))
    raise StreamMoved("others keep booking the same days; try again")


def due_of(
    seen: Seen, mode: Mode, day: int, world: World, namespaces: set[str] | None = None
) -> tuple[Prices, set[str]]:
    """What a day costs by all that is known, and the namespaces that nobody pays for. Of some namespaces, or of all."""
    found: Prices = {}
    unpaid = set()
    records = reading.records_of(seen, mode, day, sorted(namespaces) if namespaces is not None else None)
    for namespace, its in records.items():
        prices, left = priced(world, day, namespace, its)
        for whose, by in prices.items():
            found.setdefault(whose, {}).update(by)
        if left:
            unpaid.add(namespace)
    return found, unpaid


def _book_reconciled(seen: Seen, log: Log, mode: Mode, after: int, now_s: int) -> None:
    """Book differences from a provider's ledger that were approved since: their ids are claimed, so that it is once."""
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=mode)
    for recorded in store.read_own(seen.conn, [UsageReconciled.NAME], after=after, upto=seen.position):
        said: UsageReconciled = recorded.event
        if said.mode == mode:
            append_costs(log, mode, said.id, said.source, compensating(said), metadata)


def _missing(
    seen: Seen, mode: Mode, counted: Counted, before: str
) -> Iterator[tuple[str, list[Due], dict[tuple[str, str], int], set[str]]]:
    """Day by day, what is to be booked."""
    worlds: dict[str, World] = {}
    for day, namespaces in _to_look_at(seen, mode, counted, before):
        name = day_name(day)
        world = worlds.get(name[:7])
        if world is None:
            worlds = {name[:7]: reading.world_of(seen, mode, name[:7])}
            world = worlds[name[:7]]
        due, unpaid = due_of(seen, mode, day, world, namespaces)
        known = reading.booked(seen, mode, name, namespaces)
        yield name, list(differences(name, due, known.prices)), known.numbers, unpaid


def _to_look_at(seen: Seen, mode: Mode, counted: Counted, before: str) -> Iterator[tuple[int, set[str] | None]]:
    """Days, with the namespaces that are to be looked at; None: all of them."""
    late = reading.touched(seen, mode, counted.through, before) if counted.before_day else {}
    whole = set(reading.days_with_records(seen, mode, counted.before_day, before))
    anew_s = reading.repriced_from(seen, mode, counted.through) if counted.before_day else None
    if anew_s is not None:
        whole |= set(reading.days_with_records(seen, mode, day_name(max(anew_s, 0) // DAY_S), before))
    days = {day for day in late if day_name(day) < before} | {day_number(name) for name in whole}
    for day in sorted(days):
        yield day, None if day_name(day) in whole else late[day]


def _bookings(
    mode: Mode, due: Iterable[Due], numbers: dict[tuple[str, str], int], through: int, now_s: int
) -> list[NewEvent]:
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=mode)
    found = []
    for each in due:
        number = numbers.get(each.whose[:2], 0)
        numbers[each.whose[:2]] = number + 1  # a day has several where its rate card changes to another currency
        stream = accrual_stream(mode, each.whose.org, each.whose.environment, each.day)
        found.append(NewEvent(stream, number + 1, accrued(mode, each, number, through), metadata))
    return found


def _say(log: Log, mode: Mode, command: Count, counted: Counted, bookings: int, now_s: int) -> None:
    """Say how far accruals have come, where that is worth saying. Somebody else's word in between is as good."""
    if bookings or command.before_day != counted.before_day:
        stream = accruing_stream(mode)
        version = len(log.read_stream(stream)) + 1
        metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=mode)
        log.append(*(NewEvent(stream, version, e, metadata) for e in ACCRUING.decide(command, counted)))


def chunks(some: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The same, so many at a time."""
    return (some[start : start + size] for start in range(0, len(some), size))


def caught_up(conninfo: str, stopping: Callable[[], bool] = lambda: False, patience_s: float = 30.0) -> CatchUp:
    """Waits, while a worker folds, until the read models hold the log up to a position. Raises StreamMoved in time."""

    def wait(position: int) -> None:
        until = time.monotonic() + patience_s
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as conn:
            while not stopping():
                row: Any = conn.execute(f"SELECT position FROM {LIVE}.checkpoints WHERE name = 'billing'").fetchone()
                if row is not None and row[0] >= position:
                    return
                if time.monotonic() > until:
                    break
                time.sleep(0.05)
        raise StreamMoved("the read models are behind; is `recount worker` running?")

    return wait
