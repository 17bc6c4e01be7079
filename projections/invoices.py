"""Invoices as Stripe last described them: state, amounts, lines, taxes, attempts, pages."""

from ledger.translations.invoice import Invoice
from projections.objects import object_projection

INVOICES = object_projection(
    "invoices",
    2,
    Invoice,
    indexes=(
        "(mode, account, customer)",
        "(mode, account, subscription)",
        # the work list of invoices whose lines did not fit in one page: the rest must be fetched
        "(mode, account, id) WHERE NOT lines_complete",
    ),
)
