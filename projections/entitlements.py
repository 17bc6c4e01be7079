"""What each organization may use: per feature, granted or not, by what, how much, until when.

Weighs plans by what they were come by, subscriptions to what the catalogue describes (features and limits in the
metadata of products and prices), what Stripe's own entitlement summaries say, operators' overrides, what service
control closed, and what waits for its setup. No clock: what passes with time alone is written as a schedule of segments
(`projections.entitlements_schedule`), so that a reader with a clock needs no new event.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.entitlements_plans import of_plans
from projections.entitlements_schedule import Grant, combine
from projections.entitlements_service import controlled
from projections.entitlements_setup import awaiting_setup
from projections.entitlements_sources import in_order, of_override, of_subscription, of_summary
from projections.organizations import TO_ORG, linked_customers

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


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    by_feature: dict[str, list[Grant]] = {}
    for grant in awaiting_setup(controlled(list(_grants(rows)), rows), rows):
        by_feature.setdefault(grant.feature, []).append(grant)
    return [
        _TABLE.row(*key, feature, combine(grants), [_source(g) for g in grants])
        for feature, grants in sorted(by_feature.items())
    ]


def _grants(rows: Mapping[str, Sequence[Row]]) -> Iterator[Grant]:
    planned = list(of_plans(rows))
    # A plan's word on what was sold outranks what the catalogue says of the same.
    spoken = {(g.source["account"], g.source["placement"], g.feature) for g in planned}
    prices: dict[Key, Row] = {(p.mode, p.account, p.id): p for p in rows["prices"]}
    products: dict[Key, Row] = {(p.mode, p.account, p.id): p for p in rows["products"]}
    for subscription in in_order(rows["subscriptions"]):
        where = (subscription.account, subscription.id)
        yield from (g for g in of_subscription(subscription, prices, products) if (*where, g.feature) not in spoken)
    yield from planned
    for summary in in_order(rows["entitlement_summaries"]):
        yield from of_summary(summary)
    yield from map(of_override, rows["overrides"])


def _source(grant: Grant) -> dict[str, Any]:
    return {
        **grant.source,
        "limit": grant.limit,
        "unlimited": not grant.limited or grant.limit is None,
        **grant.quota._asdict(),
        "segments": [s._asdict() for s in grant.segments],
    }


def _price_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(s.mode, s.account, p) for s in rows["subscriptions"] for p in s.price_ids or ()]


def _product_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    named = [(s.mode, s.account, p) for s in rows["subscriptions"] for p in s.product_ids or ()]
    return named + [(p.mode, p.account, p.product) for p in rows["prices"] if p.product]


def _plan_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], p.plan_id) for p in rows["plan_placements"]]


_KEY = ("mode", "org")
_SUBSCRIPTION_FIELDS = (
    "id", "status", "items", "price_ids", "product_ids", "start_date_s", "created_s", "trial_end_s", "cancel_at_s",
    "cancel_at_period_end", "current_period_end_s", "canceled_at_s", "ended_at_s", "cancellation_reason",
)  # fmt: skip
_PLACEMENT_FIELDS = (
    "account", "subscription", "kind", "customer", "plan", "version", "plan_id", "why", "from_s", "until_s", "refunded",
)  # fmt: skip
_SERVICE_FIELDS = ("service", "state", "by", "enforced", "closed_s", "since_s", "why")
_SETUP_FIELDS = ("account", "placement", "live_s", "next_step")
_OF_PLAN = (("mode", "mode"), ("plan_id", "id"))
_SELLING = (("mode", "mode"), ("account", "account"))

ENTITLEMENTS = Derivation(
    "entitlements",
    5,
    _TABLE,
    _KEY,
    inputs=(
        Input("org_links", ("mode", "org"), lambda key, _: [key], ("account", "customer")),
        Input("subscriptions", ("mode", "account", "customer"), linked_customers, _SUBSCRIPTION_FIELDS),
        Input("entitlement_summaries", ("mode", "account", "id"), linked_customers, ("entitlements",)),
        Input("prices", ("mode", "account", "id"), _price_keys, ("product", "features", "limits")),
        Input("products", ("mode", "account", "id"), _product_keys, ("features", "limits")),
        Input("overrides", ("mode", "org"), lambda key, _: [key]),
        Input("plan_placements", ("mode", "org"), lambda key, _: [key], _PLACEMENT_FIELDS),
        Input("plans", ("mode", "id"), _plan_keys, ("definition",)),
        Input("service_states", ("mode", "org"), lambda key, _: [key], _SERVICE_FIELDS),
        Input("setups", ("mode", "org"), lambda key, _: [key], _SETUP_FIELDS),
    ),
    affects={
        "org_links": lambda row: [(row.mode, row.org)] if row.org else [],
        "overrides": lambda row: [(row.mode, row.org)],
        "plan_placements": lambda row: [(row.mode, row.org)] if row.org else [],
        "service_states": lambda row: [(row.mode, row.org)],
        "setups": lambda row: [(row.mode, row.org)],
        "plans": (Lookup((Hop("plan_placements", _OF_PLAN),), _KEY),),  # a version is new, and nobody is on it yet
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
