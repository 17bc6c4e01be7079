"""What was seen, said and done about each area of the launch gate, and whether checkout is open. Folds alone.

Every area has a row from the first plan on: before, there is nothing to launch. Refuses to know whether an area is
proven: `launch_areas` does.
"""

from typing import Any

import msgspec

from ledger.events import PlanPublished, StripeEventReceived
from ledger.facts import ObjectFact
from ledger.launch_events import (
    AREAS,
    CheckoutClosed,
    CheckoutOpened,
    LaunchAreaReopened,
    LaunchAreaSignedOff,
    LaunchEvidenceRecorded,
    LaunchProbed,
    LaunchSignOffRevoked,
)
from projections.base import Column, Entry, Key, Projection, Row, Table

_WORDS = Table(
    "launch_words",
    ("mode", "area"),
    (
        Column("mode", "text"),
        Column("area", "text"),
        Column("evidence", "jsonb"),
        Column("proven_in", "text"),
        Column("probe_passed", "boolean"),
        Column("probe_said", "text"),
        Column("signed", "boolean"),
        Column("signed_by", "text"),
        Column("signed_why", "text"),
        Column("until_s", "bigint"),
        Column("reopened", "text[]"),
        Column("reopened_us", "bigint", digested=False),
    ),
)
_GATES = Table(
    "launch_gates",
    ("mode",),
    (
        Column("mode", "text"),
        Column("open", "boolean"),
        Column("by", "text"),
        Column("why", "text"),
        Column("area", "text"),
        Column("since_us", "bigint", digested=False),
    ),
)
_VERIFIED = Table("launch_verified", ("mode", "account"), (Column("mode", "text"), Column("account", "text")))


class _Word(msgspec.Struct, array_like=True):
    evidence: tuple[dict[str, Any], ...] = ()
    proven_in: str | None = None
    probe_passed: bool | None = None
    probe_said: str | None = None
    signed: bool = False
    signed_by: str | None = None
    signed_why: str | None = None
    until_s: int | None = None
    reopened: tuple[str, ...] = ()
    reopened_us: int | None = None


class _Gate(msgspec.Struct, array_like=True):
    open: bool
    by: str
    why: str
    area: str | None
    since_us: int


_encode = msgspec.msgpack.Encoder().encode
_word = msgspec.msgpack.Decoder(_Word).decode
_gate = msgspec.msgpack.Decoder(_Gate).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said: Any = entry.event
    if isinstance(said, PlanPublished):
        return tuple((said.mode, area) for area in AREAS)
    return ((said.mode, said.area),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said, known = entry.event, _word(state) if state is not None else _Word()
    changed = msgspec.structs.replace
    if isinstance(said, LaunchEvidenceRecorded):
        known = changed(known, evidence=said.events, proven_in=said.proven_in)
    elif isinstance(said, LaunchProbed):
        known = changed(known, probe_passed=said.passed, probe_said=said.said)
    elif isinstance(said, LaunchAreaSignedOff):
        told = {"signed_by": said.by, "signed_why": said.why, "until_s": said.until_s}
        known = changed(known, signed=True, **told, reopened=(), reopened_us=None)
    elif isinstance(said, (LaunchSignOffRevoked, LaunchAreaReopened)):
        because = said.because if isinstance(said, LaunchAreaReopened) else (said.why,)
        gone = dict.fromkeys(("signed_by", "signed_why", "until_s"))
        known = changed(known, signed=False, **gone, reopened=because, reopened_us=entry.recorded_at_us)
    return _encode(known)


def _to_row(key: Key, state: bytes) -> Row:
    it = _word(state)
    *others, reopened, reopened_us = msgspec.structs.astuple(it)
    return _WORDS.row(*key, list(others[0]), *others[1:], list(reopened), reopened_us)


LAUNCH_WORDS = Projection(
    "launch_words",
    2,
    _WORDS,
    (
        PlanPublished.NAME,
        LaunchEvidenceRecorded.NAME,
        LaunchProbed.NAME,
        LaunchAreaSignedOff.NAME,
        LaunchSignOffRevoked.NAME,
        LaunchAreaReopened.NAME,
    ),
    _keys,
    _apply,
    _to_row,
)


def _gate_keys(entry: Entry) -> tuple[Key, ...]:
    assert isinstance(entry.event, (CheckoutOpened, CheckoutClosed))
    return ((entry.event.mode,),)


def _turned(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    assert isinstance(said, (CheckoutOpened, CheckoutClosed))
    area = said.area if isinstance(said, CheckoutClosed) else None
    return _encode(_Gate(isinstance(said, CheckoutOpened), said.by, said.why, area, entry.recorded_at_us))


LAUNCH_GATES = Projection(
    "launch_gates",
    1,
    _GATES,
    (CheckoutOpened.NAME, CheckoutClosed.NAME),
    _gate_keys,
    _turned,
    lambda key, state: _GATES.row(*key, *msgspec.structs.astuple(_gate(state))),
)

#: Rare kinds, which are made before anything is sold: a fold that is asked about every event costs.
_TELLING = ("products", "prices")


def _verified(entry: Entry) -> tuple[Key, ...]:
    fact, event = entry.said, entry.event
    signed = type(event) is StripeEventReceived and event.endpoint != "list"
    return ((fact.mode, fact.account),) if signed and isinstance(fact, ObjectFact) else ()


#: The accounts from which an event about a product or a price came, signed with a secret of its mode.
LAUNCH_VERIFIED = Projection(
    "launch_verified",
    1,
    _VERIFIED,
    _TELLING,
    _verified,
    lambda state, entry: b"",
    lambda key, state: _VERIFIED.row(*key),
    merge=lambda one, other: one if one is not None else other,
)
