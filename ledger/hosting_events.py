"""Events of hosting: environments, what they cost, what was accrued for it, and the month's invoices.

Amounts are exact: decimals as text, in minor units of a currency, and never rounded but in an invoice's total.
`ledger.events` lists them; no other file need know these.
"""

from typing import ClassVar, Literal

import msgspec

from ledger.event_base import Event
from ledger.ids import Mode

NO_USAGE = msgspec.Raw(b"{}")
#: What a cost event counts, and in which unit: core-hours, GiB-hours, GiB-hours, GiB.
Resource = Literal["cpu", "memory", "storage", "egress"]
RESOURCES: tuple[Resource, ...] = ("cpu", "memory", "storage", "egress")


class EnvironmentCreated(Event, frozen=True, kw_only=True, gc=False):
    """An organization has an environment."""

    NAME: ClassVar[str] = "environment.created"

    mode: Mode
    environment: str
    org: str
    """Who owns it, and so pays for it, until it is moved."""
    name: str
    default: bool
    """Whether it is the one that was made because the organization needed one."""
    rate_card: str
    """By which its usage is priced."""


class EnvironmentRenamed(Event, frozen=True, kw_only=True, gc=False):
    """An environment has another name. Its id stays."""

    NAME: ClassVar[str] = "environment.renamed"

    mode: Mode
    environment: str
    name: str


class EnvironmentShared(Event, frozen=True, kw_only=True, gc=False):
    """An environment is shared with another organization, which sees it; its owner goes on paying."""

    NAME: ClassVar[str] = "environment.shared"

    mode: Mode
    environment: str
    org: str


class EnvironmentUnshared(Event, frozen=True, kw_only=True, gc=False):
    """An environment is shared with an organization no more."""

    NAME: ClassVar[str] = "environment.unshared"

    mode: Mode
    environment: str
    org: str


class EnvironmentMoved(Event, frozen=True, kw_only=True, gc=False):
    """An environment has another owner, from an instant on: what is used from then on, that owner pays."""

    NAME: ClassVar[str] = "environment.moved"

    mode: Mode
    environment: str
    org: str
    at_s: int


class EnvironmentArchived(Event, frozen=True, kw_only=True, gc=False):
    """An environment is archived: nothing more is placed in it. What is still used in it is still paid for."""

    NAME: ClassVar[str] = "environment.archived"

    mode: Mode
    environment: str


class OutageCredited(Event, frozen=True, kw_only=True, gc=False):
    """What an environment used during an outage costs so much less, whenever it becomes known."""

    NAME: ClassVar[str] = "environment.outage_credited"

    mode: Mode
    environment: str
    outage: str
    from_s: int
    until_s: int
    percent: str
    """Of what it would cost; a decimal above 0, at most 100."""
    reason: str


class OutageWithdrawn(Event, frozen=True, kw_only=True, gc=False):
    """An outage's credit was taken back."""

    NAME: ClassVar[str] = "environment.outage_withdrawn"

    mode: Mode
    environment: str
    outage: str
    from_s: int
    """When the outage began: what was used from then on is priced again."""


class HostingPlaced(Event, frozen=True, kw_only=True, gc=False):
    """A namespace, or a project with those of its namespaces that have no place of their own, is in an environment
    from an instant on, until the next instant that was said."""

    NAME: ClassVar[str] = "hosting.placed"

    mode: Mode
    kind: Literal["namespace", "project"]
    id: str
    environment: str | None
    """None: in none from then on."""
    at_s: int


class RateCardPublished(Event, frozen=True, kw_only=True, gc=False):
    """A version of a rate card was published: what a unit of each resource costs from an instant on."""

    NAME: ClassVar[str] = "rate_card.published"

    mode: Mode
    card: str
    version: int
    """1 for the first; each the next."""
    currency: str
    """Of all its versions."""
    effective_s: int
    """Since when; later versions replace earlier ones from there on."""
    markup_percent: str
    """A decimal, added to every cost."""
    rates: dict[str, str]
    """Resource -> minor units a unit, a decimal."""


class CostsRecorded(Event, frozen=True, kw_only=True, gc=False):
    """A batch of cost events: what namespaces used. Each has an id that counts once for ever (`ledger.claims`)."""

    NAME: ClassVar[str] = "hosting.costs_recorded"

    mode: Mode
    batch: str
    source: str
    """Who reported it."""
    records: int
    namespaces: tuple[str, ...]
    days: tuple[str, ...]
    """UTC days that it touches."""
    usage: msgspec.Raw = NO_USAGE
    """Namespace -> its records, each a list in the order of `CostRecord`. Opened by those who price it alone."""


class CostRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a namespace used of a resource, evenly, in a period."""

    id: str
    resource: str
    from_s: int
    until_s: int
    quantity_e9: int
    """In billionths of the resource's unit; negative in a correction alone."""
    project: str | None = None
    corrects: str | None = None
    """The id of the cost event that this one compensates, wholly or in part."""


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
HOSTING_EVENTS: tuple[type[Event], ...] = (
    EnvironmentCreated,
    EnvironmentRenamed,
    EnvironmentShared,
    EnvironmentUnshared,
    EnvironmentMoved,
    EnvironmentArchived,
    OutageCredited,
    OutageWithdrawn,
    HostingPlaced,
    RateCardPublished,
    CostsRecorded,
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
