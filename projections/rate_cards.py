"""Rate cards: every version that was published."""

import msgspec

from ledger.hosting_events import RateCardPublished
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "rate_cards",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),  # the card and the version, as in `standard@3`
        Column("card", "text"),
        Column("version", "bigint"),
        Column("currency", "text"),
        Column("effective_s", "bigint"),
        Column("markup_percent", "text"),
        Column("rates", "jsonb"),
        Column("published_us", "bigint", digested=False),
    ),
    indexes=("(mode, card)",),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[RateCardPublished, int]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, RateCardPublished)
    return ((said.mode, f"{said.card}@{said.version}"),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    return _encode((entry.event, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    said, published_us = _decode(state)
    told = (said.card, said.version, said.currency, said.effective_s, said.markup_percent, said.rates)
    return _TABLE.row(*key, *told, published_us)


RATE_CARDS = Projection("rate_cards", 1, _TABLE, (RateCardPublished.NAME,), _keys, _apply, _to_row)
