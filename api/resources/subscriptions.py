"""Subscriptions: what is bought, in which state, until when."""

from api.resources.filters import CREATED, equal, holding
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas import SUBSCRIPTION

SUBSCRIPTIONS = Resource(
    "subscriptions",
    "a subscription",
    of_customers(SUBSCRIPTION, "subscriptions"),
    filters=(
        equal("status", "In this status of Stripe's, e.g. `active` or `past_due`"),
        equal("customer", "Of this customer"),
        holding("price", "With an item at this price", "price_ids"),
        holding("product", "With an item of this product", "product_ids"),
        *CREATED,
    ),
)
subscriptions = published(SUBSCRIPTIONS, "Subscriptions: what is bought")
