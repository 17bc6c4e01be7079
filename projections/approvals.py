"""Acts that wait for a second person, and those that were settled.

Ids are made of random keys, so no digest covers the rows; `verify` compares them like any other.
"""

import msgspec

from ledger.events import ApprovalGranted, ApprovalRejected, ApprovalRequested
from projections.audit import BOTH
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "approvals",
    ("id",),
    (
        *(Column(name, "text", digested=False) for name in ("id", "mode", "act", "state")),
        Column("input", "jsonb", digested=False),
        *(Column(name, "text", digested=False) for name in ("person", "reason", "subject", "account", "org")),
        Column("settled_by", "text", digested=False),
        Column("requested_us", "bigint", digested=False),
        Column("settled_us", "bigint", digested=False),
    ),
    indexes=("(requested_us, id)", "(requested_us, id) WHERE state = 'waiting'", "(org) WHERE org IS NOT NULL"),
)


class _State(msgspec.Struct, array_like=True):
    requested: ApprovalRequested
    requested_us: int
    state: str = "waiting"
    settled_by: str | None = None
    settled_us: int | None = None


#: What of an act's input is no reader's business: which key its digest belongs to.
_SECRET = frozenset({"digest"})

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.id,),)  # type: ignore[attr-defined] # all events that it reads have one


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    event = entry.event
    if isinstance(event, ApprovalRequested):
        return _encode(_State(event, entry.recorded_at_us))
    if state is None:
        return None
    known = _decode(state)
    assert isinstance(event, (ApprovalGranted, ApprovalRejected))
    settled = "granted" if isinstance(event, ApprovalGranted) else "rejected"
    return _encode(_State(known.requested, known.requested_us, settled, event.person, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    asked = it.requested
    return _TABLE.row(
        *key,
        asked.mode or BOTH,
        asked.act,
        it.state,
        {k: v for k, v in asked.input.items() if k not in _SECRET},
        asked.person,
        asked.reason,
        asked.subject,
        asked.account,
        asked.org,
        it.settled_by,
        it.requested_us,
        it.settled_us,
    )


APPROVALS = Projection(
    "approvals",
    1,
    _TABLE,
    (ApprovalRequested.NAME, ApprovalGranted.NAME, ApprovalRejected.NAME),
    _keys,
    _apply,
    _to_row,
)
