"""Which of Stripe's objects somebody must look at: what read models leave open, and what came of it. Looks only.

Wanted is an object that a thin event is about; one of which two events of a second say different things, and nothing
tells which came last; one whose list Stripe cut short; and a booking on the balance, of which no event ever tells.
A look that settles nothing is tried again ever less often, and then no more, until Stripe tells of the object anew.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from ledger.ids import Mode
from ledger.translations import FAMILIES
from projections import MODELS
from replay.tables import LIVE

#: How often it is looked in vain, in all; and how long after the first look the second comes, each later one four
#: times as long after: the five take an hour and a half.
MAX_LOOKS = 5
FIRST_PAUSE_S = 60
_SLOWER = 4
#: As long as Stripe itself lists events: https://docs.stripe.com/api/events. An older thin event has been overtaken.
_THIN_FOR_S = 30 * 86_400
_MICRO = 1_000_000


class Want(NamedTuple):
    """An object that must be looked at."""

    mode: Mode
    account: str
    object: str
    """Stripe's type of it."""
    object_id: str
    why: tuple[str, ...]
    """`thin_event`, `undecided`, `cut_short`, `booking`."""
    looks: int
    """How often it was looked at in vain since Stripe told of it last."""
    looked_us: int | None
    """When last, microseconds since the epoch."""
    status: int | None
    """Of Stripe's answer, where that was no object."""
    code: str | None

    @property
    def next_s(self) -> int | None:
        """When it is looked at next; None: not before Stripe tells of it again."""
        if self.looked_us is None:
            return 0
        pause = FIRST_PAUSE_S * _SLOWER ** (self.looks - 1)
        return None if self.looks >= MAX_LOOKS else self.looked_us // _MICRO + pause


def _types(readable: Sequence[str]) -> dict[str, str]:
    """Read model -> the type by which its objects are read."""
    found: dict[str, str] = {}
    for family in FAMILIES:
        for kind in family.object_types:
            if kind in readable:
                found.setdefault(family.model, kind)
    return found


def _of_objects(readable: Sequence[str]) -> list[str]:
    parts = []
    for model, kind in _types(readable).items():
        names = MODELS[model].table.names
        said = f"SELECT mode, account, '{kind}' AS object, id AS object_id"
        parts.append(f"{said}, 'undecided' AS why FROM {LIVE}.\"{model}\" WHERE undecided")
        parts += [
            f"{said}, 'cut_short' AS why FROM {LIVE}.\"{model}\" WHERE NOT {name}"
            for name in names
            if name.endswith("complete")
        ]
    return parts


_THIN = f"""
SELECT mode, account, object, object_id, 'thin_event' AS why FROM {LIVE}.stripe_events e
WHERE state = 'waiting' AND object = ANY(%(readable)s) AND object_id IS NOT NULL AND received_us > %(thin_from_us)s
AND NOT EXISTS (SELECT FROM {LIVE}.observations o WHERE (o.object_id, o.account, o.mode) = (e.object_id, e.account,
e.mode) AND o.created_s >= e.created_s)
"""
_BOOKINGS = f"""
SELECT mode, account, 'balance_transaction' AS object, balance_transaction AS object_id, 'booking' AS why
FROM {LIVE}.bookings_missing
"""
_LOOKED = f"""
SELECT w.mode, w.account, w.object, w.object_id, array_agg(DISTINCT w.why ORDER BY w.why),
       coalesce(max(s.looks), 0) + coalesce(max(f.looks), 0), greatest(max(s.last_us), max(f.last_us)),
       max(f.status), max(f.code)
FROM (%s) w
CROSS JOIN LATERAL (
    SELECT coalesce(max(received_us), 0) AS told_us FROM {LIVE}.stripe_events e
    WHERE (e.object_id, e.account, e.mode) = (w.object_id, w.account, w.mode)
) t
CROSS JOIN LATERAL (
    SELECT count(*) AS looks, max(recorded_us) AS last_us FROM {LIVE}.observations o
    WHERE (o.object_id, o.account, o.mode) = (w.object_id, w.account, w.mode)
    AND 'fetch' = ANY(o.why) AND o.recorded_us > t.told_us
) s
LEFT JOIN LATERAL (
    SELECT count(u) AS looks, max(u) AS last_us, max(status) AS status, max(code) AS code
    FROM {LIVE}.fetch_failures f, unnest(f.failed_us) u
    WHERE (f.mode, f.account, f.object, f.object_id) = (w.mode, w.account, w.object, w.object_id) AND u > t.told_us
) f ON true
WHERE %%(mode)s::text IS NULL OR w.mode = %%(mode)s
GROUP BY 1, 2, 3, 4 ORDER BY 6, 1, 2, 3, 4
"""


def fetches_wanted(
    conn: psycopg.Connection[Any], readable: Sequence[str], now_s: float, mode: Mode | None = None
) -> list[Want]:
    """Every object that must be looked at, and can be: `readable` are the types that Stripe lets us read.

    Those that were never looked at come first.
    """
    parts = " UNION ALL ".join([*_of_objects(readable), _THIN, _BOOKINGS])
    given = {"readable": list(readable), "thin_from_us": int((now_s - _THIN_FOR_S) * _MICRO), "mode": mode}
    rows = conn.execute(_LOOKED.replace("(%s)", f"({parts})").replace("%%", "%"), given)
    return [
        Want(m, a, o, i, tuple(why), looks, last, status, code) for m, a, o, i, why, looks, last, status, code in rows
    ]
