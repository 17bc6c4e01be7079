"""Events of what hosting costs: accruals, closed months, invoices, limits, and what a provider's ledger mended.

Amounts are exact: decimals as text, in minor units of a currency, and never rounded but in an invoice's total.
`ledger.events` lists them; no other file need know these.
"""

from typing import ClassVar

import msgspec

from ledger.event_base import Event
from ledger.ids import Mode


class AccruedEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a namespace cost in an environment, on a day, for a resource."""

    namespace: str
    project: str | None
    resource: str
    """Or `outage_credit`."""
    quantity: str
    cost: str
    """What it costs by the rate card, before markup."""
    amount: str
    """What is charged for it: with markup."""


class HostingAccrued(Event, frozen=True, kw_only=True, gc=False):
    """What an environment cost its owner on a UTC day; or, numbered from 1 on, by how much that was mended since.

    Version `number + 1` of its own stream, so that there is one of each number.
    """

    NAME: ClassVar[str] = "hosting.accrued"

    mode: Mode
    org: str
    environment: str
    day: str
    """`YYYY-MM-DD`."""
    number: int
    """0: the accrual; more: an adjustment, which is a difference."""
    currency: str
    amount: str
    """The sum of its entries."""
    entries: tuple[AccruedEntry, ...]
    through: int
    """The log was counted up to this position."""


class AccrualsCounted(Event, frozen=True, kw_only=True, gc=False):
    """Everything up to a position of the log is accrued for every day before another."""

    NAME: ClassVar[str] = "hosting.accruals_counted"

    mode: Mode
    through: int
    before_day: str


class HostingMonthClosed(Event, frozen=True, kw_only=True, gc=False):
    """A month was closed: what was accrued before this event is in its invoices, what comes later in the next ones.

    Version n of the mode's stream is the n-th month, so that months are closed once, in order.
    """

    NAME: ClassVar[str] = "hosting.month_closed"

    mode: Mode
    month: str
    """`YYYY-MM`."""
    through: int
    """The position that its accruals were counted through."""
    rates: dict[str, int]
    """Rate card -> its newest version then: what is published later prices no day of the month."""


class InvoiceLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a namespace in an environment adds to an invoice."""

    environment: str | None
    """None: what was carried over from the month before."""
    namespace: str | None
    amount: str
    """Exact."""
    amount_minor: int
    """Its share of the total: these sum to it."""


class HostingInvoiceClosed(Event, frozen=True, kw_only=True, gc=False):
    """What a billing account owes for a month of hosting, fixed for ever. Version 1 of its own stream: made once."""

    NAME: ClassVar[str] = "hosting_invoice.closed"

    mode: Mode
    invoice: str
    org: str
    """The billing account: the organization that owned what was used."""
    currency: str
    month: str
    opening: str
    """Carried over from before; exact."""
    accrued: str
    """The sum of the month's accruals and adjustments; exact."""
    total_minor: int
    """What is to be invoiced; 0: everything is carried over."""
    closing: str
    """What is carried over to the next month, so that opening + accrued = total + closing, exactly."""
    minimum_minor: int
    """Less than this is carried over."""
    lines: tuple[InvoiceLine, ...]


class HostingMonthInvoiced(Event, frozen=True, kw_only=True, gc=False):
    """All invoices of a closed month are made."""

    NAME: ClassVar[str] = "hosting.month_invoiced"

    mode: Mode
    month: str
    invoices: int


class SpendingLimitSet(Event, frozen=True, kw_only=True, gc=False):
    """How much hosting an organization wants to pay for in a calendar month (UTC), at most."""

    NAME: ClassVar[str] = "spending_limit.set"

    mode: Mode
    org: str
    limit_minor: int | None
    """None: explicitly without a limit."""
    currency: str | None
    """Of the limit; None where there is none."""
    hard_stop: bool
    """Whether its hosting is to stop when the limit is reached."""


class SpendingThresholdReached(Event, frozen=True, kw_only=True, gc=False):
    """An organization's hosting reached a share of its limit: once a month and threshold."""

    NAME: ClassVar[str] = "spending_limit.threshold_reached"

    mode: Mode
    org: str
    month: str
    percent: int
    spent: str
    limit_minor: int
    currency: str


class SpendingStopped(Event, frozen=True, kw_only=True, gc=False):
    """An organization's hosting is to stop: its limit is reached, and it wanted it so."""

    NAME: ClassVar[str] = "spending_limit.stopped"

    mode: Mode
    org: str
    month: str


class SpendingResumed(Event, frozen=True, kw_only=True, gc=False):
    """An organization's hosting may go on: its limit was raised or lifted, or another month began."""

    NAME: ClassVar[str] = "spending_limit.resumed"

    mode: Mode
    org: str
    month: str


class UsageDifference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """By how much what a provider says that a namespace used on a UTC day differs from what was reported here."""

    namespace: str
    day: str
    resource: str
    quantity_e9: int
    """Theirs less ours, in billionths of a unit."""
    project: str | None = None
    """Whose namespace it was that day, as far as it was reported."""


class UsageReconciled(Event, frozen=True, kw_only=True, gc=False):
    """Differences from a provider's own usage ledger were approved: they are booked as cost events that compensate."""

    NAME: ClassVar[str] = "hosting.usage_reconciled"

    mode: Mode
    id: str
    source: str
    """Whose ledger."""
    differences: tuple[UsageDifference, ...]


#: In the order of `ledger.events.EVENTS`.
HOSTING_BILLING_EVENTS: tuple[type[Event], ...] = (
    HostingAccrued,
    AccrualsCounted,
    HostingMonthClosed,
    HostingInvoiceClosed,
    HostingMonthInvoiced,
    SpendingLimitSet,
    SpendingThresholdReached,
    SpendingStopped,
    SpendingResumed,
    UsageReconciled,
)
