"""Folding a whole log into packed states, on two cores where that pays.

Where a fold does not depend on order (Stripe's objects keep sets of facts), each process takes a half of the log and
the states are merged. Where it does (Recount's own events), one process reads those few alone, in order. Rows of models
that grow with the log are written as they come, so memory is for the other rows alone, whatever the log's length.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

import psycopg

from ledger import store
from ledger.events import Recorded
from ledger.facts import ObjectFact
from projections.base import Entry, Group, Key, Projection, Row
from replay import derive, tables
from replay.beside import can_fork, fork
from replay.fold import entry_of
from replay.packed import PackedStates

_READ_ROWS = 200
#: As much of the log as is looked through for Recount's own events at once: memory is for that alone.
_OWN_POSITIONS = 20_000
_WRITE_ROWS = 1_000
_SEND_STATES = 2_000
#: Below this a second process costs more than it saves.
_SHARE_FROM = 20_000

#: Called with (events folded, position folded to).
Progress = Callable[[int, int], None]


class Fold:
    """Folds batches of the log into packed states; rows that cannot exist yet go straight into their table."""

    def __init__(self, conn: psycopg.Connection[Any], group: Group, schema: str, projections: Sequence[Projection]):
        self.conn = conn
        self.group = group
        self.schema = schema
        self.events = 0
        self.rows: dict[str, int] = {p.name: 0 for p in group.projections}
        self.states = {p.name: PackedStates() for p in group.projections}
        self.parked: dict[str, set[Key]] = {}
        self.late: list[int] = []
        """Positions of the few entries whose row exists already in a model that is written as it comes."""
        self._fresh: dict[str, list[tuple[Row, bytes | None]]] = {p.name: [] for p in projections if p.fresh}
        chosen = {p.name for p in projections}
        self._routes = {
            what: [(p, self.states[p.name], self._fresh.get(p.name)) for p in readers if p.name in chosen]
            for what, readers in group.routes.items()
        }

    @property
    def reads(self) -> list[str]:
        """What its projections read; events that others alone read need not be brought."""
        return [what for what, readers in self._routes.items() if readers]

    def take(self, batch: Sequence[Recorded]) -> None:
        """Fold one batch."""
        routes = self._routes
        for recorded in batch:
            entry = entry_of(recorded)
            self._route(routes.get(entry.event.NAME, ()), entry)
            if isinstance(entry.said, ObjectFact):
                self._route(routes.get(entry.said.model, ()), entry)
        self.events += len(batch)

    def _route(self, readers: Sequence[tuple[Projection, PackedStates, Any]], entry: Entry) -> None:
        for projection, states, fresh in readers:
            for key in projection.keys(entry):
                if self.parked and key in self.parked.get(projection.name, ()):
                    continue
                try:
                    if fresh is None:
                        states[key] = projection.apply(states.get(key), entry)
                    elif projection.make is not None and projection.fresh is not None and projection.fresh(entry):
                        fresh.append(projection.make(entry))
                    else:
                        self.late.append(entry.position)
                except Exception as error:  # our own fault alone: there is no I/O in here
                    self.park(projection.name, key, entry.position, error)
            if fresh is not None and len(fresh) >= _WRITE_ROWS:
                self._flush(projection)

    def park(self, model: str, key: Key, position: int, error: Exception) -> None:
        """Set a key aside whose definition raised."""
        if key not in self.parked.setdefault(model, set()):
            self.parked[model].add(key)
            derive.park(self.conn, self.schema, model, key, position, error)

    def _flush(self, projection: Projection) -> None:
        fresh = self._fresh[projection.name]
        self.rows[projection.name] += tables.copy_rows(self.conn, self.schema, projection, fresh)
        fresh.clear()

    def flush(self) -> None:
        """Write the rows that are waiting."""
        for projection in self.group.projections:
            if projection.name in self._fresh:
                self._flush(projection)


def fold(
    conninfo: str,
    conn: psycopg.Connection[Any],
    group: Group,
    schema: str,
    upto: int,
    progress: Progress | None,
) -> Fold:
    """Fold the log up to `upto`."""
    if group.own_topics is not None:
        mine = Fold(conn, group, schema, group.projections)
        _fold_own(mine, upto)
        return mine
    shared = [p for p in group.projections if p.fresh or p.merge]
    mine = Fold(conn, group, schema, shared)
    twin = _Twin(conninfo, group, schema, (upto // 2, upto)) if upto >= _SHARE_FROM and can_fork() else None
    seen = 0
    for batch in batches(conninfo, 0, upto // 2 if twin else upto):
        mine.take(batch)
        if twin:
            seen = twin.seen()
        if progress:
            progress(mine.events + seen, upto)
    mine.flush()
    if twin:
        twin.join(mine, progress, upto)
    ordered = Fold(conn, group, schema, [p for p in group.projections if p not in shared])
    _fold_own(ordered, upto)
    mine.states.update({p.name: ordered.states[p.name] for p in group.projections if p not in shared})
    for model, keys in ordered.parked.items():
        mine.parked.setdefault(model, set()).update(keys)
    return mine


def _fold_own(it: Fold, upto: int) -> None:
    """Recount's own events that its projections read, by their index, in order, a stretch of the log at a time."""
    names = sorted(what for what in it.reads if "." in what and not what.startswith("stripe."))
    for after in range(0, upto, _OWN_POSITIONS):
        it.take(store.read_own(it.conn, names, after=after, upto=min(after + _OWN_POSITIONS, upto)))


