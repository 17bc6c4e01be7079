"""Looks at Stripe's objects that showed nothing; and bookings that objects name, of which no event will ever tell.

What a look did show is an observation (`projections.observations`). Which looks are wanted is asked of the rows that
want them (`replay.fetches_wanted`).
"""

from collections.abc import Mapping, Sequence

import msgspec

from ledger.reconcile_events import FetchFailed
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

_TABLE = Table(
    "fetch_failures",
    ("mode", "account", "object", "object_id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("object", "text"),
        Column("object_id", "text"),
        Column("status", "bigint"),
        Column("code", "text"),
        Column("failures", "bigint"),
        Column("failed_s", "bigint"),
        Column("failed_us", "bigint[]", digested=False),
    ),
)


class _Failures(msgspec.Struct, array_like=True):
    last: FetchFailed
    failed_us: list[int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Failures).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, FetchFailed)
    return ((said.mode, said.account, said.object, said.object_id),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, FetchFailed)
    before = _decode(state).failed_us if state is not None else []
    return _encode(_Failures(entry.event, [*before, entry.recorded_at_us]))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    last = it.last
    return _TABLE.row(*key, last.status, last.code, len(it.failed_us), last.at_s, it.failed_us)


FETCH_FAILURES = Projection("fetch_failures", 1, _TABLE, (FetchFailed.NAME,), _keys, _apply, _to_row)

#: What names the booking that it made on the balance. Stripe sends no event of a booking:
#: https://docs.stripe.com/api/events/types
BOOKED = ("charges", "refunds", "payout_objects", "topups", "transfers")
_MISSING = Table(
    "bookings_missing",
    ("mode", "account", "source"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("source", "text"),
        Column("balance_transaction", "text"),
        Column("since_s", "bigint"),
    ),
)


def _booking(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    named = (row.balance_transaction for model in BOOKED for row in rows[model])
    return [(*key[:2], booking) for booking in named if booking is not None]


def _derive_missing(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    known = {row.id for row in rows["balance_transactions"]}
    for model in BOOKED:
        for row in rows[model]:
            if row.balance_transaction is not None and row.balance_transaction not in known:
                return [_MISSING.row(*key, row.balance_transaction, row.changed_s)]
    return []


def _one(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [key]


def _names_one(row: Row) -> list[Key]:
    return [(row.mode, row.account, row.id)] if row.balance_transaction is not None else []


BOOKINGS_MISSING = Derivation(
    "bookings_missing",
    1,
    _MISSING,
    ("mode", "account", "source"),
    inputs=(
        *(Input(model, ("mode", "account", "id"), _one, ("balance_transaction", "changed_s")) for model in BOOKED),
        Input("balance_transactions", ("mode", "account", "id"), _booking, ("source",)),
    ),
    affects={
        **dict.fromkeys(BOOKED, _names_one),
        "balance_transactions": lambda row: [(row.mode, row.account, row.source)] if row.source is not None else [],
    },
    derive=_derive_missing,
)
