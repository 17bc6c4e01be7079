"""Schedules: what a subscription will be from when to when."""

from api.resources.filters import CREATED, CUSTOMER, equal, holding
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas.billing import SCHEDULE

SCHEDULES = Resource(
    "schedules",
    "a schedule",
    of_customers(SCHEDULE, "schedules"),
    filters=(
        equal("status", "`not_started`, `active`, `completed`, `released` or `canceled`"),
        CUSTOMER,
        equal("subscription", "Of this subscription"),
        holding("price", "With this price in any phase", "price_ids"),
        *CREATED,
    ),
)
schedules = published(SCHEDULES, "Schedules: what subscriptions will be")
