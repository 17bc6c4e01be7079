"""The steps in an invoice's life: finalized, charged, settled, closed. Emits what Stripe would at each.

Knows invoices, payments and the customer's credit; refuses to know when the steps come (see `collection`).
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.changes import previous_attributes
from replay.simulator.checkout import rendered_invoice_payment
from replay.simulator.customers import Customer
from replay.simulator.invoice_shapes import rendered_invoice
from replay.simulator.invoices import Invoice
from replay.simulator.payments import Payment, rendered_charge, rendered_intent


def emit_invoice(invoice: Invoice, *types: str) -> None:
    """Say something of an invoice as it is now."""
    timeline, account = invoice.customer.timeline, invoice.customer.shop.account
    rendered = rendered_invoice(invoice, timeline.shape(account))
    for type in types:
        timeline.emit(account, f"invoice.{type}", rendered)


class _Changing:
    """An invoice while it changes: what it was is kept, so that `invoice.updated` can tell."""

    def __init__(self, invoice: Invoice) -> None:
        self.invoice = invoice
        timeline, account = invoice.customer.timeline, invoice.customer.shop.account
        self.before = rendered_invoice(invoice, timeline.shape(account))

    def emit(self, *types: str) -> None:
        """Emit in this order; `updated` carries what was."""
        timeline, account = self.invoice.customer.timeline, self.invoice.customer.shop.account
        after = rendered_invoice(self.invoice, timeline.shape(account))
        for type in types:
            previous = previous_attributes(self.before, after) if type == "updated" else None
            if previous or type != "updated":
                timeline.emit(account, f"invoice.{type}", after, previous)


def finalize(invoice: Invoice) -> None:
    """Number it and open it; credit that it takes leaves the customer's balance."""
    customer = invoice.customer
    changing = _Changing(invoice)
    balance = invoice.finalize()
    if customer.timeline.chance(0.3):
        changing.emit("updated", "finalized")
    else:
        changing.emit("finalized")
    if balance != customer.balance:
        customer.update(balance=balance)


def settle_without_charge(invoice: Invoice, *, out_of_band: bool = False) -> None:
    """Pay an open invoice of which nothing is due, or for which the money came by bank."""
    changing = _Changing(invoice)
    invoice.out_of_band = out_of_band
    invoice.pay()
    changing.emit("paid", "payment_succeeded")


def close(invoice: Invoice, *, uncollectible: bool) -> None:
    """Void an invoice, or mark it uncollectible."""
    changing = _Changing(invoice)
    if uncollectible:
        invoice.mark_uncollectible()
    else:
        invoice.void()
    changing.emit("updated", "marked_uncollectible" if uncollectible else "voided")


def attempt(invoice: Invoice, *, succeeds: bool, next_attempt_s: int | None = None) -> None:
    """Try to charge the card once."""
    customer = invoice.customer
    timeline, account = customer.timeline, customer.shop.account
    changing = _Changing(invoice)
    shape = timeline.shape(account)
    invoice.payment_intent = invoice.payment_intent or timeline.ids.long("pi", timeline.now_s, account.token)
    invoice.charge = timeline.ids.long("ch", timeline.now_s, account.token)
    payment = Payment(
        invoice.payment_intent,
        invoice.charge,
        invoice.id,
        invoice.amount_due,
        invoice.currency,
        succeeds,
        timeline.now_s,
    )
    if succeeds:
        timeline.emit(account, "payment_intent.succeeded", rendered_intent(customer, payment, shape, "succeeded"))
        timeline.emit(account, "charge.succeeded", rendered_charge(customer, payment, shape))
        invoice.attempts += 1
        invoice.pay()
        customer.last_charge = payment
        updated = ("updated",) if timeline.chance(0.5) else ()
        changing.emit(*updated, "paid", "payment_succeeded")
        if shape.basil:
            id = timeline.ids.long("inpay", timeline.now_s, account.token, extra=True)
            rendered = rendered_invoice_payment(customer, invoice, id)
            timeline.emit(account, "invoice_payment.paid", rendered, extra=True)
        return
    intent = rendered_intent(customer, payment, shape, "requires_payment_method")
    timeline.emit(account, "payment_intent.payment_failed", intent)
    timeline.emit(account, "charge.failed", rendered_charge(customer, payment, shape))
    invoice.fail(next_attempt_s)
    changing.emit("updated", "payment_failed")


def require_action(invoice: Invoice) -> None:
    """The bank wants to see the customer before it pays."""
    customer = invoice.customer
    timeline, account = customer.timeline, customer.shop.account
    shape = timeline.shape(account)
    changing = _Changing(invoice)
    invoice.payment_intent = timeline.ids.long("pi", timeline.now_s, account.token)
    payment = Payment(
        invoice.payment_intent, "", invoice.id, invoice.amount_due, invoice.currency, False, timeline.now_s
    )
    intent = rendered_intent(customer, payment, shape, "requires_action")
    timeline.emit(account, "payment_intent.requires_action", intent)
    invoice.fail(None)
    changing.emit("updated", "payment_action_required")


def spread(customer: Customer) -> Generator[int, Any, None]:
    """Let a second or two pass, unless what follows shall share this one."""
    timeline = customer.timeline
    if not timeline.tied():
        yield timeline.now_s + timeline.random.randint(1, 3)
