"""Rebuild: every row anew from the log, beside the live copy, then swapped in one transaction.

Reading a log of any length needs memory for the rows alone: states are kept packed, and rows of models that grow with
the log (the webhook ledger) are written as they come. Readers see the old rows until the swap and the new ones after
it; at no moment an error or a mixture.
"""

import contextlib
import gc
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.errors import Invalid
from projections import GROUPS, MODELS
from projections.base import Derivation, Group, Key, Row
from replay import derive, shards, tables, writing
from replay.beside import beside, halves
from replay.leading import wait_to_lead
from replay.live import Projector
from replay.shards import Progress

NEXT = "read_models_next"
_DERIVE_KEYS = 1_000
#: Rows that a level reads, from which on a process beside pays.
_SHARE_FROM_ROWS = 20_000
#: A log that is longer than this and of which more is new than old is folded anew: two processes that make each row
#: once take less than half of what steps take, which make a row whenever an event touches it.
_ANEW_FROM = 20_000
#: Swap when the rebuilt copy is at most this far behind: what is left is folded while readers wait for nothing.
_NEAR = 200
#: Longer a swap does not wait for a table that a reader holds, and then lets everybody go on: less than a twelfth of
#: the server's deadlock_timeout, so that it is never a reader who is cut off.
_LOCK_WAIT_MS = 80
_SWAP_ATTEMPTS = 240
_SWAP_PAUSE_S = 0.25


class Built(NamedTuple):
    """What a rebuild made."""

    models: tuple[str, ...]
    events: int
    position: int
    rows: dict[str, int]


def closure(names: Iterable[str] | None) -> list[Group]:
    """The models that must be rebuilt together with `names` (None: all), as partial groups.

    A projection is swapped together with its derivations, and a derivation needs all its inputs at one position.
    Raises Invalid("unknown_model").
    """
    wanted = set(MODELS) if names is None else set(names)
    for name in sorted(wanted - set(MODELS)):
        raise Invalid(f"there is no read model {name!r}; there are {', '.join(MODELS)}", code="unknown_model")
    grew = True
    while grew:
        before = len(wanted)
        for group in GROUPS:
            for derivation in group.derivations:
                parts = {i.model for i in derivation.inputs} | set(derivation.affects)
                if derivation.name in wanted:
                    wanted |= parts
                elif parts & wanted:
                    wanted.add(derivation.name)
        grew = len(wanted) != before
    picked = [
        Group(
            g.name,
            tuple(p for p in g.projections if p.name in wanted),
            tuple(d for d in g.derivations if d.name in wanted),
        )
        for g in GROUPS
    ]
    return [g for g in picked if g.projections]


def rebuild(conninfo: str, names: Iterable[str] | None = None, progress: Progress | None = None) -> list[Built]:
    """Rebuild `names` (None: all) from the log and swap them in. Raises Invalid, psycopg's errors."""
    done = []
    with builder(conninfo, NEXT) as conn:
        for group in closure(names):
            built = build(conninfo, conn, group, NEXT, _goal(conn, group), progress)
            swap(conninfo, group, NEXT)
            done.append(built)
            _drop_schema(conn, NEXT)
    return done


@contextlib.contextmanager
def builder(conninfo: str, schema: str) -> Iterator[psycopg.Connection[Any]]:
    """One build in `schema` at a time; what an earlier one left behind is dropped, and so is what this one leaves."""
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        wait_to_lead(conn, schema)
        _drop_schema(conn, schema)
        try:
            yield conn
        finally:
            if not conn.closed:
                _drop_schema(conn, schema)


