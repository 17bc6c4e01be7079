"""Disputes: a customer's bank takes a payment back, or asks about it; what the seller answers, and how it ends.

Knows Stripe's course: https://docs.stripe.com/disputes/how-disputes-work. What was withdrawn comes back when the
dispute is won; the fee for it does not.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY, BalanceTransaction, transaction_of
from replay.simulator.catalog import local_amount
from replay.simulator.changes import previous_attributes
from replay.simulator.methods import CARD
from replay.simulator.payments import Payment
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_REASONS = ("fraudulent", "fraudulent", "product_not_received", "subscription_canceled", "duplicate", "unrecognized")
_EVIDENCE = """access_activity_log billing_address cancellation_policy cancellation_policy_disclosure
    cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip
    customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id
    product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date
    service_documentation shipping_address shipping_carrier shipping_date shipping_documentation
    shipping_tracking_number uncategorized_file uncategorized_text""".split()


class Dispute:
    """One dispute as it is now."""

    __slots__ = ("created_s", "due_s", "evidence", "id", "inquiry", "movements", "payment", "reason", "status",
                 "submissions")  # fmt: skip

    def __init__(self, payment: Payment, *, inquiry: bool) -> None:
        timeline = payment.customer.timeline
        self.payment, self.inquiry = payment, inquiry
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("du", timeline.now_s, payment.customer.shop.account.token)
        self.due_s = (timeline.now_s // DAY + 9) * DAY - 1
        self.reason = timeline.random.choice(_REASONS) if payment.method.kind == CARD else "debit_not_authorized"
        self.status = "warning_needs_response" if inquiry else "needs_response"
        self.evidence: dict[str, str] = {}
        self.submissions = 0
        self.movements: tuple[BalanceTransaction, ...] = ()

    def render(self, shape: Shape) -> Object:
        """The dispute; what was added to it in time was added in all versions."""
        payment = self.payment
        rendered: Object = {
            "id": self.id,
            "object": "dispute",
            "amount": payment.amount,
            "balance_transaction": self.movements[0].id if self.movements else None,
            "balance_transactions": [movement.render() for movement in self.movements],
            "charge": payment.charge,
            "created": self.created_s,
            "currency": payment.currency,
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}, **self.evidence},
            "evidence_details": {
                "due_by": None if self.closed else self.due_s,
                "enhanced_eligibility": {},
                "has_evidence": bool(self.evidence),
                "past_due": False,
                "submission_count": self.submissions,
            },
            "is_charge_refundable": self.inquiry and not self.closed,
            "livemode": payment.customer.timeline.livemode,
            "metadata": {},
            "payment_intent": payment.intent,
            "reason": self.reason,
            "status": self.status,
        }
        if payment.method.kind == CARD:
            brand = payment.method.brand
            kind = "inquiry" if self.inquiry else "chargeback"
            card = {"brand": brand, "case_type": kind, "network_reason_code": "10.4"}
            if shape.endive:
                card["network"] = brand
            rendered["payment_method_details"] = {"card": card, "type": "card"}
        if shape.endive:
            rendered["intended_submission_method"] = None
            rendered["evidence_details"]["submission_method"] = "manual" if self.submissions else "not_submitted"
        return rendered

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.status in ("won", "lost", "warning_closed")

    def emit(self, *types: str, before: Object | None = None) -> None:
        """Say something of it as it is now; `before` is what it was, for those that tell."""
        timeline, account = self.payment.customer.timeline, self.payment.customer.shop.account
        after = self.render(timeline.shape(account))
        for type in types:
            told = before if type in ("updated", "closed") else None
            previous = None if told is None else previous_attributes(told, after)
            timeline.emit(account, f"charge.dispute.{type}", after, previous)

    def withdraw(self) -> None:
        """The bank has taken the money, and Stripe its fee."""
        payment = self.payment
        till, fee = payment.customer.shop.till, local_amount(1500, payment.currency)
        taken = till.book("adjustment", self.id, -payment.amount, payment.currency, fee=fee)
        self.movements = (*self.movements, taken)

    def reinstate(self) -> None:
        """The bank has given the money back."""
        payment = self.payment
        id = f"{transaction_of(self.id)}R"
        given = payment.customer.shop.till.book("adjustment", self.id, payment.amount, payment.currency, id=id)
        self.movements = (*self.movements, given)


def dispute(payment: Payment) -> Generator[int, Any, None]:
    """A payment is disputed, from the bank's first word to its last. Not one that has gone back in part or whole."""
    if payment.refunded or payment.disputed:
        return
    customer = payment.customer
    timeline, account = customer.timeline, customer.shop.account
    payment.disputed = True
    if customer.last_charge is payment:
        customer.last_charge = None
    case = Dispute(payment, inquiry=payment.method.kind == CARD and timeline.chance(0.3))
    if not case.inquiry:
        case.withdraw()
    case.emit("created", *(() if case.inquiry else ("funds_withdrawn",)))
    answered = case.inquiry or timeline.chance(0.7)
    if answered:
        yield timeline.now_s + timeline.random.randint(DAY, 6 * DAY)
        timeline.requested()
        before = case.render(timeline.shape(account))
        case.evidence = {"product_description": "Agents and hosting", "uncategorized_text": "The service was used."}
        case.submissions = 1
        case.status = "warning_under_review" if case.inquiry else "under_review"
        case.emit("updated", before=before)
        yield timeline.now_s + timeline.random.randint(10 * DAY, 40 * DAY)
    else:
        yield case.due_s + 60
    before = case.render(timeline.shape(account))
    if case.inquiry:
        case.status = "warning_closed"
        case.emit("closed", before=before)
    elif answered and timeline.chance(0.45):
        case.status = "won"
        case.reinstate()
        case.emit("closed", "funds_reinstated", before=before)
    else:
        case.status = "lost"
        case.emit("closed", before=before)
