"""Events of what we ask Stripe, and of what we saw there. `ledger.events` lists them; no other file need know these.

What Stripe tells by itself is an event of Stripe's (`StripeEventReceived`); here is what came of our own asking.
"""

from typing import ClassVar, Literal

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
