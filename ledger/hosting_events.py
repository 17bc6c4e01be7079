"""Events of hosting: environments, what is placed in them, what a unit costs, and what was used.

What that comes to is in `ledger.hosting_billing_events`. `ledger.events` lists them; no other file need know these.
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
    """By which its usage is priced, until it is changed."""


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


class EnvironmentRateCardChanged(Event, frozen=True, kw_only=True, gc=False):
    """An environment is priced by another rate card, from an instant on."""

    NAME: ClassVar[str] = "environment.rate_card_changed"

    mode: Mode
    environment: str
    rate_card: str
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


#: In the order of `ledger.events.EVENTS`.
HOSTING_EVENTS: tuple[type[Event], ...] = (
    EnvironmentCreated,
    EnvironmentRenamed,
    EnvironmentShared,
    EnvironmentUnshared,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    EnvironmentArchived,
    OutageCredited,
    OutageWithdrawn,
    HostingPlaced,
    RateCardPublished,
    CostsRecorded,
)
