"""Calls to Stripe: what was asked, and what came of it; what is unanswered is the worker's queue. One row a call.

Folding asks nothing: outgoing work is a read model, and only a worker that reads it asks. Beside it: whether Stripe
takes our key at all, and for whom an object was made that one of our calls made.
"""

from typing import Any

import msgspec

from ledger.stripe_call_events import (
    StripeCallBegun,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallsResumed,
    StripeCallsStopped,
    StripeCallSucceeded,
    StripeCallUnknown,
)
from projections.base import Column, Entry, Key, Projection, Table

#: `waiting` was never sent; `begun` was, and has no answer; `unknown` is looked up.
STATES = ("waiting", "begun", "unknown", "succeeded", "failed")

_CALLS = Table(
    "stripe_calls",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("account", "text"),
        Column("operation", "text"),
        Column("org", "text"),
        Column("urgency", "text"),
        Column("awaited", "boolean"),
        Column("lane", "text"),  # calls about one object are made one after the other
        Column("instead_of", "text"),
        Column("state", "text"),
        Column("begun_s", "bigint"),
        Column("api_version", "text"),
        Column("unknown_s", "bigint"),
        Column("why", "text"),
        Column("status", "bigint"),
        Column("object", "text"),
        Column("object_id", "text"),
        Column("type", "text"),
        Column("code", "text"),
        Column("decline_code", "text"),
        Column("param", "text"),
        Column("request_id", "text"),
        Column("answered_s", "bigint"),
        Column("known_by", "text"),
        Column("version", "bigint"),
        Column("requested_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=(
        "(mode, urgency, position) WHERE state IN ('waiting', 'begun')",
        "(mode, lane, position) WHERE state IN ('waiting', 'begun')",
        "(mode, position) WHERE state = 'unknown'",
        "(mode, position)",
        "(mode, org, position)",
    ),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    account: str
    operation: str
    org: str | None
    urgency: str
    awaited: bool
    lane: str | None
    instead_of: str | None
    state: str = "waiting"
    begun_s: int | None = None
    api_version: str | None = None
    unknown_s: int | None = None
    why: str | None = None
    status: int | None = None
    object: str | None = None
    object_id: str | None = None
    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    request_id: str | None = None
    answered_s: int | None = None
    known_by: str | None = None
    version: int = 1
    requested_us: int = 0
    position: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
_SUCCESS = ("status", "object", "object_id", "request_id", "answered_s")
_FAILURE = ("status", "type", "code", "decline_code", "param", "request_id", "answered_s")


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.mode, entry.event.call_id),)  # type: ignore[attr-defined] # every event of a call has both


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    if isinstance(said, StripeCallRequested):
        return _encode(_requested(said, entry))
    if state is None:
        return None
    changes: dict[str, Any] = {"version": entry.version}
    if isinstance(said, StripeCallBegun):
        changes |= {"state": "begun", "begun_s": said.at_s, "api_version": said.api_version}
    elif isinstance(said, StripeCallUnknown):
        changes |= {"state": "unknown", "unknown_s": said.at_s, "why": said.why}
    elif isinstance(said, StripeCallSucceeded):
        changes |= {"state": "succeeded", "known_by": said.by, **{f: getattr(said, f) for f in _SUCCESS}}
    else:
        assert isinstance(said, StripeCallFailed)
        changes |= {"state": "failed", "known_by": said.by, **{f: getattr(said, f) for f in _FAILURE}}
    return _encode(msgspec.structs.replace(_decode(state), **changes))


def _requested(said: StripeCallRequested, entry: Entry) -> _State:
    lane = f"{said.account}/{said.path[0]}" if said.path else None
    return _State(
        said.account,
        said.operation,
        said.org,
        said.urgency,
        said.awaited,
        lane,
        said.instead_of,
        version=entry.version,
        requested_us=entry.recorded_at_us,
        position=entry.position,
    )


STRIPE_CALLS = Projection(
    "stripe_calls",
    1,
    _CALLS,
    (
        StripeCallRequested.NAME,
        StripeCallBegun.NAME,
        StripeCallUnknown.NAME,
        StripeCallSucceeded.NAME,
        StripeCallFailed.NAME,
    ),
    _keys,
    _apply,
    lambda key, state: _CALLS.row(*key, *msgspec.structs.astuple(_decode(state))),
)

_STOPS = Table(
    "stripe_calls_stopped",
    ("mode",),
    (
        Column("mode", "text"),
        Column("status", "bigint"),
        Column("code", "text"),
        Column("request_id", "text"),
        Column("since_s", "bigint"),
    ),
)


class _Stop(msgspec.Struct, array_like=True, frozen=True):
    status: int
    code: str | None
    request_id: str | None
    since_s: int


_decode_stop = msgspec.msgpack.Decoder(_Stop).decode


def _stopped(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    if isinstance(said, StripeCallsStopped):
        return _encode(_Stop(said.status, said.code, said.request_id, said.at_s))
    return None


#: There is a row while Stripe refuses our key.
STRIPE_CALLS_STOPPED = Projection(
    "stripe_calls_stopped",
    1,
    _STOPS,
    (StripeCallsStopped.NAME, StripeCallsResumed.NAME),
    lambda entry: ((entry.event.mode,),),  # type: ignore[attr-defined] # both have a mode
    _stopped,
    lambda key, state: _STOPS.row(*key, *msgspec.structs.astuple(_decode_stop(state))),
)

_MADE = Table(
    "stripe_made",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("object", "text"),
        Column("org", "text"),
        Column("call", "text"),
    ),
)


class _Made(msgspec.Struct, array_like=True, frozen=True):
    object: str
    org: str
    call: str


_decode_made = msgspec.msgpack.Decoder(_Made).decode


def _made_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, StripeCallSucceeded)
    made = said.operation.endswith(".create") and said.org is not None and said.object_id is not None
    return ((said.mode, said.account, said.object_id),) if made and said.object_id is not None else ()


def _made(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    assert isinstance(said, StripeCallSucceeded)
    return state or _encode(_Made(said.object or "", said.org or "", said.call_id))


#: For which organization we made an object ourselves: a claim that no buyer and no seller can forge.
STRIPE_MADE = Projection(
    "stripe_made",
    1,
    _MADE,
    (StripeCallSucceeded.NAME,),
    _made_keys,
    _made,
    lambda key, state: _MADE.row(*key, *msgspec.structs.astuple(_decode_made(state))),
)
