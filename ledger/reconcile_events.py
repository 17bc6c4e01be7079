"""Events of looking whether what we hold is what Stripe holds. `ledger.events` lists them.

What was found at Stripe is in the log as what it is: an event that Stripe had sent (`StripeEventReceived`), or an
object as it stood (`StripeObjectObserved`). Here is what was compared, and what did not agree.
"""

from typing import Any, ClassVar, Literal

from ledger.event_base import Event
from ledger.ids import Mode

Drift = Literal["unpaid_but_active", "paid_but_blocked", "missing_here", "missing_there", "stale"]


class FetchFailed(Event, frozen=True, kw_only=True, gc=False):
    """Stripe has no such object, or does not show it to us: what was asked for stays open."""

    NAME: ClassVar[str] = "fetch.failed"

    mode: Mode
    account: str
    object: str
    """Stripe's type of it."""
    object_id: str
    status: int
    """Of the answer, e.g. 404."""
    code: str | None
    """Stripe's, e.g. `resource_missing`."""
    at_s: int


class ReconciliationRequested(Event, frozen=True, kw_only=True, gc=False):
    """A person asked for what we hold to be compared with what Stripe holds."""

    NAME: ClassVar[str] = "stripe_reconciliation.requested"

    id: str
    mode: Mode
    what: Literal["events", "objects"]
    account: str | None
    """None: every account of the mode."""
    repair: bool
    """Whether what Stripe holds is to be observed wherever it does not agree."""
    by: str
    why: str


class ReconciliationDone(Event, frozen=True, kw_only=True, gc=False):
    """What was asked for was compared."""

    NAME: ClassVar[str] = "stripe_reconciliation.done"

    id: str
    mode: Mode
    accounts: int
    """Of how many Stripe accounts."""
    refused: tuple[str, ...]
    """Those that Stripe did not show us."""
    differences: int
    """Events that were lacking, or objects that did not agree."""
    mended: int
    """How many of them are in the log now."""
    at_s: int


class EventsReconciled(Event, frozen=True, kw_only=True, gc=False):
    """Every event that Stripe lists from one time to another is in the log: between these it has no gap."""

    NAME: ClassVar[str] = "stripe_events.reconciled"

    mode: Mode
    account: str
    from_s: int
    """The earliest `created` that was listed for, whole seconds since the epoch."""
    to_s: int
    """Until then, by Stripe's clock, exclusive."""
    listed: int
    held: int
    """How many of them the log had already."""
    appended: int
    """How many it lacked: gaps that were closed."""
    unreadable: int
    """How many could not be kept, for what they were."""
    first_missing_s: int | None
    """Between which times events were lacking; None: none was."""
    last_missing_s: int | None
    request: str | None
    """The reconciliation that was asked for; None: it was the nightly one."""


class DriftFound(Event, frozen=True, kw_only=True, gc=False):
    """What we believe of an object is not what Stripe says of it."""

    NAME: ClassVar[str] = "drift.found"

    mode: Mode
    account: str
    object: str
    object_id: str
    kind: Drift
    fields: dict[str, Any]
    """Field -> what we hold and what Stripe says, as `[ours, theirs]`; personal fields are not compared."""
    customer: str | None
    seen_s: int
    """When Stripe was asked, by its own clock."""


class DriftClosed(Event, frozen=True, kw_only=True, gc=False):
    """An object that did not agree agrees again."""

    NAME: ClassVar[str] = "drift.closed"

    mode: Mode
    account: str
    object: str
    object_id: str
    seen_s: int


class ObjectsReconciled(Event, frozen=True, kw_only=True, gc=False):
    """The objects of an account were compared with our read models."""

    NAME: ClassVar[str] = "stripe_objects.reconciled"

    mode: Mode
    account: str
    at_s: int
    """When it began, by Stripe's clock."""
    compared: dict[str, int]
    """Object type -> how many."""
    found: dict[str, int]
    """Kind of difference -> how many."""
    repaired: int
    """For how many of them what Stripe holds was observed."""
    request: str | None
    """The reconciliation that was asked for; None: it was the nightly one."""


RECONCILE_EVENTS: tuple[type[Event], ...] = (
    FetchFailed,
    ReconciliationRequested,
    ReconciliationDone,
    EventsReconciled,
    DriftFound,
    DriftClosed,
    ObjectsReconciled,
)
