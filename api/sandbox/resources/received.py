"""How a transfer arrives in the account that gets it: as a payment (`py_…`) from the platform."""

from api.sandbox.desk import Desk
from api.sandbox.resources import application_fees, balance, worlds
from api.sandbox.state import Object


def received(
    platform: Desk, other: Desk, transfer: str, amount: int, currency: str, *, days: int, fee: int | None
) -> Object:
    """The payment, in the other account; `fee`: what the platform takes of it."""
    payment: Object = {
        "id": other.new_id("py"),
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": worlds.APPLICATION,
        "application_fee": None,
        "application_fee_amount": fee,
        "balance_transaction": None,
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            **dict.fromkeys(("email", "name", "phone", "tax_id")),
        },
        "calculated_statement_descriptor": None,
        "captured": True,
        "created": platform.now_s,
        "currency": currency,
        **dict.fromkeys(("customer", "description", "destination", "dispute")),
        "disputed": False,
        **dict.fromkeys(("failure_balance_transaction", "failure_code", "failure_message")),
        "fraud_details": {},
        "livemode": other.livemode,
        "metadata": {},
        **dict.fromkeys(("on_behalf_of", "order", "outcome")),
        "paid": True,
        **dict.fromkeys(("payment_intent", "payment_method")),
        "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
        **dict.fromkeys(("receipt_email", "receipt_number", "receipt_url")),
        "refunded": False,
        **dict.fromkeys(("review", "shipping")),
        "source": {
            "id": platform.account_id,
            "object": "account",
            "application_icon": "https://files.stripe.com/links/icon",
            "application_logo": "https://files.stripe.com/links/logo",
            "application_name": "Recount Sandbox",
            "application_url": "https://sandbox.example",
        },
        "source_transfer": transfer,
        **dict.fromkeys(("statement_descriptor", "statement_descriptor_suffix")),
        "status": "succeeded",
        **dict.fromkeys(("transfer_data", "transfer_group")),
    }
    parts: tuple[Object, ...] = ()
    if fee:
        taken = application_fees.taken(other, platform, payment, fee)
        payment["application_fee"] = taken["id"]
        parts = (application_fees.part(taken),)
    booked = balance.book(other, "payment", payment["id"], amount, currency, fees=parts, days=days)
    payment["balance_transaction"] = booked["id"]
    return other.add("charge", payment)
