"""As of: what an organization's rows were at a position or a time, folded in memory with the same definitions.

Only the closure of keys that the answer needs is read: the organization's own events and those of customers linked to
it then, and the catalogue. The webhook ledger is the index that finds them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.events import (
    AgreementEnded,
    AgreementMade,
    OrganizationLinked,
    OrganizationUnlinked,
    OverrideDenied,
    OverrideEnded,
    OverrideGranted,
    PlanPriceMapped,
    PlanPriceUnmapped,
    PlanPublished,
    PlanRetired,
    Recorded,
    SubscriptionPlanMoved,
)
from ledger.ids import PLATFORM
from projections import BILLING
from projections.base import Derivation, Group, Key, Row
from replay import tables
from replay.fold import States, entry_of, fold, route
from replay.hanging import BOOKED, HANGING

_CATALOGUE = ("product", "price", "plan")
#: The index of who is spoken of where: by Stripe's events, and by what we saw when we asked.
_SPOKEN = (
    "("
    + " UNION ALL ".join(
        f"SELECT mode, account, object, object_id, customer, org_claim, created_s, positions FROM {tables.LIVE}.{model}"
        for model in ("stripe_events", "observations")
    )
    + ") spoken"
)
#: What hangs on the customers' objects: refunds of their charges, bookings of their credit …
_HANGING = tuple(
    f"SELECT o.account, o.id FROM {hanging.joined}"
    " WHERE c.mode = %s AND (c.account, c.customer) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
    for hanging in (*HANGING, *BOOKED)
)
#: (account, id of an object of Stripe's).
Pairs = set[tuple[str, str]]
#: A model's rows by their keys.
Rows = dict[Key, Row]


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
    found = closure(conn, mode, org, position, until_s=until_s)
    events = sorted([*store.read_positions(conn, found.positions), *found.own])
    return AsOf(position, fold_in_memory(BILLING, [entry_of(e) for e in events], (mode, org)))


class Closure(NamedTuple):
    """Which events an organization's answer rests on."""

    positions: list[int]
    """Of Stripe's events."""
    own: list[Recorded]
    """Recount's own, in the log's order."""


def closure(
    conn: psycopg.Connection[Any],
    mode: str,
    org: str,
    position: int,
    *,
    until_s: int | None = None,
    types: Sequence[str] | None = None,
) -> Closure:
    """The events up to a position that an organization's answer rests on.

    `until_s`: only Stripe's events created up to then. `types`: only Stripe's events about objects of these types.
    """
    customers = _customers(conn, mode, org, position)
    listed = _listed(conn, mode, customers, until_s, types)
    positions = sorted({p for _, _, ps in listed for p in ps if p <= position})
    told = [e for e in store.read_own(conn, OWN, upto=position) if e.event.mode == mode]
    agreements = {e.event.id for e in told if isinstance(e.event, AgreementMade) and e.event.org == org}
    bought = {(account, object_id) for account, object_id, _ in listed} | {(PLATFORM, a) for a in agreements}
    return Closure(positions, [e for e in told if _concerns(e.event, org, customers, bought)])


#: Recount's own events on which an organization's answer may rest.
OWN = (
    OrganizationLinked.NAME,
    OrganizationUnlinked.NAME,
    OverrideGranted.NAME,
    OverrideDenied.NAME,
    OverrideEnded.NAME,
    PlanPublished.NAME,
    PlanRetired.NAME,
    PlanPriceMapped.NAME,
    PlanPriceUnmapped.NAME,
    SubscriptionPlanMoved.NAME,
    AgreementMade.NAME,
    AgreementEnded.NAME,
)


def _concerns(event: Any, org: str, customers: Pairs, bought: Pairs) -> bool:
    """Whether an event of one's own mode concerns the organization. Plans concern everybody."""
    if isinstance(event, (OrganizationLinked, OrganizationUnlinked)):
        return (event.account, event.customer) in customers
    if isinstance(event, (OverrideGranted, OverrideDenied, OverrideEnded, AgreementMade)):
        return event.org == org
    if isinstance(event, SubscriptionPlanMoved):
        return (event.account, event.subscription) in bought
    return not isinstance(event, AgreementEnded) or (PLATFORM, event.id) in bought


