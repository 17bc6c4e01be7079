"""The month's invoice of a billing account: what was accrued, and what was carried over, rounded once.

The billing account is the organization that owned what was used; one invoice a month and currency. The exact sum is
rounded down to whole minor units, here and nowhere else; what is left, less than one, is carried over, and so is all of
it where the total is below the minimum or less than nothing. So for ever: what was accrued = what was invoiced + what
is carried. The total is allotted to the lines by largest remainder, so that they sum to it.
"""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple

import msgspec

from commands.base import Decider
from commands.hosting_prices import EXACT, exact_sum, plain
from ledger.errors import Refused
from ledger.events import Event
from ledger.hosting_billing_events import HostingInvoiceClosed, InvoiceLine
from ledger.ids import Mode
from ledger.money import allotted


class Account(NamedTuple):
    """Whose invoice, in which currency."""

    org: str
    currency: str


class Place(NamedTuple):
    """A line of it; both None: what is carried over from before."""

    environment: str | None
    namespace: str | None


#: What was carried over stands first.
CARRIED = Place(None, None)


class CloseInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """Fix the invoice of a billing account for a month that is closed."""

    mode: Mode
    org: str
    currency: str
    month: str
    opening: str
    amounts: tuple[tuple[str, str, str], ...]
    """Environment, namespace, exact amount."""
    minimum_minor: int


def invoice(command: CloseInvoice) -> HostingInvoiceClosed:
    """The invoice: a function of what it is made from."""
    opening = Decimal(command.opening)
    by = {Place(environment, namespace): Decimal(amount) for environment, namespace, amount in command.amounts}
    accrued = exact_sum(by.values())
    whole = EXACT.add(opening, accrued)
    total = int(whole.to_integral_value(ROUND_FLOOR))
    if total < max(command.minimum_minor, 1):
        total = 0
    lines = dict(sorted(by.items(), key=lambda line: (line[0].environment or "", line[0].namespace or "")))
    if opening:
        lines = {CARRIED: opening, **lines}
    shares = allot(total, lines) if total else dict.fromkeys(lines, 0)
    return HostingInvoiceClosed(
        mode=command.mode,
        invoice=invoice_id(command),
        org=command.org,
        currency=command.currency,
        month=command.month,
        opening=plain(opening),
        accrued=plain(accrued),
        total_minor=total,
        closing=plain(EXACT.subtract(whole, Decimal(total))),
        minimum_minor=command.minimum_minor,
        lines=tuple(InvoiceLine(*place, plain(amount), shares[place]) for place, amount in lines.items()),
    )


def allot(total: int, exact: Mapping[Place, Decimal]) -> dict[Place, int]:
    """Whole shares that sum to `total`, each less than one away from its exact amount; largest remainders first.

    The total is the exact sum rounded down. Of equal remainders the first ones have it.
    """
    floors = sum(int(amount.to_integral_value(ROUND_FLOOR)) for amount in exact.values())
    assert 0 <= total - floors <= len(exact), "the total is not the sum rounded down"
    return dict(zip(exact, allotted(total, map(Fraction, exact.values())), strict=True))


def invoice_id(command: CloseInvoice) -> str:
    """The id of an invoice: the same however often it is made."""
    whose = f"{command.mode}:{command.month}:{command.currency}:{command.org}"
    return "hin_" + sha256(whose.encode()).hexdigest()[:24]


def decide(command: CloseInvoice, closed: HostingInvoiceClosed | None) -> tuple[Event, ...]:
    """Fix it, once. Raises Refused("invoice_differs") where it was fixed with other lines."""
    said = invoice(command)
    if closed is None:
        return (said,)
    if msgspec.structs.replace(closed, minimum_minor=said.minimum_minor) != said:
        raise Refused(f"the invoice {closed.invoice} was closed with other lines", code="invoice_differs")
    return ()


HOSTING_INVOICES: Decider[CloseInvoice, HostingInvoiceClosed | None] = Decider(
    None, lambda closed, event: event if isinstance(event, HostingInvoiceClosed) else closed, decide
)
