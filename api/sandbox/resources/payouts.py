"""Payouts: from the balance to the bank, by hand or every day: https://docs.stripe.com/api/payouts."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import balance
from api.sandbox.resources.payouts_due import arrives_s
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "payout"
#: Test bank accounts that refuse a payout, by what they end with: https://docs.stripe.com/connect/testing#payouts.
_REFUSES = {
    "1113": "account_closed",
    "1116": "no_account",
    "2227": "insufficient_funds",
    "3335": "debit_not_authorized",
}


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """Pay out by hand what is available. Raises StripeError: `balance_insufficient`."""
    amount, currency = params["amount"], params["currency"].lower()
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if balance.available(desk, currency) < amount:
        raise invalid(
            "You have insufficient funds in your Stripe account. One likely reason you have insufficient funds is that"
            " your funds are automatically being paid out; try enabling manual payouts by going to"
            " https://dashboard.stripe.com/account/payouts.",
            "amount",
            "balance_insufficient",
        )
    return made(desk, amount, currency, automatic=False, said=params)


def made(desk: Desk, amount: int, currency: str, *, automatic: bool, said: dict[str, Any] | None = None) -> Object:
    """A payout that has left the balance and is on its way."""
    said = said or {}
    id = desk.new_id("po")
    moved = balance.book(desk, "payout", id, -amount, currency, description="STRIPE PAYOUT")
    payout: Object = {
        "id": id,
        "object": KIND,
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrives_s(desk.now_s),
        "automatic": automatic,
        "balance_transaction": moved["id"],
        "created": desk.now_s,
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else said.get("description"),
        "destination": said.get("destination") or _destination(desk, currency),
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": desk.livemode,
        "metadata": metadata(None, said.get("metadata") or {}),
        "method": said.get("method") or "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": said.get("source_type") or "card",
        "statement_descriptor": said.get("statement_descriptor"),
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
    desk.add(KIND, payout, event="payout.created")
    desk.later(payout["arrival_date"], "payout.arrive", id)
    return payout


def _destination(desk: Desk, currency: str) -> str:
    for bank in desk.scan("bank_account", currency=currency, default_for_currency=True):
        return str(bank["id"])
    return f"ba_1{desk.account_id[5:]}{currency.upper()}"


def arrive(desk: Desk, id: str) -> None:
    """The bank has it, or sends it back."""
    payout = desk.get(KIND, id)
    if payout["status"] != "pending":
        return
    bank = desk.held("bank_account", payout["destination"])
    code = None if bank is None else _REFUSES.get(bank["last4"])
    if code is None:
        desk.change(
            payout, {"status": "paid", "trace_id": {"status": "supported", "value": id[-16:].upper()}}, "payout.updated"
        )
        desk.emit("payout.paid", payout)
        if payout["automatic"]:
            desk.change(payout, {"reconciliation_status": "completed"}, "payout.reconciliation_completed")
        return
    back = balance.book(desk, "payout_failure", id, payout["amount"], payout["currency"], description="STRIPE PAYOUT")
    failed = {
        "status": "failed",
        "failure_code": code,
        "failure_message": f"The bank account could not be paid: {code.replace('_', ' ')}.",
        "failure_balance_transaction": back["id"],
    }
    desk.change(payout, failed, "payout.failed")


def cancel(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Call back a payout by hand that has not left yet."""
    payout = desk.get(KIND, id)
    if payout["status"] != "pending" or payout["automatic"]:
        raise invalid("Payouts can only be canceled while they are pending and were made by hand.", "payout")
    back = balance.book(desk, "payout_cancel", id, payout["amount"], payout["currency"], description="STRIPE PAYOUT")
    desk.change(payout, {"status": "canceled", "failure_balance_transaction": back["id"]}, "payout.canceled")
    desk.never("payout.arrive", id)
    return payout


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change its metadata."""
    payout = desk.get(KIND, id)
    if "metadata" in params:
        desk.change(payout, {"metadata": metadata(payout["metadata"], params["metadata"])}, "payout.updated")
    return payout


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The payout."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Payouts, newest first."""
    where = {name: params[name] for name in ("status", "destination") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/payouts")


ROUTES = (
    Route("POST", "/v1/payouts", sdk.PayoutCreateParams, create),
    Route("GET", "/v1/payouts", sdk.PayoutListParams, listed),
    Route("GET", "/v1/payouts/{payout}", None, retrieve),
    Route("POST", "/v1/payouts/{payout}", sdk.PayoutUpdateParams, update),
    Route("POST", "/v1/payouts/{payout}/cancel", None, cancel),
)
JOBS = {"payout.arrive": arrive}
PREFIXES = {"po": KIND}