def batches(conninfo: str, after: int, upto: int) -> Iterator[Sequence[Recorded]]:
    """The log between two positions, in order.

    Read without a thread that runs ahead: the two processes and their servers keep two cores busy by themselves, and a
    second thread costs more in hand-overs of the interpreter's lock than it gains.
    """
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        while batch := store.read_to_fold(conn, after, _READ_ROWS, upto):
            after = batch[-1].position
            yield batch


class _Twin:
    """A forked process that folds the other half. It shares our memory until it writes, so it costs its rows alone."""

    def __init__(self, conninfo: str, group: Group, schema: str, between: tuple[int, int]) -> None:
        self._pipe, self._process = fork(_fold_half, conninfo, group, schema, between)
        self._seen = 0
        self._early: deque[Any] = deque()
        """What it sent while we were still folding ourselves."""

    def seen(self) -> int:
        """How many events it has folded."""
        while not self._early and self._pipe.poll():
            message = self._pipe.recv()
            if isinstance(message, int):
                self._seen = message
            else:  # it is done already: the rest is for `join`
                self._early.append(message)
        return self._seen

    def _next(self) -> Any:
        return self._early.popleft() if self._early else self._pipe.recv()

    def join(self, mine: Fold, progress: Progress | None, upto: int) -> None:
        """Wait for it and merge its half into `mine`. Raises RuntimeError when it died."""
        by_name = {p.name: p for p in mine.group.projections}
        try:
            while (message := self._next()) is not None:
                if isinstance(message, int):
                    self._seen = message
                    if progress:
                        progress(mine.events + message, upto)
                elif isinstance(message, Exception):
                    raise message
                elif message[0] == "states":
                    _merge(by_name[message[1]], mine, message[2])
                else:
                    _, rows, late, parked = message
                    mine.late += late
                    for model, count in rows.items():
                        mine.rows[model] += count
                    for model, keys in parked.items():
                        mine.parked.setdefault(model, set()).update(keys)
        except EOFError as error:
            raise RuntimeError("the second rebuilding process died") from error
        finally:
            self._process.join(5)
            self._pipe.close()
        mine.events += self._seen


def _merge(projection: Projection, mine: Fold, theirs: list[tuple[Key, bytes | None]]) -> None:
    assert projection.merge is not None
    states, parked = mine.states[projection.name], mine.parked.get(projection.name, ())
    for key, state in theirs:
        if key not in parked:  # a parked key takes nothing that comes after its fault
            known = states.get(key)
            states[key] = state if known is None else projection.merge(known, state)


def _fold_half(pipe: Connection, conninfo: str, group: Group, schema: str, between: tuple[int, int]) -> None:
    """What the twin does. Sends how far it is, then its states, then what else it found, then None."""
    try:
        with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
            it = Fold(conn, group, schema, [p for p in group.projections if p.fresh or p.merge])
            for batch in batches(conninfo, *between):
                it.take(batch)
                pipe.send(it.events)
            it.flush()
            for model, states in it.states.items():
                while states:
                    some = [states.popitem() for _ in range(min(_SEND_STATES, len(states)))]
                    pipe.send(("states", model, some))
            pipe.send(("rest", it.rows, it.late, it.parked))
            pipe.send(None)
    except Exception as error:
        pipe.send(error)
