"""What was bought once and paid: by which names its plan is found, and by which payment it was paid.

An invoice that belongs to no subscription tells the prices on its lines. A checkout session tells no prices, so the
seller says in the session's metadata, under `recount_plan`, which plan it sells; where the session made an invoice,
that speaks instead. Refuses to know plans: `plan_placements` does.
"""

from collections.abc import Mapping, Sequence

from projections.base import Column, Derivation, Input, Key, Row, Table
from projections.plans import plan_itself

#: The metadata of a checkout session that names the plan. Only the account that sells can have set it.
PLAN_KEY = "recount_plan"
_PAID = frozenset({"paid", "no_payment_required"})

_TABLE = Table(
    "plan_purchases",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("kind", "text"),
        Column("customer", "text"),
        Column("payment", "text"),
        Column("names", "text[]"),
        Column("sold_s", "bigint"),
    ),
    indexes=("USING gin (names)", "(mode, account, payment)", "(mode, account, customer)"),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    for checkout in rows["checkouts"]:
        named = (checkout.metadata or {}).get(PLAN_KEY)
        paid = checkout.purpose == "payment" and checkout.status == "complete" and checkout.payment_status in _PAID
        if paid and checkout.invoice is None and isinstance(named, str) and named:
            names = [plan_itself(named)]
            paying = checkout.payment_intent
            return [_TABLE.row(*key, "checkout", checkout.customer, paying, names, checkout.created_s)]
    for invoice in rows["invoices"]:
        names = sorted({line["price"] for line in invoice.lines or () if line.get("price")})
        if names and invoice.status == "paid" and invoice.subscription is None and not invoice.deleted:
            paying = invoice.payment_intent or invoice.charge
            sold_s = invoice.paid_at_s if invoice.paid_at_s is not None else invoice.created_s
            return [_TABLE.row(*key, "invoice", invoice.customer, paying, names, sold_s)]
    return []


_OF_CHECKOUT = (
    "purpose", "status", "payment_status", "customer", "payment_intent", "invoice", "metadata", "created_s",
)  # fmt: skip
_OF_INVOICE = (
    "status", "subscription", "deleted", "customer", "payment_intent", "charge", "lines", "paid_at_s", "created_s",
)  # fmt: skip

PLAN_PURCHASES = Derivation(
    "plan_purchases",
    1,
    _TABLE,
    ("mode", "account", "id"),
    inputs=(
        Input("checkouts", ("mode", "account", "id"), lambda key, _: [key], _OF_CHECKOUT),
        Input("invoices", ("mode", "account", "id"), lambda key, rows: [] if rows["checkouts"] else [key], _OF_INVOICE),
    ),
    affects={
        "checkouts": lambda row: [(row.mode, row.account, row.id)] if row.purpose == "payment" else [],
        "invoices": lambda row: [(row.mode, row.account, row.id)] if row.subscription is None else [],
    },
    derive=_derive,
)
