"""The webhook ledger: every Stripe event received, and what became of it. Also the index of who is spoken of where.

A row is keyed by the event's own (mode, account, id). Renderings of one event in several API versions are one row; the
newest API version's outcome counts. What an operator did about one that was set aside stands in its row, for as long
as nothing more came to the event.
"""

from typing import Any

import msgspec

from ledger.events import StripeEventConflicted, StripeEventDismissed, StripeEventReceived, StripeEventReleased
from ledger.facts import ObjectFact, Quarantined, StoredOnly, Waiting
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "stripe_events",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("type", "text"),
        Column("state", "text"),
        Column("reason", "text"),
        Column("api_versions", "text[]"),
        Column("object", "text"),
        Column("object_id", "text"),
        Column("customer", "text"),
        Column("org_claim", "text"),
        Column("endpoint", "text", digested=False),  # like the time of receipt: which delivery came first
        Column("created_s", "bigint"),
        Column("conflicts", "bigint"),
        Column("handled", "text"),  # `released` or `dismissed`, by whom and why
        Column("handled_by", "text"),
        Column("handled_why", "text"),
        Column("handled_us", "bigint", digested=False),
        Column("received_us", "bigint", digested=False),
        Column("positions", "bigint[]", digested=False),
    ),
    # What tells rows apart comes first: of these indexes there is an entry an event, and to sort by what all have in
    # common takes twice as long (1.3 against 0.7 µs a row).
    indexes=(
        "(customer, account, mode)",
        "(object_id, account, mode)",
        "(mode, org_claim) WHERE org_claim IS NOT NULL",
        "(mode, state) WHERE state IN ('waiting', 'quarantined', 'conflict')",
        "(mode, handled) WHERE handled IS NOT NULL",
        "(created_s, id, account)",
    ),
)


class _Rendering(msgspec.Struct, array_like=True, gc=False):
    api_version: str | None
    position: int
    received_us: int
    conflict: bool
    type: str
    created_s: int
    endpoint: str
    state: str
    reason: str | None
    object: str | None
    object_id: str | None
    customer: str | None
    org_claim: str | None


class _Act(msgspec.Struct, array_like=True, gc=False):
    """What an operator did, the last time."""

    position: int
    how: str
    by: str
    why: str
    at_us: int
    versions: int


class _Acted(msgspec.Struct, array_like=True, gc=False):
    renderings: list[_Rendering]
    act: _Act


_encode = msgspec.msgpack.Encoder().encode
_decode_plain = msgspec.msgpack.Decoder(list[_Rendering]).decode
_decode_acted = msgspec.msgpack.Decoder(_Acted).decode
#: Before the state of the few events that an operator acted on. A byte that MessagePack never uses.
_MARK = b"\xc1"


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    return ((event.mode, event.account, event.event_id),)  # type: ignore[attr-defined] # one of the two it reads


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    if isinstance(entry.event, (StripeEventReleased, StripeEventDismissed)):
        return _with_act(state, entry)
    new = _rendering(entry)
    if state is None:
        return _encode((new,))
    renderings, act = _opened(state)
    if all(r.position != new.position for r in renderings):
        renderings.append(new)
    return _packed(renderings, act)


def _with_act(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    assert isinstance(said, (StripeEventReleased, StripeEventDismissed))
    if state is None:  # nothing is known that could have been acted on
        return None
    how = "released" if isinstance(said, StripeEventReleased) else "dismissed"
    renderings, before = _opened(state)
    act = _Act(entry.position, how, said.by, said.why, entry.recorded_at_us, said.versions)
    return _packed(renderings, act if before is None or before.position < act.position else before)


def _opened(state: bytes) -> tuple[list[_Rendering], _Act | None]:
    if state[:1] != _MARK:
        return _decode_plain(state), None
    acted = _decode_acted(state[1:])
    return acted.renderings, acted.act


def _packed(renderings: list[_Rendering], act: _Act | None) -> bytes:
    return _encode(renderings) if act is None else _MARK + _encode(_Acted(renderings, act))


def _rendering(entry: Entry) -> _Rendering:
    event, said = entry.event, entry.said
    assert isinstance(event, StripeEventReceived)
    state, reason = "applied", None
    about: tuple[str | None, str | None, str | None, str | None] = (None, None, None, None)
    if isinstance(said, ObjectFact):
        about = (said.object, said.id, said.customer, said.claim)
    elif isinstance(said, StoredOnly):
        state, about = "stored_only", (said.object, said.object_id, said.customer, None)
    elif isinstance(said, Waiting):
        state, reason = "waiting", said.reason
        about = (said.object, said.object_id, None, None)
    elif isinstance(said, Quarantined):
        state, reason = "quarantined", said.reason
    return _Rendering(
        event.api_version,
        entry.position,
        entry.recorded_at_us,
        isinstance(event, StripeEventConflicted),
        event.type,
        event.created_s,
        event.endpoint,
        state,
        reason,
        *about,
    )


def _to_row(key: Key, state: bytes) -> Row:
    renderings, act = _opened(state)
    if len(renderings) == 1 and not renderings[0].conflict and act is None:
        return _row_of_one(key, renderings[0])
    conflicts = sum(r.conflict for r in renderings)
    sound = [r for r in renderings if not r.conflict] or renderings
    newest = max(sound, key=lambda r: (r.api_version or "", -r.position))
    handled: tuple[Any, ...] = _UNHANDLED
    if act is not None and act.versions >= len(renderings):  # else something came that nobody has looked at
        handled = (act.how, act.by, act.why, act.at_us)
    return _TABLE.row(
        *key,
        newest.type,
        "conflict" if conflicts else newest.state,
        "the same id came again with other content" if conflicts else newest.reason,
        sorted({r.api_version for r in sound if r.api_version}),
        newest.object,
        newest.object_id,
        newest.customer,
        newest.org_claim,
        newest.endpoint,
        newest.created_s,
        conflicts,
        *handled,
        min(r.received_us for r in renderings),
        sorted(r.position for r in renderings),
    )


def _row_of_one(key: Key, it: _Rendering) -> Row:
    """Nearly every event comes in one rendering, and nobody need act on it."""
    versions = [it.api_version] if it.api_version else []
    about = (it.object, it.object_id, it.customer, it.org_claim, it.endpoint, it.created_s)
    return _row((*key, it.type, it.state, it.reason, versions, *about, 0, *_UNHANDLED, it.received_us, [it.position]))


_UNHANDLED = (None, None, None, None)
_row = _TABLE.row._make


def _make(entry: Entry) -> tuple[Row, bytes]:
    rendering = _rendering(entry)
    (key,) = _keys(entry)
    state = _encode((rendering,))
    return (_to_row(key, state) if rendering.conflict else _row_of_one(key, rendering)), state


STRIPE_EVENTS = Projection(
    "stripe_events",
    3,
    _TABLE,
    (StripeEventReceived.NAME, StripeEventConflicted.NAME, StripeEventReleased.NAME, StripeEventDismissed.NAME),
    _keys,
    _apply,
    _to_row,
    # the first of its stream is the first that is heard of an event
    fresh=lambda entry: entry.version == 1 and isinstance(entry.event, StripeEventReceived),
    make=_make,
)
