"""What is told of hosting beside rows: the open month's invoices, and what hosting cost by one of its aspects."""

from decimal import Decimal
from typing import NamedTuple

from api.hosting import reading
from api.hosting.closing import invoices_of
from commands.hosting_breakdown import Aspect, Broken, break_down
from commands.hosting_invoices import invoice
from commands.hosting_prices import EXACT
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.ids import Mode
from replay.tables import LIVE

_BOOKED = f"""
SELECT currency, environment, day, entries FROM {LIVE}.accruals
WHERE mode = %(mode)s AND org = %(org)s AND (%(month)s::text IS NULL OR day LIKE %(month)s || '-%%')
"""
#: Where in an entry an aspect stands.
_PLACES = {"namespace": 0, "project": 1, "resource": 2}


class Told(NamedTuple):
    """A breakdown in one currency."""

    currency: str
    broken: Broken


def open_invoices(
    conninfo: str, mode: Mode, org: str, month: str, minimum_minor: int
) -> tuple[list[HostingInvoiceClosed], int]:
    """What the invoices of a month would be if it were closed now, one a currency; and up to which position."""
    with reading.seeing(conninfo) as seen:
        found = [invoice(c) for c in invoices_of(seen, mode, month, minimum_minor, org)]
        return found, seen.position


def breakdown(
    conninfo: str, mode: Mode, org: str, by: Aspect, month: str | None = None, top: int | None = None
) -> tuple[list[Told], int]:
    """What an organization's hosting cost, by an aspect, in each currency: everything booked of a month, or ever."""
    sums: dict[str, dict[str | None, Decimal]] = {}
    with reading.seeing(conninfo) as seen:
        asked = {"mode": mode, "org": org, "month": month}
        for currency, environment, day, entries in seen.conn.execute(_BOOKED, asked):
            mine = sums.setdefault(currency, {})
            for entry in entries:
                if by in _PLACES:
                    key = entry[_PLACES[by]]
                else:
                    key = {"environment": environment, "day": day, "month": day[:7]}[by]
                mine[key] = EXACT.add(mine.get(key, Decimal(0)), Decimal(entry[5]))
        return [Told(currency, break_down(sums[currency], top)) for currency in sorted(sums)], seen.position
