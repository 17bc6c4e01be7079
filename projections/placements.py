"""Placements: in which environment each namespace and project is, from which instant on."""

import msgspec

from ledger.hosting_events import HostingPlaced
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "placements",
    ("mode", "kind", "id"),
    (
        Column("mode", "text"),
        Column("kind", "text"),
        Column("id", "text"),
        Column("environment", "text"),  # by the latest instant that was said
        Column("environments", "text[]"),
        Column("placed", "jsonb"),
        Column("version", "bigint"),
    ),
    indexes=("(mode, environment)", "USING gin (environments)"),
)


class _State(msgspec.Struct, array_like=True):
    placed: dict[int, str | None]
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, HostingPlaced)
    return ((said.mode, said.kind, said.id),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    assert isinstance(said, HostingPlaced)
    known = _decode(state).placed if state is not None else {}
    placed = dict(sorted({**known, said.at_s: said.environment}.items()))
    return _encode(_State(placed, entry.version))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    placed = [{"environment": environment, "from_s": at_s} for at_s, environment in it.placed.items()]
    known = sorted({e for e in it.placed.values() if e is not None})
    return _TABLE.row(*key, placed[-1]["environment"], known, placed, it.version)


PLACEMENTS = Projection("placements", 1, _TABLE, (HostingPlaced.NAME,), _keys, _apply, _to_row)
