"""Discounts: who pays less, by which coupon, until when."""

from api.resources.filters import CURRENCY, CUSTOMER, before, equal, flag, since
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas.billing import DISCOUNT_GIVEN

DISCOUNTS = Resource(
    "discounts",
    "a discount",
    of_customers(DISCOUNT_GIVEN, "discounts"),
    filters=(
        CUSTOMER,
        equal("subscription", "On this subscription"),
        equal("coupon", "By this coupon"),
        equal("promotion_code", "By this promotion code"),
        CURRENCY,
        flag("deleted", "Only those that are, or are not, over or taken away"),
        since("ends_after", "Ending at this time or later", "end_s"),
        before("ends_before", "Ending before this time", "end_s"),
    ),
)
discounts = published(DISCOUNTS, "Discounts: who pays less")
