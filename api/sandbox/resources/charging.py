"""How other subjects take money and give it back: invoices, checkout sessions. The interface of the payments' side."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources import intent_course, intents, payment_intents, payment_methods
from api.sandbox.resources.refunds import refund
from api.sandbox.state import Object

__all__ = ["cancel", "default_method", "opened", "pay_now", "refund", "try_again"]


def opened(
    desk: Desk,
    *,
    customer: str | None,
    amount: int,
    currency: str,
    metadata: dict[str, Any] | None = None,
    description: str | None = None,
    invoice: str | None = None,
    application_fee: int | None = None,
    transfer: dict[str, Any] | None = None,
    **said: Any,
) -> Object:
    """An intent that was not tried yet. `invoice`: for which; `transfer`: `destination`, `amount`.

    `said`: further parameters of an intent (`on_behalf_of`, `setup_future_usage`, `capture_method`,
    `payment_method_types`, `_session` …). Raises StripeError for amounts and accounts that cannot be.
    """
    own = {name: said.pop(name) for name in list(said) if name.startswith("_")}
    asked = {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "metadata": metadata or {},
        "description": description,
        "application_fee_amount": application_fee,
        "transfer_data": transfer,
        "capture_method": "automatic",
        **said,
    }
    intent = payment_intents.new(desk, asked)
    if invoice is not None:
        intent |= {"_invoice": invoice, "automatic_payment_methods": None}
        intent["payment_details"] = {"customer_reference": None, "order_reference": invoice}
    intent |= own
    return desk.add(payment_intents.KIND, intent, event="payment_intent.created")


def pay_now(
    desk: Desk,
    *,
    customer: str | None,
    amount: int,
    currency: str,
    payment_method: str,
    off_session: bool,
    metadata: dict[str, Any] | None = None,
    description: str | None = None,
    invoice: str | None = None,
    application_fee: int | None = None,
    transfer: dict[str, Any] | None = None,
    **said: Any,
) -> Object:
    """Take an amount by a method. The intent is `succeeded`, `processing`, `requires_action`, or, when it was declined,
    `requires_payment_method` with its failed charge and `last_payment_error`: no exception. `settled` is not told: the
    caller sees it."""
    intent = opened(
        desk,
        customer=customer,
        amount=amount,
        currency=currency,
        metadata=metadata,
        description=description,
        invoice=invoice,
        application_fee=application_fee,
        transfer=transfer,
        **said,
    )
    return try_again(desk, intent, payment_method, off_session=off_session)


def try_again(
    desk: Desk, intent: Object, payment_method: str, *, off_session: bool, said: dict[str, Any] | None = None
) -> Object:
    """Try an open intent by a method, as `pay_now` does; `said`: `return_url`, `mandate_data`."""
    method = intents.fitting(intent, payment_methods.resolved(desk, payment_method))
    intent_course.attempt(desk, intent, method, off_session=off_session, said=said)
    error = intent["last_payment_error"]
    if intent.get("_invoice") and error is not None and error["code"] == "authentication_required":
        intent_course.ask_customer(desk, intent, method)
    return intent


def cancel(desk: Desk, intent: Object, reason: str | None) -> Object:
    """Give up an intent: its invoice was voided (`void_invoice`), its session expired (`abandoned`). `settled` is not
    told."""
    return intent_course.cancel(desk, intent, reason)


def default_method(desk: Desk, customer: str, *named: str | None) -> str | None:
    """The method that pays for a customer: the first that is named (of the invoice, then of the subscription), else the
    customer's default for invoices, else its default source. None when there is none."""
    held = desk.get("customer", customer)
    ids = (*named, held["invoice_settings"]["default_payment_method"], held["default_source"])
    return next((str(id) for id in ids if id is not None), None)
