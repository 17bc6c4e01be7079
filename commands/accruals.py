"""Accruals: what should be accrued for a day, less what has been, is what is booked. Numbered, so that each is once.

The first booking of a day is its accrual; whatever becomes known later (a record that comes late, a correction, a
cut-over, another owner, an outage) is the difference, and an adjustment. So a job may die anywhere, run twice at once,
or not at all for a week: the next one books what is missing, and nothing twice. Months are closed in order; what is
booked after a month was closed is in the next one's invoices. Refuses to know how rows are read, and a clock.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.hosting_prices import E9, EXACT, NOTHING, Price, Prices, What, Whose, exact_sum, plain
from commands.identifiers import require_mode
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.hosting_billing_events import (
    AccrualsCounted,
    AccruedEntry,
    HostingAccrued,
    HostingMonthClosed,
    HostingMonthInvoiced,
)
from ledger.ids import Mode, hosting_months_stream


class Due(NamedTuple):
    """What is to be booked for an environment's day."""

    day: str
    whose: Whose
    by: Mapping[What, Price]


def differences(day: str, due: Prices, booked: Prices) -> Iterator[Due]:
    """What should be, less what is booked; nothing where they agree."""
    for whose in sorted(due.keys() | booked.keys()):
        mine, known = due.get(whose, {}), booked.get(whose, {})
        by = {
            what: less
            for what in sorted(mine.keys() | known.keys(), key=_order)
            if (less := mine.get(what, NOTHING).less(known.get(what))) != NOTHING
        }
        if by:
            yield Due(day, whose, by)


def _order(what: What) -> tuple[str, str, str]:
    return what.namespace, what.project or "", what.resource


def accrued(mode: Mode, due: Due, number: int, through: int) -> HostingAccrued:
    """The event that books a difference."""
    return HostingAccrued(
        mode=mode,
        org=due.whose.org,
        environment=due.whose.environment,
        day=due.day,
        number=number,
        currency=due.whose.currency,
        amount=plain(exact_sum(price.amount for price in due.by.values())),
        entries=tuple(
            AccruedEntry(*what, plain(EXACT.divide(price.quantity_e9, E9)), plain(price.cost), plain(price.amount))
            for what, price in due.by.items()
        ),
        through=through,
    )


def price_of(entry: AccruedEntry) -> tuple[What, Price]:
    """An entry as it was priced."""
    quantity = EXACT.multiply(Decimal(entry.quantity), E9)
    price = Price(int(quantity), Decimal(entry.cost), Decimal(entry.amount))
    return What(entry.namespace, entry.project, entry.resource), price


# ---- how far accruals have come -----------------------------------------------------------------


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Say that everything up to a position is accrued for every day before another."""

    mode: Mode
    through: int
    before_day: str


class Counted(NamedTuple):
    """How far accruals have come."""

    through: int = 0
    before_day: str = ""


def count(counted: Counted, event: Event) -> Counted:
    """How far they have come after an event. Of two whose clocks differ, what both have counted."""
    if not isinstance(event, AccrualsCounted):
        return counted
    new = Counted(event.through, event.before_day)
    if counted.before_day in ("", new.before_day):
        return Counted(max(counted.through, new.through), new.before_day)
    if new.before_day > counted.before_day:
        return new if new.through >= counted.through else Counted(new.through, new.before_day)
    return counted


ACCRUING: Decider[Count, Counted] = Decider(
    Counted(),
    count,
    lambda command, counted: (
        ()
        if counted == Counted(command.through, command.before_day)
        else (AccrualsCounted(**msgspec.structs.asdict(command)),)
    ),
)


# ---- months -------------------------------------------------------------------------------------


class CloseMonth(msgspec.Struct, frozen=True, kw_only=True):
    """Close a month: its rates are frozen, and its invoices are made."""

    mode: Mode
    month: str
    through: int
    rates: dict[str, int]
    counted_before: str
    """The day before which everything is accrued."""


class FinishMonth(msgspec.Struct, frozen=True, kw_only=True):
    """Say that all invoices of a closed month are made."""

    mode: Mode
    month: str
    invoices: int


MonthCommand: TypeAlias = CloseMonth | FinishMonth


class Months(NamedTuple):
    """The months of a mode."""

    closed: str = ""
    """The last one."""
    invoiced: str = ""


def month_after(month: str) -> str:
    """The next month."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _evolve(months: Months, event: Event) -> Months:
    if isinstance(event, HostingMonthClosed):
        return months._replace(closed=event.month)
    return months._replace(invoiced=event.month) if isinstance(event, HostingMonthInvoiced) else months


def _decide(command: MonthCommand, months: Months) -> tuple[Event, ...]:
    """Close the month after the last closed one. Raises Invalid("bad_month"), Refused (`month_order`, `month_open`)."""
    require_mode(command.mode)
    require_month(command.month)
    if isinstance(command, FinishMonth):
        if months.invoiced >= command.month:
            return ()
        return (HostingMonthInvoiced(mode=command.mode, month=command.month, invoices=command.invoices),)
    if months.closed >= command.month:
        return ()
    if months.closed and command.month != month_after(months.closed):
        raise Refused(f"months are closed in order: {month_after(months.closed)} is next", code="month_order")
    if command.counted_before < f"{month_after(command.month)}-01":
        raise Refused(f"{command.month} is not over, or not accrued to its end", code="month_open")
    return (HostingMonthClosed(mode=command.mode, month=command.month, through=command.through, rates=command.rates),)


def require_month(month: str) -> None:
    """Raises Invalid("bad_month") unless `YYYY-MM`."""
    year, _, number = month.partition("-")
    digits = (year + number).isascii() and (year + number).isdigit()
    if not (len(month) == 7 and len(year) == 4 and digits and 1 <= int(number) <= 12):
        raise Invalid(f"{month!r} is no month; write it as 2026-03", code="bad_month")


MONTHS: Decider[MonthCommand, Months] = Decider(Months(), _evolve, _decide)

CLOSE_HOSTING_MONTH = Act(
    "close_hosting_month",
    CloseMonth,
    MONTHS,
    lambda command: hosting_months_stream(command.mode),
    lambda command: About(f"hosting_month/{command.month}", command.mode),
    weight=40,
)
