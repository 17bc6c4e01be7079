"""Closing months: the log position is named, rates are frozen, and every billing account's invoice is made, once.

A month's invoices hold what was booked before it was closed and was in no earlier month's: so every booking is in the
invoices of one month, whenever it comes. They are a function of what stands in the log up to the closing event: whoever
dies in between, the next one makes the rest, and what is there already is the same.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from api.hosting import reading
from api.hosting.accruing import CatchUp, chunks
from api.hosting.reading import Seen
from commands.accruals import ACCRUING, MONTHS, CloseMonth, FinishMonth, Months, month_after
from commands.hosting_invoices import HOSTING_INVOICES, Account, CloseInvoice
from commands.hosting_prices import EXACT, plain
from commands.reactions import SYSTEM
from ledger.claims import DAY_S, day_number
from ledger.errors import Refused
from ledger.events import Metadata, NewEvent
from ledger.ids import Mode, accruing_stream, hosting_invoice_stream, hosting_months_stream
from ledger.store import Appended, Log
from replay.tables import LIVE

#: Invoices that are appended in one commit.
_TOGETHER = 200
_FETCH = 2_000

_BOOKINGS = f"""
SELECT org, currency, environment, entries FROM {LIVE}.accruals
WHERE mode = %(mode)s AND day < %(end)s AND position <= %(closed)s
AND (position > %(before)s OR day >= %(start)s) AND (%(org)s::text IS NULL OR org = %(org)s)
"""
_CARRIED = f"""
SELECT DISTINCT ON (org, currency) org, currency, closing FROM {LIVE}.hosting_closings
WHERE mode = %s AND month < %s AND (%s::text IS NULL OR org = %s) ORDER BY org, currency, month DESC
"""
_MONTHS = f"SELECT month, position, invoices FROM {LIVE}.hosting_months WHERE mode = %s ORDER BY month"
#: Where no month is closed yet.
_NOWHERE, _EVERYWHERE = 0, 2**62


class Closed(NamedTuple):
    """What closing came to."""

    month: str
    invoices: int
    """That were made now."""


def next_month(log: Log, conninfo: str, mode: Mode) -> str | None:
    """The first month that is not closed; None: nothing was ever accrued."""
    months = _months(log, mode)
    if months.closed:
        return month_after(months.closed)
    with reading.seeing(conninfo) as seen:
        row = seen.conn.execute(f"SELECT min(day) FROM {LIVE}.accruals WHERE mode = %s", [mode]).fetchone()
    return row[0][:7] if row is not None and row[0] is not None else None


def closing_of(log: Log, conninfo: str, mode: Mode, month: str) -> CloseMonth:
    """The command that closes a month, with what is known now."""
    counted = ACCRUING.fold(r.event for r in log.read_stream(accruing_stream(mode)))
    with reading.seeing(conninfo) as seen:
        rates = reading.newest_cards(seen, mode)
    return CloseMonth(mode=mode, month=month, through=counted.through, rates=rates, counted_before=counted.before_day)


def close_month(log: Log, command: CloseMonth, now_s: int) -> bool:
    """Close a month, once. False: it was closed before. Raises Refused (`month_order`, `month_open`)."""
    stream = hosting_months_stream(command.mode)
    history = log.read_stream(stream)
    events = MONTHS.decide(command, MONTHS.fold(r.event for r in history))
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=command.mode)
    unit = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
    return bool(unit) and isinstance(log.append(*unit), Appended)


def make_invoices(
    log: Log, conninfo: str, mode: Mode, now_s: int, minimum_minor: int, catch_up: CatchUp
) -> list[Closed]:
    """Make the invoices of all months that are closed and have not all of theirs, in order."""
    done: list[Closed] = []
    stream = hosting_months_stream(mode)
    while True:
        history = log.read_stream(stream)
        months = MONTHS.fold(r.event for r in history)
        if months.closed == months.invoiced:
            return done
        catch_up(history[-1].position)
        month = _first_without(conninfo, mode)
        if month is None:
            return done
        made = _make(log, conninfo, mode, month, now_s, minimum_minor)
        metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=mode)
        said = MONTHS.decide(FinishMonth(mode=mode, month=month, invoices=made.all), months)
        log.append(*(NewEvent(stream, len(history) + 1, e, metadata) for e in said))
        catch_up(log.head())
        done.append(Closed(month, made.now))


class _Made(NamedTuple):
    all: int
    now: int


def _first_without(conninfo: str, mode: Mode) -> str | None:
    with reading.seeing(conninfo) as seen:
        rows = seen.conn.execute(_MONTHS, [mode]).fetchall()
    return next((month for month, _, invoices in rows if invoices is None), None)


def _make(log: Log, conninfo: str, mode: Mode, month: str, now_s: int, minimum_minor: int) -> _Made:
    with reading.seeing(conninfo) as seen:
        wanted = list(invoices_of(seen, mode, month, minimum_minor))
        known = seen.conn.execute(
            f"SELECT org, currency FROM {LIVE}.hosting_closings WHERE mode = %s AND month = %s", [mode, month]
        ).fetchall()
    there = {Account(*row) for row in known}
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=mode)
    new = [c for c in wanted if Account(c.org, c.currency) not in there]
    made = 0
    for some in chunks(new, _TOGETHER):
        unit = [_closed(command, metadata) for command in some]
        if isinstance(log.append(*unit), Appended):
            made += len(unit)
        else:  # somebody else makes them too: each is made once
            made += sum(isinstance(log.append(each), Appended) for each in unit)
    return _Made(len(wanted), made)


def _closed(command: CloseInvoice, metadata: Metadata) -> NewEvent:
    (said,) = HOSTING_INVOICES.decide(command, None)
    stream = hosting_invoice_stream(command.mode, command.org, command.currency, command.month)
    return NewEvent(stream, 1, said, metadata)


def invoices_of(
    seen: Seen, mode: Mode, month: str, minimum_minor: int, org: str | None = None
) -> Iterator[CloseInvoice]:
    """What the invoices of a month are made of: as it was closed, or as it stands while it is open."""
    rows = seen.conn.execute(_MONTHS, [mode]).fetchall()
    closed = {m: position for m, position, _ in rows}
    asked = {
        "mode": mode,
        "start": f"{month}-01",
        "end": f"{month_after(month)}-01",
        "closed": closed.get(month, _EVERYWHERE),
        "before": max((p for m, p in closed.items() if m < month), default=_NOWHERE),
        "org": org,
    }
    sums: dict[Account, dict[tuple[str, str], Decimal]] = {}
    cursor = seen.conn.cursor(name="bookings")
    cursor.itersize = _FETCH
    with cursor:
        for its_org, currency, environment, entries in cursor.execute(_BOOKINGS, asked):
            mine = sums.setdefault(Account(its_org, currency), {})
            for namespace, _, _, _, _, amount in entries:
                place = (environment, namespace)
                mine[place] = EXACT.add(mine.get(place, Decimal(0)), Decimal(amount))
    carried = {(o, c): closing for o, c, closing in seen.conn.execute(_CARRIED, [mode, month, org, org])}
    for account in sorted(sums):
        yield CloseInvoice(
            mode=mode,
            org=account.org,
            currency=account.currency,
            month=month,
            opening=carried.get(account, "0"),
            amounts=tuple((e, n, plain(amount)) for (e, n), amount in sorted(sums[account].items())),
            minimum_minor=minimum_minor,
        )


def _months(log: Log, mode: Mode) -> Months:
    return MONTHS.fold(r.event for r in log.read_stream(hosting_months_stream(mode)))


def close_what_is_over(
    log: Log, conninfo: str, mode: Mode, now_s: int, wait_days: int, minimum_minor: int, catch_up: CatchUp
) -> list[Closed]:
    """Close every month that has been over for so many days, and make its invoices. For a job that runs often."""
    done: list[Closed] = []
    while (month := next_month(log, conninfo, mode)) is not None:
        if (day_number(f"{month_after(month)}-01") + wait_days) * DAY_S > now_s:
            break
        try:
            closed = close_month(log, closing_of(log, conninfo, mode, month), now_s)
        except Refused:  # it is not accrued to its end: the next run will find it so
            break
        if not closed:
            break
        done += make_invoices(log, conninfo, mode, now_s, minimum_minor, catch_up)
    return done + make_invoices(log, conninfo, mode, now_s, minimum_minor, catch_up)
