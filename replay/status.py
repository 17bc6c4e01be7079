"""How far the read models are: position and lag of each group, what waits, what is set aside. Changes nothing.

The database's own clock measures lag, so that no two machines' clocks are compared.
"""

from typing import Any, NamedTuple

import psycopg

from ledger import store
from projections import GROUPS, MODELS
from projections.base import Group
from replay import leading, tables, work_list
from replay.derive import NotBuilt
from replay.live import leader_of
from replay.outgoing import Outgoing, outgoing

#: Parked keys that are named one by one.
PARKED_SHOWN = 20


class GroupStatus(NamedTuple):
    """A group of models that advance together."""

    name: str
    position: int | None
    """None: not built yet."""
    lag_events: int
    """Events in the log that it has not folded."""
    lag_seconds: float
    """Since when the oldest of them is in the log."""
    leader: bool
    """Whether some process is following the log for it right now."""


class ModelStatus(NamedTuple):
    """One read model."""

    name: str
    version: int | None
    """Of the definition that it was built with; None: not built yet."""
    rows: int


class Parked(NamedTuple):
    """A key whose definition raised; its row is stale until a rebuild folds it anew."""

    model: str
    key: tuple[str, ...]
    position: int
    error: str


class Status(NamedTuple):
    """Everything at one moment."""

    head: int
    groups: tuple[GroupStatus, ...]
    models: tuple[ModelStatus, ...]
    dirty: int
    """Keys waiting to be derived."""
    spreading: int
    """Wide changes (a catalogue edit) whose keys are not all queued yet."""
    parked_count: int
    parked: tuple[Parked, ...]
    stripe_events: dict[str, int]
    """State -> how many."""
    open: dict[str, int]
    """What is set aside and asks for a person: kind -> how many."""
    outgoing: Outgoing | None
    """How reactions and deliveries stand; None: their read models are not built yet."""


def require_built(conn: psycopg.Connection[Any]) -> None:
    """Raises NotBuilt, with the mend, while a read model is missing."""
    missing = set(MODELS) - _built(conn).keys()
    if missing:
        raise NotBuilt(
            f"{len(missing)} of {len(MODELS)} read models are not built yet; the worker builds them when it starts"
            " (`recount serve` or `recount worker`), and so does `recount replay rebuild`"
        )


def status(conn: psycopg.Connection[Any]) -> Status:
    """Look at everything, in one snapshot."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        built = _built(conn)
        kept = _exists(conn, "checkpoints")
        groups = tuple(_group(conn, group, kept=kept) for group in GROUPS)
        models = tuple(
            ModelStatus(name, built.get(name), _count(conn, name) if name in built else 0) for name in MODELS
        )
        parked: tuple[Parked, ...] = ()
        if kept:
            rows = conn.execute(
                f"SELECT model, key, position, error FROM {tables.LIVE}.parked ORDER BY parked_at LIMIT %s",
                [PARKED_SHOWN],
            )
            parked = tuple(Parked(model, tuple(key), position, error) for model, key, position, error in rows)
        states = (
            conn.execute(f"SELECT state, count(*) FROM {tables.LIVE}.stripe_events GROUP BY 1 ORDER BY 1").fetchall()
            if "stripe_events" in built
            else []
        )
        return Status(
            head=store.head(conn),
            groups=groups,
            models=models,
            dirty=_count(conn, "dirty") if kept else 0,
            spreading=_count(conn, "spreading") if kept else 0,
            parked_count=_count(conn, "parked") if kept else 0,
            parked=parked,
            stripe_events=dict(states),
            open=work_list.open_counts(conn) if {"stripe_events", "parked_acts", "api_keys"} <= built.keys() else {},
            outgoing=outgoing(conn) if set(MODELS) <= built.keys() else None,
        )


def _exists(conn: psycopg.Connection[Any], table: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{tables.LIVE}.{table}"]).fetchone()
    return bool(row and row[0])


def _built(conn: psycopg.Connection[Any]) -> dict[str, int]:
    if not _exists(conn, "models"):
        return {}
    return dict(conn.execute(f"SELECT name, version FROM {tables.LIVE}.models").fetchall())


def _count(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(f'SELECT count(*) FROM {tables.LIVE}."{table}"').fetchone()
    assert row is not None
    return int(row[0])


def _group(conn: psycopg.Connection[Any], group: Group, *, kept: bool) -> GroupStatus:
    found = None
    if kept:
        found = conn.execute(f"SELECT position FROM {tables.LIVE}.checkpoints WHERE name = %s", [group.name]).fetchone()
    position = int(found[0]) if found else None
    events, seconds = _lag(conn, group, position or 0)
    return GroupStatus(group.name, position, events, seconds, is_led(conn, group))


def _lag(conn: psycopg.Connection[Any], group: Group, position: int) -> tuple[int, float]:
    ours = "true"
    topics: list[str] = []
    if group.own_topics is not None:
        ours = "topic LIKE ANY(%s) AND topic NOT LIKE 'stripe.%%'"
        topics = [f"{name}/%" for name in sorted(group.own_topics)]
    row = conn.execute(
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8"
        f" FROM ledger.events WHERE notification_id > %s AND {ours}",
        [position, *([topics] if topics else [])],
    ).fetchone()
    assert row is not None
    return int(row[0]), max(0.0, round(float(row[1]), 3))


def is_led(conn: psycopg.Connection[Any], group: Group) -> bool:
    """Whether somebody leads the live copy of the group."""
    return leading.is_led(conn, leader_of(group))
