"""Which events one key of a read model is made of. Looks only.

The log has no index by object. The webhook ledger is one: it knows which events spoke of an object. Those of which it
could not say that (quarantined, in conflict, or their own row parked) are read and asked.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import psycopg

from ledger import store
from ledger.errors import Refused
from ledger.facts import ObjectFact
from ledger.ids import (
    Mode,
    accrual_stream,
    accruing_stream,
    agreement_stream,
    budget_stream,
    call_stream,
    calls_stream,
    charges_stream,
    comparison_stream,
    cost_policy_stream,
    costs_stream,
    delivery_stream,
    difference_stream,
    drift_stream,
    endpoint_stream,
    environment_stream,
    fetch_stream,
    hosting_months_stream,
    issuance_stream,
    item_parts,
    key_stream,
    link_stream,
    notice_stream,
    observed_stream,
    override_stream,
    parked_stream,
    placement_stream,
    placing_stream,
    plans_stream,
    rate_card_stream,
    reconciliation_stream,
    released_stream,
    reservation_stream,
    spending_stream,
    stripe_reconciliation_stream,
    stripe_stream,
    tax_terms_stream,
)
from ledger.translations.observed import object_of_sighting
from projections import GROUPS
from projections.base import Entry, Group, Key, Projection
from replay.fold import entry_of, route
from replay.tables import LIVE

#: (read model, key of one of its rows).
Place = tuple[str, Key]

#: Read models that are not of Stripe's objects -> the streams that hold what a row of theirs is folded from.
_STREAMS: dict[str, Callable[[Any], list[str]]] = {
    "stripe_events": lambda key: [stripe_stream(*key), released_stream(*key)],
    "observations": lambda key: [observed_stream(key[0], key[1], object_of_sighting(key[2]))],
    "fetch_failures": lambda key: [fetch_stream(*key)],
    "event_coverage": lambda key: [comparison_stream(*key)],
    "object_comparisons": lambda key: [comparison_stream(*key)],
    "reconciliations": lambda key: [stripe_reconciliation_stream(key[1])],
    "drift": lambda key: [drift_stream(*key)],
    "operator_links": lambda key: [link_stream(*key)],
    "parked_acts": lambda key: [parked_stream(*key)],
    "overrides": lambda key: [override_stream(*key)],
    "plans": lambda key: [plans_stream(key[0])],
    "plan_names": lambda key: [plans_stream(key[0])],
    "legacy_prices": lambda key: [plans_stream(key[0])],
    "plan_moves": lambda key: [placement_stream(*key), plans_stream(key[0])],
    "agreements": lambda key: [agreement_stream(*key)],
    "endpoints": lambda key: [endpoint_stream(key[1])],
    "notices": lambda key: [notice_stream(key[1])],
    "closed_differences": lambda key: [difference_stream(key[1], key[0], item_parts(key[2]))],
    "delivery_attempts": lambda key: [delivery_stream(key[2], key[1])],
    "cost_policies": lambda key: [cost_policy_stream(key[0], key[1], key[2].rpartition("@")[0])],
    "charge_records": lambda key: [charges_stream(*key)],
    "reservations": lambda key: [reservation_stream(*key)],
    "pass_through_budgets": lambda key: [budget_stream(*key)],
    "batch_states": lambda key: [reconciliation_stream(key[0], key[1], key[2].rpartition(".")[0])],
    "batch_chunks": lambda key: [reconciliation_stream(key[0], key[1], key[2].rpartition(".")[0])],
    "environments": lambda key: [environment_stream(*key)],
    "placements": lambda key: [placing_stream(*key)],
    "rate_cards": lambda key: [rate_card_stream(key[0], key[1].rpartition("@")[0])],
    "cost_events": lambda key: [costs_stream(*key)],
    "accruals": lambda key: [accrual_stream(*key[:4])],
    "accruals_counted": lambda key: [accruing_stream(*key)],
    "hosting_months": lambda key: [hosting_months_stream(key[0])],
    "spending_limits": lambda key: [spending_stream(*key)],
    "tax_terms": lambda key: [tax_terms_stream(key[0], key[1].partition("/")[2] or None)],
    "api_keys": lambda key: [key_stream(*key)],
    "issuance_steps": lambda key: [issuance_stream(*key)],
    "stripe_calls": lambda key: [call_stream(*key)],
    "stripe_calls_stopped": lambda key: [calls_stream(*key)],
}
#: Read models of what events say of other objects too -> those objects, by mode, account and the key's own object.
_SPEAKERS = {
    "price_lookup_keys": f"SELECT id FROM {LIVE}.subscription_sales"
    " WHERE mode = %s AND account = %s AND price_ids @> ARRAY[%s::text]",
}
#: Read models of what an account's events say together -> those events, by mode and account.
_OF_ACCOUNTS = {
    "launch_verified": f"SELECT positions FROM {LIVE}.stripe_events WHERE mode = %s AND account = %s"
    " AND split_part(type, '.', 1) IN ('product', 'price', 'plan')",
}


class NeedsRebuild(Refused):
    """Nothing tells which events this key is made of; `recount replay rebuild` makes the whole read model anew."""

    code = "needs_rebuild"


class OwnEvents(NamedTuple):
    """The events of one key, in the log's order."""

    entries: list[Entry]
    silent: frozenset[Place]
    """Rows of the webhook ledger among them that do not say yet what their events speak of."""


