"""What was done about services and said of them: the last step of each, operators' words, and debts written off.

A word counts from when it was recorded. Refuses to know what should be.
"""

from typing import Any

import msgspec

from ledger.service_events import (
    DebtWrittenOff,
    GraceExtended,
    ServiceCancelled,
    ServicePaused,
    ServiceRecovered,
    ServiceResumed,
    ServiceStepped,
    ServiceSuspended,
)
from projections.base import Column, Entry, Key, Projection, Row, Table

_KEY = (Column("mode", "text"), Column("org", "text"), Column("service", "text"))

_STEPS = Table(
    "service_steps",
    ("mode", "org", "service"),
    (
        *_KEY,
        Column("state", "text"),
        Column("by", "text"),  # `policy`; `operator`: recovered, and no step since
        Column("before", "text"),
        Column("enforced", "boolean"),
        Column("boundary_s", "bigint"),
        Column("at_s", "bigint"),
        Column("closed_s", "bigint"),  # since when it has been closed and enforced, however severely; null: it is open
        Column("because", "jsonb"),
        Column("steps", "bigint"),
    ),
)
_WORDS = Table(
    "service_words",
    ("mode", "org", "service"),
    (
        *_KEY,
        Column("state", "text"),  # null: the policy's word counts
        Column("reason", "text"),
        Column("since_s", "bigint"),
        Column("extended_until_s", "bigint"),
        Column("recovered_s", "bigint[]"),
        Column("last_s", "bigint"),  # when anything was said
    ),
)
_WRITE_OFFS = Table(
    "debt_write_offs",
    ("mode", "account", "invoice"),
    (Column("mode", "text"), Column("account", "text"), Column("invoice", "text"), Column("reason", "text")),
)
_CLOSED = ("paused", "suspended", "cancelled")

_encode = msgspec.msgpack.Encoder().encode


class _Step(msgspec.Struct, array_like=True):
    state: str
    by: str
    before: str
    enforced: bool
    boundary_s: int | None
    at_s: int
    closed_s: int | None
    because: dict[str, Any]
    steps: int


class _Word(msgspec.Struct, array_like=True):
    state: str | None = None
    reason: str | None = None
    since_s: int | None = None
    extended_until_s: int | None = None
    recovered_s: tuple[int, ...] = ()
    last_s: int = 0


_decode_step = msgspec.msgpack.Decoder(_Step).decode
_decode_word = msgspec.msgpack.Decoder(_Word).decode


def _service_key(entry: Entry) -> tuple[Key, ...]:
    said: Any = entry.event
    return ((said.mode, said.org, said.service),)


def _step(state: bytes | None, entry: Entry) -> bytes:
    said, known = entry.event, _decode_step(state) if state is not None else None
    steps, before = (known.steps, known.state) if known is not None else (0, "active")
    if isinstance(said, ServiceRecovered):
        at_s = entry.recorded_at_us // 1_000_000
        return _encode(_Step("active", "operator", before, False, None, at_s, None, {"reason": said.reason}, steps))
    assert isinstance(said, ServiceStepped)
    closed_s = None
    if said.enforced and said.state in _CLOSED:
        closed_s = known.closed_s if known is not None and known.closed_s is not None else said.at_s
    taken = (said.before, said.enforced, said.boundary_s, said.at_s)
    return _encode(_Step(said.state, "policy", *taken, closed_s, said.because, steps + 1))


_STATES: dict[type[Any], str | None] = {
    ServicePaused: "paused",
    ServiceSuspended: "suspended",
    ServiceCancelled: "cancelled",
    ServiceResumed: None,
    ServiceRecovered: None,
}


def _word(state: bytes | None, entry: Entry) -> bytes:
    said: Any = entry.event
    known, at_s = _decode_word(state) if state is not None else _Word(), entry.recorded_at_us // 1_000_000
    known = msgspec.structs.replace(known, last_s=max(known.last_s, at_s))
    if isinstance(said, GraceExtended):
        return _encode(msgspec.structs.replace(known, extended_until_s=said.until_s))
    if isinstance(said, ServiceRecovered):
        known = msgspec.structs.replace(known, recovered_s=(*known.recovered_s, at_s))
    now = _STATES[type(said)]
    given = (said.reason, at_s) if now is not None else (None, None)
    return _encode(msgspec.structs.replace(known, state=now, reason=given[0], since_s=given[1]))


SERVICE_STEPS = Projection(
    "service_steps",
    1,
    _STEPS,
    (ServiceStepped.NAME, ServiceRecovered.NAME),
    _service_key,
    _step,
    lambda key, state: _STEPS.row(*key, *msgspec.structs.astuple(_decode_step(state))),
)


def _word_row(key: Key, state: bytes) -> Row:
    it = _decode_word(state)
    return _WORDS.row(*key, it.state, it.reason, it.since_s, it.extended_until_s, list(it.recovered_s), it.last_s)


SERVICE_WORDS = Projection(
    "service_words",
    1,
    _WORDS,
    (
        ServicePaused.NAME,
        ServiceSuspended.NAME,
        ServiceCancelled.NAME,
        ServiceResumed.NAME,
        ServiceRecovered.NAME,
        GraceExtended.NAME,
    ),
    _service_key,
    _word,
    _word_row,
)


def _invoice_key(entry: Entry) -> tuple[Key, ...]:
    assert isinstance(entry.event, DebtWrittenOff)
    return ((entry.event.mode, entry.event.account, entry.event.invoice),)


def _written_off(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, DebtWrittenOff)
    return entry.event.reason.encode()


DEBT_WRITE_OFFS = Projection(
    "debt_write_offs",
    1,
    _WRITE_OFFS,
    (DebtWrittenOff.NAME,),
    _invoice_key,
    _written_off,
    lambda key, state: _WRITE_OFFS.row(*key, state.decode()),
)
