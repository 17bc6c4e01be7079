"""What Stripe says while a payment is made: the intent, the charge, the seller's balance, the platform's fee.

Knows the order of it; refuses to know what the payment is for.
"""

from replay.simulator import fees
from replay.simulator.balances import processing_fee
from replay.simulator.methods import CARD
from replay.simulator.payment_shapes import rendered_charge, rendered_intent
from replay.simulator.payments import Payment
from replay.simulator.radar import screen, watch

_DECLINED = ("card_declined", "Your card has insufficient funds.")
_RETURNED = ("payment_intent_payment_attempt_failed", "The bank returned the debit: the account is closed.")


def tell(payment: Payment, *types: str, status: str) -> None:
    """Say something of the payment's intent, and of its charge, as they are now. `types` have their first word."""
    timeline, account = payment.customer.timeline, payment.customer.shop.account
    shape = timeline.shape(account)
    for type in types:
        of_intent = type.startswith("payment_intent.")
        rendered = rendered_intent(payment, shape, status) if of_intent else rendered_charge(payment, shape)
        timeline.emit(account, type, rendered)


def process(payment: Payment) -> None:
    """The bank was asked to debit an account, and takes days."""
    payment.fee = fees.owed(payment)
    tell(payment, "payment_intent.processing", "charge.pending", status="processing")


def succeed(payment: Payment) -> None:
    """The money is there; the customer could have it back from now on."""
    payment.status = "succeeded"
    payment.fee = payment.fee or fees.owed(payment)
    screen(payment)
    shop, amount, kind = payment.customer.shop, payment.amount, payment.method.kind
    due = processing_fee(amount, payment.currency, kind) + (payment.fee.amount if payment.fee else 0)
    type = "charge" if kind == CARD else "payment"
    shop.till.book(type, payment.charge, amount, payment.currency, fee=min(amount, due), days=2)
    tell(payment, "payment_intent.succeeded", "charge.succeeded", status="succeeded")
    if payment.fee is not None:
        fees.take(payment.fee)
    payment.customer.last_charge = payment
    watch(payment)


def fail(payment: Payment) -> None:
    """The customer's bank says no."""
    payment.status = "failed"
    payment.fee = payment.fee or fees.owed(payment)
    payment.failure = _DECLINED if payment.method.kind == CARD else _RETURNED
    tell(payment, "payment_intent.payment_failed", "charge.failed", status="requires_payment_method")