def _drop_schema(conn: psycopg.Connection[Any], schema: str) -> None:
    conn.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def build(
    conninfo: str,
    conn: psycopg.Connection[Any],
    group: Group,
    schema: str,
    upto: int | None,
    progress: Progress | None = None,
) -> Built:
    """Fold the log up to `upto` (None: its head now) into a fresh copy of `group` in `schema`."""
    conn.execute(f"CREATE SCHEMA {schema}")
    conn.execute(tables.bookkeeping(schema))
    conn.execute("".join(tables.ddl(schema, model, indexes=False) for model in group.models))
    upto = store.head(conn) if upto is None else upto
    with _no_gc():
        folded = shards.fold(conninfo, conn, group, schema, upto, progress)
        rows = writing.write(conninfo, conn, group, schema, folded)
        for level in group.levels:
            rows |= _derive_level(conninfo, conn, group, schema, level, rows)
    conn.execute(f"INSERT INTO {schema}.checkpoints (name, position) VALUES (%s, %s)", [group.name, upto])
    return Built(tuple(group.tables), folded.events, upto, rows)


@contextlib.contextmanager
def _no_gc() -> Iterator[None]:
    """Rows are many and hold no cycles: collecting them costs more than folding them (26 µs an event, measured)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _derive_level(
    conninfo: str,
    conn: psycopg.Connection[Any],
    group: Group,
    schema: str,
    level: Sequence[Derivation],
    rows: Mapping[str, int],
) -> dict[str, int]:
    """Derive everything of one level; where it is much, the half of it in a process beside. Returns rows by model."""
    read = {d: sum(rows.get(i.model, 0) for i in d.inputs) for d in level}
    if len(level) < 2 or sum(read.values()) < _SHARE_FROM_ROWS:
        return {d.name: _derive_all(conn, group, schema, d) for d in level}
    mine, theirs = halves(level, read.__getitem__)

    def others() -> dict[str, int]:
        with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as theirs_alone:
            return {d.name: _derive_all(theirs_alone, group, schema, d) for d in theirs}

    with beside(others) as their_rows:
        made = {d.name: _derive_all(conn, group, schema, d) for d in mine}
        return made | their_rows()


def _derive_all(conn: psycopg.Connection[Any], group: Group, schema: str, derivation: Derivation) -> int:
    """Derive every key that there is. Keys come from the inputs that name them directly."""
    keys: set[Key] = set()
    for model, how in derivation.affects.items():
        if callable(how):
            for row in tables.stream_rows(conn, schema, group.tables[model]):
                keys.update(how(row))
    ordered = sorted(keys)
    count = 0
    for start in range(0, len(ordered), _DERIVE_KEYS):
        some = ordered[start : start + _DERIVE_KEYS]
        got = derive.gather(conn, group, schema, {derivation: some})[derivation]
        rows: list[tuple[Row, bytes | None]] = []
        for key in some:
            try:
                rows += [(row, None) for row in derivation.derive(key, got[key])]
            except Exception as error:
                derive.park(conn, schema, derivation.name, key, 0, error)
        count += tables.copy_rows(conn, schema, derivation, rows)
    conn.execute(tables.index_ddl(schema, derivation.table))
    if count:
        conn.execute(f'ANALYZE {schema}."{derivation.name}"')
    return count


def _goal(conn: psycopg.Connection[Any], group: Group) -> int | None:
    """How far to fold: to the head (None) where the group is whole, since its checkpoint can be moved there.

    A part of a group shares its checkpoint with the models that stay, so it goes as far as these are.
    """
    if any(len(g.models) > len(group.models) for g in GROUPS if g.name == group.name):
        return _position(conn, tables.LIVE, group)
    return None


def _position(conn: psycopg.Connection[Any], schema: str, group: Group) -> int | None:
    if not tables.has_bookkeeping(conn, schema):
        return None
    row = conn.execute(f"SELECT position FROM {schema}.checkpoints WHERE name = %s", [group.name]).fetchone()
    return int(row[0]) if row else None


def _far_behind(conn: psycopg.Connection[Any], group: Group) -> bool:
    """Whether stepping through what is new takes longer than folding everything anew."""
    position = _position(conn, tables.LIVE, group)
    if position is None or group.own_topics is not None:
        return False
    new = store.head(conn) - position
    return new > max(_ANEW_FROM, position)


def swap(conninfo: str, group: Group, schema: str) -> None:
    """Bring the copy in `schema` up to the live one and put it in its place, in one transaction.

    Waits up to a minute for a moment at which no reader is in the midst of a transaction. Raises psycopg's
    LockNotAvailable when there is none; then nothing has changed.
    """
    for attempt in range(_SWAP_ATTEMPTS):
        # Anew each time: what an attempt that was rolled back had folded is not remembered.
        with contextlib.closing(Projector(conninfo, group, schema=schema)) as projector:
            projector.lead()
            conn = projector.conn
            if not tables.has_bookkeeping(conn, tables.LIVE):
                conn.execute(tables.bookkeeping(tables.LIVE))
            goal = _goal(conn, group)
            while goal is None and projector.catch_up() > _NEAR:
                pass
            if goal is not None:
                projector.catch_up_to(goal)
            try:
                with conn.transaction():
                    _swap(conn, projector, group, schema)
                return
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if attempt == _SWAP_ATTEMPTS - 1:
                    raise
        time.sleep(_SWAP_PAUSE_S)


def _swap(conn: psycopg.Connection[Any], projector: Projector, group: Group, schema: str) -> None:
    conn.execute(
        f"INSERT INTO {tables.LIVE}.checkpoints (name, position) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [group.name, projector.position],
    )
    # From here on the live leader waits. What it folded meanwhile is folded here too, then both are level.
    position, _ = derive.hold_checkpoint(conn, group, tables.LIVE)
    projector.catch_up_to(position)
    # All at once, before any is touched: a reader has either the old tables or the new ones.
    conn.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")
    there = [f'{tables.LIVE}."{n}"' for n in group.tables if tables.exists(conn, tables.LIVE, n)]
    if there:
        conn.execute(f"LOCK TABLE {', '.join(there)}")
    names = list(group.tables)
    for model in group.models:
        name = model.name
        conn.execute(f'DROP TABLE IF EXISTS {tables.LIVE}."{name}"')
        conn.execute(f'ALTER TABLE {schema}."{name}" SET SCHEMA {tables.LIVE}')
        conn.execute(
            f"INSERT INTO {tables.LIVE}.models (name, version, shape) VALUES (%s, %s, %s) ON CONFLICT (name)"
            " DO UPDATE SET version = EXCLUDED.version, shape = EXCLUDED.shape, built_at = now()",
            [name, model.version, tables.shape(model)],
        )
    for queue_table, column in (("dirty", "derivation"), ("spreading", "derivation"), ("parked", "model")):
        conn.execute(f"DELETE FROM {tables.LIVE}.{queue_table} WHERE {column} = ANY(%s)", [names])
    conn.execute(f"INSERT INTO {tables.LIVE}.parked SELECT * FROM {schema}.parked WHERE model = ANY(%s)", [names])
    conn.execute(
        f"UPDATE {tables.LIVE}.checkpoints SET epoch = epoch + 1, position = %s WHERE name = %s",
        [projector.position, group.name],
    )


def ensure_built(conninfo: str, progress: Progress | None = None) -> list[Built]:
    """Build the models that are missing, whose definition changed, or that are too far behind, before going live."""
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        wait_to_lead(conn, "ensure")
        conn.execute(tables.bookkeeping(tables.LIVE))
        built = {
            name: (version, shape)
            for name, version, shape in conn.execute(f"SELECT name, version, shape FROM {tables.LIVE}.models")
        }
        outdated = {n for n, m in MODELS.items() if built.get(n) != (m.version, tables.shape(m))}
        outdated |= {name for group in GROUPS if _far_behind(conn, group) for name in group.tables}
        for name in built.keys() - MODELS.keys():
            conn.execute(f'DROP TABLE IF EXISTS {tables.LIVE}."{name}"')
            conn.execute(f"DELETE FROM {tables.LIVE}.models WHERE name = %s", [name])
        return rebuild(conninfo, outdated, progress) if outdated else []
