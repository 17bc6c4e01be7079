"""Accruals: every booking, one row each: number 0 is a day's accrual, the others adjust it. And how far they have come.

What is billed in which month follows from where a booking stands in the log: `hosting_months` says where each month was
closed.
"""

from typing import Any

import msgspec

from ledger.hosting_billing_events import AccrualsCounted, HostingAccrued, HostingMonthClosed, HostingMonthInvoiced
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "accruals",
    ("mode", "org", "environment", "day", "number"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("environment", "text"),
        Column("day", "text"),
        Column("number", "text"),
        Column("currency", "text"),
        Column("amount", "text"),
        Column("namespaces", "text[]"),
        Column("entries", "jsonb"),
        Column("through", "bigint", digested=False),
        Column("booked_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("(mode, day)", "(mode, position)"),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Any, ...]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, HostingAccrued)
    return ((said.mode, said.org, said.environment, said.day, number_key(said.number)),)


def number_key(number: int) -> str:
    """A number so that numbers sort as texts."""
    return f"{number:04d}"


def _told(entry: Entry) -> tuple[Any, ...]:
    said = entry.event
    assert isinstance(said, HostingAccrued)
    namespaces = sorted({e.namespace for e in said.entries})
    entries = msgspec.to_builtins(said.entries)
    told = (said.currency, said.amount, namespaces, entries, said.through)
    return (*told, entry.recorded_at_us, entry.position)


def _make(entry: Entry) -> tuple[Row, bytes]:
    (key,) = _keys(entry)
    told = _told(entry)
    return _TABLE.row(*key, *told), _encode(told)


ACCRUALS = Projection(
    "accruals",
    1,
    _TABLE,
    (HostingAccrued.NAME,),
    _keys,
    lambda state, entry: _encode(_told(entry)),
    lambda key, state: _TABLE.row(*key, *_decode(state)),
    # each number is one version of its stream
    fresh=lambda entry: True,
    make=_make,
)

_COUNTED = Table(
    "accruals_counted",
    ("mode",),
    (
        Column("mode", "text"),
        Column("before_day", "text"),
        Column("version", "bigint"),
        Column("through", "bigint", digested=False),
    ),
)
_counted = msgspec.msgpack.Decoder(tuple[str, int, int]).decode


def _apply_counted(state: bytes | None, entry: Entry) -> bytes:
    """Of two whose clocks differ, what both have counted."""
    said = entry.event
    assert isinstance(said, AccrualsCounted)
    day, _, through = _counted(state) if state is not None else ("", 0, 0)
    if day in ("", said.before_day):
        through = max(through, said.through)
    elif said.before_day > day:
        through = said.through
    return _encode((max(day, said.before_day), entry.version, through))


ACCRUALS_COUNTED = Projection(
    "accruals_counted",
    1,
    _COUNTED,
    (AccrualsCounted.NAME,),
    lambda entry: ((entry.event.mode,),),  # type: ignore[attr-defined] # of the only event that is read
    _apply_counted,
    lambda key, state: _COUNTED.row(*key, *_counted(state)),
)

_MONTHS = Table(
    "hosting_months",
    ("mode", "month"),
    (
        Column("mode", "text"),
        Column("month", "text"),
        Column("rates", "jsonb"),
        Column("invoices", "bigint"),  # null: they are still being made
        Column("through", "bigint", digested=False),
        Column("position", "bigint", digested=False),
        Column("closed_us", "bigint", digested=False),
    ),
)


class _Month(msgspec.Struct, array_like=True):
    rates: dict[str, int] = {}
    invoices: int | None = None
    through: int = 0
    position: int = 0
    closed_us: int = 0


_month = msgspec.msgpack.Decoder(_Month).decode


def _apply_month(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    it = _month(state) if state is not None else _Month()
    if isinstance(said, HostingMonthClosed):
        it.rates, it.through = said.rates, said.through
        it.position, it.closed_us = entry.position, entry.recorded_at_us
    else:
        assert isinstance(said, HostingMonthInvoiced)
        it.invoices = said.invoices
    return _encode(it)


HOSTING_MONTHS = Projection(
    "hosting_months",
    1,
    _MONTHS,
    (HostingMonthClosed.NAME, HostingMonthInvoiced.NAME),
    lambda entry: ((entry.event.mode, entry.event.month),),  # type: ignore[attr-defined] # of those that are read
    _apply_month,
    lambda key, state: _MONTHS.row(*key, *msgspec.structs.astuple(_month(state))),
)
