"""Credit notes: what was taken back of an invoice."""

from api.resources.filters import CREATED, CURRENCY, CUSTOMER, LINES_COMPLETE, equal
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas.billing import CREDIT_NOTE

CREDIT_NOTES = Resource(
    "credit_notes",
    "a credit note",
    of_customers(CREDIT_NOTE, "credit_notes"),
    filters=(
        equal("status", "`issued` or `void`"),
        equal("type", "`pre_payment`, `post_payment` or `mixed`"),
        CUSTOMER,
        equal("invoice", "Of this invoice"),
        CURRENCY,
        LINES_COMPLETE,
        *CREATED,
    ),
    money=("amount_minor", "subtotal_minor", "tax_minor", "total_minor", "pre_payment_minor", "post_payment_minor"),
)
credit_notes = published(CREDIT_NOTES, "Credit notes: what was taken back of invoices")
