"""As of: what an organization's rows were at a position or a time, folded in memory with the same definitions.

Only the closure of keys that the answer needs is read: the organization's own events and those of customers linked to
it then, and the catalogue. The webhook ledger is the index that finds them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.events import OrganizationLinked, OrganizationUnlinked
from projections import BILLING
from projections.base import Derivation, Group, Key, Row
from replay import tables
from replay.fold import States, entry_of, fold, route

_CATALOGUE = ("product", "price", "plan")


class AsOf(NamedTuple):
    """Rows as they stood when the log had this position."""

    position: int
    rows: Mapping[str, Sequence[Row]]
    """Model -> the rows that the organization's answer rests on, and the answer itself."""


def position_of(conn: psycopg.Connection[Any], when: int | datetime) -> int:
    """A position, given one or a time (what we knew then)."""
    return store.position_at(conn, when) if isinstance(when, datetime) else min(when, store.head(conn))


def organization_as_of(
    conn: psycopg.Connection[Any], mode: str, org: str, when: int | datetime, *, by_truth: datetime | None = None
) -> AsOf:
    """An organization's rows as of a position or a recording time: what we knew then.

    With `by_truth`, of what is known at `when` only Stripe's events created up to that time count: what was true then.
    """
    position = position_of(conn, when)
    until_s = int(by_truth.timestamp()) if by_truth is not None else None
    customers = _customers(conn, mode, org, position)
    positions = _positions(conn, mode, customers, position, until_s)
    links = [
        e
        for e in store.read_own(conn, [OrganizationLinked.NAME, OrganizationUnlinked.NAME], upto=position)
        if (e.event.account, e.event.customer) in customers and e.event.mode == mode
    ]
    events = sorted([*store.read_positions(conn, positions), *links])
    return AsOf(position, fold_in_memory(BILLING, [entry_of(e) for e in events], (mode, org)))


def _customers(conn: psycopg.Connection[Any], mode: str, org: str, position: int) -> set[tuple[str, str]]:
    """Whoever was ever claimed for the organization: the derivation decides whose claim held."""
    claimed = conn.execute(
        f"SELECT DISTINCT account, coalesce(customer, object_id) FROM {tables.LIVE}.stripe_events"
        " WHERE mode = %s AND org_claim = %s AND positions[1] <= %s",
        [mode, org, position],
    ).fetchall()
    linked = [
        (e.event.account, e.event.customer)
        for e in store.read_own(conn, [OrganizationLinked.NAME], upto=position)
        if e.event.org == org and e.event.mode == mode
    ]
    return {(a, c) for a, c in claimed if c is not None} | set(linked)


def _positions(
    conn: psycopg.Connection[Any], mode: str, customers: set[tuple[str, str]], position: int, until_s: int | None
) -> list[int]:
    accounts = sorted({a for a, _ in customers})
    rows = conn.execute(
        f"SELECT positions FROM {tables.LIVE}.stripe_events WHERE mode = %s AND (%s::bigint IS NULL OR created_s <= %s)"
        " AND ((account = ANY(%s) AND object = ANY(%s)) OR (account, customer) IN (SELECT * FROM unnest(%s::text[],"
        " %s::text[])) OR (account, object_id) IN (SELECT * FROM unnest(%s::text[], %s::text[])))",
        [mode, until_s, until_s, accounts, list(_CATALOGUE), *(2 * _columns(customers))],
    )
    return sorted({p for (ps,) in rows for p in ps if p <= position})


def _columns(pairs: set[tuple[str, str]]) -> list[list[str]]:
    return [[a for a, _ in sorted(pairs)], [c for _, c in sorted(pairs)]]


def fold_in_memory(group: Group, entries: Sequence[Any], org_key: Key) -> dict[str, list[Row]]:
    """Fold `entries` and derive everything that concerns one organization. No I/O; a fault raises."""
    states: States = {}

    def fail(*fault: Any) -> None:
        raise fault[-1]

    fold(route(group, entries), states, {}, fail)
    rows: dict[str, list[Row]] = {
        p.name: [p.to_row(k, s) for k, s in sorted(states.get(p.name, {}).items()) if s is not None]
        for p in group.projections
    }
    for derivation in group.derivations:
        rows[derivation.name] = [
            row
            for key in _keys(derivation, rows, org_key)
            for row in derivation.derive(key, _gather(derivation, key, rows))
        ]
    return rows


def _keys(derivation: Derivation, rows: Mapping[str, Sequence[Row]], org_key: Key) -> list[Key]:
    if derivation.key == ("mode", "org"):
        return [org_key]
    direct: list[tuple[str, Callable[[Row], Any]]] = [
        (m, how) for m, how in derivation.affects.items() if callable(how)
    ]
    return sorted({k for model, how in direct for row in rows[model] for k in how(row)})


def _gather(derivation: Derivation, key: Key, rows: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    got: dict[str, list[Row]] = {}
    for given in derivation.inputs:
        wanted = set(given.wanted(key, got))
        got[given.model] = [r for r in rows[given.model] if tuple(getattr(r, b) for b in given.by) in wanted]
    return got
