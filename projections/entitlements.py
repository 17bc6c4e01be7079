"""What each organization may use: per feature, granted or not, by which subscription item, how much, until when.

Weighs subscriptions, the catalogue (features and limits in the metadata of products and prices) and what Stripe's own
entitlement summaries say. No clock: what passes with time alone is written as a schedule of segments, so that a reader
with a clock needs no new event. A paid subscription's last segment is open-ended: only an event that ends it ends
access, never a renewal webhook that is late.

The states, strongest first: `active`, `trialing`, `grace` (granted), `restricted`, `suspended`, `revoked` (not).
Limits of several granted items add up; an unlimited one wins. Quantities do not multiply limits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.organizations import TO_ORG, linked_customers

STATES = ("active", "trialing", "grace", "restricted", "suspended", "revoked")
GRANTED = frozenset(STATES[:3])
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


class Segment(NamedTuple):
    """A state that holds in [from_s, until_s); None is open."""

    state: str
    from_s: int | None
    until_s: int | None


class Grant(NamedTuple):
    """One source's word about one feature."""

    feature: str
    segments: tuple[Segment, ...]
    limited: bool
    limit: int | None
    """How much, where limited; None means unlimited."""
    source: dict[str, Any]


_TABLE = Table(
    "entitlements",
    ("mode", "org", "feature"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("feature", "text"),
        Column("segments", "jsonb"),
        Column("sources", "jsonb"),
    ),
)


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
        segments = [Segment("trialing", start, trial_end), Segment("grace", trial_end, None)]
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


def _grants_of(subscription: Row, prices: Mapping[Key, Row], products: Mapping[Key, Row]) -> Iterator[Grant]:
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
            yield Grant(
                feature,
                segments,
                feature in limits,
                limits.get(feature),
                {
                    "by": "subscription",
                    "account": subscription.account,
                    "customer": subscription.customer,
                    "subscription": subscription.id,
                    "item": item.get("id"),
                    "price": item.get("price"),
                    "product": product_id,
                    "quantity": item.get("quantity"),
                    "status": subscription.status,
                },
            )


def _grants_of_summary(summary: Row) -> Iterator[Grant]:
    for entitlement in summary.entitlements or ():
        feature = entitlement.get("lookup_key") or entitlement.get("feature")
        if feature:
            source = {"by": "stripe", "account": summary.account, "customer": summary.id}
            yield Grant(feature, (Segment("active", None, None),), False, None, source)


def combine(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    """The schedule of a feature from all its grants: at each time the strongest state, with what its grants allow."""
    cuts = sorted({t for g in grants for s in g.segments for t in (s.from_s, s.until_s) if t is not None})
    spans = list(zip([None, *cuts], [*cuts, None], strict=True))
    combined: list[dict[str, Any]] = []
    for start, end in spans:
        holding = [(s.state, g) for g in grants for s in g.segments if _covers(s, start, end)]
        if not holding:
            continue
        state = min((s for s, _ in holding), key=STATES.index)
        limit, unlimited = _limit([g for s, g in holding if s in GRANTED]) if state in GRANTED else (0, False)
        segment = {
            "state": state,
            "granted": state in GRANTED,
            "limit": limit,
            "unlimited": unlimited,
            "from_s": start,
            "until_s": end,
        }
        before = combined[-1] if combined else None
        same = ("state", "limit", "unlimited")
        if before and before["until_s"] == start and all(before[k] == segment[k] for k in same):
            before["until_s"] = end
        else:
            combined.append(segment)
    return combined


def _covers(segment: Segment, start: int | None, end: int | None) -> bool:
    after = segment.from_s is None or (start is not None and segment.from_s <= start)
    before = segment.until_s is None or (end is not None and end <= segment.until_s)
    return after and before


def _limit(grants: Sequence[Grant]) -> tuple[int | None, bool]:
    """What granted sources allow together: (limit, unlimited). No limit anywhere: (None, True)."""
    limited = [g for g in grants if g.limited]
    if not limited or any(g.limit is None for g in limited):
        return None, True
    return sum(g.limit or 0 for g in limited), False


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    prices: dict[Key, Row] = {(p.mode, p.account, p.id): p for p in rows["prices"]}
    products: dict[Key, Row] = {(p.mode, p.account, p.id): p for p in rows["products"]}
    by_feature: dict[str, list[Grant]] = {}
    for subscription in sorted(rows["subscriptions"], key=lambda s: (s.account, s.id)):
        for grant in _grants_of(subscription, prices, products):
            by_feature.setdefault(grant.feature, []).append(grant)
    for summary in sorted(rows["entitlement_summaries"], key=lambda s: (s.account, s.id)):
        for grant in _grants_of_summary(summary):
            by_feature.setdefault(grant.feature, []).append(grant)
    return [
        _TABLE.row(*key, feature, combine(grants), [_source(g) for g in grants])
        for feature, grants in sorted(by_feature.items())
    ]


def _source(grant: Grant) -> dict[str, Any]:
    return {
        **grant.source,
        "limit": grant.limit,
        "unlimited": not grant.limited or grant.limit is None,
        "segments": [s._asdict() for s in grant.segments],
    }


def _price_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(s.mode, s.account, p) for s in rows["subscriptions"] for p in s.price_ids or ()]


def _product_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    named = [(s.mode, s.account, p) for s in rows["subscriptions"] for p in s.product_ids or ()]
    return named + [(p.mode, p.account, p.product) for p in rows["prices"] if p.product]


_KEY = ("mode", "org")
_SUBSCRIPTION_FIELDS = (
    "id", "status", "items", "price_ids", "product_ids", "start_date_s", "created_s", "trial_end_s", "cancel_at_s",
    "cancel_at_period_end", "current_period_end_s", "canceled_at_s", "ended_at_s",
)  # fmt: skip
_SELLING = (("mode", "mode"), ("account", "account"))

ENTITLEMENTS = Derivation(
    "entitlements",
    1,
    _TABLE,
    _KEY,
    inputs=(
        Input("org_links", ("mode", "org"), lambda key, _: [key], ("account", "customer")),
        Input("subscriptions", ("mode", "account", "customer"), linked_customers, _SUBSCRIPTION_FIELDS),
        Input("entitlement_summaries", ("mode", "account", "id"), linked_customers, ("entitlements",)),
        Input("prices", ("mode", "account", "id"), _price_keys, ("product", "features", "limits")),
        Input("products", ("mode", "account", "id"), _product_keys, ("features", "limits")),
    ),
    affects={
        "org_links": lambda row: [(row.mode, row.org)] if row.org else [],
        "subscriptions": (Lookup((TO_ORG,), _KEY),),
        "entitlement_summaries": (Lookup((TO_ORG,), _KEY),),
        "prices": (Lookup((Hop("subscriptions", _SELLING, ("price_ids", "id")), TO_ORG), _KEY, wide=True),),
        "products": (
            Lookup((Hop("subscriptions", _SELLING, ("product_ids", "id")), TO_ORG), _KEY, wide=True),
            # an old item names its price alone; the price knows the product
            Lookup(
                (
                    Hop("prices", (*_SELLING, ("product", "id"))),
                    Hop("subscriptions", _SELLING, ("price_ids", "id")),
                    TO_ORG,
                ),
                _KEY,
                wide=True,
            ),
        ),
    },
    derive=_derive,
)
