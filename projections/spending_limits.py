"""Spending limits: what each organization wants to pay for hosting in a month, and how near it came."""

import msgspec

from ledger.hosting_billing_events import SpendingLimitSet, SpendingResumed, SpendingStopped, SpendingThresholdReached
from projections.base import Column, Entry, Key, Projection, Table

_TABLE = Table(
    "spending_limits",
    ("mode", "org"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("limit_minor", "bigint"),
        Column("currency", "text"),
        Column("hard_stop", "boolean"),
        Column("month", "text"),
        Column("reached", "bigint[]"),
        Column("spent", "text"),
        Column("stopped", "boolean"),
        Column("version", "bigint"),
        Column("set_us", "bigint", digested=False),
    ),
)


class _State(msgspec.Struct, array_like=True):
    limit_minor: int | None = None
    currency: str | None = None
    hard_stop: bool = False
    month: str | None = None
    reached: list[int] = []
    spent: str | None = None
    stopped: bool = False
    version: int = 0
    set_us: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
_READS = (SpendingLimitSet, SpendingThresholdReached, SpendingStopped, SpendingResumed)


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, _READS)
    return ((said.mode, said.org),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    it = _decode(state) if state is not None else _State()
    it.version = entry.version
    if isinstance(said, SpendingLimitSet):
        it.limit_minor, it.currency, it.hard_stop = said.limit_minor, said.currency, said.hard_stop
        it.set_us = entry.recorded_at_us
    elif isinstance(said, SpendingThresholdReached):
        known = it.reached if it.month == said.month else []
        it.month, it.reached, it.spent = said.month, sorted({*known, said.percent}), said.spent
    else:
        it.stopped = isinstance(said, SpendingStopped)
    return _encode(it)


SPENDING_LIMITS = Projection(
    "spending_limits",
    1,
    _TABLE,
    tuple(e.NAME for e in _READS),
    _keys,
    _apply,
    lambda key, state: _TABLE.row(*key, *msgspec.structs.astuple(_decode(state))),
)
