"""Invoices: what is owed, what was paid, how collecting goes."""

from api.resources.filters import CREATED, LINES_COMPLETE, equal
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas import INVOICE

INVOICES = Resource(
    "invoices",
    "an invoice",
    of_customers(INVOICE, "invoices"),
    filters=(
        equal("status", "`draft`, `open`, `paid`, `uncollectible` or `void`"),
        equal("customer", "Of this customer"),
        equal("subscription", "Of this subscription"),
        equal("currency", "In this currency"),
        equal("collection_method", "`charge_automatically` or `send_invoice`"),
        LINES_COMPLETE,
        *CREATED,
    ),
    money=(
        "amount_due_minor",
        "amount_paid_minor",
        "amount_remaining_minor",
        "subtotal_minor",
        "discount_minor",
        "tax_minor",
        "total_minor",
    ),
)
invoices = published(INVOICES, "Invoices: what is owed and paid")
