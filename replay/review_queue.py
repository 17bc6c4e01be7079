"""The queue of what waits for a person, as one table: reviews, what is set aside, acts that wait for another person."""

from typing import Any

import psycopg

from ledger.ids import Mode
from projections.reviews import SOURCES
from replay.tables import LIVE
from replay.work_list import ITEMS

KINDS = (*(s.kind for s in SOURCES), "second_person", "quarantined", "conflict", "parked")

_LIVE_OPTION = "CASE WHEN m.mode = 'live' THEN ' --mode live' ELSE '' END"
#: To be read with parameters (percent signs are doubled). An act of no mode waits in both.
QUEUE = f"""(
    SELECT r.mode, r.kind, r.item, r.org, r.weight, r.owner, r.said, r.settles, coalesce(r.since_s, 0) AS since_s,
           r.until_s
    FROM {LIVE}.operator_reviews r
    UNION ALL
    SELECT m.mode, 'second_person', a.id, a.org, 60::bigint, 'operator', a.person || ' asks for ' || a.act || ': '
           || a.reason, 'recount approvals approve ' || a.id, a.requested_us / 1000000, NULL::bigint
    FROM {LIVE}.approvals a JOIN (VALUES ('live'), ('test')) m (mode) ON a.mode IN (m.mode, 'both')
    WHERE a.state = 'waiting'
    UNION ALL
    SELECT m.mode, m.kind, m.item, NULL, 50::bigint, 'operator', coalesce(m.type, m.model) || ': ' || coalesce(m.reason,
           m.state), 'recount quarantine show ' || m.item || {_LIVE_OPTION}, m.since_us / 1000000, NULL::bigint
    FROM {ITEMS} m WHERE m.status = 'open'
)"""
NAMES = ("kind", "item", "org", "weight", "owner", "said", "settles", "since_s")

_LIST = f"""
    SELECT {", ".join(NAMES)} FROM {QUEUE} t
    WHERE t.mode = %(mode)s AND (t.until_s IS NULL OR t.until_s > %(now_s)s::bigint)
      AND (%(kind)s::text IS NULL OR t.kind = %(kind)s) AND (%(org)s::text IS NULL OR t.org = %(org)s)
      AND (%(owner)s::text IS NULL OR t.owner = %(owner)s)
    ORDER BY t.weight DESC, t.since_s, t.kind, t.item LIMIT %(limit)s
"""
_COUNTS = f"SELECT t.mode, t.kind, count(*) FROM {QUEUE} t WHERE true OR %s::int IS NULL GROUP BY 1, 2"


def queue(
    conn: psycopg.Connection[Any],
    mode: Mode,
    now_s: float,
    *,
    kind: str | None = None,
    org: str | None = None,
    owner: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """What waits, the weightiest first and of these the oldest; each with its age in seconds."""
    told = {"mode": mode, "now_s": int(now_s), "kind": kind, "org": org, "owner": owner, "limit": limit}
    found = [dict(zip(NAMES, row, strict=True)) for row in conn.execute(_LIST, told)]
    return [{**row, "age_s": max(0, int(now_s) - row["since_s"])} for row in found]


def counts(conn: psycopg.Connection[Any]) -> dict[tuple[str, str], int]:
    """How many wait, by mode and kind."""
    return {(mode, kind): count for mode, kind, count in conn.execute(_COUNTS, [None]).fetchall()}
