"""The work list: what is set aside and asks for a person, as one list of items. Looks only.

An item is a Stripe event that is quarantined or in conflict, or a parked key of a read model. It is *open* until an
operator released it (and it could be applied) or dismissed it; what comes to it later opens it again. What was done
stays on the list for whoever asks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from ledger.ids import MODES, Mode, item_parts
from projections import MODELS
from replay.tables import LIVE

KINDS = ("quarantined", "conflict", "parked")
STATUSES = ("open", "released", "dismissed")

#: Read models whose keys name an account.
_OF_ACCOUNTS = sorted(name for name, m in MODELS.items() if m.table.key[1:2] == ("account",))


def _spelled(column: str) -> str:
    """A part of an item's name, as `ledger.ids` spells it."""
    return f"replace(replace(replace({column}, '%%', '%%25'), '/', '%%2F'), ':', '%%3A')"


#: All items as a table, to be read with parameters (percent signs are doubled). Times are microseconds.
ITEMS = f"""(
    SELECT e.mode, {_spelled("e.account")} || ':' || {_spelled("e.id")} AS item,
           CASE e.state WHEN 'conflict' THEN 'conflict' ELSE 'quarantined' END AS kind,
           CASE WHEN e.handled = 'dismissed' THEN 'dismissed'
                WHEN e.state IN ('quarantined', 'conflict') THEN 'open' ELSE 'released' END AS status,
           e.account, 'stripe_events' AS model, ARRAY[e.mode, e.account, e.id] AS key, e.type, e.state, e.reason,
           e.received_us AS since_us, e.handled, e.handled_by, e.handled_why, e.handled_us
    FROM {LIVE}.stripe_events e WHERE e.state IN ('quarantined', 'conflict') OR e.handled IS NOT NULL
    UNION ALL
    SELECT p.mode, p.item, 'parked', CASE WHEN a.item IS NULL THEN 'open' ELSE 'dismissed' END, p.account, p.model,
           p.key, NULL, 'parked', p.error, p.since_us, a.handled, a.handled_by, a.handled_why, a.handled_us
    FROM (SELECT coalesce((SELECT k.mode FROM {LIVE}.api_keys k WHERE q.model = 'api_keys' AND k.key_id = q.key[1]),
                          CASE q.model WHEN 'api_keys' THEN 'live' ELSE q.key[1] END) AS mode,
                 {_spelled("q.model")} || ':' || (
                     SELECT string_agg({_spelled("part")}, ':' ORDER BY n)
                     FROM unnest(CASE q.model WHEN 'api_keys' THEN q.key ELSE q.key[2:] END)
                     WITH ORDINALITY AS parts (part, n)) AS item,
                 CASE WHEN q.model = ANY('{{{",".join(_OF_ACCOUNTS)}}}') THEN q.key[2] END AS account,
                 q.model, q.key, q.error, (extract(epoch FROM q.parked_at) * 1000000)::bigint AS since_us
          FROM {LIVE}.parked q) p
    LEFT JOIN {LIVE}.parked_acts a ON a.mode = p.mode AND a.item = p.item AND a.handled = 'dismissed'
          AND a.fault = split_part(p.error, ':', 1)
    UNION ALL
    SELECT a.mode, a.item, 'parked', a.handled,
           CASE WHEN a.model = ANY('{{{",".join(_OF_ACCOUNTS)}}}') THEN a.key[2] END, a.model, a.key, NULL, 'whole',
           NULL, a.handled_us, a.handled, a.handled_by, a.handled_why, a.handled_us
    FROM {LIVE}.parked_acts a
    WHERE NOT EXISTS (SELECT FROM {LIVE}.parked p WHERE p.model = a.model AND p.key = a.key)
)"""


class Item(NamedTuple):
    """Something that was set aside."""

    mode: Mode
    item: str
    """Its name within the mode: `account:event id`, or `model:key`."""
    kind: str
    status: str
    account: str | None
    model: str
    key: list[str]
    type: str | None
    """Stripe's type of the event; None for a parked key."""
    state: str
    """What the webhook ledger says of the event; of a key `parked`, or `whole` when it is not parked any more."""
    reason: str | None
    since_us: int
    handled: str | None
    handled_by: str | None
    handled_why: str | None
    handled_us: int | None

    @property
    def is_event(self) -> bool:
        """Whether it is a Stripe event rather than a key of a read model."""
        return self.type is not None


def items(
    conn: psycopg.Connection[Any],
    *,
    mode: str | None = None,
    status: str | None = "open",
    kind: str | None = None,
    limit: int = 50,
) -> list[Item]:
    """The items of a mode, a status and a kind (None: any), oldest first."""
    modes, statuses, kinds = (
        [given] if given is not None else list(every)
        for given, every in ((mode, MODES), (status, STATUSES), (kind, KINDS))
    )
    rows = conn.execute(
        f"SELECT {', '.join(Item._fields)} FROM {ITEMS} t WHERE mode = ANY(%s) AND status = ANY(%s) AND kind = ANY(%s)"
        " ORDER BY since_us, mode, item LIMIT %s",
        [modes, statuses, kinds, limit],
    )
    return [Item(*row) for row in rows]


def find(conn: psycopg.Connection[Any], mode: Mode, name: str) -> Item | None:
    """The item of this name, open or not; None: nothing of that name was ever set aside."""
    first, *others = item_parts(name)
    if first in MODELS and first != "stripe_events":
        rows = _named(conn, mode, "t.item = %s AND t.kind = 'parked'", [name])
    elif len(others) == 1:
        rows = _named(conn, mode, "t.kind <> 'parked' AND t.key = %s", [[mode, first, others[0]]])
    else:
        rows = _named(conn, mode, "t.item = %s", [name])
    return Item(*rows[0]) if rows else None


def _named(conn: psycopg.Connection[Any], mode: Mode, where: str, params: Sequence[Any]) -> list[Any]:
    statement = f"SELECT {', '.join(Item._fields)} FROM {ITEMS} t WHERE t.mode = %s AND {where}"
    return conn.execute(statement, [mode, *params]).fetchall()


def open_counts(conn: psycopg.Connection[Any], mode: str | None = None) -> dict[str, int]:
    """How many items are open, by kind."""
    rows = conn.execute(
        f"SELECT kind, count(*) FROM {ITEMS} t WHERE status = 'open' AND (%s::text IS NULL OR mode = %s) GROUP BY kind",
        [mode, mode],
    )
    return {**dict.fromkeys(KINDS, 0), **dict(rows.fetchall())}
