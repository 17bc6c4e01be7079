"""Hosting invoices: what each billing account owes for each closed month, and where its Stripe invoice is.

`hosting_closings` is what was fixed as the month was closed; `hosting_invoices` joins the issuance that bills it, whose
word on the Stripe invoice it takes. The open month is told as it is asked for.
"""

from collections.abc import Mapping, Sequence

import msgspec

from ledger.hosting_billing_events import HostingInvoiceClosed
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

#: What an issuance of one names as its source.
SOURCE_KIND = "hosting_invoice"
#: `closed`: to be issued; `carried`: nothing is, all of it is carried over; the others are its issuance's.
STATES = ("closed", "carried", "issuing", "held", "issue_failed", "issued", "paid", "overdue", "void", "credited")

_CLOSED = Table(
    "hosting_closings",
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
    indexes=("(mode, org, month)", "(mode, month)"),
)
_TABLE = Table(
    "hosting_invoices",
    ("mode", "id"),
    (
        *_CLOSED.columns[:-2],
        Column("issuance", "text"),
        Column("invoice", "text"),
        Column("invoiced_minor", "bigint"),
        Column("credited_minor", "bigint"),
        *_CLOSED.columns[-2:],
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
    return _CLOSED.row(
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


HOSTING_CLOSINGS = Projection(
    "hosting_closings",
    1,
    _CLOSED,
    (HostingInvoiceClosed.NAME,),
    _keys,
    lambda state, entry: _encode((entry.event, entry.recorded_at_us, entry.position)),
    _to_row,
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    bills = next(iter(rows["issuances"]), None)
    found = []
    for row in rows["hosting_closings"]:
        said = {name: getattr(row, name) for name in _CLOSED.names}
        told = dict.fromkeys(("issuance", "invoice", "invoiced_minor", "credited_minor"))
        if bills is not None:
            said["state"] = bills.standing
            told = {
                "issuance": bills.id,
                "invoice": bills.invoice,
                "invoiced_minor": bills.stripe_total_minor,
                "credited_minor": bills.credited_minor,
            }
        found.append(_TABLE.row(*({**said, **told}[name] for name in _TABLE.names)))
    return found


HOSTING_INVOICES = Derivation(
    "hosting_invoices",
    2,
    _TABLE,
    ("mode", "id"),
    inputs=(
        Input("hosting_closings", ("mode", "id"), lambda key, _: [key]),
        Input(
            "issuances",
            ("mode", "source_kind", "source"),
            lambda key, _: [(key[0], SOURCE_KIND, key[1])],
            ("id", "invoice", "standing", "stripe_total_minor", "credited_minor"),
        ),
    ),
    affects={
        "hosting_closings": lambda row: [(row.mode, row.id)],
        "issuances": lambda row: [(row.mode, row.source)] if row.source_kind == SOURCE_KIND else [],
    },
    derive=_derive,
)
