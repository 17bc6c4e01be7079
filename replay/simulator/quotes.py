"""Quotes: an offer to a customer, drafted, finalized, and accepted or not. Accepted, it becomes a subscription.

Knows what an offer amounts to; refuses to know what is billed in the end (see `beginnings`).
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.customers import Customer
from replay.simulator.subscriptions import Item
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


class Quote:
    """One quote as it is now."""

    __slots__ = ("accepted_s", "canceled_s", "collection", "created_s", "customer", "finalized_s", "id", "invoice",
                 "items", "number", "subscription")  # fmt: skip

    def __init__(self, customer: Customer, items: tuple[Item, ...], collection: str) -> None:
        timeline = customer.timeline
        self.customer, self.items, self.collection = customer, items, collection
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("qt", timeline.now_s, customer.shop.account.token)
        self.number: str | None = None
        self.finalized_s: int | None = None
        self.accepted_s: int | None = None
        self.canceled_s: int | None = None
        self.subscription: str | None = None
        self.invoice: str | None = None

    @property
    def status(self) -> str:
        """Draft, open, accepted or canceled."""
        if self.accepted_s is not None:
            return "accepted"
        if self.canceled_s is not None:
            return "canceled"
        return "draft" if self.finalized_s is None else "open"

    def emit(self, type: str) -> None:
        """Say something of it as it is now."""
        timeline, account = self.customer.timeline, self.customer.shop.account
        timeline.emit(account, f"quote.{type}", self.render(timeline.shape(account)))

    def render(self, shape: Shape) -> Object:
        """The quote in the shape of a version."""
        customer = self.customer
        rate, interval = customer.tax_rate, self.items[0].price.interval
        subtotal = sum((item.price.amount or 0) * (item.quantity or 0) for item in self.items)
        tax = 0 if rate is None else rate.on(subtotal, customer.pays_in)
        details = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": tax}
        amounts: Object = {"amount_subtotal": subtotal, "amount_total": subtotal + tax, "total_details": details}
        rendered: Object = {
            "id": self.id,
            "object": "quote",
            "amount_subtotal": subtotal,
            "amount_total": subtotal + tax,
            "application": None,
            "application_fee_amount": None,
            "application_fee_percent": None,
            "automatic_tax": {"enabled": False, "liability": None, "status": None},
            "collection_method": self.collection,
            "computed": {
                "recurring": {**amounts, "interval": interval, "interval_count": 1},
                "upfront": amounts,
            },
            "created": self.created_s,
            "currency": customer.pays_in,
            "customer": customer.id,
            "customer_account": None,
            "default_tax_rates": [] if rate is None else [rate.id],
            "description": None,
            "discounts": [],
            "expires_at": self.created_s + 30 * DAY,
            "footer": None,
            "from_quote": None,
            "header": None,
            "invoice": self.invoice,
            "invoice_settings": {
                "days_until_due": 14 if self.collection == "send_invoice" else None,
                "issuer": {"type": "self"},
            },
            "livemode": customer.timeline.livemode,
            "metadata": {},
            "number": self.number,
            "on_behalf_of": None,
            "status": self.status,
            "status_transitions": {
                "accepted_at": self.accepted_s,
                "canceled_at": self.canceled_s,
                "finalized_at": self.finalized_s,
            },
            "subscription": self.subscription,
            "subscription_data": {
                "description": None,
                "effective_date": None,
                "metadata": {},
                "trial_period_days": None,
            },
            "subscription_schedule": None,
            "test_clock": None,
            "total_details": details,
            "transfer_data": None,
        }
        if shape.basil:
            rendered["subscription_data"]["billing_mode"] = {"type": "classic"}
        return rendered


def offer(customer: Customer, items: tuple[Item, ...], collection: str) -> Generator[int, Any, Quote | None]:
    """Make an offer, and wait for the answer: the quote if it is yes, to be accepted in this second."""
    timeline = customer.timeline
    timeline.requested()
    quote = Quote(customer, items, collection)
    quote.emit("created")
    yield timeline.now_s + timeline.random.randint(60, 7200)
    if customer.gone:
        return None
    timeline.requested()
    quote.finalized_s = timeline.now_s
    quote.number = f"QT-{customer.prefix}-{quote.id[-4:].upper()}-1"
    quote.emit("finalized")
    yield timeline.now_s + timeline.random.randint(DAY // 2, 9 * DAY)
    if customer.gone:
        return None
    timeline.requested()
    if timeline.chance(0.75):
        return quote
    quote.canceled_s = timeline.now_s
    quote.emit("canceled")
    return None
