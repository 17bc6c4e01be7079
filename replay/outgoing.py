"""How reactions, deliveries and calls to Stripe stand: what is held, waits, is unknown, was given up. Looks only."""

from typing import Any, NamedTuple

import psycopg

from projections import BILLING
from replay.tables import LIVE


class ReactionStatus(NamedTuple):
    """A reaction."""

    name: str
    mode: str | None
    """Of one that watches a derivation; None: it reacts to events."""
    position: int
    """How far it has come; of one that watches a derivation, since when it runs."""
    held: bool
    """Whether its differences wait for an operator, because they were many."""
    waiting: int
    """Its differences that are not closed."""
    fault: str | None
    """What it raised: it stands still until that is mended."""


class CallsStatus(NamedTuple):
    """Calls to Stripe."""

    waiting: int
    """Those that were never sent."""
    begun: int
    """Those that were sent and have no answer."""
    unknown: int
    """Those of which nobody knows what became."""
    stopped: tuple[str, ...]
    """Modes in which Stripe refuses our key."""


class Outgoing(NamedTuple):
    """What goes out, at one moment."""

    reactions: tuple[ReactionStatus, ...]
    due: int
    """Deliveries that are still tried."""
    dead: int
    """Deliveries that were given up."""
    endpoints: int
    """Endpoints that listen."""
    calls: CallsStatus


def outgoing(conn: psycopg.Connection[Any]) -> Outgoing:
    """Look at all of it."""
    rows = conn.execute(
        "SELECT name, mode, position, held IS NOT NULL, fault FROM ledger.reactions ORDER BY name, mode"
    ).fetchall()
    reactions = tuple(
        ReactionStatus(name, mode or None, position, held, _waiting(conn, name, mode), fault)
        for name, mode, position, held, fault in rows
    )
    counted = conn.execute(
        f"SELECT count(*) FILTER (WHERE d.state = 'due' AND NOT e.removed), count(*) FILTER (WHERE d.state = 'dead'),"
        f" (SELECT count(*) FROM {LIVE}.endpoints WHERE NOT removed)"
        f" FROM {LIVE}.deliveries d JOIN {LIVE}.endpoints e ON (e.mode, e.id) = (d.mode, d.endpoint)"
        " WHERE d.state <> 'delivered'"
    ).fetchone()
    assert counted is not None
    due, dead, endpoints = counted
    return Outgoing(reactions, due, dead, endpoints, _calls(conn))


def _calls(conn: psycopg.Connection[Any]) -> CallsStatus:
    counted = dict(
        conn.execute(
            f"SELECT state, count(*) FROM {LIVE}.stripe_calls WHERE state IN ('waiting', 'begun', 'unknown') GROUP BY 1"
        ).fetchall()
    )
    stopped = conn.execute(f"SELECT mode FROM {LIVE}.stripe_calls_stopped ORDER BY mode").fetchall()
    waiting, begun, unknown = (int(counted.get(state, 0)) for state in ("waiting", "begun", "unknown"))
    return CallsStatus(waiting, begun, unknown, tuple(mode for (mode,) in stopped))


def _waiting(conn: psycopg.Connection[Any], name: str, mode: str) -> int:
    if not mode or name not in {d.name for d in BILLING.derivations}:
        return 0
    row = conn.execute(f'SELECT count(*) FROM {LIVE}."{name}" WHERE mode = %s', [mode]).fetchone()
    assert row is not None
    return int(row[0])
