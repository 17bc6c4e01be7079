"""Subscriptions as Stripe last described them: items, periods, trial, pause, cancellation, discounts."""

from ledger.translations.subscription import Subscription
from projections.objects import object_projection

SUBSCRIPTIONS = object_projection(
    "subscriptions",
    1,
    Subscription,
    indexes=(
        "(mode, account, customer)",
        "USING gin (price_ids)",
        "USING gin (product_ids)",
    ),
)
