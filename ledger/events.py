"""Every kind of event that the log can hold, and the metadata that each carries.

An event is frozen, flat and self-sufficient, has a stable dotted name and a schema version, and is never
edited: a changed meaning is a new name, a changed shape a new version with an upcast (`ledger.codec`).
"""

from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from ledger.event_base import NO_PAYLOAD as NO_PAYLOAD
from ledger.event_base import Event as Event
from ledger.hosting_billing_events import HOSTING_BILLING_EVENTS
from ledger.hosting_events import HOSTING_EVENTS
from ledger.ids import Mode
from ledger.issuing_events import ISSUING_EVENTS
from ledger.launch_events import LAUNCH_EVENTS
from ledger.passthrough_events import PASSTHROUGH_EVENTS
from ledger.reconcile_events import RECONCILE_EVENTS
from ledger.service_events import SERVICE_EVENTS
from ledger.setup_events import SETUP_EVENTS
from ledger.stripe_call_events import (
    BillingCustomerRequested,
    StripeCallBegun,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallsResumed,
    StripeCallsStopped,
    StripeCallSucceeded,
    StripeCallUnknown,
    StripeObjectObserved,
)
from ledger.tax_terms_events import TAX_TERMS_EVENTS


class StripeEventReceived(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Stripe delivered an event, correctly signed. `payload` is its JSON as it came, personal fields sealed."""

    NAME: ClassVar[str] = "stripe.event_received"

    event_id: str
    type: str
    created_s: int
    """Stripe's own time of the event, whole seconds since the epoch."""
    mode: Mode
    account: str
    """`platform`, or the connected account that the event is about."""
    api_version: str | None
    """The API version that the payload is rendered in; None when Stripe did not say."""
    endpoint: Literal["platform", "connect", "list"]
    """Which of our two endpoints received it; `list`: none did, and we found it in Stripe's list of events."""
    payload: msgspec.Raw = NO_PAYLOAD


class StripeEventConflicted(StripeEventReceived, frozen=True, kw_only=True, gc=False):
    """An event id came again in the same API version with other content. Kept for people, never applied."""

    NAME: ClassVar[str] = "stripe.event_conflicted"


class StripeEventMisrouted(StripeEventReceived, frozen=True, kw_only=True, gc=False):
    """An event signed with a secret that is bound to the other mode. Kept for people, never applied."""

    NAME: ClassVar[str] = "stripe.event_misrouted"


class OrganizationLinked(Event, frozen=True, kw_only=True, gc=False):
    """An operator said which organization a Stripe customer is billed for. Outranks every claim in metadata."""

    NAME: ClassVar[str] = "organization.linked"

    mode: Mode
    account: str
    customer: str
    org: str


class OrganizationUnlinked(Event, frozen=True, kw_only=True, gc=False):
    """An operator took a link back; claims in metadata count again."""

    NAME: ClassVar[str] = "organization.unlinked"

    mode: Mode
    account: str
    customer: str


class StripeEventReleased(Event, frozen=True, kw_only=True, gc=False):
    """An operator released a quarantined Stripe event: it was read anew, and what it says was applied."""

    NAME: ClassVar[str] = "stripe_event.released"

    mode: Mode
    account: str
    event_id: str
    versions: int
    """How many versions the event's own stream had: what comes to it later asks for a person again."""
    by: str
    """Who released it."""
    why: str


class StripeEventDismissed(Event, frozen=True, kw_only=True, gc=False):
    """An operator dismissed a quarantined or conflicting Stripe event: it stays as it is, and nobody works on it."""

    NAME: ClassVar[str] = "stripe_event.dismissed"

    mode: Mode
    account: str
    event_id: str
    versions: int
    """How many versions the event's own stream had: what comes to it later asks for a person again."""
    by: str
    """Who dismissed it."""
    why: str


class ParkedKeyReleased(Event, frozen=True, kw_only=True, gc=False):
    """An operator released a parked key of a read model: it was made anew from the log."""

    NAME: ClassVar[str] = "parked_key.released"

    mode: Mode
    model: str
    key: tuple[str, ...]
    fault: str
    """The kind of error that had parked it, e.g. `ValueError`; never its message, which may quote a person."""
    by: str
    """Who released it."""
    why: str


class ParkedKeyDismissed(Event, frozen=True, kw_only=True, gc=False):
    """An operator dismissed a parked key of a read model: it stays parked, and nobody works on it."""

    NAME: ClassVar[str] = "parked_key.dismissed"

    mode: Mode
    model: str
    key: tuple[str, ...]
    fault: str
    """The kind of error that parked it: another one asks for a person again."""
    by: str
    """Who dismissed it."""
    why: str


class ApiKeyIssued(Event, frozen=True, kw_only=True, gc=False):
    """A key to the API was issued. The key itself is nowhere: only its keyed digest is."""

    NAME: ClassVar[str] = "api_key.issued"
    VERSION: ClassVar[int] = 3

    key_id: str
    digest: str
    """Hex HMAC-SHA256 of the key under the installation's digest key."""
    mode: Mode
    role: str
    org: str | None
    account: str | None
    label: str | None
    person: str | None = None
    """Whose it is; what is done with it, this person did. Since version 2."""
    lasts_s: int | None = None
    """How many seconds from when this was recorded it is valid; None: until it is revoked. Since version 3."""


class ApiKeyRevoked(Event, frozen=True, kw_only=True, gc=False):
    """A key to the API was revoked, for ever."""

    NAME: ClassVar[str] = "api_key.revoked"

    key_id: str


class ApiKeyRotated(Event, frozen=True, kw_only=True, gc=False):
    """Another key to the API took a key's place. The successor's own event follows on the same stream."""

    NAME: ClassVar[str] = "api_key.rotated"

    key_id: str
    """The old one."""
    successor: str
    overlap_s: int
    """How many seconds from when this was recorded the old one is still valid."""


class SubjectErased(Event, frozen=True, kw_only=True, gc=False):
    """The key of a subject's personal fields was destroyed: they can never be read again."""

    NAME: ClassVar[str] = "subject.erased"

    subject: str


class ReceiptKept(Event, frozen=True, kw_only=True, gc=False):
    """Somebody's act was carried out, once for its idempotency key: who, what, why, on what, and what came of it."""

    NAME: ClassVar[str] = "receipt.kept"

    act: str
    person: str
    reason: str
    origin: Literal["api", "cli"]
    key_id: str | None
    """The API key that was used."""
    fingerprint: str
    """Hex SHA-256 of what was asked: the same key with another one is refused."""
    subject: str
    mode: Mode | None
    """None: it concerns both."""
    account: str | None
    org: str | None
    approval: str | None
    """The request for approval that it made, or that it settled."""
    waiting: bool
    """Whether it made one, and nothing else has happened yet."""
    events: tuple[dict[str, Any], ...]
    """What was appended with it, each with its name under `event`."""


class AttemptDenied(Event, frozen=True, kw_only=True, gc=False):
    """Somebody tried an act and was not let."""

    NAME: ClassVar[str] = "attempt.denied"

    id: str
    act: str
    person: str | None
    """None: the key that was used names nobody."""
    origin: Literal["api", "cli"]
    key_id: str | None
    code: str
    """Why, e.g. `forbidden` or `second_person`."""
    mode: Mode | None
    subject: str | None
    org: str | None


class RebuildRequested(Event, frozen=True, kw_only=True, gc=False):
    """Somebody asked for read models to be made anew from the log; no row says other than before because of it."""

    NAME: ClassVar[str] = "read_models.rebuild_requested"

    id: str
    models: tuple[str, ...]
    """Those that were named; empty: all."""


class ApprovalRequested(Event, frozen=True, kw_only=True, gc=False):
    """An act that weighs much waits for a second person."""

    NAME: ClassVar[str] = "approval.requested"

    id: str
    act: str
    input: dict[str, Any]
    """What was asked for, to be decided when it is granted."""
    person: str
    reason: str
    subject: str
    mode: Mode | None
    account: str | None
    org: str | None


class ApprovalGranted(Event, frozen=True, kw_only=True, gc=False):
    """A second person approved an act; what follows from it is appended with this."""

    NAME: ClassVar[str] = "approval.granted"

    id: str
    person: str


class ApprovalRejected(Event, frozen=True, kw_only=True, gc=False):
    """A second person rejected an act that waited, or who asked for it took it back."""

    NAME: ClassVar[str] = "approval.rejected"

    id: str
    person: str


class OverrideGranted(Event, frozen=True, kw_only=True, gc=False):
    """An operator granted a feature to an organization, whatever it has bought. Replaces an earlier override."""

    NAME: ClassVar[str] = "override.granted"

    mode: Mode
    org: str
    feature: str
    limit: int | None
    """None: without a limit."""
    from_s: int | None
    """None: at once."""
    until_s: int | None
    """None: until it is ended."""
    reason: str


class OverrideDenied(Event, frozen=True, kw_only=True, gc=False):
    """An operator denied a feature to an organization, whatever it has bought. Replaces an earlier override."""

    NAME: ClassVar[str] = "override.denied"

    mode: Mode
    org: str
    feature: str
    from_s: int | None
    """None: at once."""
    until_s: int | None
    """None: until it is ended."""
    reason: str


class OverrideEnded(Event, frozen=True, kw_only=True, gc=False):
    """An operator took an override back; what was sold counts again. One that runs out by itself needs no event."""

    NAME: ClassVar[str] = "override.ended"

    mode: Mode
    org: str
    feature: str


class PlanPublished(Event, frozen=True, kw_only=True, gc=False):
    """A version of a plan was published: what is sold under the plan from now on. What was sold stays as it was."""

    NAME: ClassVar[str] = "plan.published"

    mode: Mode
    catalogue: str
    """The file that the plan belongs to."""
    plan: str
    version: int
    """1 for the first; each the next."""
    effective_s: int | None
    """Since when it is in force, where that was before it was published; None: since then."""
    definition: dict[str, Any]
    """The whole of it, as `commands.plan_definition` has it."""


class PlanRetired(Event, frozen=True, kw_only=True, gc=False):
    """A plan is sold no more. Whoever has it keeps it."""

    NAME: ClassVar[str] = "plan.retired"

    mode: Mode
    catalogue: str
    plan: str
    version: int
    """Its newest version."""


class PlanPriceMapped(Event, frozen=True, kw_only=True, gc=False):
    """A price of old, which no plan names, was said to be a plan's."""

    NAME: ClassVar[str] = "plan.price_mapped"

    mode: Mode
    catalogue: str
    account: str
    price: str
    """A price's id (or that of a plan, as Stripe once called prices), or a lookup key."""
    plan: str
    version: int | None
    """None: whichever was in force when it was sold."""


class PlanPriceUnmapped(Event, frozen=True, kw_only=True, gc=False):
    """A price of old is no plan's any more."""

    NAME: ClassVar[str] = "plan.price_unmapped"

    mode: Mode
    catalogue: str
    account: str
    price: str


class SubscriptionPlanMoved(Event, frozen=True, kw_only=True, gc=False):
    """An operator moved a subscription, a purchase or an agreement to a version of a plan."""

    NAME: ClassVar[str] = "subscription_plan.moved"

    mode: Mode
    account: str
    subscription: str
    """Its id; or a checkout session's, an invoice's or an agreement's."""
    plan: str
    version: int
    by: str
    """Who moved it."""
    why: str


class PlanSubscriptionsMoved(Event, frozen=True, kw_only=True, gc=False):
    """An operator moved many subscriptions (or purchases, or agreements) to a version of a plan at once."""

    NAME: ClassVar[str] = "plan.subscriptions_moved"

    mode: Mode
    plan: str
    version: int
    subscriptions: tuple[str, ...]
    """Each `account/id`."""
    by: str
    """Who moved them."""
    why: str


class AgreementMade(Event, frozen=True, kw_only=True, gc=False):
    """An operator agreed with an organization, outside of Stripe, that it has a plan."""

    NAME: ClassVar[str] = "agreement.made"

    mode: Mode
    id: str
    org: str
    plan: str
    version: int
    from_s: int | None
    """None: from when it was made."""
    until_s: int | None
    """None: until it is ended."""
    reference: str | None
    """What people find the paper by, e.g. an order's number."""
    by: str
    """Who made it."""
    why: str


class AgreementEnded(Event, frozen=True, kw_only=True, gc=False):
    """An agreement ends, or ended."""

    NAME: ClassVar[str] = "agreement.ended"

    mode: Mode
    id: str
    at_s: int | None
    """None: when it was said."""
    by: str
    """Who ended it."""
    why: str


class EndpointAdded(Event, frozen=True, kw_only=True, gc=False):
    """An endpoint was registered to be told of what happens. Its secret is in the key store, never here."""

    NAME: ClassVar[str] = "endpoint.added"

    endpoint_id: str
    mode: Mode
    url: str
    types: tuple[str, ...]
    """Only notices of these types; empty: of all."""
    org: str | None
    """Only notices about this organization; None: about all."""
    label: str | None


class EndpointRemoved(Event, frozen=True, kw_only=True, gc=False):
    """An endpoint was removed, for ever: nothing more is sent to it, and its secret was destroyed."""

    NAME: ClassVar[str] = "endpoint.removed"

    endpoint_id: str
    mode: Mode


class NoticeRaised(Event, frozen=True, kw_only=True, gc=False):
    """Something happened that registered endpoints are to be told of. What `type` means is in `commands.notices`."""

    NAME: ClassVar[str] = "notice.raised"

    notice_id: str
    type: str
    mode: Mode
    org: str | None
    """Whom it is about; the notices about one are delivered in order."""
    at_s: int
    """When it happened."""
    said: dict[str, Any]
    """What endpoints are told, beside type, time, mode and organization."""
    endpoint_id: str | None
    """Only for this endpoint; None: for all that listen to its type."""


class DeliverySucceeded(Event, frozen=True, kw_only=True, gc=False):
    """An endpoint took a notice: it answered 2xx."""

    NAME: ClassVar[str] = "delivery.succeeded"

    mode: Mode
    endpoint_id: str
    notice_id: str
    attempt: int
    """1 is the first."""
    status: int
    """Of the HTTP answer."""
    at_s: int


class DeliveryFailed(Event, frozen=True, kw_only=True, gc=False):
    """An endpoint did not take a notice."""

    NAME: ClassVar[str] = "delivery.failed"

    mode: Mode
    endpoint_id: str
    notice_id: str
    attempt: int
    """1 is the first."""
    status: int | None
    """Of the HTTP answer; None: there was none."""
    fault: str
    """Why, e.g. `http_500`, `timeout`, `private_address`; never what the endpoint wrote."""
    at_s: int
    next_s: int | None
    """When it is tried again; None: not before somebody asks for it."""


class DeliveryRequested(Event, frozen=True, kw_only=True, gc=False):
    """Somebody asked for a notice to be delivered again."""

    NAME: ClassVar[str] = "delivery.requested"

    mode: Mode
    endpoint_id: str
    notice_id: str
    at_s: int


class ReactionTaken(Event, frozen=True, kw_only=True, gc=False):
    """A reaction to an event was carried out: version 1 of a stream of its own, so that it is taken once."""

    NAME: ClassVar[str] = "reaction.taken"

    reaction: str
    cause_stream: str
    cause_version: int


class DifferenceClosed(Event, frozen=True, kw_only=True, gc=False):
    """What should be and what had been done about it differed, and a reaction closed the difference."""

    NAME: ClassVar[str] = "difference.closed"

    reaction: str
    mode: Mode
    key: tuple[str, ...]
    """Of the derivation, after the mode."""
    done: Any
    """What has been done now, in the derivation's own words; None: nothing is left of it."""
    silent: bool
    """True: nothing followed. It stood so when the reaction began, an operator said to pass over it, or a person's act
    brought it about."""


class DifferencesReleased(Event, frozen=True, kw_only=True, gc=False):
    """An operator released differences that had been held because they were many."""

    NAME: ClassVar[str] = "differences.released"

    reaction: str
    mode: Mode
    silent: bool
    """True: they are closed and nothing follows."""


class DeadlineMet(Event, frozen=True, kw_only=True, gc=False):
    """A due time came and was acted on: version 1 of a stream of its own, so that it is met once."""

    NAME: ClassVar[str] = "deadline.met"

    kind: str
    mode: Mode
    key: str
    at_s: int
    """The due time itself, not when somebody looked."""
    lapsed: bool
    """True: it was too late to do anything about it."""


#: The registry: one line an event.
EVENTS: tuple[type[Event], ...] = (
    StripeEventReceived,
    StripeEventConflicted,
    StripeEventMisrouted,
    OrganizationLinked,
    OrganizationUnlinked,
    StripeEventReleased,
    StripeEventDismissed,
    ParkedKeyReleased,
    ParkedKeyDismissed,
    ApiKeyIssued,
    ApiKeyRevoked,
    ApiKeyRotated,
    SubjectErased,
    ReceiptKept,
    AttemptDenied,
    RebuildRequested,
    ApprovalRequested,
    ApprovalGranted,
    ApprovalRejected,
    OverrideGranted,
    OverrideDenied,
    OverrideEnded,
    PlanPublished,
    PlanRetired,
    PlanPriceMapped,
    PlanPriceUnmapped,
    SubscriptionPlanMoved,
    PlanSubscriptionsMoved,
    AgreementMade,
    AgreementEnded,
    EndpointAdded,
    EndpointRemoved,
    NoticeRaised,
    DeliverySucceeded,
    DeliveryFailed,
    DeliveryRequested,
    ReactionTaken,
    DifferenceClosed,
    DifferencesReleased,
    DeadlineMet,
    StripeObjectObserved,
    *RECONCILE_EVENTS,
    StripeCallRequested,
    StripeCallBegun,
    StripeCallSucceeded,
    StripeCallFailed,
    StripeCallUnknown,
    StripeCallsStopped,
    StripeCallsResumed,
    BillingCustomerRequested,
    *HOSTING_EVENTS,
    *HOSTING_BILLING_EVENTS,
    *ISSUING_EVENTS,
    *SERVICE_EVENTS,
    *PASSTHROUGH_EVENTS,
    *SETUP_EVENTS,
    *LAUNCH_EVENTS,
    *TAX_TERMS_EVENTS,
)


class Cause(msgspec.Struct, frozen=True, gc=False):
    """The event that led to this one, by stream and version: these survive a restore, a position does not."""

    stream: str
    version: int


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who, why and about whom, beside every event."""

    occurred_at_s: int
    """When it happened at its source, whole seconds since the epoch."""
    actor: str
    """`stripe`, `system`, or the person who acted."""
    reason: str | None = None
    cause: Cause | None = None
    correlation: str | None = None
    mode: Mode | None = None
    account: str | None = None
    subjects: tuple[str, ...] = ()
    digest: str | None = None
    """Keyed digest of the content as it came, so that a redelivery can be told from a conflict."""


class NewEvent(NamedTuple):
    """An event that someone wants appended as `version` (1 is the first) of `stream`."""

    stream: str
    version: int
    event: Event
    metadata: Metadata


class Recorded(NamedTuple):
    """An event as the log holds it."""

    position: int
    stream: str
    version: int
    event: Any
    """One of `EVENTS`."""
    metadata: bytes
    """Encoded `Metadata`; `ledger.codec.decode_metadata` opens it. Folding does not need it, so it stays closed."""
    recorded_at_us: int
    """When the database appended it, microseconds since the epoch; never decreases with position."""
