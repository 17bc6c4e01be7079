"""Events of service control and of its enforcement. `ledger.events` lists them; no other file need know these.

What should be (a schedule of states) is derived and never an event; what was decided and done is here.
"""

from typing import Any, ClassVar, Literal

from ledger.event_base import Event
from ledger.ids import Mode

#: What can be asked of the deployment system.
Wanted = Literal["zero", "up"]


class ServicePolicyPublished(Event, frozen=True, kw_only=True, gc=False):
    """A version of a service policy was published. It counts at once, for debts that there are too."""

    NAME: ClassVar[str] = "service_policy.published"

    mode: Mode
    policy: str
    version: int
    """1 for the first; each the next."""
    definition: dict[str, Any]
    """The whole of it, as `ledger.service_policy` has it."""


class ServicePolicyEnforced(Event, frozen=True, kw_only=True, gc=False):
    """What the policy says is done from now on, and not only told."""

    NAME: ClassVar[str] = "service_policy.enforced"

    mode: Mode
    policy: str


class ServicePolicySoftened(Event, frozen=True, kw_only=True, gc=False):
    """What the policy says is told from now on, and nothing is done."""

    NAME: ClassVar[str] = "service_policy.softened"

    mode: Mode
    policy: str


class ServiceStepped(Event, frozen=True, kw_only=True, gc=False):
    """A service took one step of its policy's schedule, for the worse or the better."""

    NAME: ClassVar[str] = "service.stepped"

    mode: Mode
    org: str
    service: str
    """`postpaid`, or `account/subscription` of what is paid in advance."""
    before: str
    """The state that was taken before."""
    state: str
    enforced: bool
    """False: its policy only tells."""
    boundary_s: int | None
    """Since when the schedule has had this state; None: it has none."""
    at_s: int
    """When it was taken: never before its boundary."""
    because: dict[str, Any]
    """The debt that leads, its policy, and why its retries are over."""


class ServicePaused(Event, frozen=True, kw_only=True, gc=False):
    """An operator paused a service."""

    NAME: ClassVar[str] = "service.paused"

    mode: Mode
    org: str
    service: str
    reason: str


class ServiceSuspended(Event, frozen=True, kw_only=True, gc=False):
    """An operator suspended a service."""

    NAME: ClassVar[str] = "service.suspended"

    mode: Mode
    org: str
    service: str
    reason: str


class ServiceCancelled(Event, frozen=True, kw_only=True, gc=False):
    """An operator cancelled a service."""

    NAME: ClassVar[str] = "service.cancelled"

    mode: Mode
    org: str
    service: str
    reason: str


class ServiceResumed(Event, frozen=True, kw_only=True, gc=False):
    """An operator took back that a service was paused or suspended: its policy's word counts again."""

    NAME: ClassVar[str] = "service.resumed"

    mode: Mode
    org: str
    service: str
    reason: str


class ServiceRecovered(Event, frozen=True, kw_only=True, gc=False):
    """An operator took back whatever closed a service; its debts begin their policy anew."""

    NAME: ClassVar[str] = "service.recovered"

    mode: Mode
    org: str
    service: str
    reason: str


class GraceExtended(Event, frozen=True, kw_only=True, gc=False):
    """An operator promised that no debt closes a service before a time."""

    NAME: ClassVar[str] = "service.grace_extended"

    mode: Mode
    org: str
    service: str
    until_s: int
    reason: str


class DebtWrittenOff(Event, frozen=True, kw_only=True, gc=False):
    """An operator said that an unpaid invoice counts no more. What it is at Stripe, this does not change."""

    NAME: ClassVar[str] = "debt.written_off"

    mode: Mode
    account: str
    invoice: str
    reason: str


class EnforcementAsked(Event, frozen=True, kw_only=True, gc=False):
    """The deployment system was asked to scale an environment, for the first time or again."""

    NAME: ClassVar[str] = "enforcement.asked"

    mode: Mode
    org: str
    environment: str
    request: str
    """The id of what is asked: an acknowledgement names it. The same when it is asked again."""
    wanted: Wanted
    attempt: int
    """1 is the first; from 2 on, nobody acknowledged in time."""
    at_s: int
    due_s: int
    """Until when it is to be acknowledged."""
    because: dict[str, Any]


class EnforcementAcknowledged(Event, frozen=True, kw_only=True, gc=False):
    """The deployment system said that an environment is scaled as it was asked last."""

    NAME: ClassVar[str] = "enforcement.acknowledged"

    mode: Mode
    org: str
    environment: str
    request: str


SERVICE_EVENTS: tuple[type[Event], ...] = (
    ServicePolicyPublished,
    ServicePolicyEnforced,
    ServicePolicySoftened,
    ServiceStepped,
    ServicePaused,
    ServiceSuspended,
    ServiceCancelled,
    ServiceResumed,
    ServiceRecovered,
    GraceExtended,
    DebtWrittenOff,
    EnforcementAsked,
    EnforcementAcknowledged,
)
