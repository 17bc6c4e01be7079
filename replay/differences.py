"""Differences that reactions close, who listens, and whether it is the time for it. Looks only."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from ledger.ids import Mode
from projections import BILLING
from replay.tables import LIVE

#: Events that may be in the log and not folded yet.
_NEAR = 200


class Found(NamedTuple):
    """A difference, as a row of the derivation tells it."""

    mode: Mode
    key: tuple[str, ...]
    was: Any
    now: Any
    closed: int


def listening(conn: psycopg.Connection[Any]) -> dict[Mode, int]:
    """The modes in which an endpoint listens, each with the position since which one does."""
    rows = conn.execute(
        f"SELECT mode, min(added_position) FROM {LIVE}.endpoints WHERE NOT removed GROUP BY mode"
    ).fetchall()
    return {mode: int(position) for mode, position in rows}


def differences(
    conn: psycopg.Connection[Any], model: str, mode: Mode, *, limit: int, after: tuple[str, ...] | None = None
) -> Iterator[Found]:
    """The differences of a watched derivation in a mode, by key."""
    derivation = next(d for d in BILLING.derivations if d.name == model)
    names = derivation.table.key[1:]
    columns = ", ".join(f'"{n}"' for n in names)
    marks = ", ".join(["%s"] * len(names))
    rows = conn.execute(
        f'SELECT {columns}, was, now, closed FROM {LIVE}."{model}" WHERE mode = %s'
        + (f" AND ({columns}) > ({marks})" if after is not None else "")
        + f" ORDER BY {columns} LIMIT %s",
        [mode, *(after or ()), limit],
    )
    for row in rows:
        *key, was, now, closed = row
        yield Found(mode, tuple(key), was, now, closed)


def position(conn: psycopg.Connection[Any]) -> int:
    """How far the read models of billing have been folded."""
    row = conn.execute(f"SELECT position FROM {LIVE}.checkpoints WHERE name = %s", [BILLING.name]).fetchone()
    return int(row[0]) if row is not None else 0


def settled(conn: psycopg.Connection[Any]) -> bool:
    """Whether what is derived is about as new as the log: in the midst of catching up it is nobody's news."""
    row = conn.execute(
        f"SELECT NOT EXISTS (SELECT FROM {LIVE}.spreading) AND NOT EXISTS (SELECT FROM {LIVE}.dirty)"
        " AND (SELECT count(*) FROM"
        "   (SELECT FROM ledger.events WHERE notification_id > c.position LIMIT %s) AS newer) < %s"
        f" FROM {LIVE}.checkpoints c WHERE c.name = %s",
        [_NEAR, _NEAR, BILLING.name],
    ).fetchone()
    return bool(row is not None and row[0])
