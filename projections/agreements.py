"""Agreements without Stripe: an organization has a plan because an operator agreed that it has."""

import msgspec

from ledger.events import AgreementEnded, AgreementMade
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "agreements",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("org", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("reference", "text"),
        Column("from_s", "bigint"),
        Column("until_s", "bigint"),
        Column("made_by", "text"),
        Column("made_why", "text"),
        Column("ended_by", "text"),
        Column("ended_why", "text"),
    ),
    indexes=("(mode, org)",),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    made: AgreementMade
    made_at_s: int
    ended: AgreementEnded | None = None
    ended_at_s: int | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, (AgreementMade, AgreementEnded))
    return ((event.mode, event.id),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    event, at_s = entry.event, entry.recorded_at_us // 1_000_000
    if isinstance(event, AgreementMade):
        return _encode(_State(event, at_s))
    assert isinstance(event, AgreementEnded)
    assert state is not None
    return _encode(msgspec.structs.replace(_decode(state), ended=event, ended_at_s=at_s))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    made, ended = it.made, it.ended
    until_s = made.until_s
    if ended is not None:
        until_s = ended.at_s if ended.at_s is not None else it.ended_at_s
    return _TABLE.row(
        *key,
        made.org,
        made.plan,
        made.version,
        made.reference,
        made.from_s if made.from_s is not None else it.made_at_s,
        until_s,
        made.by,
        made.why,
        ended and ended.by,
        ended and ended.why,
    )


AGREEMENTS = Projection("agreements", 1, _TABLE, (AgreementMade.NAME, AgreementEnded.NAME), _keys, _apply, _to_row)
