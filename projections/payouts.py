"""Payouts: what each account was paid out, in one row whatever Stripe called it, beside what its balance says of it.

Until 2017-04-06 a payout was a transfer; accounts of an old API version get them in that shape to this day. Where both
shapes tell of one payout, the later word counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from projections.base import Column, Derivation, Input, Key, Row, Table

_TABLE = Table(
    "payouts",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("status", "text"),
        Column("currency", "text"),
        Column("amount_minor", "bigint"),
        Column("paid_minor", "bigint"),
        Column("pending_minor", "bigint"),
        Column("returned_minor", "bigint"),
        Column("fee_minor", "bigint"),
        Column("reconciled", "boolean"),
        Column("bookings", "jsonb"),
        Column("arrival_date_s", "bigint"),
        Column("automatic", "boolean"),
        Column("method", "text"),
        Column("source_type", "text"),
        Column("destination", "text"),
        Column("destination_type", "text"),
        Column("destination_last4", "text"),
        Column("failure_code", "text"),
        Column("reconciliation_status", "text"),
        Column("balance_transaction", "text"),
        Column("failure_balance_transaction", "text"),
        Column("original_payout", "text"),
        Column("reversed_by", "text"),
        Column("trace_id", "text"),
        Column("metadata", "jsonb"),
        Column("created_s", "bigint"),
    ),
    indexes=("(mode, account, destination)",),
)
_COMMON = (
    "status", "currency", "amount_minor", "arrival_date_s", "method", "source_type", "destination", "destination_type",
    "destination_last4", "failure_code", "balance_transaction", "metadata", "created_s",
)  # fmt: skip
#: What only the new shape has.
_PAYOUT_ONLY = (
    "automatic", "reconciliation_status", "failure_balance_transaction", "original_payout", "reversed_by", "trace_id",
)  # fmt: skip
_BOOKING = ("id", "type", "amount_minor", "fee_minor", "net_minor", "currency", "status", "available_on_s")
#: Types of the bookings of payouts; those of before 2017 are called like transfers between accounts.
BOOKING_TYPES = frozenset({
    "payout", "payout_failure", "payout_cancel", "transfer", "transfer_failure", "transfer_cancel",
})  # fmt: skip
_GONE = ("failed", "canceled")


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    payouts = rows["payout_objects"]
    told = [*payouts, *(t for t in rows["transfers"] if t.kind == "payout")]
    if not told:
        return []
    last = max(told, key=lambda row: row.changed_s)  # the first of two, which is the new shape
    said: dict[str, Any] = {f: getattr(last, f) for f in _COMMON}
    said |= {f: getattr(payouts[0], f) if payouts else None for f in _PAYOUT_ONLY}
    said |= _amounts(last.amount_minor, last.status)
    bookings = [b for b in rows["balance_transactions"] if b.type in BOOKING_TYPES]
    bookings.sort(key=lambda b: (b.created_s or 0, b.id))
    said["bookings"] = [{f: getattr(b, f) for f in _BOOKING} for b in bookings]
    said["fee_minor"] = sum(b.fee_minor for b in bookings) if bookings else None
    said["reconciled"] = _reconciled(said, bookings) if bookings else None
    return [_TABLE.row(**dict(zip(_TABLE.key, key, strict=True)), **said)]


def _amounts(asked: int, status: str | None) -> dict[str, int]:
    """What was asked is paid, on its way, or came back."""
    paid = asked if status == "paid" else 0
    returned = asked if status in _GONE else 0
    return {"paid_minor": paid, "returned_minor": returned, "pending_minor": asked - paid - returned}


def _reconciled(said: Mapping[str, Any], bookings: Sequence[Row]) -> bool:
    """Whether the balance was reduced by exactly what is out: by nothing, in the end, where the payout came back."""
    out = said["paid_minor"] + said["pending_minor"]
    return {b.currency for b in bookings} == {said["currency"]} and sum(b.amount_minor for b in bookings) == -out


PAYOUTS = Derivation(
    "payouts",
    1,
    _TABLE,
    ("mode", "account", "id"),
    inputs=(
        Input(
            "payout_objects", ("mode", "account", "id"), lambda key, _: [key], (*_COMMON, *_PAYOUT_ONLY, "changed_s")
        ),
        Input("transfers", ("mode", "account", "id"), lambda key, _: [key], ("kind", *_COMMON, "changed_s")),
        Input(
            "balance_transactions",
            ("mode", "account", "source"),
            lambda key, _: [key],
            (*_BOOKING, "created_s"),
        ),
    ),
    affects={
        "payout_objects": lambda row: [(row.mode, row.account, row.id)],
        "transfers": lambda row: [(row.mode, row.account, row.id)] if row.kind == "payout" else [],
        "balance_transactions": lambda row: (
            [(row.mode, row.account, row.source)] if row.source and row.type in BOOKING_TYPES else []
        ),
    },
    derive=_derive,
)
