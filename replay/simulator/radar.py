"""What Stripe's Radar says of payments: reviews that it opens, and early warnings of fraud from the card networks.

Decides which payments are looked at or disputed later; refuses to know how a dispute goes.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.changes import previous_attributes
from replay.simulator.disputes import dispute
from replay.simulator.methods import CARD, TRANSFER
from replay.simulator.payments import Payment
from replay.simulator.refunds import give
from replay.simulator.timeline import Object


def screen(payment: Payment) -> None:
    """Before the charge is told of: a few are put aside for a person to look at."""
    timeline, account = payment.customer.timeline, payment.customer.shop.account
    if payment.method.kind == CARD and timeline.chance(0.004):
        payment.review = timeline.ids.long("prv", timeline.now_s, account.token)


def watch(payment: Payment) -> None:
    """After it is told of: open its review, and let some be disputed in weeks."""
    customer = payment.customer
    timeline, account = customer.timeline, customer.shop.account
    if payment.review is not None:
        timeline.emit(account, "review.opened", _review(payment, None))
        wait_s = timeline.random.randint(3600, 2 * DAY)
        timeline.start(_judge(payment), customer, timeline.now_s + wait_s)
    if payment.method.kind != TRANSFER and timeline.chance(timeline.scenario.disputes):
        warned = payment.method.kind == CARD and timeline.chance(0.3)
        wait_s = timeline.random.randint(5 * DAY, 40 * DAY)
        course = _warn_and_dispute(payment) if warned else dispute(payment)
        timeline.start(course, customer, timeline.now_s + wait_s)


def _judge(payment: Payment) -> Generator[int, Any, None]:
    """A person approves it, or sends the money back."""
    customer = payment.customer
    timeline, account = customer.timeline, customer.shop.account
    timeline.requested()
    open_review = _review(payment, None)
    reason = "disputed" if payment.disputed else "approved"
    if payment.refundable and timeline.chance(0.2):
        give(payment, payment.refundable)
        reason = "refunded"
    closed = _review(payment, reason)
    timeline.emit(account, "review.closed", closed, previous_attributes(open_review, closed))
    yield from ()


def _review(payment: Payment, closed_reason: str | None) -> Object:
    return {
        "id": payment.review,
        "object": "review",
        "billing_zip": None,
        "charge": payment.charge,
        "closed_reason": closed_reason,
        "created": payment.created_s,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": payment.customer.timeline.livemode,
        "open": closed_reason is None,
        "opened_reason": "rule",
        "payment_intent": payment.intent,
        "reason": closed_reason or "rule",
        "session": None,
    }


def _warn_and_dispute(payment: Payment) -> Generator[int, Any, None]:
    """The card's network suspects fraud; then the dispute comes, and there is nothing left to be done early."""
    customer = payment.customer
    timeline, account = customer.timeline, customer.shop.account
    if payment.refunded or payment.disputed:
        return
    id = timeline.ids.long("issfr", timeline.now_s, account.token)
    warning = {
        "id": id,
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": payment.charge,
        "created": timeline.now_s,
        "fraud_type": timeline.random.choice(("unauthorized_use_of_card", "made_with_stolen_card", "misc")),
        "livemode": timeline.livemode,
        "payment_intent": payment.intent,
    }
    timeline.emit(account, "radar.early_fraud_warning.created", warning)
    yield timeline.now_s + timeline.random.randint(DAY, 9 * DAY)
    after = {**warning, "actionable": False}
    timeline.emit(account, "radar.early_fraud_warning.updated", after, previous_attributes(warning, after))
    yield from dispute(payment)
