"""What the API answers about tax terms."""

from api.schemas.shape import BOOL, TEXT, many, of_entries, of_table
from projections import MODELS

_RATE = of_entries(
    "TaxTermsRate", {"percentage": "Decimal, e.g. `19` or `8.1`"}, id=TEXT, percentage=TEXT, inclusive=BOOL
)
TAX_TERM = of_table(
    "TaxTerms",
    MODELS["tax_terms"].table,
    "id org automatic_tax tax_behavior tax_code tax_rates tax_exempt set_us",
    notes={
        "id": "`everybody`, or `org/` and the organization",
        "org": "Whose own; null: of everybody who has none",
        "automatic_tax": "Stripe computes the tax",
        "tax_behavior": "Of automatic tax: `exclusive` (on top) or `inclusive`; null: as the account's settings say",
        "tax_rates": "Named on every line, where Stripe does not compute the tax",
        "tax_exempt": "The rates are named, and come to nothing",
    },
    tax_rates=many(_RATE),
)
