"""Granted credit: what a customer may use up before it pays for usage, and what becomes of it.

Knows the arithmetic: what a grant has left is what its transactions brought less what they took, and never below zero.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.catalog import local_amount
from replay.simulator.changes import previous_attributes
from replay.simulator.customers import Customer
from replay.simulator.invoices import Invoice
from replay.simulator.timeline import Object


class Grant:
    """One grant as it is now."""

    __slots__ = ("amount", "category", "created_s", "currency", "customer", "expires_s", "id", "left", "updated_s",
                 "voided_s")  # fmt: skip

    def __init__(self, customer: Customer, amount: int, currency: str) -> None:
        timeline = customer.timeline
        self.customer, self.amount, self.currency = customer, amount, currency
        self.created_s = self.updated_s = timeline.now_s
        self.expires_s = timeline.now_s + 90 * DAY
        self.id = timeline.ids.long("credgr", timeline.now_s, customer.shop.account.token)
        self.category = timeline.random.choice(("paid", "promotional"))
        self.left = 0
        self.voided_s: int | None = None

    def render(self) -> Object:
        """The grant; alike in all versions since there are grants."""
        return {
            "id": self.id,
            "object": "billing.credit_grant",
            "amount": _monetary(self.amount, self.currency),
            "applicability_config": {"scope": {"price_type": "metered"}},
            "category": self.category,
            "created": self.created_s,
            "customer": self.customer.id,
            "customer_account": None,
            "effective_at": self.created_s,
            "expires_at": self.expires_s,
            "livemode": self.customer.timeline.livemode,
            "metadata": {},
            "name": "Credit for usage",
            "priority": 50,
            "test_clock": None,
            "updated": self.updated_s,
            "voided_at": self.voided_s,
        }

    def move(self, kind: str, amount: int, applied: Object | None = None) -> str:
        """Credit or debit it, and say so. The transaction's id is returned."""
        timeline, account = self.customer.timeline, self.customer.shop.account
        self.left += amount
        assert 0 <= self.left <= self.amount
        way = "credit" if amount > 0 else "debit"
        details: Object = {"amount": _monetary(abs(amount), self.currency), "type": kind}
        details["credits_application_invoice_voided" if way == "credit" else "credits_applied"] = applied
        id = timeline.ids.long("cbtxn", timeline.now_s, account.token)
        transaction: Object = {
            "id": id,
            "object": "billing.credit_balance_transaction",
            "created": timeline.now_s,
            "credit": None,
            "credit_grant": self.id,
            "debit": None,
            "effective_at": timeline.now_s,
            "livemode": timeline.livemode,
            "test_clock": None,
            "type": way,
        }
        transaction[way] = details
        timeline.emit(account, "billing.credit_balance_transaction.created", transaction)
        return id


def _monetary(value: int, currency: str) -> Object:
    return {"monetary": {"currency": currency, "value": value}, "type": "monetary"}


def grant(customer: Customer) -> Generator[int, Any, None]:
    """Credit is granted; after three months, or when somebody takes it back, what is left is gone."""
    timeline, account = customer.timeline, customer.shop.account
    given = Grant(customer, local_amount(timeline.random.randint(5, 60) * 100, customer.pays_in), customer.pays_in)
    timeline.emit(account, "billing.credit_grant.created", given.render())
    given.move("credits_granted", given.amount)
    customer.grants.append(given)
    voids = timeline.chance(0.2)
    yield timeline.now_s + timeline.random.randint(5 * DAY, 60 * DAY) if voids else given.expires_s
    customer.grants.remove(given)
    if customer.gone:
        return
    if voids:
        timeline.requested()
        before = given.render()
        given.voided_s = given.updated_s = timeline.now_s
        after = given.render()
        timeline.emit(account, "billing.credit_grant.updated", after, previous_attributes(before, after))
    if given.left:
        given.move("credits_voided" if voids else "credits_expired", -given.left)


def pay_with_grants(invoice: Invoice) -> None:
    """Grants pay for metered lines of a draft, the oldest first, each line from one grant."""
    customer = invoice.customer
    for held in customer.grants:
        for line in invoice.lines:
            if line.price.meter is None or line.credit is not None or held.currency != invoice.currency:
                continue
            part = min(held.left, line.taxable)
            if part > 0:
                applied = {"invoice": invoice.id, "invoice_line_item": line.id}
                invoice.apply_credit(line, held.move("credits_applied", -part, applied), part)
