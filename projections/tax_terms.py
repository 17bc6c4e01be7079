"""Tax terms: how what Recount bills by itself is taxed, for everybody and for organizations with terms of their own."""

import msgspec

from ledger.tax_terms_events import TAX_TERMS_EVENTS, TaxTermsDropped, TaxTermsSet
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "tax_terms",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),  # `org/` and the organization; or `everybody`
        Column("org", "text"),
        Column("automatic_tax", "boolean"),
        Column("tax_behavior", "text"),
        Column("tax_code", "text"),
        Column("tax_rates", "jsonb"),
        Column("tax_exempt", "boolean"),
        Column("set_us", "bigint", digested=False),
    ),
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[TaxTermsSet, int]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said: TaxTermsSet | TaxTermsDropped = entry.event  # type: ignore[assignment] # all that it reads
    return ((said.mode, "everybody" if said.org is None else f"org/{said.org}"),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    return None if isinstance(entry.event, TaxTermsDropped) else _encode((entry.event, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    said, set_us = _decode(state)
    rates = [{"id": r.id, "percentage": r.percentage, "inclusive": r.inclusive} for r in said.tax_rates]
    told = (said.org, said.automatic_tax, said.tax_behavior, said.tax_code, rates, said.tax_exempt)
    return _TABLE.row(*key, *told, set_us)


TAX_TERMS = Projection("tax_terms", 1, _TABLE, tuple(e.NAME for e in TAX_TERMS_EVENTS), _keys, _apply, _to_row)
