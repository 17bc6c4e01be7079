"""What follows a payment by itself, by the test card that made it: disputes and warnings of fraud.

https://docs.stripe.com/testing#disputes.
"""

from api.sandbox.desk import Desk
from api.sandbox.resources import bank_debits, disputes, fraud_warnings, payment_methods
from api.sandbox.state import Object


def follow(desk: Desk, charge: Object, method: Object) -> None:
    """Let happen what this method's payments bring with them."""
    card = payment_methods.card_of(method)
    if card is None:
        disputed = method["type"] in bank_debits.DEBITS and bank_debits.bank_of(method["type"], method["_number"])
        if disputed and disputed.disputed:
            disputes.opened(desk, charge, "debit_not_authorized")
        return
    if card.disputed is not None:
        disputes.opened(desk, charge, card.disputed)
    if card.fraud_warning:
        fraud_warnings.warned(desk, charge)
