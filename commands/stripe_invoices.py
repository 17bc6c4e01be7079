"""What a person or a product's back end does with an invoice at Stripe: each is one call that somebody waits for.

Refuses to know whose invoice it is (`api.calls.invoices` finds out), and our own lines (`commands.issuing`).
Sources: https://docs.stripe.com/api/invoices, https://docs.stripe.com/api/credit_notes,
https://docs.stripe.com/api/refunds.
"""

from typing import Any, Literal

import msgspec

from commands.stripe_call_acts import call_act
from commands.stripe_calls import RequestCall
from ledger.errors import Invalid
from ledger.ids import Mode

#: How a credit note gives back what was paid already.
Back = Literal["refund", "credit", "out_of_band"]
CreditReason = Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"]
RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


class OfInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """What every act with an invoice says."""

    call_id: str
    mode: Mode
    account: str
    org: str
    invoice: str


class FinalizeInvoice(OfInvoice, frozen=True, kw_only=True):
    """Close a draft: from now on it is owed."""

    auto_advance: bool = True
    """Whether Stripe collects it by itself."""


class SendInvoice(OfInvoice, frozen=True, kw_only=True):
    """Mail an invoice, of which the customer pays on Stripe's page."""


class PayInvoice(OfInvoice, frozen=True, kw_only=True):
    """Try to take the money of an open invoice now."""

    payment_method: str | None = None
    """None: what the invoice, its subscription or its customer has."""
    out_of_band: bool = False
    """It was paid elsewhere: nothing is taken."""


class VoidInvoice(OfInvoice, frozen=True, kw_only=True):
    """Take an open invoice back: nothing is owed."""


class MarkInvoiceUncollectible(OfInvoice, frozen=True, kw_only=True):
    """Write an open invoice off. It may be paid all the same."""


class CreditInvoice(OfInvoice, frozen=True, kw_only=True):
    """Issue a credit note: an open invoice asks for less, of a paid one money goes back."""

    amount_minor: int
    back: Back | None = None
    """Of what was paid: to the payment method, to the customer's balance, or outside of Stripe; None: it is open."""
    why: CreditReason | None = None


class RefundPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Give a payment back, all of it or a part."""

    call_id: str
    mode: Mode
    account: str
    org: str
    payment_intent: str
    amount_minor: int | None = None
    """None: all that is left of it."""
    why: RefundReason | None = None


def _request(command: OfInvoice | RefundPayment, operation: str, params: dict[str, Any], *path: str) -> RequestCall:
    return RequestCall(
        call_id=command.call_id,
        mode=command.mode,
        account=command.account,
        operation=operation,
        path=path,
        params=params,
        org=command.org,
        awaited=True,
    )


def _finalize(command: FinalizeInvoice) -> RequestCall:
    return _request(command, "invoices.finalize", {"auto_advance": command.auto_advance}, command.invoice)


def _pay(command: PayInvoice) -> RequestCall:
    if command.out_of_band and command.payment_method is not None:
        raise Invalid("what was paid elsewhere is paid by no payment method", code="invalid_input")
    params: dict[str, Any] = {"paid_out_of_band": True} if command.out_of_band else {}
    if command.payment_method is not None:
        params["payment_method"] = command.payment_method
    return _request(command, "invoices.pay", params, command.invoice)


def _credit(command: CreditInvoice) -> RequestCall:
    _require_amount(command.amount_minor)
    params: dict[str, Any] = {"invoice": command.invoice, "amount": command.amount_minor}
    if command.back is not None:
        params[f"{command.back}_amount"] = command.amount_minor
    if command.why is not None:
        params["reason"] = command.why
    return _request(command, "credit_notes.create", params)


def _refund(command: RefundPayment) -> RequestCall:
    params: dict[str, Any] = {"payment_intent": command.payment_intent}
    if command.amount_minor is not None:
        _require_amount(command.amount_minor)
        params["amount"] = command.amount_minor
    if command.why is not None:
        params["reason"] = command.why
    return _request(command, "refunds.create", params)


def _require_amount(amount_minor: int) -> None:
    if amount_minor <= 0:
        raise Invalid("give back at least one minor unit", code="bad_amount")


FINALIZE_INVOICE = call_act("finalize_invoice", FinalizeInvoice, _finalize, 20)
SEND_INVOICE = call_act("send_invoice", SendInvoice, lambda c: _request(c, "invoices.send", {}, c.invoice))
PAY_INVOICE = call_act("pay_invoice", PayInvoice, _pay, 20)
VOID_INVOICE = call_act("void_invoice", VoidInvoice, lambda c: _request(c, "invoices.void", {}, c.invoice), 30)
MARK_INVOICE_UNCOLLECTIBLE = call_act(
    "mark_invoice_uncollectible",
    MarkInvoiceUncollectible,
    lambda c: _request(c, "invoices.mark_uncollectible", {}, c.invoice),
    30,
)
CREDIT_INVOICE = call_act("credit_invoice", CreditInvoice, _credit, 30)
REFUND_PAYMENT = call_act("refund_payment", RefundPayment, _refund, 30)
