"""Refunds: made, confirmed by the customer's bank, or failed, with what that does to the charge.

Knows that no more goes back than came; refuses to know why a customer gets money back.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY, transaction_of
from replay.simulator.changes import previous_attributes
from replay.simulator.fees import give_back
from replay.simulator.methods import CARD, TRANSFER
from replay.simulator.payment_shapes import rendered_charge
from replay.simulator.payments import Payment
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_REASONS = ("requested_by_customer", "requested_by_customer", "duplicate", None)


class Refund:
    """One refund as it is now."""

    __slots__ = ("amount", "created_s", "failed_s", "id", "payment", "reason", "reference", "status")

    def __init__(self, payment: Payment, amount: int) -> None:
        timeline = payment.customer.timeline
        self.payment, self.amount = payment, amount
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("re", timeline.now_s, payment.customer.shop.account.token)
        self.reason = timeline.random.choice(_REASONS)
        self.status = "succeeded" if payment.method.kind == CARD else "pending"
        self.reference: str | None = None
        """What the customer's bank knows it by."""
        self.failed_s: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the money has gone, or is on its way."""
        return self.status != "failed"

    def render(self, shape: Shape) -> Object:
        """The refund in the shape of a version."""
        payment = self.payment
        rendered: Object = {
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": transaction_of(self.id),
            "charge": payment.charge,
            "created": self.created_s,
            "currency": payment.currency,
            "destination_details": self._destination(),
            "metadata": {},
            "payment_intent": payment.intent,
            "reason": self.reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": self.status,
            "transfer_reversal": None,
        }
        if self.failed_s is not None:
            rendered["failure_balance_transaction"] = f"{transaction_of(self.id)}F"
            rendered["failure_reason"] = "lost_or_stolen_card" if payment.method.kind == CARD else "declined"
        if self.status == "pending":
            rendered["pending_reason"] = "processing"
        if shape.endive:
            rendered |= {"customer": payment.customer.id, "customer_account": None,
                         "payment_method": payment.method.id}  # fmt: skip
        return rendered

    def _destination(self) -> Object:
        kind = self.payment.method.kind
        status = "pending" if self.reference is None else "available"
        if kind == CARD:
            card: Object = {"reference_status": status, "type": "refund"}
            if self.reference is not None:
                card |= {"reference": self.reference, "reference_type": "acquirer_reference_number"}
            return {"card": card, "type": "card"}
        if kind == TRANSFER:
            return {"customer_cash_balance": {}, "type": "customer_cash_balance"}
        where = {"usd": "us_bank_transfer", "eur": "eu_bank_transfer"}[self.payment.currency]
        return {where: {"reference": self.reference, "reference_status": status}, "type": where}


def give(payment: Payment, amount: int) -> Refund:
    """Send back `amount` of what a payment brought, and see to what the bank makes of it in the days to come."""
    customer = payment.customer
    timeline, shop = customer.timeline, customer.shop
    assert 0 < amount <= payment.refundable
    shape = timeline.shape(shop.account)
    before = rendered_charge(payment, shape)
    refund = Refund(payment, amount)
    payment.refunds = (*payment.refunds, refund)
    shop.till.book("refund", refund.id, -amount, payment.currency)
    after = rendered_charge(payment, shape)
    timeline.emit(shop.account, "charge.refunded", after, previous_attributes(before, after))
    timeline.emit(shop.account, "refund.created", refund.render(shape))
    if timeline.chance(0.5):
        give_back(payment, amount)
    if not payment.refundable:
        customer.last_charge = None
    if refund.status == "pending" or timeline.chance(0.45):
        wait_s = timeline.random.randint(2 * DAY, 8 * DAY)
        timeline.start(_confirm(refund, fails=timeline.chance(0.15)), customer, timeline.now_s + wait_s)
    return refund


def _confirm(refund: Refund, *, fails: bool) -> Generator[int, Any, None]:
    """The customer's bank says what became of it."""
    payment = refund.payment
    timeline, shop = payment.customer.timeline, payment.customer.shop
    shape = timeline.shape(shop.account)
    before, charge_before = refund.render(shape), rendered_charge(payment, shape)
    if fails:
        refund.status, refund.failed_s = "failed", timeline.now_s
        returned = f"{transaction_of(refund.id)}F"
        shop.till.book("payment_failure_refund", refund.id, refund.amount, payment.currency, id=returned)
    else:
        refund.status = "succeeded"
        refund.reference = f"{timeline.random.randrange(10**12):012d}"
    after = refund.render(shape)
    previous = previous_attributes(before, after)
    if previous:
        timeline.emit(shop.account, "charge.refund.updated", after, previous)
        timeline.emit(shop.account, "refund.updated", after, previous)
    if fails:
        timeline.emit(shop.account, "refund.failed", after)
        charge = rendered_charge(payment, shape)
        timeline.emit(shop.account, "charge.updated", charge, previous_attributes(charge_before, charge))
    yield from ()
