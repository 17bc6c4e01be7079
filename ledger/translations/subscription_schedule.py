"""Subscription schedules: what a subscription will turn into and when, in any API version.

A schedule says what Stripe will do. What was done is the subscription's word: nothing here grants or bills.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import FINAL, Family, Reference, id_of, need, plain, rank_of_verb
from ledger.translations.groups import spoken
from ledger.translations.subscription_schedule_phases import Phase, phases_of, prices_of


class CurrentPhase(msgspec.Struct, gc=False):
    start_date: int | None | UnsetType = UNSET
    end_date: int | None | UnsetType = UNSET


class DefaultSettings(msgspec.Struct, gc=False):
    collection_method: str | None | UnsetType = UNSET
    billing_cycle_anchor: str | None | UnsetType = UNSET
    default_payment_method: Reference | str | None | UnsetType = UNSET


class BillingMode(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class PauseStatus(msgspec.Struct, gc=False):
    type: str | None = None


class Pause(msgspec.Struct, gc=False):
    pause_at: int | None = None
    resume_at: int | None = None
    status: PauseStatus | None = None


class PauseSchedule(msgspec.Struct, gc=False):
    key: str | None = None
    pause: Pause | None = None
    resume: Pause | None = None


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's subscription schedule."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    subscription: Reference | str | None | UnsetType = UNSET
    released_subscription: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    end_behavior: str | None | UnsetType = UNSET
    renewal_behavior: str | None | UnsetType = UNSET
    current_phase: CurrentPhase | None | UnsetType = UNSET
    phases: list[Phase] | None | UnsetType = UNSET
    pause_schedules: list[PauseSchedule] | None | UnsetType = UNSET
    default_settings: DefaultSettings | None | UnsetType = UNSET
    billing: str | None | UnsetType = UNSET
    billing_mode: BillingMode | None | UnsetType = UNSET
    canceled_at: int | None | UnsetType = UNSET
    completed_at: int | None | UnsetType = UNSET
    released_at: int | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Schedule(msgspec.Struct, gc=False):
    """A subscription schedule, independent of the API version."""

    customer: str | None | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`not_started`, `active`, `completed`, `released` or `canceled`."""
    subscription: str | None | UnsetType = UNSET
    """Null before it begins, and once it is released: then see `released_subscription`."""
    released_subscription: str | None | UnsetType = UNSET
    end_behavior: str | None | UnsetType = UNSET
    """What follows the last phase: `release` keeps the subscription as it is then, `cancel` ends it, `renew` repeats it
    all."""
    current_phase_start_s: Instant | None | UnsetType = UNSET
    current_phase_end_s: Instant | None | UnsetType = UNSET
    phases: Json | UnsetType = UNSET
    """One dictionary a phase, in Stripe's order, as `subscription_schedule_phases` gives them."""
    price_ids: tuple[str, ...] | UnsetType = UNSET
    pauses: Json | None | UnsetType = UNSET
    """One entry a planned pause: `key`, `pause_at_s`, `pause_status`, `resume_at_s`, `resume_status`."""
    collection_method: str | None | UnsetType = UNSET
    billing_cycle_anchor: str | None | UnsetType = UNSET
    default_payment_method: str | None | UnsetType = UNSET
    billing_mode: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    canceled_at_s: Instant | None | UnsetType = UNSET
    completed_at_s: Instant | None | UnsetType = UNSET
    released_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


#: Statuses that nothing follows: https://docs.stripe.com/api/subscription_schedules/object
OVER = frozenset({"canceled", "completed", "released"})


