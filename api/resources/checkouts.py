"""Checkouts and the ways to pay that customers left."""

from api.resources.filters import CREATED, CURRENCY, CUSTOMER, before, equal, flag
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas.payments import CHECKOUT, PAYMENT_METHOD

CHECKOUTS = Resource(
    "checkouts",
    "a checkout",
    of_customers(CHECKOUT, "checkouts"),
    filters=(
        equal("status", "`open`, `complete` or `expired`"),
        equal("payment_status", "`paid`, `unpaid` or `no_payment_required`"),
        equal("purpose", "`payment`, `subscription` or `setup`"),
        CUSTOMER,
        equal("subscription", "That began this subscription"),
        CURRENCY,
        *CREATED,
    ),
    money=(
        "amount_subtotal_minor",
        "amount_discount_minor",
        "amount_tax_minor",
        "amount_shipping_minor",
        "amount_total_minor",
    ),
)
PAYMENT_METHODS = Resource(
    "payment_methods",
    "a payment method",
    of_customers(PAYMENT_METHOD, "payment_methods"),
    filters=(
        equal("type", "Of this kind, e.g. `card` or `sepa_debit`"),
        CUSTOMER,
        flag("detached", "Only those that were, or were not, taken off their customer"),
        before("expires_before", "Cards that stop being good before this time", "expires_s"),
        *CREATED,
    ),
)
checkouts = published(CHECKOUTS, "Checkouts: sessions of Stripe's pages")
payment_methods = published(PAYMENT_METHODS, "Payment methods: ways to pay")
