"""Refold: single keys made anew from the log, in place, while everything else goes on.

What a rebuild does for whole read models, for one key: fold the key's own events from the log, put row and state in
the place of the old ones, un-park it, and derive what hangs on it; in one transaction that holds the group's
checkpoint, so that the leader neither misses it nor undoes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from ledger.errors import Refused
from projections import GROUPS, MODELS
from projections.base import Derivation, Group, Key, Projection, Row
from replay import derive, tables
from replay.own_events import Place, own_events

#: Whoever waits for the checkpoint longer than this is told to come again: the leader's longest step takes less.
_LOCK_WAIT_MS = 5_000

_Changes = dict[str, list[tuple[derive.Change, int]]]


class StillParked(Refused):
    """A key raises an error when it is made anew."""

    code = "still_parked"

    def __init__(self, place: Place, error: Exception) -> None:
        super().__init__(f"{place[0]} {'/'.join(place[1])} raises {type(error).__name__} when it is made anew")
        self.fault = type(error).__name__


class Refolded(NamedTuple):
    """What refolding did."""

    places: tuple[Place, ...]
    """Every key that was made anew: those asked for, and rows of the webhook ledger that were silent about them."""
    changed: int
    """How many rows are other ones now, those derived from them aside."""


class _Made(NamedTuple):
    """A key made anew, not yet written."""

    key: Key
    row: Row | None
    state: bytes | None
    position: int
    """Of its last event."""
    silent: frozenset[Place]


def fault_of(conn: psycopg.Connection[Any], places: Iterable[Place]) -> str | None:
    """The kind of error that making these keys anew raises; None: it raises none. Changes nothing.

    Raises NeedsRebuild.
    """
    try:
        for model, key in places:
            group, definition = _found(model)
            if isinstance(definition, Derivation):
                _try_deriving(conn, group, definition, key)
            else:
                _make(conn, group, definition, key, None)
    except StillParked as error:
        return error.fault
    return None


def refold(conninfo: str, places: Sequence[Place]) -> Refolded:
    """Make these keys anew from the log, those of a group in one transaction. Running again does the same again.

    Raises StillParked (and leaves the group as it was), NeedsRebuild, NotBuilt, psycopg's LockNotAvailable.
    """
    done: list[Place] = []
    changed = 0
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True, connect_timeout=5) as conn:
        for group in GROUPS:
            mine = [p for p in places if p[0] in group.tables]
            if mine:
                taken, changes = _refold_group(conn, group, mine)
                done += taken
                changed += sum(len(c) for c in changes.values())
    return Refolded(tuple(done), changed)


def _refold_group(conn: psycopg.Connection[Any], group: Group, places: Sequence[Place]) -> tuple[list[Place], _Changes]:
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")
        position, _ = derive.hold_checkpoint(conn, group, tables.LIVE)
        taken, changes = _make_all(conn, group, places, position)
        queued = derive.follow_up(conn, group, tables.LIVE, changes)
        # What a leader remembers (which keys are parked, whether any is queued) holds for an epoch.
        conn.execute(f"UPDATE {tables.LIVE}.checkpoints SET epoch = epoch + 1 WHERE name = %s", [group.name])
    while queued and derive.drain(conn, group, tables.LIVE):  # the leader learns of the epoch at its next event only
        pass
    return taken, changes


def _make_all(
    conn: psycopg.Connection[Any], group: Group, places: Sequence[Place], position: int
) -> tuple[list[Place], _Changes]:
    """Make keys of one group anew, from events up to `position`; and rows of the webhook ledger that were silent."""
    changes: _Changes = {}
    done: list[Place] = []
    waiting = dict.fromkeys(places)
    while waiting:
        model, key = place = next(iter(waiting))
        del waiting[place]
        done.append(place)
        conn.execute(f"DELETE FROM {tables.LIVE}.parked WHERE model = %s AND key = %s", [model, list(key)])
        definition = _found(model)[1]
        if isinstance(definition, Derivation):
            _try_deriving(conn, group, definition, key)  # rather refused than parked again
            derived = derive.derive_keys(conn, group, tables.LIVE, {definition: [key]})[model]
            changes.setdefault(model, []).extend((change, position) for _, change in derived)
            continue
        made = _make(conn, group, definition, key, position)
        changes.setdefault(model, []).extend((change, made.position) for change in _write(conn, definition, made))
        waiting |= dict.fromkeys(p for p in sorted(made.silent) if p not in done)
    return done, changes


def _make(conn: psycopg.Connection[Any], group: Group, projection: Projection, key: Key, upto: int | None) -> _Made:
    """A projection's row from its key's own events up to `upto`. Raises StillParked, NeedsRebuild."""
    own = own_events(conn, group, projection, key)
    state: bytes | None = None
    row: Row | None = None
    last = 0
    try:
        for entry in own.entries:
            if upto is None or entry.position <= upto:
                state, last = projection.apply(state, entry), entry.position
        row = projection.to_row(key, state) if state is not None else None
    except Exception as error:  # our own fault alone: there is no I/O in there
        raise StillParked((projection.name, key), error) from error
    return _Made(key, row, state, last, own.silent)


def _write(conn: psycopg.Connection[Any], projection: Projection, made: _Made) -> list[derive.Change]:
    """Put a row and its state in the place of the old ones. Returns the change, if there is one."""
    table = projection.table
    found = tables.load_rows(conn, tables.LIVE, table, table.key, [made.key]).get(made.key, [])
    before = found[0] if found else None
    if made.row is None:
        tables.delete(conn, tables.LIVE, table, [made.key])
    else:
        tables.upsert(conn, tables.LIVE, projection, [(made.row, made.state)])
        where = " AND ".join(f'"{k}" = %s' for k in table.key)
        conn.execute(f'UPDATE {tables.LIVE}."{table.name}" SET stale = false WHERE {where} AND stale', list(made.key))
    return [] if before == made.row else [(before, made.row)]


def _try_deriving(conn: psycopg.Connection[Any], group: Group, derivation: Derivation, key: Key) -> None:
    """Raises StillParked when the derivation raises for this key."""
    rows: Mapping[str, Sequence[Row]] = derive.gather(conn, group, tables.LIVE, {derivation: [key]})[derivation][key]
    try:
        derivation.derive(key, rows)
    except Exception as error:  # our own fault alone: there is no I/O in there
        raise StillParked((derivation.name, key), error) from error


def _found(model: str) -> tuple[Group, Projection | Derivation]:
    return next(g for g in GROUPS if model in g.tables), MODELS[model]
