"""Credit notes: an invoice was too high. Before it is paid less is due; afterwards the customer gets it back.

Knows the arithmetic: a note's total = what it takes off a line + the tax on that; what is given back never exceeds what
came. Refuses to know when they are written (see `collection`).
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.billing import Changing
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import share_of
from replay.simulator.invoices import Invoice, Line
from replay.simulator.note_shapes import rendered_note
from replay.simulator.refunds import Refund, give

_REASONS = ("order_change", "product_unsatisfactory", "duplicate", None)


class CreditNote:
    """One credit note, for a part of one line of an invoice."""

    __slots__ = ("balance_transaction", "created_s", "id", "invoice", "line", "line_id", "memo", "number", "paid",
                 "reason", "refund", "subtotal", "tax", "voided_s")  # fmt: skip

    def __init__(self, invoice: Invoice, line: Line, subtotal: int) -> None:
        timeline, token = invoice.customer.timeline, invoice.customer.shop.account.token
        now_s = timeline.now_s
        invoice.notes += 1
        self.invoice, self.line, self.subtotal = invoice, line, subtotal
        self.id = timeline.ids.long("cn", now_s, token)
        self.line_id = timeline.ids.long("cnli", now_s, token)
        self.number = f"{invoice.number}-CN-{invoice.notes:02d}"
        self.created_s = now_s
        self.tax = 0 if invoice.tax_rate is None else invoice.tax_rate.on(subtotal, invoice.currency)
        self.reason = timeline.random.choice(_REASONS)
        self.memo: str | None = None
        self.paid = invoice.status == "paid"
        """Whether the invoice was, when the note was written."""
        self.refund: Refund | None = None
        self.balance_transaction: str | None = None
        """Where the customer gets it as credit."""
        self.voided_s: int | None = None

    @property
    def total(self) -> int:
        """What the customer has to pay less, or gets back."""
        return self.subtotal + self.tax

    @property
    def out_of_band(self) -> int:
        """What is given back outside of Stripe."""
        elsewhere = self.paid and self.refund is None and self.balance_transaction is None
        return self.total if elsewhere else 0

    def emit(self, type: str, before: dict[str, Any] | None = None) -> None:
        """Say something of it as it is now."""
        timeline, account = self.invoice.customer.timeline, self.invoice.customer.shop.account
        after = rendered_note(self, timeline.shape(account))
        previous = None if before is None else previous_attributes(before, after)
        timeline.emit(account, f"credit_note.{type}", after, previous)


def _draft(invoice: Invoice, most: int) -> CreditNote | None:
    """Half of some line, if that is no more than `most`."""
    timeline = invoice.customer.timeline
    lines = [line for line in invoice.lines if line.taxable > 1 and not line.proration]
    if not lines:
        return None
    line = timeline.random.choice(lines)
    subtotal = share_of(line.taxable, 1, 2, invoice.currency)
    tax = 0 if invoice.tax_rate is None else invoice.tax_rate.on(subtotal, invoice.currency)
    return CreditNote(invoice, line, subtotal) if 0 < subtotal + tax <= most else None


def credit_at_once(invoice: Invoice) -> Generator[int, Any, None]:
    """The bill was wrong: a note makes it smaller before it is paid; some notes were wrong themselves."""
    timeline, account = invoice.customer.timeline, invoice.customer.shop.account
    yield timeline.now_s + timeline.random.randint(3600, DAY)
    note = _draft(invoice, invoice.amount_remaining - 1)
    if note is None or invoice.status != "open" or invoice.customer.gone:
        return
    timeline.requested()
    changing = Changing(invoice)
    invoice.note_credit(note.total)
    note.emit("created")
    changing.emit("updated")
    if timeline.chance(0.3):
        yield timeline.now_s + timeline.random.randint(60, 7200)
        if invoice.customer.gone:
            return
        timeline.requested()
        before, changing = rendered_note(note, timeline.shape(account)), Changing(invoice)
        note.voided_s = timeline.now_s
        invoice.note_credit(-note.total)
        note.emit("voided", before)
        changing.emit("updated")


def credit_later(invoice: Invoice) -> Generator[int, Any, None]:
    """Somebody complains of what was paid: the money goes back, or waits for the next invoice, or goes elsewhere."""
    customer = invoice.customer
    timeline, account = customer.timeline, customer.shop.account
    yield timeline.now_s + timeline.random.randint(3600, 2 * DAY)
    payment = invoice.payment
    if customer.gone or payment is None:
        return
    note = _draft(invoice, min(payment.refundable, invoice.amount_paid - invoice.post_credited))
    if note is None:
        return
    timeline.requested()
    changing = Changing(invoice)
    way = timeline.random.choice(("refund", "balance", "elsewhere"))
    if way == "refund":
        note.refund = give(payment, note.total)
    elif way == "balance":
        note.balance_transaction = timeline.ids.long("cbtxn", timeline.now_s, account.token)
    invoice.note_credit(note.total)
    note.emit("created")
    changing.emit("updated")
    if way == "balance":
        customer.update(balance=customer.balance - note.total)
    if timeline.chance(0.3):
        yield timeline.now_s + timeline.random.randint(60, 7200)
        before = rendered_note(note, timeline.shape(account))
        note.memo = "As agreed on the phone"
        note.emit("updated", before)
