"""Subscriptions: what a customer has, until when and at which price, in any API version.

Knows every place where Stripe has kept a plan, a price, a period or a discount since 2015. Refuses to know what a
status means for access or money: that is for the read models.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import FINAL, Family, Reference, claim_in, id_of, need, plain, rank_of_verb
from ledger.translations.subscription_items import ItemList, Plan, items_of

#: Statuses that nothing follows: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
ENDED = frozenset({"canceled", "incomplete_expired"})


class CouponSource(msgspec.Struct, gc=False):
    coupon: Reference | str | None | UnsetType = UNSET


class Discount(msgspec.Struct, gc=False):
    """A discount; its coupon moved under `source` in clover."""

    id: str | None | UnsetType = UNSET
    coupon: Reference | str | None | UnsetType = UNSET
    source: CouponSource | None | UnsetType = UNSET


class Cancellation(msgspec.Struct, gc=False):
    reason: str | None | UnsetType = UNSET


class Pause(msgspec.Struct, gc=False):
    behavior: str | None | UnsetType = UNSET
    resumes_at: int | None | UnsetType = UNSET


class BillingMode(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's subscription."""

    object: str = ""
    id: str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    billing: str | None | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    items: ItemList | None | UnsetType = UNSET
    plan: Plan | None | UnsetType = UNSET
    quantity: int | None | UnsetType = UNSET
    current_period_start: int | None | UnsetType = UNSET
    current_period_end: int | None | UnsetType = UNSET
    trial_start: int | None | UnsetType = UNSET
    trial_end: int | None | UnsetType = UNSET
    cancel_at: int | None | UnsetType = UNSET
    cancel_at_period_end: bool | None | UnsetType = UNSET
    canceled_at: int | None | UnsetType = UNSET
    ended_at: int | None | UnsetType = UNSET
    cancellation_details: Cancellation | None | UnsetType = UNSET
    pause_collection: Pause | None | UnsetType = UNSET
    discount: Discount | None | UnsetType = UNSET
    discounts: list[Discount | str] | None | UnsetType = UNSET
    latest_invoice: Reference | str | None | UnsetType = UNSET
    default_payment_method: Reference | str | None | UnsetType = UNSET
    schedule: Reference | str | None | UnsetType = UNSET
    billing_mode: BillingMode | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    start: int | None | UnsetType = UNSET
    start_date: int | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Subscription(msgspec.Struct, gc=False):
    """A subscription, independent of the API version."""

    customer: str | UnsetType = UNSET
    org_claim: str | None | UnsetType = UNSET
    """The organization that its metadata names; counts only on the platform's own account."""
    status: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    collection_method: str | None | UnsetType = UNSET
    items: Json | UnsetType = UNSET
    """One dictionary an item, in Stripe's order, as `subscription_items` gives them; what nothing says is null."""
    items_complete: bool | UnsetType = UNSET
    """False when Stripe cut the list of items short."""
    price_ids: tuple[str, ...] | UnsetType = UNSET
    product_ids: tuple[str, ...] | UnsetType = UNSET
    current_period_start_s: Instant | None | UnsetType = UNSET
    """The subscription's own period; where only items have one, their earliest start and latest end."""
    current_period_end_s: Instant | None | UnsetType = UNSET
    trial_start_s: Instant | None | UnsetType = UNSET
    trial_end_s: Instant | None | UnsetType = UNSET
    cancel_at_s: Instant | None | UnsetType = UNSET
    cancel_at_period_end: bool | UnsetType = UNSET
    canceled_at_s: Instant | None | UnsetType = UNSET
    ended_at_s: Instant | None | UnsetType = UNSET
    cancellation_reason: str | None | UnsetType = UNSET
    pause_behavior: str | None | UnsetType = UNSET
    """What happens to invoices while collection is paused; None when it is not. Not the status `paused`."""
    pause_resumes_at_s: Instant | None | UnsetType = UNSET
    discounts: Json | UnsetType = UNSET
    """`{"id", "coupon"}` each; a coupon of None was not expanded, an id of None is older than ids of discounts."""
    latest_invoice: str | None | UnsetType = UNSET
    default_payment_method: str | None | UnsetType = UNSET
    schedule: str | None | UnsetType = UNSET
    billing_mode: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    start_date_s: Instant | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Subscription:
    """A subscription's facts. Raises Missing for a customer, a status, or items and a plan that are not there."""
    start, end = payload.current_period_start, payload.current_period_end
    items = items_of(payload.items, payload.plan, payload.quantity, start or None, end or None)
    cancellation, pause, mode = payload.cancellation_details, payload.pause_collection, payload.billing_mode
    started = payload.start if payload.start_date is UNSET else payload.start_date
    metadata = payload.metadata
    ends = payload.cancel_at_period_end
    return Subscription(
        customer=need(id_of(payload.customer), "customer"),
        org_claim=claim_in(metadata),
        status=need(payload.status, "status"),
        currency=payload.currency or (items and items[0]["currency"]) or UNSET,
        collection_method=payload.billing if payload.collection_method is UNSET else payload.collection_method,
        items=items,
        items_complete=not (payload.items and payload.items.has_more is True),
        price_ids=_distinct(items, "price"),
        product_ids=_distinct(items, "product"),
        current_period_start_s=start or _over(items, "current_period_start_s", min, start),
        current_period_end_s=end or _over(items, "current_period_end_s", max, end),
        trial_start_s=payload.trial_start,
        trial_end_s=payload.trial_end,
        cancel_at_s=payload.cancel_at,
        cancel_at_period_end=ends if ends is UNSET else ends is True,
        canceled_at_s=payload.canceled_at,
        ended_at_s=payload.ended_at,
        cancellation_reason=cancellation.reason if isinstance(cancellation, Cancellation) else cancellation,
        pause_behavior=pause.behavior if isinstance(pause, Pause) else pause,
        pause_resumes_at_s=pause.resumes_at if isinstance(pause, Pause) else pause,
        discounts=_discounts(payload.discount, payload.discounts),
        latest_invoice=id_of(payload.latest_invoice),
        default_payment_method=id_of(payload.default_payment_method),
        schedule=id_of(payload.schedule),
        billing_mode=mode.type if isinstance(mode, BillingMode) else mode,
        metadata=plain(metadata),
        start_date_s=started,
        created_s=payload.created or started,
    )


