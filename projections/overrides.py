"""Overrides: what operators said last about a feature of an organization, one row each. What was ended has no row."""

import msgspec

from ledger.events import OverrideDenied, OverrideEnded, OverrideGranted
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "overrides",
    ("mode", "org", "feature"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("feature", "text"),
        Column("granted", "boolean"),
        Column("limit", "bigint"),
        Column("from_s", "bigint"),
        Column("until_s", "bigint"),
        Column("reason", "text"),
        Column("stream", "text"),
        Column("version", "bigint"),
    ),
)


class _State(msgspec.Struct, array_like=True):
    granted: bool
    limit: int | None
    from_s: int | None
    until_s: int | None
    reason: str
    stream: str
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, (OverrideGranted, OverrideDenied, OverrideEnded))
    return ((event.mode, event.org, event.feature),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    said = entry.event
    if isinstance(said, OverrideEnded):
        return None
    assert isinstance(said, (OverrideGranted, OverrideDenied))
    granted = isinstance(said, OverrideGranted)
    limit = said.limit if isinstance(said, OverrideGranted) else None
    return _encode(_State(granted, limit, said.from_s, said.until_s, said.reason, entry.stream, entry.version))


def _to_row(key: Key, state: bytes) -> Row:
    return _TABLE.row(*key, *msgspec.structs.astuple(_decode(state)))


OVERRIDES = Projection(
    "overrides",
    1,
    _TABLE,
    (OverrideGranted.NAME, OverrideDenied.NAME, OverrideEnded.NAME),
    _keys,
    _apply,
    _to_row,
)
