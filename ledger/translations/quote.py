"""Quotes: what was offered to a customer at which price, and whether it was accepted, in any API version.

The lines are not in the events: Stripe lists them elsewhere. What was written for the customer stays sealed.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence, unmoved
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain
from ledger.translations.groups import spoken


class TotalDetails(msgspec.Struct, gc=False):
    amount_discount: int | None | UnsetType = UNSET
    amount_shipping: int | None | UnsetType = UNSET
    amount_tax: int | None | UnsetType = UNSET


class Computed(msgspec.Struct, gc=False):
    amount_subtotal: int | None | UnsetType = UNSET
    amount_total: int | None | UnsetType = UNSET
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET


class Both(msgspec.Struct, gc=False):
    recurring: Computed | None | UnsetType = UNSET
    upfront: Computed | None | UnsetType = UNSET


class Transitions(msgspec.Struct, gc=False):
    accepted_at: int | None | UnsetType = UNSET
    canceled_at: int | None | UnsetType = UNSET
    finalized_at: int | None | UnsetType = UNSET


class FromQuote(msgspec.Struct, gc=False):
    quote: Reference | str | None | UnsetType = UNSET


class SubscriptionData(msgspec.Struct, gc=False):
    effective_date: int | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's quote."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount_subtotal: int | None | UnsetType = UNSET
    amount_total: int | None | UnsetType = UNSET
    total_details: TotalDetails | None | UnsetType = UNSET
    computed: Both | None | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    discounts: list[Reference | str] | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    subscription: Reference | str | None | UnsetType = UNSET
    subscription_schedule: Reference | str | None | UnsetType = UNSET
    subscription_data: SubscriptionData | None | UnsetType = UNSET
    from_quote: FromQuote | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    status_transitions: Transitions | None | UnsetType = UNSET
    expires_at: int | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Quote(msgspec.Struct, gc=False):
    """A quote, independent of the API version. Amounts are minor units of `currency`."""

    customer: str | None | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`draft`, `open`, `accepted` or `canceled`. One that has expired is canceled."""
    number: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount_subtotal_minor: int | None | UnsetType = UNSET
    amount_total_minor: int | UnsetType = UNSET
    """What is due at once when the quote is accepted."""
    amount_tax_minor: int | None | UnsetType = UNSET
    amount_discount_minor: int | None | UnsetType = UNSET
    amount_shipping_minor: int | None | UnsetType = UNSET
    upfront_total_minor: int | None | UnsetType = UNSET
    recurring_total_minor: int | None | UnsetType = UNSET
    """Every `interval_count` times `interval`; null where nothing recurs."""
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    discounts: Json | None | UnsetType = UNSET
    """Ids of discounts."""
    invoice: str | None | UnsetType = UNSET
    subscription: str | None | UnsetType = UNSET
    schedule: str | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET
    revises: str | None | UnsetType = UNSET
    """The quote that this one was made from."""
    on_behalf_of: str | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    effective_s: Instant | None | UnsetType = UNSET
    """When its subscription will begin, if not upon acceptance."""
    finalized_at_s: Instant | None | UnsetType = UNSET
    accepted_at_s: Instant | None | UnsetType = UNSET
    canceled_at_s: Instant | None | UnsetType = UNSET
    expires_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Quote:
    """A quote's facts. Raises Missing("status") or Missing("amount_total")."""
    totals = spoken(payload.total_details, TotalDetails)
    computed = spoken(payload.computed, Both)
    recurring = spoken(computed.recurring, Computed)
    moved = spoken(payload.status_transitions, Transitions)
    follows = spoken(payload.subscription_data, SubscriptionData)
    discounts = payload.discounts
    return Quote(
        customer=id_of(payload.customer),
        status=need(payload.status, "status"),
        number=payload.number,
        currency=payload.currency,
        amount_subtotal_minor=payload.amount_subtotal,
        amount_total_minor=need(payload.amount_total, "amount_total"),
        amount_tax_minor=totals.amount_tax,
        amount_discount_minor=totals.amount_discount,
        amount_shipping_minor=totals.amount_shipping,
        upfront_total_minor=spoken(computed.upfront, Computed).amount_total,
        recurring_total_minor=recurring.amount_total,
        interval=recurring.interval,
        interval_count=recurring.interval_count,
        collection_method=payload.collection_method,
        discounts=[id_of(d) or None for d in discounts] if isinstance(discounts, list) else discounts,
        invoice=id_of(payload.invoice),
        subscription=id_of(payload.subscription),
        schedule=id_of(payload.subscription_schedule),
        trial_period_days=follows.trial_period_days,
        revises=id_of(spoken(payload.from_quote, FromQuote).quote),
        on_behalf_of=id_of(payload.on_behalf_of),
        description=payload.description,
        metadata=plain(payload.metadata),
        effective_s=follows.effective_date,
        finalized_at_s=moved.finalized_at,
        accepted_at_s=moved.accepted_at,
        canceled_at_s=moved.canceled_at,
        expires_at_s=payload.expires_at,
        created_s=payload.created,
    )


def rank(verb: str, facts: Quote) -> int:
    """The order of one second: draft, open, then accepted or canceled."""
    status = facts.status if isinstance(facts.status, str) else ""
    if status == "draft":
        return CREATED if verb == "created" else UPDATED
    return {"open": 2, "accepted": FINAL, "canceled": FINAL}.get(status, UPDATED)


FAMILY = Family(
    name="quote",
    model="quotes",
    object_types=("quote",),
    event_types=("quote.*",),
    payload=Payload,
    facts=Quote,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("status", True, ("status (all)",)),
        *unmoved("number", "currency", "amount_subtotal_minor"),
        Whence("amount_total_minor", True, ("amount_total (all)",)),
        Whence("amount_tax_minor", False, ("total_details.amount_tax (all)",)),
        Whence("amount_discount_minor", False, ("total_details.amount_discount (all)",)),
        Whence("amount_shipping_minor", False, ("total_details.amount_shipping (all)",)),
        Whence("upfront_total_minor", False, ("computed.upfront.amount_total (all)",)),
        Whence("recurring_total_minor", False, ("computed.recurring.amount_total (all; null when recurring is)",)),
        Whence("interval", False, ("computed.recurring.interval (all; null when recurring is)",)),
        Whence("interval_count", False, ("computed.recurring.interval_count (all; null when recurring is)",)),
        *unmoved("collection_method"),
        Whence("discounts", False, ("discounts[], ids or expanded (all)",)),
        *unmoved("invoice", "subscription"),
        Whence("schedule", False, ("subscription_schedule (all)",)),
        Whence("trial_period_days", False, ("subscription_data.trial_period_days (all)",)),
        Whence("revises", False, ("from_quote.quote (all)",)),
        *unmoved("on_behalf_of", "description"),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("effective_s", False, ("subscription_data.effective_date (all)",)),
        Whence("finalized_at_s", False, ("status_transitions.finalized_at (all)",)),
        Whence("accepted_at_s", False, ("status_transitions.accepted_at (all)",)),
        Whence("canceled_at_s", False, ("status_transitions.canceled_at (all)",)),
        *unmoved("expires_at_s", "created_s"),
    ),
)
