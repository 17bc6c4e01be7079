"""Live: follow the log, fold what is new, derive what that made dirty. One leader a group.

A step is one transaction: hold the checkpoint, load the touched rows, fold, write, mark dirty keys, move the
checkpoint. So each event is applied exactly once whatever dies in between: either the rows and the checkpoint moved,
or neither. A leader that lost its connection finds the checkpoint moved, and stands by.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from ledger import store
from ledger.errors import RecountError
from ledger.events import Recorded
from projections.base import Entry, Group, Key, Projection, Row
from replay import derive, tables
from replay.fold import States, Touch, entry_of, fold, route
from replay.leading import try_to_lead
from replay.pipeline import Answered, Pipeline

#: Events in one step at most. Bigger steps are cheaper an event and hold the checkpoint longer.
BATCH = 1_000
#: Between these sizes of a step the leader rests before the next one, at most so long, where events come this fast.
_FEW, _MANY = 8, 200
_FAST_PER_S = 1_000
_LONGEST_REST_S = 0.01
#: How much later a group sees its own events that reads Recount's own alone: a revoked key counts within a second. At
#: 500 webhooks a second, none of them its own, looking took 16 ms of each second after rests of 20 ms, 8 after 50.
_OWN_REST_S = 0.05
#: Events after which a new leader has the planner's statistics renewed for the first time.
_ANALYZE_FROM = 500


class LostLead(RecountError):
    """Another process leads this group now; this one stands by."""

    code = "lost_lead"


#: Changed rows by model, each with the position that changed it.
Changes = dict[str, list[tuple[derive.Change, int]]]


def leader_of(group: Group, schema: str = tables.LIVE) -> str:
    """What whoever leads this copy of a group holds (`replay.leading`)."""
    return f"{schema}/{group.name}"


def _apart(touches: Sequence[Touch]) -> tuple[list[Touch], list[Touch]]:
    """Touches of rows that there may be already, and those of rows that nothing was known of, each touched once."""
    later = {(t.projection, t.key) for t in touches if t.projection.fresh is None or not t.projection.fresh(t.entry)}
    known: list[Touch] = []
    first: list[Touch] = []
    for touch in touches:
        (known if (touch.projection, touch.key) in later else first).append(touch)
    return known, first


class Projector:
    """Folds the log into one copy of a group's read models. The one that leads is the only one that writes it."""

    def __init__(self, conninfo: str, group: Group, *, schema: str = tables.LIVE, batch: int = BATCH) -> None:
        self.group = group
        self.schema = schema
        self.batch = batch
        self.conn: psycopg.Connection[Any] = psycopg.connect(
            tables.stepping_conninfo(conninfo), autocommit=True, connect_timeout=2
        )
        self._pipeline = Pipeline(self.conn)
        self._by_name = {p.name: p for p in group.projections}
        self._parked: dict[str, set[Key]] = {}
        self._leads = False
        self._epoch = -1
        self._queued = True
        """Whether derivation keys may be waiting in the queue."""
        self._grown = 0
        self._analyze_at = _ANALYZE_FROM
        self._conninfo = tables.projector_conninfo(conninfo)
        self.position = 0

    def close(self) -> None:
        """Give up the lead."""
        self.conn.close()

    def lead(self) -> bool:
        """Try to become the leader of this copy of the group. The lead is lost with the connection."""
        if not self._leads:
            self._leads = try_to_lead(self.conn, leader_of(self.group, self.schema))
            if self._leads:
                with self.conn.transaction():
                    self.position, _ = derive.hold_checkpoint(self.conn, self.group, self.schema)
        return self._leads

    def step(self) -> int:
        """Fold the next batch. Returns how many events it held; 0 at the head of the log.

        Raises LostLead when the checkpoint moved under us, psycopg's errors when the database went away; either way
        nothing of the batch was kept.
        """
        events = self._read()
        if events:
            self._fold([entry_of(e) for e in events], events[-1].position)
            self._keep_statistics(len(events))
        return len(events)

    def _keep_statistics(self, folded: int) -> None:
        """Tell the planner about tables that have grown fivefold, beside the work.

        The server's own ANALYZE comes once a minute. Until then several indexes that share leading columns look alike
        to it, and the wrong one costs a hundred times more (measured: 165 ms instead of 1.5 for 500 keys).
        """
        self._grown += folded
        if self._grown >= self._analyze_at:
            self._analyze_at = self._grown * 5
            threading.Thread(target=self._analyze, name="analyze", daemon=True).start()

    def _analyze(self) -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self._conninfo, autocommit=True) as conn:
            for name in self.group.tables:
                conn.execute(f'ANALYZE {self.schema}."{name}"')

    def _read(self) -> Sequence[Recorded]:
        names = self.group.own_topics
        if names is None:
            return store.read_to_fold(self.conn, self.position, self.batch)
        return store.read_own(self.conn, sorted(names), after=self.position, limit=self.batch)

    def _fold(self, entries: Sequence[Entry], upto: int) -> None:
        conn = self._pipeline
        touches = route(self.group, entries)
        # One pipeline: a step waits for the server only where an answer decides what comes next.
        with conn.transaction():
            held = derive.ask_checkpoint(conn, self.group, self.schema)
            known, first = _apart(touches)
            asked = self._ask(known)
            self._hold(held)
            changes = self._write_first(first)
            for model, rows in self._fold_known(known, asked).items():
                changes.setdefault(model, []).extend(rows)
            self._queued |= derive.follow_up(conn, self.group, self.schema, changes)
            conn.execute(
                f"UPDATE {self.schema}.checkpoints SET position = %b, moved_at = now() WHERE name = %b",
                [upto, self.group.name],
                prepare=True,
            )
        self.position = upto

    def _hold(self, held: Answered) -> None:
        position, epoch = derive.held(held, self.group)
        if position != self.position:
            self._leads = False
            raise LostLead()
        if epoch != self._epoch:  # a rebuild swapped tables in: what was parked may be whole again
            self._epoch = epoch
            self._queued = True
            self._parked = {}
            for model, key in self._pipeline.execute(f"SELECT model, key FROM {self.schema}.parked").fetchall():
                self._parked.setdefault(model, set()).add(tuple(key))

    def _ask(self, touches: Sequence[Touch]) -> dict[str, Answered]:
        """Ask for the states of the touched rows."""
        needed: dict[str, set[Key]] = {}
        for projection, key, _ in touches:
            needed.setdefault(projection.name, set()).add(key)
        return {
            model: tables.ask_states(self._pipeline, self.schema, self.group.tables[model], sorted(keys))
            for model, keys in needed.items()
        }

    def _write_first(self, touches: Sequence[Touch]) -> Changes:
        """Make and write the rows that nothing was known of before."""
        changes: Changes = {}
        rows: dict[Projection, list[tuple[Row, bytes | None]]] = {}
        for projection, key, entry in touches:
            assert projection.make is not None
            if key in self._parked.get(projection.name, ()):
                continue
            try:
                row, state = projection.make(entry)
            except Exception as error:  # our own fault alone: there is no I/O in there
                self._park(projection, key, entry.position, error)
                continue
            rows.setdefault(projection, []).append((row, state))
            changes.setdefault(projection.name, []).append(((None, row), entry.position))
        for projection, made in rows.items():
            tables.upsert(self._pipeline, self.schema, projection, made)
        return changes

    def _fold_known(self, touches: Sequence[Touch], asked: Mapping[str, Answered]) -> Changes:
        """Fold what touches rows that there may be already, and write those that changed."""
        faults: list[tuple[Projection, Key, Entry, Exception]] = []
        loaded: States = {
            model: {tuple(row[:-1]): row[-1] for row in cursor.fetchall()} for model, cursor in asked.items()
        }
        states: States = {model: dict(rows) for model, rows in loaded.items()}
        fold(touches, states, self._parked, lambda *fault: faults.append(fault))
        positions = {(projection.name, key): entry.position for projection, key, entry in touches}
        changes = {model: self._write(model, loaded[model], rows, positions) for model, rows in states.items()}
        for projection, key, entry, error in faults:
            self._park(projection, key, entry.position, error)
        return changes

    def _write(
        self,
        model: str,
        loaded: Mapping[Key, bytes | None],
        states: Mapping[Key, bytes | None],
        positions: Mapping[tuple[str, Key], int],
    ) -> list[tuple[derive.Change, int]]:
        projection = self._by_name[model]
        changes: list[tuple[derive.Change, int]] = []
        written: list[tuple[Row, bytes | None]] = []
        gone: list[Key] = []
        for key, state in states.items():
            before = loaded.get(key)
            if state == before:
                continue
            try:
                was = projection.to_row(key, before) if before is not None else None
                row = projection.to_row(key, state) if state is not None else None
            except Exception as error:  # our own fault alone: there is no I/O in there
                self._park(projection, key, positions[model, key], error)
                continue
            changes.append(((was, row), positions[model, key]))
            if row is None:
                gone.append(key)
            else:
                written.append((row, state))
        tables.upsert(self._pipeline, self.schema, projection, written)
        tables.delete(self._pipeline, self.schema, projection.table, gone)
        return changes

    def _park(self, projection: Projection, key: Key, position: int, error: Exception) -> None:
        self._parked.setdefault(projection.name, set()).add(key)
        derive.park(self._pipeline, self.schema, projection.name, key, position, error)
        tables.mark_stale(self._pipeline, self.schema, projection.table, key)

    def drain(self, *, bulk: bool = True) -> bool:
        """Derive a bounded number of dirty keys. Returns whether there were any."""
        if not self._queued or not self.group.derivations:
            return False
        left = derive.waiting(self.conn, self.group, self.schema)
        self._queued = any(left)
        if not left.named and not (bulk and left.spreading):
            return False
        derive.derive_waiting(self._pipeline, self.group, self.schema, bulk=bulk)
        return True

    def catch_up(self) -> int:
        """Fold and derive until the head of the log and an empty queue are reached. Returns how many events."""
        folded = 0
        while batch := self.step():
            folded += batch
        while self.drain():
            pass
        return folded

    def catch_up_to(self, position: int) -> None:
        """Fold and derive exactly up to `position`, which must not be behind."""
        while self.position < position:
            events = [e for e in self._read() if e.position <= position]
            entries = [entry_of(e) for e in events]
            self._fold(entries, events[-1].position if events else position)
        while self.drain():
            pass

    def run(self, tail: store.Tail, stopping: Callable[[], bool]) -> None:
        """Follow the log until `stopping()`. Raises when the database goes away; the caller starts anew."""
        began = time.monotonic()
        while not stopping():
            if not self.lead():
                time.sleep(0.2)
                continue
            before, began = began, time.monotonic()
            folded = self.step()
            # What a change names itself comes first; what spreads from a wide one only when nothing else waits.
            while self.drain(bulk=False) and folded < self.batch:
                pass
            if folded == 0 and not self.drain():
                tail.wait()
                if self.group.own_topics is not None:  # hardly any event is one of these: rather look less often
                    time.sleep(_OWN_REST_S)
            elif _FEW < folded < _MANY and folded > _FAST_PER_S * (began - before):
                # Events come faster than small steps are worth (490 µs an event in steps of ten, 350 in steps of
                # thirty): a rest makes the next one bigger, and leaves the processor to those who bring them. Where
                # they do not, a step is big because the processor is busy, and a rest would only add to the lag.
                time.sleep(min(_LONGEST_REST_S, time.monotonic() - began))
