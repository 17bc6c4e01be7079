"""Plans and placements as the read models have them, for the command line. Reads only."""

from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from replay.tables import LIVE

Row = dict[str, Any]
_PLAN = ("id", "plan", "version", "catalogue", "name", "model", "tier", "current", "retired", "definition")
_PLACEMENT = (
    "account", "subscription", "kind", "customer", "org", "plan", "version", "plan_id", "why", "since_s", "from_s",
    "until_s", "refunded", "also",
)  # fmt: skip
_PRICE = (
    "account", "id", "active", "deleted", "currency", "unit_amount_minor", "type", "interval", "interval_count",
    "lookup_key", "created_s",
)  # fmt: skip


def plans(conn: psycopg.Connection[Any], mode: str, *, everything: bool, plan: str | None = None) -> list[Row]:
    """Plans by catalogue and tier; `everything`: versions of before and retired ones too."""
    rows = conn.execute(
        f"SELECT {', '.join(_PLAN)} FROM {LIVE}.plans WHERE mode = %s AND (%s OR (current AND NOT retired))"
        " AND (%s::text IS NULL OR plan = %s) ORDER BY catalogue, tier, plan, version",
        [mode, everything, plan, plan],
    )
    return [dict(zip(_PLAN, row, strict=True)) for row in rows]


def held(conn: psycopg.Connection[Any], mode: str) -> dict[str, int]:
    """How many subscriptions, purchases and agreements are on each version."""
    sql = f"SELECT plan_id, count(*) FROM {LIVE}.plan_placements WHERE mode = %s GROUP BY plan_id"
    return dict(conn.execute(sql, [mode]).fetchall())


def placements(conn: psycopg.Connection[Any], mode: str, *, plan: str | None, org: str | None, limit: int) -> list[Row]:
    """Who is on what, by account and id."""
    rows = conn.execute(
        f"SELECT {', '.join(_PLACEMENT)} FROM {LIVE}.plan_placements WHERE mode = %s"
        " AND (%s::text IS NULL OR plan = %s) AND (%s::text IS NULL OR org = %s)"
        " ORDER BY account, subscription LIMIT %s",
        [mode, plan, plan, org, org, limit],
    )
    return [dict(zip(_PLACEMENT, row, strict=True)) for row in rows]


def catalogue_of_stripe(conn: psycopg.Connection[Any], mode: str) -> tuple[list[Any], list[Any], list[Any]]:
    """What plans are held against: Stripe's prices, the prices of old, and placements with prices of several plans."""
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        prices = cursor.execute(f"SELECT {', '.join(_PRICE)} FROM {LIVE}.prices WHERE mode = %s", [mode]).fetchall()
        legacy = cursor.execute(
            f"SELECT account, price, plan FROM {LIVE}.legacy_prices WHERE mode = %s", [mode]
        ).fetchall()
        several = cursor.execute(
            f"SELECT plan, plan_id, subscription, also FROM {LIVE}.plan_placements WHERE mode = %s AND also <> '{{}}'",
            [mode],
        ).fetchall()
    return list(prices), list(legacy), list(several)
