"""Invoices as Stripe last described them: state, amounts, attempts, pages."""

from ledger.translations.invoice import Invoice
from projections.objects import object_projection

INVOICES = object_projection(
    "invoices",
    1,
    Invoice,
    indexes=("(mode, account, customer)", "(mode, account, subscription)"),
)
