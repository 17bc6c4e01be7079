"""Events of what we ask Stripe, and of what we saw there. `ledger.events` lists them; no other file need know these.

What Stripe tells by itself is an event of Stripe's (`StripeEventReceived`); here is what came of our own asking.
"""

from typing import Any, ClassVar, Literal

import msgspec

from ledger.event_base import NO_PAYLOAD, Event
from ledger.ids import Mode


class StripeObjectObserved(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Stripe answered with an object as it stood: to a call, a fetch, or a reconciliation.

    `payload` is its JSON, personal fields sealed as an event's are, and without what only its receiver may hold
    (`ledger.observing.SECRETS`). A deleted object is Stripe's stub, which says `deleted: true`.
    """

    NAME: ClassVar[str] = "stripe.object_observed"

    mode: Mode
    account: str
    """`platform`, or the connected account that was asked."""
    object_type: str
    """Stripe's `object`."""
    object_id: str
    """Its id; where Stripe gives it none, its customer's, else its type."""
    observed_at_s: int
    """When Stripe answered, by its own clock (the answer's `Date`), whole seconds since the epoch."""
    api_version: str | None
    """The API version that the payload is rendered in; None when Stripe did not say."""
    why: Literal["call", "fetch", "reconcile"]
    digest: str
    """Keyed digest of the content (hex): two observations of one second are told apart by what they say."""
    payload: msgspec.Raw = NO_PAYLOAD


class StripeCallRequested(Event, frozen=True, kw_only=True, gc=False):
    """Something is to be asked of Stripe, once. Whatever becomes of it is on the same stream."""

    NAME: ClassVar[str] = "stripe_call.requested"

    call_id: str
    """Stripe gets it as the idempotency key, and where the object takes metadata as `recount_call`."""
    mode: Mode
    account: str
    """`platform`, or the connected account on whose behalf it is asked."""
    operation: str
    """One of `commands.stripe_operations`, e.g. `customers.create`."""
    path: tuple[str, ...]
    """What stands in the address's places, e.g. the id of the object that is acted on."""
    params: dict[str, Any]
    """As Stripe's API takes them; personal fields are sealed."""
    org: str | None
    urgency: Literal["live", "background"]
    """Live: somebody waits for what comes of it, so it goes first."""
    awaited: bool
    """Whether it is made within somebody's request; the worker takes it up when that has left it open for a while."""
    instead_of: str | None
    """The call that failed, or never happened, and is asked again so."""


class StripeCallBegun(Event, frozen=True, kw_only=True, gc=False):
    """From now on Stripe may have heard of the call. Written before it is sent for the first time, and once."""

    NAME: ClassVar[str] = "stripe_call.begun"

    call_id: str
    mode: Mode
    at_s: int
    api_version: str
    """Every attempt is made in this version of Stripe's API."""


class StripeCallSucceeded(Event, frozen=True, kw_only=True, gc=False):
    """Stripe did what was asked. What the object looked like then is a `stripe.object_observed` beside this."""

    NAME: ClassVar[str] = "stripe_call.succeeded"

    call_id: str
    mode: Mode
    account: str
    operation: str
    org: str | None
    object: str | None
    """Stripe's type of the object that came back."""
    object_id: str | None
    status: int | None
    """Of the answer; None where a person said so."""
    request_id: str | None
    answered_s: int | None
    """By Stripe's clock (the answer's `Date`)."""
    by: Literal["answer", "look_up", "person"]
    """How we know."""


class StripeCallFailed(Event, frozen=True, kw_only=True, gc=False):
    """Stripe refused, or it is certain that the call never happened. A declined card is an answer like any other."""

    NAME: ClassVar[str] = "stripe_call.failed"

    call_id: str
    mode: Mode
    type: str
    """Stripe's `error.type`, e.g. `card_error`; `never_happened` or `not_sent` where Stripe did not say it."""
    code: str | None
    decline_code: str | None
    param: str | None
    """The parameter that Stripe names. Its message is not kept: it may quote a person."""
    status: int | None
    request_id: str | None
    answered_s: int | None
    by: Literal["answer", "look_up", "person"]


class StripeCallUnknown(Event, frozen=True, kw_only=True, gc=False):
    """Whether Stripe did what was asked is not known, and asking again could do it twice: it is looked up instead."""

    NAME: ClassVar[str] = "stripe_call.unknown"

    call_id: str
    mode: Mode
    account: str
    operation: str
    org: str | None
    why: Literal["no_answer", "server_error", "key_mismatch"]
    """No answer while Stripe kept the key; its own failure, kept under the key; or the key was used otherwise."""
    at_s: int


class StripeCallsStopped(Event, frozen=True, kw_only=True, gc=False):
    """Stripe refuses our key: no call is made until it takes it again."""

    NAME: ClassVar[str] = "stripe_calls.stopped"

    mode: Mode
    status: int
    code: str | None
    request_id: str | None
    at_s: int


class StripeCallsResumed(Event, frozen=True, kw_only=True, gc=False):
    """Stripe takes our key again."""

    NAME: ClassVar[str] = "stripe_calls.resumed"

    mode: Mode
    at_s: int


class BillingCustomerRequested(Event, frozen=True, kw_only=True, gc=False):
    """An organization is billed in an account for the first time: the call that makes its Stripe customer there.

    On one stream an organization and account, so that of many first actions at once one makes the customer.
    """

    NAME: ClassVar[str] = "billing_customer.requested"

    mode: Mode
    account: str
    org: str
    call_id: str
