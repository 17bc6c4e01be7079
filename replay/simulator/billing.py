"""The steps in an invoice's life: finalized, charged, settled, closed. Emits what Stripe would at each.

Knows invoices, payments and the customer's credit; refuses to know when the steps come (see `collection`).
"""

from collections.abc import Generator
from typing import Any

from replay.simulator import charging
from replay.simulator.balances import DAY
from replay.simulator.changes import previous_attributes
from replay.simulator.checkout import rendered_invoice_payment
from replay.simulator.credits import pay_with_grants
from replay.simulator.customers import Customer
from replay.simulator.invoice_shapes import rendered_invoice
from replay.simulator.invoices import HOUR, Invoice
from replay.simulator.methods import Method
from replay.simulator.payments import Payment


def emit_invoice(invoice: Invoice, *types: str) -> None:
    """Say something of an invoice as it is now."""
    timeline, account = invoice.customer.timeline, invoice.customer.shop.account
    rendered = rendered_invoice(invoice, timeline.shape(account))
    for type in types:
        timeline.emit(account, f"invoice.{type}", rendered)


class Changing:
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
    """Number it and open it; credit that it takes leaves the customer's grants, and its balance."""
    customer = invoice.customer
    changing = Changing(invoice)
    if customer.grants:
        pay_with_grants(invoice)
    balance = invoice.finalize()
    if customer.timeline.chance(0.3):
        changing.emit("updated", "finalized")
    else:
        changing.emit("finalized")
    if balance != customer.balance:
        customer.update(balance=balance)


def settle_without_charge(invoice: Invoice, *, out_of_band: bool = False) -> None:
    """Pay an open invoice of which nothing is due, or for which the money came by bank."""
    changing = Changing(invoice)
    invoice.out_of_band = out_of_band
    invoice.pay()
    changing.emit("paid", "payment_succeeded")


def close(invoice: Invoice, *, uncollectible: bool) -> None:
    """Void an invoice, or mark it uncollectible."""
    changing = Changing(invoice)
    if uncollectible:
        invoice.mark_uncollectible()
    else:
        invoice.void()
    changing.emit("updated", "marked_uncollectible" if uncollectible else "voided")


def new_payment(invoice: Invoice, method: Method | None = None) -> Payment:
    """One more attempt to collect an invoice, by the customer's method unless told."""
    customer = invoice.customer
    method = method or customer.method
    assert method is not None
    payment = Payment(
        customer,
        method,
        invoice.amount_due,
        invoice.currency,
        invoice=invoice.id,
        intent=invoice.payment_intent,
        intent_created_s=invoice.intent_created_s,
    )
    invoice.payment_intent, invoice.intent_created_s = payment.intent, payment.intent_created_s
    return payment


def settle(payment: Payment, invoice: Invoice, changing: Changing | None = None) -> None:
    """The money has come: the charge, the invoice (which was as `changing` knows), and what ties them, say so."""
    timeline, account = invoice.customer.timeline, invoice.customer.shop.account
    changing = changing or Changing(invoice)
    charging.succeed(payment)
    invoice.charge, invoice.payment = payment.charge, payment
    invoice.attempts += 1
    invoice.pay()
    updated = ("updated",) if timeline.chance(0.5) else ()
    changing.emit(*updated, "paid", "payment_succeeded")
    if timeline.shape(account).basil:
        id = timeline.ids.long("inpay", timeline.now_s, account.token, extra=True)
        timeline.emit(account, "invoice_payment.paid", rendered_invoice_payment(invoice, id), extra=True)


def attempt(invoice: Invoice, *, succeeds: bool, retry_days: int | None = None) -> Generator[int, Any, None]:
    """Try once to collect: a card answers at once, a bank in days. After a failure it waits `retry_days` (None: over).

    What else happens meanwhile is the caller's to look at when this is done.
    """
    timeline = invoice.customer.timeline
    changing, new = Changing(invoice), invoice.payment_intent is None
    payment = new_payment(invoice)
    if payment.method.slow:
        if new:
            charging.tell(payment, "payment_intent.created", status="requires_payment_method")
        waited = not invoice.attempted or invoice.next_attempt_s is not None
        invoice.charge = payment.charge
        invoice.attempted, invoice.next_attempt_s = True, None
        charging.process(payment)
        if waited:  # else only old versions would have something to tell
            changing.emit("updated")
        yield timeline.now_s + timeline.random.randint(2 * DAY, 5 * DAY)
        changing = Changing(invoice)
    if succeeds:
        settle(payment, invoice, changing)
        return
    charging.fail(payment)
    invoice.charge = payment.charge
    wait_s = None if retry_days is None else retry_days * DAY + timeline.random.randrange(HOUR)
    invoice.fail(None if wait_s is None else timeline.now_s + wait_s)
    changing.emit("updated", "payment_failed")


def require_action(invoice: Invoice) -> None:
    """The bank wants to see the customer before it pays."""
    changing = Changing(invoice)
    payment = new_payment(invoice)
    charging.tell(payment, "payment_intent.created", status="requires_payment_method")
    charging.tell(payment, "payment_intent.requires_action", status="requires_action")
    invoice.fail(None)
    changing.emit("updated", "payment_action_required")


def spread(customer: Customer) -> Generator[int, Any, None]:
    """Let a second or two pass, unless what follows shall share this one."""
    timeline = customer.timeline
    if not timeline.tied():
        yield timeline.now_s + timeline.random.randint(1, 3)


def await_charges(customer: Customer) -> Generator[int, Any, None]:
    """Wait while the seller may not charge anybody."""
    while not customer.shop.account.charges_enabled:
        yield customer.timeline.now_s + 6 * HOUR
