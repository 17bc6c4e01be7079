"""Payments, each with its whole trail; and the charges, refunds and disputes that they are made of."""

from api.resources.filters import CREATED, CURRENCY, CUSTOMER, before, equal, flag
from api.resources.resource import Resource, of_charges, of_customers
from api.resources.routes import published
from api.schemas.payments import CHARGE, DISPUTE, PAYMENT, REFUND

_INTENT = equal("payment_intent", "Of this payment intent")
_OF_CHARGE = equal("charge", "Of this charge")

PAYMENTS = Resource(
    "payments",
    "a payment with its trail",
    of_customers(PAYMENT, "payments")._replace(order=("t.account", "t.payment"), id="t.payment", derivation="payments"),
    filters=(
        equal("status", "In this status, e.g. `succeeded`, `processing` or `requires_action`"),
        CUSTOMER,
        equal("invoice", "For this invoice"),
        CURRENCY,
        flag("reconciled", "Only those whose balance transactions all arrived and say the same, or do not"),
        *CREATED,
    ),
    money=(
        "asked_minor",
        "received_minor",
        "refunded_minor",
        "lost_minor",
        "kept_minor",
        "pending_minor",
        "pending_refund_minor",
        "disputed_minor",
    ),
)
CHARGES = Resource(
    "charges",
    "a charge",
    of_customers(CHARGE, "charges"),
    filters=(
        equal("status", "`succeeded`, `pending` or `failed`"),
        CUSTOMER,
        equal("payment", "Attempts of this payment: a payment intent, or the charge itself"),
        equal("invoice", "Of this invoice, where the charge tells it"),
        CURRENCY,
        equal("payment_method_type", "By this kind of means, e.g. `card` or `sepa_debit`"),
        flag("captured"),
        flag("disputed"),
        *CREATED,
    ),
    money=("amount_minor", "amount_captured_minor", "amount_refunded_minor"),
)
REFUNDS = Resource(
    "refunds",
    "a refund",
    of_charges(REFUND, "refunds", "coalesce(t.customer, c.customer)"),
    filters=(
        equal("status", "`succeeded`, `pending`, `requires_action`, `failed` or `canceled`"),
        equal("customer", "Of this customer", "c.customer"),
        _OF_CHARGE,
        _INTENT,
        CURRENCY,
        *CREATED,
    ),
    money=("amount_minor",),
)
DISPUTES = Resource(
    "disputes",
    "a dispute",
    of_charges(DISPUTE, "disputes", "c.customer"),
    filters=(
        equal("status", "In this status of Stripe's, e.g. `needs_response`, `won` or `lost`"),
        equal("reason", "For this reason, e.g. `fraudulent`"),
        equal("customer", "Of this customer", "c.customer"),
        _OF_CHARGE,
        _INTENT,
        CURRENCY,
        before("due_before", "With evidence due before this time", "evidence_due_by_s"),
        *CREATED,
    ),
    money=("amount_minor",),
)
payments = published(PAYMENTS, "Payments: what was asked, received, given back, kept")
charges = published(CHARGES, "Charges: attempts to take money")
refunds = published(REFUNDS, "Refunds: what was given back")
disputes = published(DISPUTES, "Disputes: what banks take back")
