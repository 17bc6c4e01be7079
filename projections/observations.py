"""Observations: every time that we saw an object of Stripe's, and what became of it.

They are the index of who is spoken of where, as the webhook ledger is for events.

A row is keyed by what was seen in which second; the same content in several API versions is one row, of which the
newest counts.
"""

from typing import Any

import msgspec

from ledger.facts import ObjectFact, Quarantined, StoredOnly, Translation
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations.observed import sighting_id
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "observations",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("object", "text"),
        Column("object_id", "text"),
        Column("customer", "text"),
        Column("org_claim", "text"),
        Column("state", "text"),
        Column("reason", "text"),
        Column("why", "text[]"),
        Column("api_versions", "text[]"),
        Column("created_s", "bigint"),
        Column("recorded_us", "bigint", digested=False),
        Column("positions", "bigint[]", digested=False),
    ),
    indexes=(
        "(customer, account, mode)",
        "(object_id, account, mode)",
        "(mode, org_claim) WHERE org_claim IS NOT NULL",
        "(mode, state) WHERE state = 'quarantined'",
        "(created_s, id, account)",
    ),
)


class _Seen(msgspec.Struct, array_like=True, gc=False):
    """One observation in one API version."""

    position: int
    recorded_us: int
    api_version: str | None
    why: str
    at_s: int
    object: str
    object_id: str
    customer: str | None
    org_claim: str | None
    state: str
    reason: str | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Seen]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, StripeObjectObserved)
    return ((event.mode, event.account, sighting_id(event)),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    return _together(_decode(state) if state is not None else [], [_seen(entry)])


def _merge(state: bytes | None, other: bytes | None) -> bytes | None:
    if state is None or other is None:
        return state or other
    return _together(_decode(state), _decode(other))


def _together(some: list[_Seen], others: list[_Seen]) -> bytes:
    by_position = {s.position: s for s in (*some, *others)}
    return _encode([by_position[p] for p in sorted(by_position)])


def _seen(entry: Entry) -> _Seen:
    event = entry.event
    assert isinstance(event, StripeObjectObserved)
    said = entry.said
    return _Seen(
        entry.position,
        entry.recorded_at_us,
        event.api_version,
        event.why,
        event.observed_at_s,
        event.object_type,
        said.id if isinstance(said, ObjectFact) else event.object_id,
        said.customer if isinstance(said, (ObjectFact, StoredOnly)) else None,
        said.claim if isinstance(said, ObjectFact) else None,
        *_outcome(said),
    )


def _outcome(said: Translation | None) -> tuple[str, str | None]:
    if isinstance(said, ObjectFact):
        return "applied", None
    if isinstance(said, Quarantined):
        return "quarantined", said.reason
    return "stored_only", None


def _to_row(key: Key, state: bytes) -> Row:
    seen = _decode(state)
    newest: Any = max(seen, key=lambda s: (s.api_version or "", -s.position))
    return _TABLE.row(
        *key,
        newest.object,
        newest.object_id,
        newest.customer,
        newest.org_claim,
        newest.state,
        newest.reason,
        sorted({s.why for s in seen}),
        sorted({s.api_version for s in seen if s.api_version}),
        newest.at_s,
        seen[0].recorded_us,
        [s.position for s in seen],
    )


OBSERVATIONS = Projection("observations", 1, _TABLE, (StripeObjectObserved.NAME,), _keys, _apply, _to_row, merge=_merge)
