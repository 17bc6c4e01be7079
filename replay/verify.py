"""Verify: rebuild beside the live copy at the very position that it has reached, and name every row that differs."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import psycopg

from projections.base import Group, Key, Row
from replay import rebuild, tables
from replay.digest import NotCaughtUp
from replay.shards import Progress

BESIDE = "read_models_verify"
_SETTLE_S = 30.0


class Difference(NamedTuple):
    """A row that is not what the log says."""

    model: str
    key: Key
    kind: str
    """`missing` (not live), `extra` (live only), `differs`."""
    columns: tuple[str, ...] = ()


class Verified(NamedTuple):
    """What was compared, and what differs."""

    position: int
    rows: int
    differences: tuple[Difference, ...]


def verify(conninfo: str, names: Iterable[str] | None = None, progress: Progress | None = None) -> list[Verified]:
    """Compare live rows with rows rebuilt from the log, for `names` (None: all) and what hangs together with them.

    The live copy goes on meanwhile; a snapshot of it is compared. Raises NotCaughtUp when its queue of dirty keys does
    not become empty within 30 s.
    """
    done = []
    for group in rebuild.closure(names):
        with (
            rebuild.builder(conninfo, BESIDE) as conn,
            psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as live,
        ):
            position = _settled_snapshot(live, group)
            built = rebuild.build(conninfo, conn, group, BESIDE, position, progress)
            differences = tuple(d for name in built.models for d in _compare(live, conn, group, name))
            live.execute("ROLLBACK")
            done.append(Verified(position, sum(built.rows.values()), differences))
    return done


def _settled_snapshot(live: psycopg.Connection[Any], group: Group) -> int:
    """Begin a snapshot in which no key is dirty; returns the position it stands at."""
    deadline = time.monotonic() + _SETTLE_S
    names = [d.name for d in group.derivations]
    while True:
        live.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = live.execute(
            f"SELECT position, EXISTS (SELECT FROM {tables.LIVE}.dirty WHERE derivation = ANY(%s))"
            f" OR EXISTS (SELECT FROM {tables.LIVE}.spreading WHERE derivation = ANY(%s))"
            f" FROM {tables.LIVE}.checkpoints WHERE name = %s",
            [names, names, group.name],
        ).fetchone()
        if row is not None and not row[1]:
            return int(row[0])
        live.execute("ROLLBACK")
        if time.monotonic() > deadline:
            raise NotCaughtUp()
        time.sleep(0.05)


def _compare(
    live: psycopg.Connection[Any], beside: psycopg.Connection[Any], group: Group, name: str
) -> Iterator[Difference]:
    table = group.tables[name]
    width = len(table.key)
    ours = tables.stream_rows(live, tables.LIVE, table)
    told = tables.stream_rows(beside, BESIDE, table)
    a, b = next(ours, None), next(told, None)
    while a is not None or b is not None:
        key_a = tuple(a[:width]) if a is not None else None
        key_b = tuple(b[:width]) if b is not None else None
        if key_b is None or (key_a is not None and key_a < key_b):
            assert key_a is not None
            yield Difference(name, key_a, "extra")
            a = next(ours, None)
        elif key_a is None or key_b < key_a:
            yield Difference(name, key_b, "missing")
            b = next(told, None)
        else:
            if a != b:
                yield Difference(name, key_b, "differs", _columns(a, b))
            a, b = next(ours, None), next(told, None)


def _columns(a: Row, b: Row) -> tuple[str, ...]:
    return tuple(name for name, x, y in zip(a._fields, a, b, strict=False) if x != y)