def translate(payload: Payload) -> Schedule:
    """A schedule's facts. Raises Missing for a status, a customer or phases that are not there."""
    customer = id_of(payload.customer)
    if not customer and not payload.customer_account:
        need(None, "customer")
    current = spoken(payload.current_phase, CurrentPhase)
    settings = spoken(payload.default_settings, DefaultSettings)
    method = settings.collection_method
    phases = phases_of(need(payload.phases, "phases"))
    return Schedule(
        customer=customer,
        status=need(payload.status, "status"),
        subscription=id_of(payload.subscription),
        released_subscription=payload.released_subscription,
        end_behavior=_end_behavior(payload),
        current_phase_start_s=current.start_date,
        current_phase_end_s=current.end_date,
        phases=phases,
        price_ids=prices_of(phases),
        pauses=_pauses(payload.pause_schedules),
        collection_method=payload.billing if method is UNSET else method,
        billing_cycle_anchor=settings.billing_cycle_anchor,
        default_payment_method=id_of(settings.default_payment_method),
        billing_mode=spoken(payload.billing_mode, BillingMode).type,
        metadata=plain(payload.metadata),
        canceled_at_s=payload.canceled_at,
        completed_at_s=payload.completed_at,
        released_at_s=payload.released_at,
        created_s=payload.created,
    )


def _end_behavior(payload: Payload) -> str | UnsetType | None:
    """Up to 2019-10-08 it was called otherwise, and `none` meant the end."""
    said = payload.renewal_behavior if payload.end_behavior is UNSET else payload.end_behavior
    return "cancel" if said == "none" else said


def _pauses(listed: list[PauseSchedule] | UnsetType | None) -> list[dict[str, Any]] | UnsetType | None:
    if not isinstance(listed, list):
        return listed
    found = []
    for planned in listed:
        pause, resume = planned.pause or Pause(), planned.resume or Pause()
        found.append({
            "key": planned.key,
            "pause_at_s": pause.pause_at,
            "pause_status": pause.status.type if pause.status else None,
            "resume_at_s": resume.resume_at,
            "resume_status": resume.status.type if resume.status else None,
        })  # fmt: skip
    return found


def rank(verb: str, facts: Schedule) -> int:
    """The order of one second: a schedule that is over stays over."""
    return FINAL if facts.status in OVER else rank_of_verb(verb)


FAMILY = Family(
    name="subscription_schedule",
    model="schedules",
    object_types=("subscription_schedule",),
    event_types=("subscription_schedule.*",),
    payload=Payload,
    facts=Schedule,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("customer", True, ("customer, an id or expanded (all; null where customer_account is, clover on)",)),
        Whence("status", True, ("status (all)",)),
        Whence("subscription", False, ("subscription, an id or expanded (all)",)),
        *unmoved("released_subscription"),
        Whence("end_behavior", False, ("renewal_behavior (up to 2019-10-08)", "end_behavior (2019-10-17 on)")),
        Whence("current_phase_start_s", False, ("current_phase.start_date (all)",)),
        Whence("current_phase_end_s", False, ("current_phase.end_date (all)",)),
        Whence(
            "phases",
            True,
            (
                "phases[].plans[].plan (up to 2020-03-02)",
                "phases[].items[].price | plan (2020-08-27 on)",
                "phases[].prorate (up to 2020-03-02), proration_behavior (2020-08-27 on, wins)",
                "phases[].coupon (up to acacia), discounts[] (since 2023)",
                "phases[].billing (up to 2019-09-09), collection_method (2019-10-08 on)",
            ),
        ),
        Whence("price_ids", True, ("as phases, add_invoice_items included",)),
        Whence("pauses", False, ("pause_schedules[] (endive)",)),
        Whence(
            "collection_method",
            False,
            ("billing (up to 2019-09-09)", "default_settings.collection_method (2019-10-17 on, wins)"),
        ),
        Whence("billing_cycle_anchor", False, ("default_settings.billing_cycle_anchor (since 2020)",)),
        Whence("default_payment_method", False, ("default_settings.default_payment_method (since 2019)",)),
        Whence("billing_mode", False, ("billing_mode.type (basil on)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        *unmoved("canceled_at_s", "completed_at_s", "released_at_s", "created_s"),
    ),
)
