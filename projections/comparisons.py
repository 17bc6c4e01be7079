"""What was compared with Stripe: from when to when the log is known to have no gap, and what objects do not agree.

Each comparison of events says that between two times everything which Stripe lists is in the log. What several say
together is joined: where they touch, there is no gap between them.
"""

from collections.abc import Iterable

import msgspec

from ledger.reconcile_events import (
    DriftClosed,
    DriftFound,
    EventsReconciled,
    ObjectsReconciled,
    ReconciliationDone,
    ReconciliationRequested,
)
from projections.base import Column, Entry, Key, Projection, Row, Table

_encode = msgspec.msgpack.Encoder().encode
_ACCOUNT = (Column("mode", "text"), Column("account", "text"))

_COVERAGE = Table(
    "event_coverage",
    ("mode", "account"),
    (
        *_ACCOUNT,
        Column("covered", "jsonb"),
        Column("from_s", "bigint"),
        Column("to_s", "bigint"),
        Column("listed", "bigint"),
        Column("held", "bigint"),
        Column("appended", "bigint"),
        Column("unreadable", "bigint"),
        Column("appended_ever", "bigint"),
        Column("runs", "bigint"),
        Column("reconciled_us", "bigint", digested=False),
    ),
)


class _Coverage(msgspec.Struct, array_like=True):
    covered: list[tuple[int, int]]
    last: EventsReconciled
    appended_ever: int
    runs: int
    reconciled_us: int


_coverage = msgspec.msgpack.Decoder(_Coverage).decode


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open spans as few as possible, in order: those that touch or overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(s for s in spans if s[0] < s[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _events_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (EventsReconciled, ObjectsReconciled))
    return ((said.mode, said.account),)


def _apply_events(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    assert isinstance(said, EventsReconciled)
    before = _coverage(state) if state is not None else None
    return _encode(
        _Coverage(
            joined([*(before.covered if before else ()), (said.from_s, said.to_s)]),
            said,
            (before.appended_ever if before else 0) + said.appended,
            (before.runs if before else 0) + 1,
            entry.recorded_at_us,
        )
    )


def _coverage_row(key: Key, state: bytes) -> Row:
    it = _coverage(state)
    last = it.last
    start, end = it.covered[-1] if it.covered else (last.from_s, last.from_s)
    spans = [{"from_s": a, "to_s": b} for a, b in it.covered]
    counts = (last.listed, last.held, last.appended, last.unreadable, it.appended_ever, it.runs)
    return _COVERAGE.row(*key, spans, start, end, *counts, it.reconciled_us)


EVENT_COVERAGE = Projection(
    "event_coverage", 1, _COVERAGE, (EventsReconciled.NAME,), _events_keys, _apply_events, _coverage_row
)

_COMPARISONS = Table(
    "object_comparisons",
    ("mode", "account"),
    (
        *_ACCOUNT,
        Column("compared", "jsonb"),
        Column("found", "jsonb"),
        Column("repaired", "bigint"),
        Column("at_s", "bigint"),
        Column("reconciled_us", "bigint", digested=False),
    ),
)


class _Compared(msgspec.Struct, array_like=True):
    last: ObjectsReconciled
    reconciled_us: int


_compared = msgspec.msgpack.Decoder(_Compared).decode


def _apply_objects(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, ObjectsReconciled)
    return _encode(_Compared(entry.event, entry.recorded_at_us))


def _compared_row(key: Key, state: bytes) -> Row:
    it = _compared(state)
    last = it.last
    return _COMPARISONS.row(*key, last.compared, last.found, last.repaired, last.at_s, it.reconciled_us)


OBJECT_COMPARISONS = Projection(
    "object_comparisons", 1, _COMPARISONS, (ObjectsReconciled.NAME,), _events_keys, _apply_objects, _compared_row
)

_DRIFT = Table(
    "drift",
    ("mode", "account", "object", "object_id"),
    (
        *_ACCOUNT,
        Column("object", "text"),
        Column("object_id", "text"),
        Column("kind", "text"),
        Column("fields", "jsonb"),
        Column("customer", "text"),
        Column("seen_s", "bigint"),
        Column("found_us", "bigint", digested=False),
    ),
    indexes=("(mode, kind)",),
)


class _Found(msgspec.Struct, array_like=True):
    said: DriftFound
    found_us: int


_found = msgspec.msgpack.Decoder(_Found).decode


def _drift_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (DriftFound, DriftClosed))
    return ((said.mode, said.account, said.object, said.object_id),)


def _apply_drift(state: bytes | None, entry: Entry) -> bytes | None:
    return _encode(_Found(entry.event, entry.recorded_at_us)) if isinstance(entry.event, DriftFound) else None


def _drift_row(key: Key, state: bytes) -> Row:
    it = _found(state)
    return _DRIFT.row(*key, it.said.kind, it.said.fields, it.said.customer, it.said.seen_s, it.found_us)


DRIFT = Projection("drift", 1, _DRIFT, (DriftFound.NAME, DriftClosed.NAME), _drift_keys, _apply_drift, _drift_row)

_RECONCILIATIONS = Table(
    "reconciliations",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("what", "text"),
        Column("account", "text"),
        Column("repair", "boolean"),
        Column("by", "text"),
        Column("why", "text"),
        Column("state", "text"),
        Column("accounts", "bigint"),
        Column("refused", "text[]"),
        Column("differences", "bigint"),
        Column("mended", "bigint"),
        Column("done_s", "bigint"),
        Column("requested_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("(mode, state)",),
)


class _Asked(msgspec.Struct, array_like=True):
    requested: ReconciliationRequested
    requested_us: int
    position: int
    done: ReconciliationDone | None = None


_asked = msgspec.msgpack.Decoder(_Asked).decode


def _asked_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (ReconciliationRequested, ReconciliationDone))
    return ((said.mode, said.id),)


def _apply_asked(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    if isinstance(said, ReconciliationRequested):
        return _encode(_Asked(said, entry.recorded_at_us, entry.position))
    assert isinstance(said, ReconciliationDone)
    return _encode(msgspec.structs.replace(_asked(state), done=said)) if state is not None else None


def _asked_row(key: Key, state: bytes) -> Row:
    it = _asked(state)
    its, done = it.requested, it.done
    result = (done.accounts, list(done.refused), done.differences, done.mended, done.at_s) if done else (None,) * 5
    said = (its.what, its.account, its.repair, its.by, its.why, "done" if done else "requested")
    return _RECONCILIATIONS.row(*key, *said, *result, it.requested_us, it.position)


RECONCILIATIONS = Projection(
    "reconciliations",
    1,
    _RECONCILIATIONS,
    (ReconciliationRequested.NAME, ReconciliationDone.NAME),
    _asked_keys,
    _apply_asked,
    _asked_row,
)
