"""Cost policies: every version that was proposed, and what became of it. One row a version, never taken away."""

import msgspec

from ledger.ids import key_of
from ledger.passthrough_events import CostPolicyApproved, CostPolicyEnded, CostPolicyProposed, CostPolicyRejected
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "cost_policies",
    ("mode", "org", "id"),
    (
        *(Column(name, "text") for name in ("mode", "org", "id", "category")),
        Column("version", "bigint"),
        Column("scope", "text"),
        Column("status", "text"),
        Column("billing_owner", "text"),
        Column("currency", "text"),
        Column("cap_minor", "bigint"),
        Column("warn_percent", "bigint"),
        Column("stop_rule", "text"),
        Column("markup_bps", "bigint"),
        Column("from_s", "bigint"),
        Column("until_s", "bigint"),
        *(Column(name, "text") for name in ("proposed_by", "proposed_why", "settled_by", "settled_why")),
        *(Column(name, "text") for name in ("ended_by", "ended_why")),
        Column("proposed_us", "bigint", digested=False),
        Column("settled_us", "bigint", digested=False),
    ),
    indexes=("(mode, scope)", "(proposed_us) WHERE status = 'proposed'"),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    proposed: CostPolicyProposed
    proposed_us: int
    status: str = "proposed"
    from_s: int | None = None
    until_s: int | None = None
    settled_by: str | None = None
    settled_why: str | None = None
    settled_us: int | None = None
    ended_by: str | None = None
    ended_why: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (CostPolicyProposed, CostPolicyApproved, CostPolicyRejected, CostPolicyEnded))
    return ((said.mode, said.org, f"{said.category}@{said.version}"),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    said, at_us = entry.event, entry.recorded_at_us
    if isinstance(said, CostPolicyProposed):
        return _encode(_State(said, at_us, from_s=said.from_s, until_s=said.until_s))
    assert state is not None
    known = _decode(state)
    if isinstance(said, CostPolicyEnded):
        return _encode(msgspec.structs.replace(known, until_s=said.at_s, ended_by=said.by, ended_why=said.why))
    assert isinstance(said, (CostPolicyApproved, CostPolicyRejected))
    settled = msgspec.structs.replace(known, settled_by=said.by, settled_why=said.why, settled_us=at_us)
    if isinstance(said, CostPolicyApproved):
        return _encode(msgspec.structs.replace(settled, status="approved", from_s=said.from_s))
    return _encode(msgspec.structs.replace(settled, status="rejected"))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    said = it.proposed
    return _TABLE.row(
        *key,
        said.category,
        said.version,
        key_of((said.org, said.category)),
        it.status,
        said.billing_owner,
        said.currency,
        said.cap_minor,
        said.warn_percent,
        said.stop_rule,
        said.markup_bps,
        it.from_s,
        it.until_s,
        said.by,
        said.why,
        it.settled_by,
        it.settled_why,
        it.ended_by,
        it.ended_why,
        it.proposed_us,
        it.settled_us,
    )


COST_POLICIES = Projection(
    "cost_policies",
    1,
    _TABLE,
    (CostPolicyProposed.NAME, CostPolicyApproved.NAME, CostPolicyRejected.NAME, CostPolicyEnded.NAME),
    _keys,
    _apply,
    _to_row,
)
