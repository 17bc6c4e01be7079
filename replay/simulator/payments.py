"""A payment: the intent to collect, its last charge, and what has become of the money since.

Knows the amounts: never more goes back than came. Refuses to know how it is rendered (see `payment_shapes`) and what
is said of it (see `charging`).
"""

from typing import TYPE_CHECKING

from replay.simulator.customers import Customer
from replay.simulator.methods import Method, billing_details

if TYPE_CHECKING:
    from replay.simulator.fees import Fee
    from replay.simulator.refunds import Refund


class Payment:
    """One charge with the intent that it serves. A further attempt is another payment of the same intent."""

    __slots__ = ("amount", "arrived", "billing", "charge", "created_s", "currency", "customer",
                 "description", "disputed", "failure", "fee", "intent", "intent_created_s", "invoice", "method",
                 "refunds", "review", "status")  # fmt: skip

    def __init__(
        self,
        customer: Customer,
        method: Method,
        amount: int,
        currency: str,
        *,
        invoice: str | None,
        intent: str | None = None,
        intent_created_s: int | None = None,
    ) -> None:
        timeline, token = customer.timeline, customer.shop.account.token
        now_s = timeline.now_s
        self.customer, self.method, self.amount, self.currency = customer, method, amount, currency
        self.invoice = invoice
        self.intent = intent or timeline.ids.long("pi", now_s, token)
        self.intent_created_s = now_s if intent_created_s is None else intent_created_s
        self.charge = timeline.ids.long("ch" if method.kind == "card" else "py", now_s, token)
        self.created_s = now_s
        self.billing = billing_details(customer)
        self.description = "One-time purchase" if invoice is None else "Subscription update"
        self.status = "pending"
        """Of the charge: pending, succeeded, failed."""
        self.arrived = 0
        """What a customer has sent of it by bank transfer, so far."""
        self.failure: tuple[str, str] | None = None
        """Code and message."""
        self.refunds: tuple[Refund, ...] = ()
        self.disputed = False
        self.fee: Fee | None = None
        self.review: str | None = None

    @property
    def refunded(self) -> int:
        """What has gone back, or is on its way."""
        return sum(refund.amount for refund in self.refunds if refund.counts)

    @property
    def refundable(self) -> int:
        """What can still go back."""
        return self.amount - self.refunded if self.status == "succeeded" and not self.disputed else 0
