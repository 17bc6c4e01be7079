"""What plans grant: the features, quotas and gauges of the version that a subscription, purchase or agreement has.

A subscription's word passes with time as Stripe has it; a purchase and an agreement hold from when until when they
say. Refuses to know setup and service: whatever holds a plan back speaks for itself (`HOLDS` of the schedule).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from projections.base import Key, Row
from projections.entitlements_schedule import Grant, Quota, Segment
from projections.entitlements_sources import schedule
from projections.plan_matching import later_s

#: Why Stripe ended a subscription, where it was for want of money.
#: https://docs.stripe.com/api/subscriptions/object#subscription_object-cancellation_details-reason
_UNPAID = frozenset({"payment_failed", "payment_disputed"})


def of_plans(rows: Mapping[str, Sequence[Row]]) -> Iterator[Grant]:
    """What each placement grants, in the order of accounts and ids."""
    subscriptions: dict[Key, Row] = {(s.account, s.id): s for s in rows["subscriptions"]}
    plans = {p.id: p.definition for p in rows["plans"]}
    for placement in sorted(rows["plan_placements"], key=lambda p: (p.account, p.subscription)):
        definition = plans.get(placement.plan_id)
        subscription = subscriptions.get((placement.account, placement.subscription))
        if definition is None or (placement.kind == "subscription" and subscription is None):
            continue
        segments = _segments(placement, definition, subscription)
        source = _source(placement, subscription)
        policy = definition.get("service_policy") or {}
        for feature, limited, limit, quota in _features(definition):
            yield Grant(
                feature,
                segments,
                limited,
                limit,
                source,
                quota,
                fail_open=feature in (policy.get("fail_open") or ()),
                soft=feature in (policy.get("soft_limits") or ()),
            )


def _features(definition: Mapping[str, Any]) -> Iterator[tuple[str, bool, int | None, Quota]]:
    """(feature, whether it is limited, its limit, how the limit is meant), sorted."""
    found: dict[str, tuple[bool, int | None, Quota]] = {
        f: (False, None, Quota()) for f in definition.get("features") or ()
    }
    for name, quota in (definition.get("quotas") or {}).items():
        found[name] = (True, quota["limit"], Quota("quota", quota["period"], quota["reset"]))
    for name, limit in (definition.get("gauges") or {}).items():
        found[name] = (True, limit, Quota("gauge"))
    for feature in sorted(found):
        yield (feature, *found[feature])


def _segments(placement: Row, definition: Mapping[str, Any], subscription: Row | None) -> tuple[Segment, ...]:
    if subscription is not None and placement.kind == "subscription":
        return _delivered(schedule(subscription), subscription, definition.get("commitment"))
    from_s, until_s = placement.from_s, placement.until_s
    never = from_s is not None and until_s is not None and until_s <= from_s  # ended before it began
    if placement.refunded or never:
        return (Segment("revoked", from_s, None),)
    held = Segment("active", from_s, until_s)
    return (held,) if until_s is None else (held, Segment("revoked", until_s, None))


def _delivered(
    segments: tuple[Segment, ...], subscription: Row, commitment: Mapping[str, Any] | None
) -> tuple[Segment, ...]:
    """Whoever paid all months of a commitment gets all that they were promised, though the subscription ends before."""
    start_s, last = subscription.start_date_s or subscription.created_s, segments[-1]
    if commitment is None or last.state != "revoked" or last.from_s is None or start_s is None:
        return segments
    if subscription.cancellation_reason in _UNPAID:
        return segments
    end_s = _promised_s(start_s, last.from_s, commitment["paid_months"], commitment["delivered_months"])
    if end_s is None or end_s <= last.from_s:
        return segments
    before = segments[:-1] or (Segment("active", start_s, last.from_s),)
    if before[-1].state != "active":
        return segments
    return (*before[:-1], before[-1]._replace(until_s=end_s), Segment("revoked", end_s, None))


def _promised_s(start_s: int, ended_s: int, paid: int, delivered: int) -> int | None:
    """Until when a subscription that ended is delivered: the end of its last commitment, if that was paid whole."""
    try:
        whole = 0
        while later_s(start_s, (whole + 1) * delivered) <= ended_s:
            whole += 1
        paid_s = later_s(start_s, whole * delivered + paid)
        return later_s(start_s, (whole + 1) * delivered) if paid_s <= ended_s else None
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return None


def _source(placement: Row, subscription: Row | None) -> dict[str, Any]:
    why = placement.why or {}
    items = (subscription.items or ()) if subscription is not None else ()
    item = next((i.get("id") for i in items if why.get("price") and i.get("price") == why["price"]), None)
    return {
        "by": "plan",
        "account": placement.account,
        "customer": placement.customer,
        "through": placement.kind,
        "placement": placement.subscription,
        "plan": placement.plan,
        "version": placement.version,
        "item": item,
        "price": why.get("price"),
        "status": subscription.status if subscription is not None else None,
        "reason": why.get("reason"),
    }