def touched_by(conn: psycopg.Connection[Any], mode: Mode, account: str, event_id: str) -> list[Place]:
    """The keys that a Stripe event touches as it is read now: its own row, and all that is folded from what it says."""
    places: dict[Place, None] = {("stripe_events", (mode, account, event_id)): None}
    for entry in of_streams(conn, [stripe_stream(mode, account, event_id)]):
        if isinstance(entry.said, ObjectFact):
            places |= {(t.projection.name, t.key): None for group in GROUPS for t in route(group, [entry])}
    return list(places)


def own_events(conn: psycopg.Connection[Any], group: Group, projection: Projection, key: Key) -> OwnEvents:
    """A key's own events. Raises NeedsRebuild where nothing tells them."""
    streams = _STREAMS.get(projection.name)
    if streams is not None:
        return OwnEvents(_of_key(group, projection, key, of_streams(conn, streams(key))), frozenset())
    if any("." in read for read in projection.reads):
        raise NeedsRebuild(f"run `recount replay rebuild {projection.name}`: nothing tells what this key is made of")
    if projection.name in _OF_ACCOUNTS:
        found = conn.execute(_OF_ACCOUNTS[projection.name], list(key))
        own = store.read_positions(conn, sorted({p for (ps,) in found for p in ps}))
        return OwnEvents(_of_key(group, projection, key, map(entry_of, own)), frozenset())
    mode, account, object_id = cast("tuple[Mode, str, str]", key)
    objects = [object_id]
    if projection.name in _SPEAKERS:
        objects += [id for (id,) in conn.execute(_SPEAKERS[projection.name], [mode, account, object_id])]
    told = conn.execute(
        f"SELECT positions FROM {LIVE}.stripe_events WHERE (mode, account) = (%s, %s) AND object_id = ANY(%s)",
        [mode, account, objects],
    )
    positions = sorted({p for (ps,) in told for p in ps})
    seen = of_streams(conn, [observed_stream(mode, account, o) for o in objects])
    known = _of_key(group, projection, key, [*map(entry_of, store.read_positions(conn, positions)), *seen])
    silent = _of_key(group, projection, key, _silent(conn, mode, account))
    entries = sorted({e.position: e for e in (*known, *silent)}.values(), key=lambda e: e.position)
    return OwnEvents(entries, frozenset(("stripe_events", (mode, account, _event_id(e))) for e in silent))


def _silent(conn: psycopg.Connection[Any], mode: str, account: str) -> list[Entry]:
    """Events of which the webhook ledger does not say what they speak of, though they may do so now."""
    rows = conn.execute(
        f"SELECT 'stripe/' || mode || '/' || account || '/' || id FROM {LIVE}.stripe_events"
        " WHERE mode = %s AND account = %s AND state IN ('waiting', 'quarantined', 'conflict')"
        " AND CASE state WHEN 'waiting' THEN cardinality(positions) > 1 ELSE object_id IS NULL END"
        f" UNION SELECT 'stripe/' || array_to_string(key, '/') FROM {LIVE}.parked"
        " WHERE model = 'stripe_events' AND key[1:2] = ARRAY[%s, %s]",
        [mode, account, mode, account],
    )
    return of_streams(conn, [stream for (stream,) in rows])


def of_streams(conn: psycopg.Connection[Any], streams: Sequence[str]) -> list[Entry]:
    """All events of these streams, in the log's order."""
    rows = conn.execute("SELECT notification_id FROM ledger.events WHERE originator_id = ANY(%s)", [list(streams)])
    return [entry_of(r) for r in store.read_positions(conn, sorted(p for (p,) in rows))]


def _of_key(group: Group, projection: Projection, key: Key, entries: Any) -> list[Entry]:
    return [t.entry for t in route(group, entries) if t.projection.name == projection.name and t.key == key]


def _event_id(entry: Entry) -> str:
    return str(entry.event.event_id)  # type: ignore[attr-defined] # one of Stripe's