def rank(verb: str, facts: Subscription) -> int:
    """Lifecycle rank: what has ended goes after every update of its second, deletion after all."""
    by_verb = rank_of_verb(verb)
    return FINAL if by_verb < FINAL and facts.status in ENDED else by_verb


def _over(items: list[dict[str, Any]], key: str, pick: Callable[[list[int]], int], otherwise: Any) -> Any:
    """The least or greatest of what items say under `key`; `otherwise` when none says anything."""
    if len(items) == 1:
        return otherwise if items[0][key] is None else items[0][key]
    spoken = [i[key] for i in items if i[key] is not None]
    return pick(spoken) if spoken else otherwise


def _distinct(items: list[dict[str, Any]], key: str) -> tuple[str, ...]:
    if len(items) == 1:
        only = items[0][key]
        return () if only is None else (only,)
    return tuple(sorted({i[key] for i in items} - {None}))


def _discounts(one: Discount | UnsetType | None, many: list[Discount | str] | UnsetType | None) -> Any:
    """The discounts of `discounts` and of the single `discount` that older versions have, each once."""
    if not one and not many:
        return UNSET if one is UNSET and many is UNSET else []
    found = [_discount(d) for d in many or ()]
    if one:
        known = _discount(one)
        found = [known, *(d for d in found if d["id"] != known["id"])]
    return found


def _discount(discount: Discount | str) -> dict[str, str | None]:
    if isinstance(discount, str):
        return {"id": discount, "coupon": None}
    coupon = discount.source.coupon if discount.source else discount.coupon
    return {"id": discount.id or None, "coupon": id_of(coupon) or None}


FAMILY = Family(
    name="subscription",
    model="subscriptions",
    object_types=("subscription",),
    event_types=("customer.subscription.*",),
    payload=Payload,
    facts=Subscription,
    translate=translate,
    rank=rank,
    whence=(
        Whence("customer", True, ("customer, an id or expanded (all)",)),
        Whence("org_claim", False, ("metadata.org_id | organization_id | recount_org (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence(
            "currency",
            False,
            (
                "plan.currency (up to 2016)",
                "items.data[].plan | price.currency (2016-… on)",
                "currency (2022-… on, wins)",
            ),
        ),
        Whence("collection_method", False, ("billing (up to 2019-09-09)", "collection_method (2019-… on, wins)")),
        Whence(
            "items",
            True,
            (
                "plan, quantity (up to 2016: one item without id)",
                "items.data[].plan (2016-… on)",
                "items.data[].price (2020-… on, wins)",
                "period of an item: the subscription's (up to acacia)",
                "items.data[].current_period_start, _end (basil on, wins)",
            ),
        ),
        Whence("items_complete", False, ("items.has_more (2016-… on; absent means complete)",)),
        Whence("price_ids", True, ("as items",)),
        Whence("product_ids", False, ("as items; product of a plan (2018-… on)",)),
        Whence(
            "current_period_start_s",
            False,
            ("current_period_start (up to acacia)", "earliest items.data[].current_period_start (basil on)"),
        ),
        Whence(
            "current_period_end_s",
            False,
            ("current_period_end (up to acacia)", "latest items.data[].current_period_end (basil on)"),
        ),
        *unmoved("trial_start_s", "trial_end_s"),
        Whence("cancel_at_s", False, ("cancel_at (2019-… on)",)),
        *unmoved("cancel_at_period_end", "canceled_at_s", "ended_at_s"),
        Whence("cancellation_reason", False, ("cancellation_details.reason (2023-… on)",)),
        Whence("pause_behavior", False, ("pause_collection.behavior (2020-… on)",)),
        Whence("pause_resumes_at_s", False, ("pause_collection.resumes_at (2020-… on)",)),
        Whence(
            "discounts",
            False,
            (
                "discount.coupon.id (up to acacia)",
                "discounts[]: ids, or expanded with coupon (2024-… on)",
                "discounts[].source.coupon (clover on)",
            ),
        ),
        Whence("latest_invoice", False, ("latest_invoice, an id or expanded (2018-… on)",)),
        Whence("default_payment_method", False, ("default_payment_method (2019-… on)",)),
        Whence("schedule", False, ("schedule (2019-… on)",)),
        Whence("billing_mode", False, ("billing_mode.type (basil on)",)),
        *unmoved("metadata"),
        Whence("start_date_s", False, ("start (up to 2019-09-09)", "start_date (2019-… on, wins)")),
        Whence("created_s", False, ("start (where created is absent)", "created (2014-… on, wins)")),
    ),
)
