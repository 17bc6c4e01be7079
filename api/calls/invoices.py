"""Acts with an organization's invoices and payments at Stripe, and looks at them that need Stripe's own word.

An address of a page is a capability: it is fetched for whoever asks, and kept nowhere.
"""

from typing import Any

from api.calls.billing import Shown
from api.calls.customers import Whom
from api.calls.desk import Desk, Performed
from api.calls.owning import fetched, owned
from commands.acts import Act, Asked
from commands.stripe_invoices import (
    CREDIT_INVOICE,
    FINALIZE_INVOICE,
    MARK_INVOICE_UNCOLLECTIBLE,
    PAY_INVOICE,
    REFUND_PAYMENT,
    SEND_INVOICE,
    VOID_INVOICE,
)
from ledger.ids import Mode

_INVOICE, _INTENT = "/v1/invoices", "/v1/payment_intents"
_TOLD = {
    "invoice": "id",
    "status": "status",
    "number": "number",
    "currency": "currency",
    "total_minor": "total",
    "amount_due_minor": "amount_due",
    "amount_remaining_minor": "amount_remaining",
}
_MONEY_BACK = {"id": "id", "status": "status", "currency": "currency", "amount_minor": "amount"}


def _with_invoice(act: Act[Any, Any]) -> Any:
    def does(desk: Desk, whom: Whom, asked: Asked, *, invoice: str, **given: Any) -> tuple[Performed, Shown]:
        if not desk.was_asked(whom.mode, asked):
            owned(desk, whom, _INVOICE, invoice)
        done = desk.perform(act, whom, asked, {"invoice": invoice, **given})
        return done, {ours: done.object.get(its) for ours, its in _TOLD.items()} | {"invoice": invoice}

    return does


def credit_invoice(desk: Desk, whom: Whom, asked: Asked, *, invoice: str, **given: Any) -> tuple[Performed, Shown]:
    """Issue a credit note. Raises NotFound for an invoice that is not the organization's."""
    if not desk.was_asked(whom.mode, asked):
        owned(desk, whom, _INVOICE, invoice)
    done = desk.perform(CREDIT_INVOICE, whom, asked, {"invoice": invoice, **given})
    return done, {"invoice": invoice, **{ours: done.object.get(its) for ours, its in _MONEY_BACK.items()}}


def refund_payment(
    desk: Desk, whom: Whom, asked: Asked, *, payment_intent: str, **given: Any
) -> tuple[Performed, Shown]:
    """Give a payment back. Raises NotFound for one that is not the organization's."""
    if not desk.was_asked(whom.mode, asked):
        owned(desk, whom, _INTENT, payment_intent)
    done = desk.perform(REFUND_PAYMENT, whom, asked, {"payment_intent": payment_intent, **given})
    told = {ours: done.object.get(its) for ours, its in _MONEY_BACK.items()}
    return done, {"payment_intent": payment_intent, **told}


def invoice_pages(desk: Desk, whom: Whom, invoice: str) -> Shown:
    """Where the customer sees and pays an invoice, and its PDF, fresh from Stripe. Raises NotFound."""
    found = owned(desk, whom, _INVOICE, invoice)
    names = ("status", "number", "hosted_invoice_url", "invoice_pdf")
    return {"invoice": invoice, **{name: found.get(name) for name in names}}


def balance(desk: Desk, mode: Mode, account: str) -> Shown:
    """What Stripe holds for an account, as it says now. Raises NotFound for an account that is none of ours."""
    found = fetched(desk, mode, account, "/v1/balance")
    kinds = ("available", "pending", "instant_available", "connect_reserved")
    return {"account": account, **{kind: [_amount(a) for a in found.get(kind) or ()] for kind in kinds}}


def _amount(told: dict[str, Any]) -> dict[str, Any]:
    return {"currency": told.get("currency"), "amount_minor": told.get("amount")}


ACTS: dict[str, Any] = {
    "finalize_invoice": _with_invoice(FINALIZE_INVOICE),
    "send_invoice": _with_invoice(SEND_INVOICE),
    "pay_invoice": _with_invoice(PAY_INVOICE),
    "void_invoice": _with_invoice(VOID_INVOICE),
    "mark_invoice_uncollectible": _with_invoice(MARK_INVOICE_UNCOLLECTIBLE),
    "credit_invoice": credit_invoice,
    "refund_payment": refund_payment,
}
