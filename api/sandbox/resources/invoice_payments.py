"""What was asked and paid on an invoice, and by which intent: https://docs.stripe.com/api/invoice-payment."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "invoice_payment"


def asked(desk: Desk, invoice: Object, intent: str) -> Object:
    """An intent shall pay what is left of an invoice."""
    return desk.add(
        KIND,
        {
            "id": desk.new_id("inpay"),
            "object": KIND,
            "amount_paid": None,
            "amount_requested": invoice["amount_remaining"],
            "created": desk.now_s,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": desk.livemode,
            "payment": {"payment_intent": intent, "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
    )


def of_intent(desk: Desk, invoice: Object, intent: str) -> Object | None:
    """What an intent was to pay of an invoice."""
    found = desk.find(KIND, lambda p: p["payment"].get("payment_intent") == intent, invoice=invoice["id"])
    return found[0] if found else None


def paid(desk: Desk, invoice: Object, intent: Object) -> None:
    """The intent paid; the event tells of it."""
    payment = of_intent(desk, invoice, intent["id"]) or asked(desk, invoice, intent["id"])
    payment |= {"amount_paid": intent["amount_received"], "status": "paid"}
    payment["status_transitions"] = {"canceled_at": None, "paid_at": desk.now_s}
    desk.emit("invoice_payment.paid", payment)


def canceled(desk: Desk, invoice: Object) -> None:
    """Nothing will be paid any more."""
    for payment in desk.find(KIND, invoice=invoice["id"], status="open"):
        payment["status"] = "canceled"
        payment["status_transitions"] = {"canceled_at": desk.now_s, "paid_at": None}


def of_invoice(desk: Desk, invoice: Object) -> Object:
    """The list that an invoice shows when it is asked for."""
    found = sorted(desk.scan(KIND, invoice=invoice["id"]), key=lambda p: -p["_seq"])
    return {"object": "list", "data": [dict(p) for p in found], "has_more": False, "url": "/v1/invoices/payments"}


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The payment."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Payments, newest first, by invoice, status, or the intent that paid."""
    named = params.get("payment") or {}
    where = {name: params[name] for name in ("invoice", "status") if params.get(name) is not None}
    found = desk.scan(KIND, lambda p: all(p["payment"].get(n) == v for n, v in named.items()), **where)
    return page(params, found, "/v1/invoice_payments")


ROUTES = (
    Route("GET", "/v1/invoice_payments", sdk.InvoicePaymentListParams, listed),
    Route("GET", "/v1/invoice_payments/{payment}", None, retrieve),
)
PREFIXES = {"inpay": KIND}
