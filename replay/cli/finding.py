"""Which events of the log somebody means: by what they are, whom they concern, what became of them."""

from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.events import EVENTS, Recorded
from ledger.ids import MODES, PLATFORM, Mode, stripe_stream
from replay import tables
from replay.status import require_built

_NAMES = frozenset(e.NAME for e in EVENTS)


class Criteria(NamedTuple):
    """What an event must be to be found; None: anything."""

    kind: str | None = None
    """A Stripe type, or an event's name; a `*` at its end stands for anything."""
    stream: str | None = None
    state: str | None = None
    customer: str | None = None
    mode: Mode | None = None
    after: int | None = None
    """None: the newest are wanted; else the first ones after this position."""


def find(conn: psycopg.Connection[Any], wanted: Criteria, limit: int) -> list[Recorded]:
    """At most `limit` events, in the log's order. Raises NotBuilt where the webhook ledger is needed."""
    order = "DESC" if wanted.after is None else "ASC"
    where, values = _where(wanted)
    if _needs_ledger(wanted):
        require_built(conn)
    rows = conn.execute(
        f"SELECT notification_id FROM ledger.events WHERE notification_id > %s AND {where}"
        f" ORDER BY notification_id {order} LIMIT %s",
        [wanted.after or 0, *values, limit],
    ).fetchall()
    return store.read_positions(conn, [p for (p,) in rows])


def _needs_ledger(wanted: Criteria) -> bool:
    """Whether the log itself cannot tell: what a Stripe event says stands in the webhook ledger."""
    stripe_type = wanted.kind is not None and wanted.kind not in _NAMES
    return bool(stripe_type or wanted.state or wanted.customer)


def _where(wanted: Criteria) -> tuple[str, list[Any]]:
    parts, values = ["true"], []
    if wanted.stream is not None:
        parts.append("originator_id = %s")
        values.append(wanted.stream)
    if wanted.kind in _NAMES:
        parts.append("topic LIKE %s")
        values.append(f"{_like(str(wanted.kind))}/%")
    if wanted.mode is not None:
        parts.append("split_part(originator_id, '/', 2) = %s")  # all streams but those of API keys have it there
        values.append(wanted.mode)
    if _needs_ledger(wanted):
        ledger, ledger_values = _in_ledger(wanted)
        own, own_values = _own(wanted)
        parts.append(f"(notification_id IN ({ledger}) OR ({own}))")
        values += [*ledger_values, *own_values]
    return " AND ".join(parts), values


def _in_ledger(wanted: Criteria) -> tuple[str, list[Any]]:
    parts, values = ["true"], []
    for column, value in (("state", wanted.state), ("mode", wanted.mode)):
        if value is not None:
            parts.append(f"{column} = %s")
            values.append(value)
    if wanted.customer is not None:
        parts.append("(customer = %s OR object_id = %s)")
        values += [wanted.customer, wanted.customer]
    if wanted.kind is not None and wanted.kind not in _NAMES:
        parts.append("type LIKE %s")
        values.append(_pattern(wanted.kind))
    return f"SELECT unnest(positions) FROM {tables.LIVE}.stripe_events WHERE {' AND '.join(parts)}", values


def _own(wanted: Criteria) -> tuple[str, list[Any]]:
    """Recount's own events, which the webhook ledger does not list: links of a customer, names by pattern."""
    if wanted.state is not None:
        return "false", []
    parts, values = ["topic NOT LIKE 'stripe.%%'"], []
    if wanted.customer is not None:
        parts.append("originator_id LIKE %s")
        values.append(f"%/{_like(wanted.customer)}")
    if wanted.kind is not None and wanted.kind not in _NAMES:
        parts.append("topic LIKE %s")
        values.append(f"{_pattern(wanted.kind)}/%")
    return " AND ".join(parts), values


def _like(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _pattern(kind: str) -> str:
    return _like(kind[:-1]) + "%" if kind.endswith("*") else _like(kind)


def named(conn: psycopg.Connection[Any], what: str) -> list[Recorded]:
    """The events at a position, in a stream, one of a stream (`stream@version`), or of a Stripe event's id anywhere."""
    if what.isdecimal():
        return store.read_positions(conn, [int(what)])
    if "/" in what:
        stream, _, version = what.rpartition("@")
        found = find(conn, Criteria(stream=what, after=0), 1_000)
        if found or not version.isdecimal():
            return found
        place = conn.execute(
            "SELECT notification_id FROM ledger.events WHERE (originator_id, originator_version) = (%s, %s)",
            [stream, int(version)],
        ).fetchall()
        return store.read_positions(conn, [p for (p,) in place])
    streams = [stripe_stream(mode, PLATFORM, what) for mode in MODES]
    rows = conn.execute("SELECT notification_id FROM ledger.events WHERE originator_id = ANY(%s)", [streams]).fetchall()
    positions = {p for (p,) in rows}
    if _ledger_exists(conn):
        listed = conn.execute(
            f"SELECT unnest(positions) FROM {tables.LIVE}.stripe_events WHERE mode = ANY(%s) AND id = %s",
            [list(MODES), what],
        )
        positions |= {p for (p,) in listed}
    return store.read_positions(conn, sorted(positions))


def _ledger_exists(conn: psycopg.Connection[Any]) -> bool:
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{tables.LIVE}.stripe_events"]).fetchone()
    return bool(row and row[0])
