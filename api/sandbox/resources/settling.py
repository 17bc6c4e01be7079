"""What a charge that succeeded does to balances: Stripe's fee, the platform's, and what is handed on.

https://docs.stripe.com/connect/charges. At once, or a moment later when a charge is captured asynchronously: then
`charge.updated` says so (https://docs.stripe.com/payments/payment-intents/asynchronous-capture).
"""

from api.sandbox.desk import Desk
from api.sandbox.resources import application_fees, balance, payment_methods, transfers, worlds
from api.sandbox.state import Object


def settle(desk: Desk, charge: Object) -> None:
    """Book a captured charge, with what the platform takes and what goes to another account. Once."""
    if charge["balance_transaction"] is not None or not charge["captured"] or charge["status"] == "failed":
        return
    kind, amount, currency = charge["payment_method_details"]["type"], charge["amount_captured"], charge["currency"]
    parts = [balance.stripe_fee(balance.processing_fee(kind, amount, currency), currency)]
    platform = worlds.platform_of(desk)
    if platform is not None and charge["application_fee_amount"]:
        fee = application_fees.taken(desk, platform, charge, charge["application_fee_amount"])
        charge["application_fee"] = fee["id"]
        parts.append(application_fees.part(fee))
    method = desk.held(payment_methods.KIND, charge["payment_method"])
    card = None if method is None else payment_methods.card_of(method)
    booked = balance.book(
        desk,
        "charge" if kind == "card" else "payment",
        charge["id"],
        amount,
        currency,
        fees=tuple(parts),
        days=balance.incoming_days(at_once=card is not None and card.available),
        description=charge["description"],
    )
    charge["balance_transaction"] = booked["id"]
    charge["receipt_url"] = f"https://pay.stripe.com/receipts/payment/{charge['id']}"
    if card is not None and card.available:
        balance.tell(desk)
    if charge["transfer_data"] is not None:
        transfers.of_charge(desk, charge)


def settle_later(desk: Desk, id: str) -> None:
    """The same, a moment after a payment that is captured asynchronously."""
    charge = desk.get("charge", id)
    before = dict(charge)
    settle(desk, charge)
    if charge != before:
        desk.emit("charge.updated", charge, before)


JOBS = {"charge.settle": settle_later}
