"""An invoice: its lines and amounts, and the states that it goes through.

Knows the arithmetic: total = lines - discounts - granted credit + exclusive tax, due = total less the customer's
balance, never below zero, less credit notes. Refuses to know when it is collected (see `billing`) and how it is
rendered (see `invoice_shapes`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from replay.simulator.catalog import Price
from replay.simulator.coupons import Discount, TaxRate, share_of
from replay.simulator.customers import Customer
from replay.simulator.timeline import Object

if TYPE_CHECKING:
    from replay.simulator.payments import Payment

HOUR = 3600


class Line(NamedTuple):
    """One line. Discount and tax are known once the invoice is made."""

    id: str
    price: Price
    quantity: int
    amount: int
    description: str
    start_s: int
    end_s: int
    item: str | None
    """The subscription item; None for a line of a one-off invoice."""
    invoice_item: str | None = None
    """The invoice item behind a proration or a one-off line."""
    proration: bool = False
    discount: int = 0
    tax: int = 0
    credit: tuple[str, int] | None = None
    """The transaction by which granted credit paid for some of it, and how much."""

    @property
    def taxable(self) -> int:
        """What it costs before tax."""
        return self.amount - self.discount - (0 if self.credit is None else self.credit[1])


@dataclass(slots=True, eq=False)
class Parent:
    """The subscription that an invoice is for, as it was when the invoice was made."""

    subscription: str
    metadata: dict[str, str]


class Invoice:
    """An invoice as it is now."""

    __slots__ = ("amount_due", "amount_paid", "attempted", "attempts", "auto_advance", "charge", "collection",
                 "created_s", "credited", "currency", "customer", "discount", "discounted", "due_s", "ending_balance",
                 "finalized_s", "fixed", "id", "intent_created_s", "lines", "next_attempt_s", "notes", "number",
                 "out_of_band", "paid_s", "parent", "payment", "payment_intent", "period_end_s", "period_start_s",
                 "post_credited", "pre_credited", "reason", "starting_balance", "status", "subtotal", "tax",
                 "tax_rate", "token", "total", "uncollectible_s", "voided_s")  # fmt: skip

    def __init__(
        self,
        customer: Customer,
        lines: tuple[Line, ...],
        *,
        reason: str,
        parent: Parent | None,
        period: tuple[int, int],
        discount: Discount | None,
        collection: str = "charge_automatically",
    ) -> None:
        timeline = customer.timeline
        self.id = timeline.ids.long("in", timeline.now_s, customer.shop.account.token)
        self.token = timeline.ids.token(16)
        self.customer, self.reason, self.parent = customer, reason, parent
        self.period_start_s, self.period_end_s = period
        self.currency = lines[0].price.currency
        self.collection = collection
        self.created_s = timeline.now_s
        self.tax_rate = customer.tax_rate
        self.discount = discount
        self.lines = with_discount_and_tax(lines, discount, customer.tax_rate)
        self.pre_credited = self.post_credited = 0
        """What credit notes took off it before and after it was paid."""
        self.notes = 0
        """How many credit notes it has had."""
        self.payment: Payment | None = None
        """The one that paid it."""
        self.intent_created_s: int | None = None
        self._add_up()
        self.status = "draft"
        self.number: str | None = None
        self.attempts = 0
        self.attempted = False
        self.auto_advance = True
        self.next_attempt_s: int | None = self.created_s + HOUR if collection == "charge_automatically" else None
        self.due_s: int | None = None
        self.amount_paid = 0
        self.ending_balance: int | None = None
        self.finalized_s: int | None = None
        self.paid_s: int | None = None
        self.voided_s: int | None = None
        self.uncollectible_s: int | None = None
        self.payment_intent: str | None = None
        self.charge: str | None = None
        self.out_of_band = False
        self.fixed: tuple[str, Object] | None = None
        """What does not change any more, as rendered for a version; kept by `invoice_shapes`."""
        self._take_credit()

    def _add_up(self) -> None:
        self.subtotal = sum(line.amount for line in self.lines)
        self.discounted = sum(line.discount for line in self.lines)
        self.credited = sum(line.credit[1] for line in self.lines if line.credit is not None)
        self.tax = sum(line.tax for line in self.lines)
        self.total = self.subtotal - self.discounted - self.credited + self.tax

    def _take_credit(self) -> None:
        self.starting_balance = self.customer.balance
        self.amount_due = max(0, self.total + self.starting_balance)

    def apply_credit(self, line: Line, transaction: str, amount: int) -> None:
        """Credit that the customer was granted pays for some of a draft's line, before tax."""
        assert self.status == "draft"
        covered = line._replace(credit=(transaction, amount))
        tax = 0 if self.tax_rate is None else self.tax_rate.on(covered.taxable, self.currency)
        self.lines = tuple(covered._replace(tax=tax) if one is line else one for one in self.lines)
        self.fixed = None
        self._add_up()

    def note_credit(self, amount: int) -> None:
        """A credit note takes this much off it (or, negative, gives it back): off what is due, if it is not paid."""
        if self.status == "paid":
            self.post_credited += amount
        else:
            self.pre_credited += amount
            self.amount_due -= amount

    @property
    def amount_remaining(self) -> int:
        """What is still to be paid."""
        return self.amount_due - self.amount_paid

    def finalize(self) -> int:
        """Open it for payment: number, credit taken. The customer's balance from now on is returned."""
        self._take_credit()
        self.ending_balance = min(0, self.total + self.starting_balance)
        self.status = "open"
        self.finalized_s = now_s = self.customer.timeline.now_s
        self.number = f"{self.customer.prefix}-{self.customer.sequence:04d}"
        self.customer.sequence += 1
        if self.collection == "send_invoice":
            self.due_s = now_s + 14 * 86_400
        return self.ending_balance

    def pay(self) -> None:
        """Settled: by a charge, from credit, out of band, or because nothing was due."""
        self.status = "paid"
        self.paid_s = self.customer.timeline.now_s
        self.amount_paid = self.amount_due
        self.attempted = True
        self.auto_advance = False
        self.next_attempt_s = None

    def fail(self, next_attempt_s: int | None) -> None:
        """An attempt to collect it failed; the next is at a time, or there is none."""
        self.attempts += 1
        self.attempted = True
        self.next_attempt_s = next_attempt_s
        self.auto_advance = next_attempt_s is not None

    def keep_as_draft(self) -> None:
        """It shall not go on by itself."""
        self._close("draft")

    def void(self) -> None:
        """Nobody has to pay it any more: it should not have been."""
        self._close("void")
        self.voided_s = self.customer.timeline.now_s

    def mark_uncollectible(self) -> None:
        """Nobody is going to pay it."""
        self._close("uncollectible")
        self.uncollectible_s = self.customer.timeline.now_s

    def _close(self, status: str) -> None:
        self.status = status
        self.auto_advance = False
        self.next_attempt_s = None


def with_discount_and_tax(
    lines: tuple[Line, ...], discount: Discount | None, tax_rate: TaxRate | None
) -> tuple[Line, ...]:
    """Prorations keep their price: what they credit was discounted already. An amount off goes to the first line."""
    finished: list[Line] = []
    for line in lines:
        off = 0
        if discount is not None and not line.proration and line.amount > 0:
            once = discount.coupon.amount_off is not None and any(done.discount for done in finished)
            off = 0 if once else discount.coupon.off(line.amount, line.price.currency)
        tax = 0 if tax_rate is None else tax_rate.on(line.amount - off, line.price.currency)
        finished.append(line._replace(discount=off, tax=tax))
    return tuple(finished)


def prorated(amount: int, now_s: int, start_s: int, end_s: int, currency: str) -> int:
    """The share of a period's amount that falls after now."""
    left = max(0, end_s - now_s)
    return share_of(amount, left, max(1, end_s - start_s), currency)