def _customers(conn: psycopg.Connection[Any], mode: str, org: str, position: int) -> Pairs:
    """Whoever was ever claimed for the organization: the derivation decides whose claim held."""
    claimed = conn.execute(
        f"SELECT DISTINCT account, coalesce(customer, object_id) FROM {_SPOKEN}"
        " WHERE mode = %s AND org_claim = %s AND positions[1] <= %s",
        [mode, org, position],
    ).fetchall()
    linked = [
        (e.event.account, e.event.customer)
        for e in store.read_own(conn, [OrganizationLinked.NAME], upto=position)
        if e.event.org == org and e.event.mode == mode
    ]
    return {(a, c) for a, c in claimed if c is not None} | set(linked)


def _listed(
    conn: psycopg.Connection[Any], mode: str, customers: Pairs, until_s: int | None, types: Sequence[str] | None
) -> list[tuple[str, str, list[int]]]:
    """(account, object, positions) of Stripe's events about the customers, and about what is sold where they buy.

    What names no customer is found by what it hangs on, or by what is said elsewhere of the same object.
    """
    accounts = sorted({a for a, _ in customers})
    found = conn.execute(
        f"SELECT account, object_id, positions FROM {_SPOKEN}"
        " WHERE mode = %s AND (%s::bigint IS NULL OR created_s <= %s) AND (%s::text[] IS NULL OR object = ANY(%s))"
        " AND ((account = ANY(%s) AND object = ANY(%s)) OR (account, customer) IN (SELECT * FROM unnest(%s::text[],"
        " %s::text[])) OR (account, object_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
        f" OR (account, object_id) IN ({' UNION ALL '.join(_HANGING)}))",
        [
            *(mode, until_s, until_s, types and list(types), types and list(types)),
            *(accounts, list(_CATALOGUE), *(2 * _columns(customers))),
            *(len(_HANGING) * [mode, *_columns(customers)]),
        ],
    ).fetchall()
    known = {(a, object_id) for a, object_id, _ in found if object_id is not None}
    return (
        found
        + conn.execute(
            f"SELECT account, object_id, positions FROM {_SPOKEN}"
            " WHERE mode = %s AND (%s::bigint IS NULL OR created_s <= %s) AND customer IS NULL"
            " AND (account, object_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [mode, until_s, until_s, *_columns(known)],
        ).fetchall()
    )


def _columns(pairs: Pairs) -> list[list[str]]:
    return [[a for a, _ in sorted(pairs)], [c for _, c in sorted(pairs)]]


def fold_in_memory(group: Group, entries: Sequence[Any], org_key: Key) -> dict[str, list[Row]]:
    """Fold `entries` and derive everything that concerns one organization. No I/O; a fault raises."""
    states: States = {}

    def fail(*fault: Any) -> None:
        raise fault[-1]

    fold(route(group, entries), states, {}, fail)
    rows: dict[str, Rows] = {
        p.name: {k: p.to_row(k, s) for k, s in sorted(states.get(p.name, {}).items()) if s is not None}
        for p in group.projections
    }
    derive_in_memory(group, rows, org_key)
    return {model: list(found.values()) for model, found in rows.items()}


def derive_in_memory(group: Group, rows: dict[str, Rows], org_key: Key) -> None:
    """Add to the projections' `rows` those of all derivations that concern one organization."""
    for derivation in group.derivations:
        width = len(derivation.table.key)
        rows[derivation.name] = {
            tuple(row[:width]): row
            for key in _keys(derivation, rows, org_key)
            for row in derivation.derive(key, gather(group, derivation, key, rows))
        }


def _keys(derivation: Derivation, rows: Mapping[str, Rows], org_key: Key) -> list[Key]:
    if derivation.key == ("mode", "org"):
        return [org_key]
    direct: list[tuple[str, Callable[[Row], Any]]] = [
        (m, how) for m, how in derivation.affects.items() if callable(how)
    ]
    return sorted({k for model, how in direct for row in rows[model].values() for k in how(row)})


def gather(group: Group, derivation: Derivation, key: Key, rows: Mapping[str, Rows]) -> dict[str, list[Row]]:
    """The rows that a derivation reads for a key."""
    got: dict[str, list[Row]] = {}
    for given in derivation.inputs:
        wanted, found = set(given.wanted(key, got)), rows[given.model]
        if given.by == group.tables[given.model].key:
            got[given.model] = [found[w] for w in sorted(w for w in wanted if w in found)]
        else:
            got[given.model] = [r for r in found.values() if tuple(getattr(r, b) for b in given.by) in wanted]
    return got
