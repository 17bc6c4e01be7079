"""Hosting invoices: what each billing account owes for each closed month. The open month is told as it is asked for."""

import msgspec

from ledger.hosting_billing_events import HostingInvoiceClosed
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "hosting_invoices",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("org", "text"),
        Column("month", "text"),
        Column("currency", "text"),
        Column("state", "text"),  # `closed`: to be issued; `carried`: nothing is, all of it is carried over
        Column("total_minor", "bigint"),
        Column("opening", "text"),
        Column("accrued", "text"),
        Column("closing", "text"),
        Column("minimum_minor", "bigint"),
        Column("lines", "jsonb"),
        Column("closed_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("(mode, org, month)", "(mode, month)", "(mode, state)"),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[HostingInvoiceClosed, int, int]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, HostingInvoiceClosed)
    return ((said.mode, said.invoice),)


def _to_row(key: Key, state: bytes) -> Row:
    said, closed_us, position = _decode(state)
    lines = [
        {
            "environment": line.environment,
            "namespace": line.namespace,
            "amount": line.amount,
            "amount_minor": line.amount_minor,
        }
        for line in said.lines
    ]
    return _TABLE.row(
        *key,
        said.org,
        said.month,
        said.currency,
        "closed" if said.total_minor else "carried",
        said.total_minor,
        said.opening,
        said.accrued,
        said.closing,
        said.minimum_minor,
        lines,
        closed_us,
        position,
    )


HOSTING_INVOICES = Projection(
    "hosting_invoices",
    1,
    _TABLE,
    (HostingInvoiceClosed.NAME,),
    _keys,
    lambda state, entry: _encode((entry.event, entry.recorded_at_us, entry.position)),
    _to_row,
)
