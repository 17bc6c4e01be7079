"""Service control as the command line reads it: services, debts, policies and requests for enforcement. Looks only."""

from typing import Any

import psycopg

from ledger.ids import Mode
from ledger.service_policy import BUILT_IN, written
from replay.tables import LIVE

_SERVICE = (
    "org", "service", "state", "by", "since_s", "enforced", "closed_s", "why", "schedule", "debts", "owed",
    "extended_until_s", "anomalies",
)  # fmt: skip
_ENFORCEMENT = (
    "org", "environment", "request", "wanted", "state", "attempt", "first_s", "asked_s", "due_s", "because",
)  # fmt: skip


def services(
    conn: psycopg.Connection[Any], mode: Mode, *, org: str | None = None, state: str | None = None, limit: int = 1000
) -> list[dict[str, Any]]:
    """Services, by organization."""
    rows = conn.execute(
        f"SELECT {', '.join(_SERVICE)} FROM {LIVE}.service_states WHERE mode = %s AND (%s::text IS NULL OR org = %s)"
        " AND (%s::text IS NULL OR state = %s) ORDER BY org, service LIMIT %s",
        [mode, org, org, state, state, limit],
    ).fetchall()
    return [dict(zip(_SERVICE, row, strict=True)) for row in rows]


def policies(conn: psycopg.Connection[Any], mode: Mode) -> list[dict[str, Any]]:
    """Service policies, those too that nobody published."""
    rows = conn.execute(
        f"SELECT policy, version, enforced, definition FROM {LIVE}.service_policies WHERE mode = %s", [mode]
    ).fetchall()
    found = {key: {"version": 0, "enforced": False, "definition": written(p)} for key, p in BUILT_IN.items()}
    found |= {key: {"version": n, "enforced": e, "definition": d} for key, n, e, d in rows}
    return [{"policy": key, **found[key]} for key in sorted(found)]


def enforcements(
    conn: psycopg.Connection[Any], mode: Mode, *, state: str | None = None, limit: int = 1000
) -> list[dict[str, Any]]:
    """What the deployment system was asked last about each environment."""
    rows = conn.execute(
        f"SELECT {', '.join(_ENFORCEMENT)} FROM {LIVE}.enforcements WHERE mode = %s"
        " AND (%s::text IS NULL OR state = %s) ORDER BY org, environment LIMIT %s",
        [mode, state, state, limit],
    ).fetchall()
    return [dict(zip(_ENFORCEMENT, row, strict=True)) for row in rows]
