"""A customer's balance and what moved it: https://docs.stripe.com/billing/customer/balance.

Negative: credit that pays later invoices; positive: a debt that they add.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "customer_balance_transaction"


def move(
    desk: Desk, customer: Object, amount: int, type: str, *, currency: str, described: Object | None = None
) -> Object:
    """Add to a customer's balance and keep what did it. `described`: description, metadata, invoice, credit_note."""
    if amount:
        desk.change(customer, {"balance": customer["balance"] + amount}, "customer.updated")
    return desk.add(
        KIND,
        {
            "id": desk.new_id("cbtxn", 14),
            "object": KIND,
            "amount": amount,
            "checkout_session": None,
            "created": desk.now_s,
            "credit_note": None,
            "currency": currency,
            "customer": customer["id"],
            "customer_account": None,
            "description": None,
            "ending_balance": customer["balance"],
            "invoice": None,
            "livemode": desk.livemode,
            "metadata": {},
            "type": type,
            **(described or {}),
        },
    )


def create(desk: Desk, params: dict[str, Any], customer_id: str) -> Object:
    """An adjustment by hand."""
    customer = desk.get("customer", customer_id)
    currency = params["currency"].lower()
    if customer["currency"] not in (None, currency):
        raise invalid("The currency must be the customer's own.", "currency")
    if customer["currency"] is None:
        desk.change(customer, {"currency": currency}, "customer.updated")
    said = {
        "description": params.get("description"),
        "metadata": metadata(None, params.get("metadata") or {}),
    }
    return move(desk, customer, params["amount"], "adjustment", currency=currency, described=said)


def update(desk: Desk, params: dict[str, Any], customer_id: str, id: str) -> Object:
    """Its description and metadata."""
    held = desk.get(KIND, id)
    if "description" in params:
        held["description"] = params["description"]
    if "metadata" in params:
        held["metadata"] = metadata(held["metadata"], params["metadata"])
    return held


def retrieve(desk: Desk, params: dict[str, Any], customer_id: str, id: str) -> Object:
    """What moved the balance once."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any], customer_id: str) -> Object:
    """All that moved it, newest first."""
    desk.get("customer", customer_id)
    where = {"invoice": params["invoice"]} if params.get("invoice") else {}
    found = desk.scan(KIND, customer=customer_id, **where)
    return page(params, found, f"/v1/customers/{customer_id}/balance_transactions")


_PATH = "/v1/customers/{customer}/balance_transactions"
ROUTES = (
    Route("POST", _PATH, sdk.CustomerBalanceTransactionCreateParams, create),
    Route("GET", _PATH, sdk.CustomerBalanceTransactionListParams, listed),
    Route("GET", f"{_PATH}/{{transaction}}", None, retrieve),
    Route("POST", f"{_PATH}/{{transaction}}", sdk.CustomerBalanceTransactionUpdateParams, update),
)
PREFIXES = {"cbtxn": KIND}
