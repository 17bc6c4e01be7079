"""How each customer is taxed, as far as Stripe has told: exemption, country, tax ids, and its newest invoice's word.

Expects a reverse charge where the customer's exemption says so; else goes by the newest invoice. Refuses to know tax
law: whether a customer *should* be charged in reverse is for Stripe Tax, or for people, to say.
"""

from collections.abc import Mapping, Sequence

from projections.base import Column, Derivation, Input, Key, Row, Table

_TABLE = Table(
    "tax_profiles",
    ("mode", "account", "customer"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("customer", "text"),
        Column("known", "boolean"),  # False: others name the customer, which has not been seen itself
        Column("deleted", "boolean"),
        Column("tax_exempt", "text"),
        Column("country", "text"),
        Column("tax_ids", "jsonb"),
        Column("reverse_charge_expected", "boolean"),
        Column("newest_invoice", "text"),
        Column("automatic_tax_enabled", "boolean"),
        Column("automatic_tax_status", "text"),
        Column("automatic_tax_disabled_reason", "text"),
    ),
    indexes=("(mode, account, automatic_tax_status)",),
)
_CUSTOMER_FIELDS = ("deleted", "tax_exempt", "country")
_TAX_ID_FIELDS = ("id", "type", "country", "verification_status")
_INVOICE_FIELDS = (
    "id", "deleted", "created_s", "reverse_charge",
    "automatic_tax_enabled", "automatic_tax_status", "automatic_tax_disabled_reason",
)  # fmt: skip
#: What a customer's exemption alone says of a reverse charge.
_BY_EXEMPTION = {"reverse": True, "exempt": False}


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    customers = rows["customers"]
    if not customers and not rows["tax_ids"] and not rows["invoices"]:
        return []
    customer = customers[0] if customers else None
    exempt = customer and customer.tax_exempt
    tax_ids = sorted((t for t in rows["tax_ids"] if not t.deleted), key=lambda t: t.id)
    newest = max(
        (i for i in rows["invoices"] if not i.deleted), key=lambda i: (i.created_s or 0, i.id), default=None
    )  # fmt: skip
    return [
        _TABLE.row(
            *key,
            customer is not None,
            bool(customer and customer.deleted),
            exempt,
            customer and customer.country,
            [{f: getattr(t, f) for f in _TAX_ID_FIELDS} for t in tax_ids],
            _BY_EXEMPTION.get(exempt or "", newest and newest.reverse_charge),
            newest and newest.id,
            newest and newest.automatic_tax_enabled,
            newest and newest.automatic_tax_status,
            newest and newest.automatic_tax_disabled_reason,
        )
    ]


TAX_PROFILES = Derivation(
    "tax_profiles",
    1,
    _TABLE,
    ("mode", "account", "customer"),
    inputs=(
        Input("customers", ("mode", "account", "id"), lambda key, _: [key], _CUSTOMER_FIELDS),
        Input("tax_ids", ("mode", "account", "customer"), lambda key, _: [key], ("deleted", *_TAX_ID_FIELDS)),
        Input("invoices", ("mode", "account", "customer"), lambda key, _: [key], _INVOICE_FIELDS),
    ),
    affects={
        "customers": lambda row: [(row.mode, row.account, row.id)],
        "tax_ids": lambda row: [(row.mode, row.account, row.customer)] if row.customer else [],
        "invoices": lambda row: [(row.mode, row.account, row.customer)] if row.customer else [],
    },
    derive=_derive,
)
