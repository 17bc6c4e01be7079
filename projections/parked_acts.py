"""What operators did about parked keys of read models: the last act on each. Whether one is parked is the engine's own
bookkeeping (`read_models.parked`), which a rebuild makes anew; what people said about it stays.
"""

import msgspec

from ledger.events import ParkedKeyDismissed, ParkedKeyReleased
from ledger.ids import parked_item
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "parked_acts",
    ("mode", "item"),
    (
        Column("mode", "text"),
        Column("item", "text"),  # as the list of what is set aside calls it
        Column("model", "text"),
        Column("key", "text[]"),
        Column("handled", "text"),
        Column("handled_by", "text"),
        Column("handled_why", "text"),
        Column("fault", "text"),
        Column("handled_us", "bigint", digested=False),
    ),
)


class _State(msgspec.Struct, array_like=True):
    model: str
    key: tuple[str, ...]
    how: str
    by: str
    why: str
    fault: str
    at_us: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (ParkedKeyReleased, ParkedKeyDismissed))
    return ((said.mode, parked_item(said.model, said.key)),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    assert isinstance(said, (ParkedKeyReleased, ParkedKeyDismissed))
    how = "released" if isinstance(said, ParkedKeyReleased) else "dismissed"
    return _encode(_State(said.model, said.key, how, said.by, said.why, said.fault, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    known = _decode(state)
    return _TABLE.row(*key, known.model, list(known.key), known.how, known.by, known.why, known.fault, known.at_us)


PARKED_ACTS = Projection(
    "parked_acts", 1, _TABLE, (ParkedKeyReleased.NAME, ParkedKeyDismissed.NAME), _keys, _apply, _to_row
)
