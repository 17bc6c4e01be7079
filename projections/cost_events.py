"""Cost events: an index of batches. What a batch holds stays in the log alone, where whoever prices it reads it.

A record is found by its id through its claim (`ledger.claims`), a day's records through the batches that touch it.
"""

from typing import Any

import msgspec

from ledger.hosting_events import CostsRecorded
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "cost_events",
    ("mode", "batch"),
    (
        Column("mode", "text"),
        Column("batch", "text"),
        Column("source", "text"),
        Column("records", "bigint"),
        Column("namespaces", "text[]"),
        Column("days", "text[]"),
        Column("stream", "text"),
        Column("recorded_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("USING gin (days)", "(mode, position)"),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Any, ...]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, CostsRecorded)
    return ((said.mode, said.batch),)


def _told(entry: Entry) -> tuple[Any, ...]:
    said = entry.event
    assert isinstance(said, CostsRecorded)
    told = (said.source, said.records, list(said.namespaces), list(said.days), entry.stream)
    return (*told, entry.recorded_at_us, entry.position)


def _make(entry: Entry) -> tuple[Row, bytes]:
    (key,) = _keys(entry)
    told = _told(entry)
    return _TABLE.row(*key, *told), _encode(told)


COST_EVENTS = Projection(
    "cost_events",
    1,
    _TABLE,
    (CostsRecorded.NAME,),
    _keys,
    lambda state, entry: _encode(_told(entry)),
    lambda key, state: _TABLE.row(*key, *_decode(state)),
    # a batch is the only event of its stream
    fresh=lambda entry: True,
    make=_make,
)
