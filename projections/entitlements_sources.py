"""What sources say about features: subscriptions to what the catalogue describes, Stripe's summaries, overrides.

A paid subscription's last segment is open-ended: only an event that ends it ends access, never a renewal webhook that
is late.
"""

from collections.abc import Iterator, Mapping, Sequence

from projections.base import Key, Row
from projections.entitlements_schedule import OVERRIDE, Grant, Segment

#: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
_STATE_OF_STATUS = {
    "active": "active",
    "trialing": "trialing",
    "past_due": "grace",
    "incomplete": "restricted",
    "unpaid": "suspended",
    "paused": "suspended",
    "canceled": "revoked",
    "incomplete_expired": "revoked",
}


def schedule(subscription: Row) -> tuple[Segment, ...]:
    """How a subscription's word on access passes with time, as far as is known now."""
    state = _STATE_OF_STATUS.get(subscription.status, "restricted")
    start = subscription.start_date_s or subscription.created_s
    if state == "revoked":
        return (Segment("revoked", subscription.ended_at_s or subscription.canceled_at_s, None),)
    segments = [Segment(state, start, None)]
    trial_end = subscription.trial_end_s
    if state == "trialing" and trial_end is not None:
        # Stripe ends a trial by an event; until it is here, nobody is cut off for a webhook that is late.
        segments = [Segment("grace", start if start is not None and start >= trial_end else trial_end, None)]
        if segments[0].from_s != start:
            segments.insert(0, Segment("trialing", start, trial_end))
    end = _known_end(subscription)
    return _cut(segments, end) if end is not None else tuple(segments)


def _known_end(subscription: Row) -> int | None:
    if subscription.cancel_at_s is not None:
        return int(subscription.cancel_at_s)
    if subscription.cancel_at_period_end and subscription.current_period_end_s is not None:
        return int(subscription.current_period_end_s)
    return None


def _cut(segments: list[Segment], end: int) -> tuple[Segment, ...]:
    left = [s for s in segments if s.from_s is None or s.from_s < end]
    if left:
        left[-1] = left[-1]._replace(until_s=end)
    return (*left, Segment("revoked", end, None))


def of_subscription(subscription: Row, prices: Mapping[Key, Row], products: Mapping[Key, Row]) -> Iterator[Grant]:
    """What a subscription's items grant by the metadata of their products and prices."""
    segments = schedule(subscription)
    where = (subscription.mode, subscription.account)
    for item in subscription.items or ():
        price = prices.get((*where, item.get("price") or ""))
        product_id = item.get("product") or (price and price.product)
        product = products.get((*where, product_id or ""))
        features: set[str] = set()
        limits: dict[str, int | None] = {}
        for sold in (product, price):  # the price's word is nearer to what was bought: it wins over the product's
            if sold is not None:
                features.update(sold.features or ())
                limits.update(sold.limits or {})
        for feature in sorted(features):
            source = {
                "by": "subscription",
                "account": subscription.account,
                "customer": subscription.customer,
                "subscription": subscription.id,
                "item": item.get("id"),
                "price": item.get("price"),
                "product": product_id,
                "quantity": item.get("quantity"),
                "status": subscription.status,
            }
            yield Grant(feature, segments, feature in limits, limits.get(feature), source)


def of_summary(summary: Row) -> Iterator[Grant]:
    """What Stripe's own word on a customer grants: without a limit, and with no end that it would know."""
    for entitlement in summary.entitlements or ():
        feature = entitlement.get("lookup_key") or entitlement.get("feature")
        if feature:
            source = {"by": "stripe", "account": summary.account, "customer": summary.id}
            yield Grant(feature, (Segment("active", None, None),), False, None, source)


def of_override(override: Row) -> Grant:
    """What an operator said. One that has run out says nothing any more, and needs no event for that."""
    source = {
        "by": OVERRIDE,
        "stream": override.stream,
        "version": override.version,
        "reason": override.reason,
    }
    state = "active" if override.granted else "revoked"
    segments = (Segment(state, override.from_s, override.until_s),)
    return Grant(override.feature, segments, override.limit is not None, override.limit, source)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows of Stripe's objects as sources are listed."""
    return sorted(rows, key=lambda r: (r.account, r.id))
