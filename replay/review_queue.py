"""The queue of what waits for a person, as one table.

Reviews, acts that wait for another person, differences that were held because they were many, and what is set aside.
"""

import itertools
from typing import Any

import psycopg

from ledger.ids import MODES, Mode
from projections.reviews import SOURCES
from replay.tables import LIVE
from replay.work_list import ITEMS

_BESIDE = ("second_person", "held_differences", "quarantined", "conflict", "parked")
KINDS = (*(s.kind for s in SOURCES), *_BESIDE)

_LIVE_OPTION = "CASE WHEN m.mode = 'live' THEN ' --mode live' ELSE '' END"


def _word(column: str) -> str:
    """A column as a word of a command, quoted where a shell asks for it."""
    quoted = f"""'''' || replace({column}, '''', '''"''"''') || ''''"""
    return f"CASE WHEN {column} ~ '[^A-Za-z0-9_@%%+=:,./-]' THEN {quoted} ELSE {column} END"


#: To be read with parameters (percent signs are doubled). An act of no mode waits in both. What an endpoint that was
#: removed did not take is nobody's.
QUEUE = f"""(
    SELECT r.mode, r.kind, r.item, r.org, r.weight, r.owner, r.said, r.settles, r.since_s,
           r.until_s
    FROM {LIVE}.operator_reviews r
    WHERE r.kind <> 'failed_delivery' OR NOT EXISTS (
        SELECT FROM {LIVE}.endpoints e
        WHERE e.mode = r.mode AND e.id = split_part(r.item, ':', 2) AND e.removed)
    UNION ALL
    SELECT m.mode, 'second_person', a.id, a.org, 60::bigint, 'operator', a.person || ' asks for ' || a.act || ': '
           || a.reason, 'recount approvals approve ' || a.id, a.requested_us / 1000000, NULL::bigint
    FROM {LIVE}.approvals a JOIN (VALUES ('live'), ('test')) m (mode) ON a.mode IN (m.mode, 'both')
    WHERE a.state = 'waiting'
    UNION ALL
    SELECT m.mode, 'held_differences', m.name, NULL, 60::bigint, 'operator', m.name || ' has more to do than it does'
           || ' unasked', 'recount endpoints release ' || m.name || {_LIVE_OPTION},
           extract(epoch FROM m.moved_at)::bigint, NULL::bigint
    FROM ledger.reactions m WHERE m.held IS NOT NULL
    UNION ALL
    SELECT m.mode, m.kind, m.item, NULL, 50::bigint, 'operator',
           coalesce(m.type, m.model) || ': ' || coalesce(m.reason, m.state),
           'recount quarantine show ' || {_word("m.item")} || {_LIVE_OPTION}, m.since_us / 1000000, NULL::bigint
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
_COUNTS = f"""
    SELECT t.mode, t.kind, count(*) FROM {QUEUE} t WHERE t.until_s IS NULL OR t.until_s > %s::bigint GROUP BY 1, 2
"""


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


def counts(conn: psycopg.Connection[Any], now_s: float) -> dict[tuple[str, str], int]:
    """How many wait, by mode and kind; zero too."""
    found = {(mode, kind): count for mode, kind, count in conn.execute(_COUNTS, [int(now_s)]).fetchall()}
    return {**dict.fromkeys(itertools.product(MODES, KINDS), 0), **found}
