"""The catalogue: products and prices as Stripe last described them, and what is sold as one row a product."""

from collections.abc import Mapping, Sequence

from ledger.translations.price import Price
from ledger.translations.product import Product
from projections.base import Column, Derivation, Input, Key, Row, Table
from projections.objects import object_projection

PRODUCTS = object_projection("products", 1, Product)
PRICES = object_projection("prices", 1, Price, indexes=("(mode, account, product)",))

_TABLE = Table(
    "catalog",
    ("mode", "account", "product"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("product", "text"),
        Column("name", "text"),
        Column("active", "boolean"),
        Column("deleted", "boolean"),
        Column("known", "boolean"),  # False: a price names the product, which has not been seen itself
        Column("features", "jsonb"),
        Column("limits", "jsonb"),
        Column("marketing_features", "jsonb"),
        Column("prices", "jsonb"),
        Column("lookup_keys", "text[]"),
        Column("metadata", "jsonb"),
    ),
    indexes=("USING gin (lookup_keys)",),
)
_PRODUCT_FIELDS = ("name", "active", "deleted", "features", "limits", "marketing_features", "metadata")
_PRICE_FIELDS = (
    "id", "active", "deleted", "currency", "unit_amount_minor", "unit_amount_decimal", "type", "interval",
    "interval_count", "usage_type", "lookup_key", "nickname", "trial_period_days", "features", "limits",
)  # fmt: skip


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    products, prices = rows["products"], sorted(rows["prices"], key=lambda p: p.id)
    if not products and not prices:
        return []
    product = products[0] if products else None
    return [
        _TABLE.row(
            *key,
            product and product.name,
            product.active if product else None,
            bool(product and product.deleted),
            product is not None,
            (product and product.features) or [],
            (product and product.limits) or {},
            (product and product.marketing_features) or [],
            [{f: getattr(p, f) for f in _PRICE_FIELDS} for p in prices],
            sorted({p.lookup_key for p in prices if p.lookup_key}),
            (product and product.metadata) or {},
        )
    ]


CATALOG = Derivation(
    "catalog",
    1,
    _TABLE,
    ("mode", "account", "product"),
    inputs=(
        Input("products", ("mode", "account", "id"), lambda key, _: [key], _PRODUCT_FIELDS),
        Input("prices", ("mode", "account", "product"), lambda key, _: [key], _PRICE_FIELDS),
    ),
    affects={
        "products": lambda row: [(row.mode, row.account, row.id)],
        "prices": lambda row: [(row.mode, row.account, row.product)] if row.product else [],
    },
    derive=_derive,
)
