"""What hangs on a customer's objects and names no customer itself, and by which columns it is found.

A refund names its charge, a credit booking its grant: only that one knows whose it is.
"""

from typing import NamedTuple

from replay.tables import LIVE


class Hanging(NamedTuple):
    """Objects that are found by way of others, of which the first names the customer."""

    owner: str
    """The model that names the customer."""
    steps: tuple[tuple[str, str], ...]
    """(model, its column that holds the id of the one before)."""

    @property
    def joined(self) -> str:
        """What follows FROM or JOIN: the owner's rows as `c`, beside each of what hangs on it, at last, as `o`."""
        tables, before = [f"{LIVE}.{self.owner} c"], "c"
        for number, (model, column) in enumerate(self.steps, 1):
            here = "o" if number == len(self.steps) else f"o{number}"
            on = f"{here}.mode = {before}.mode AND {here}.account = {before}.account AND {here}.{column} = {before}.id"
            tables.append(f"JOIN {LIVE}.{model} {here} ON {on}")
            before = here
        return " ".join(tables)


#: What events of Stripe's are about.
HANGING = (
    Hanging("charges", (("refunds", "charge"),)),
    Hanging("charges", (("disputes", "charge"),)),
    Hanging("charges", (("reviews", "charge"),)),
    Hanging("charges", (("early_fraud_warnings", "charge"),)),
    Hanging("invoices", (("invoice_payments", "invoice"),)),
    Hanging("credit_grants", (("credit_balance_transactions", "credit_grant"),)),
    Hanging("payment_methods", (("mandates", "payment_method"),)),
)
#: What was booked for a payment.
BOOKED = (
    Hanging("charges", (("balance_transactions", "source"),)),
    Hanging("charges", (("refunds", "charge"), ("balance_transactions", "source"))),
    Hanging("charges", (("disputes", "charge"), ("balance_transactions", "source"))),
)


def events_of_organizations(columns: str) -> str:
    """SELECTs, joined by UNION ALL, of Stripe's events about organizations' customers and what hangs on their objects.

    Each has the link of the organization to its customer as `l`, and the event as `e`; each is found by an index.
    """
    events = f"JOIN {LIVE}.stripe_events e ON e.mode = l.mode AND e.account = l.account"
    branches = [
        f"SELECT {columns} FROM {LIVE}.org_links l {events} AND e.customer = l.customer",
        # an event about a customer names it as its object
        f"SELECT {columns} FROM {LIVE}.org_links l {events} AND e.object_id = l.customer AND e.customer IS NULL"
        " AND e.object IN ('customer', 'customers')",
    ]
    for hanging in HANGING:
        branches.append(
            f"SELECT {columns} FROM {LIVE}.org_links l CROSS JOIN ({hanging.joined}) {events} AND e.object_id = o.id"
            " AND e.customer IS NULL WHERE c.mode = l.mode AND c.account = l.account AND c.customer = l.customer"
        )
    return " UNION ALL ".join(branches)
