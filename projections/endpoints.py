"""Endpoints that are told of what happens, removed ones included. Never their secrets: these are in the key store."""

import msgspec

from ledger.events import EndpointAdded, EndpointRemoved
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "endpoints",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("url", "text"),
        Column("types", "text[]"),
        Column("org", "text"),
        Column("label", "text"),
        Column("removed", "boolean"),
        Column("added_us", "bigint", digested=False),
        Column("removed_us", "bigint", digested=False),
        # from where to where in the log it listens
        Column("added_position", "bigint", digested=False),
        Column("removed_position", "bigint", digested=False),
    ),
)


class _State(msgspec.Struct, array_like=True):
    added: EndpointAdded
    added_us: int
    added_position: int
    removed_us: int | None = None
    removed_position: int | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (EndpointAdded, EndpointRemoved))
    return ((said.mode, said.endpoint_id),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    if isinstance(entry.event, EndpointAdded):
        return _encode(_State(entry.event, entry.recorded_at_us, entry.position))
    if state is None:
        return None
    known = _decode(state)
    return _encode(_State(known.added, known.added_us, known.added_position, entry.recorded_at_us, entry.position))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    added = it.added
    return _TABLE.row(
        *key,
        added.url,
        list(added.types),
        added.org,
        added.label,
        it.removed_position is not None,
        it.added_us,
        it.removed_us,
        it.added_position,
        it.removed_position,
    )


ENDPOINTS = Projection("endpoints", 1, _TABLE, (EndpointAdded.NAME, EndpointRemoved.NAME), _keys, _apply, _to_row)
