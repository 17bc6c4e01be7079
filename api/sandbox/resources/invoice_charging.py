"""The intent that pays an invoice: opened with it, tried, given up. The only place where invoices meet `charging`."""

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError
from api.sandbox.resources import charging, invoice_payments
from api.sandbox.resources.subscription_standing import of_invoice
from api.sandbox.rounding import percent_of
from api.sandbox.state import Object

_REQUIRES_ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be completed"
    " using the PaymentIntent associated with the invoice. For more details see:"
    " https://stripe.com/docs/billing/subscriptions/overview#requires-action"
)


def prepare(desk: Desk, invoice: Object) -> None:
    """Open the intent of an invoice that was finalized, unless one made elsewhere is to pay it."""
    if invoice["_payment_intent"] is not None:
        desk.get("payment_intent", invoice["_payment_intent"])["_invoice"] = invoice["id"]
        invoice_payments.asked(desk, invoice, invoice["_payment_intent"])
        return
    subscription = of_invoice(desk, invoice)
    reasons = {"subscription_create": "Subscription creation", "manual": "Payment for Invoice"}
    settings = invoice["payment_settings"]
    said: Object = {}
    if subscription is not None:
        said["setup_future_usage"] = "off_session"
    if settings["payment_method_types"]:
        said["payment_method_types"] = settings["payment_method_types"]
    intent = charging.opened(
        desk,
        customer=invoice["customer"],
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        description=reasons.get(invoice["billing_reason"], "Subscription update"),
        invoice=invoice["id"],
        application_fee=_fee(invoice, subscription),
        transfer=_transfer(invoice, subscription),
        on_behalf_of=invoice["on_behalf_of"],
        **said,
    )
    invoice["_payment_intent"] = intent["id"]
    invoice_payments.asked(desk, invoice, intent["id"])


def _fee(invoice: Object, subscription: Object | None) -> int | None:
    """What the platform takes: an amount of the invoice's own, or its subscription's percentage."""
    if invoice["_application_fee"] is not None:
        return int(invoice["_application_fee"])
    percent = None if subscription is None else subscription.get("_fee_percent")
    fee = 0 if percent is None else percent_of(invoice["amount_due"], percent)
    invoice["_application_fee"] = fee or None
    return fee or None


def _transfer(invoice: Object, subscription: Object | None) -> Object | None:
    """What goes on to another account: all, an amount, or a percentage."""
    if invoice["_transfer_data"] is not None:
        given: Object = {k: v for k, v in invoice["_transfer_data"].items() if v is not None}
        return given
    data = None if subscription is None else subscription["transfer_data"]
    if data is None:
        return None
    share = data["amount_percent"]
    amount = {} if share is None else {"amount": percent_of(invoice["amount_due"], str(share))}
    invoice["_transfer_data"] = {"amount": amount.get("amount"), "destination": data["destination"]}
    return {"destination": data["destination"], **amount}


def method_of(desk: Desk, invoice: Object) -> str | None:
    """The method that pays an invoice: its own, its subscription's, its customer's."""
    subscription = of_invoice(desk, invoice)
    own = None if subscription is None else subscription["default_payment_method"]
    return charging.default_method(desk, invoice["customer"], invoice["default_payment_method"], own)


def charge(desk: Desk, invoice: Object, method: str, *, off_session: bool) -> Object:
    """Try the intent by a method; it says what came of it."""
    intent = desk.get("payment_intent", invoice["_payment_intent"])
    if intent["status"] == "processing":
        return intent
    intent["amount"] = invoice["amount_remaining"]
    return charging.try_again(desk, intent, method, off_session=off_session)


def drop(desk: Desk, invoice: Object) -> None:
    """Give the intent up: nothing is to be paid any more, or not by it."""
    intent = desk.held("payment_intent", invoice["_payment_intent"])
    if intent is not None and intent["status"] not in ("succeeded", "canceled", "processing"):
        charging.cancel(desk, intent, "void_invoice")
    invoice_payments.canceled(desk, invoice)


def insist(intent: Object) -> None:
    """Answer a payment that did not come about as Stripe does: 402; what happened stays. Raises StripeError."""
    error = intent["last_payment_error"]
    if error is not None:
        said = {name: error.get(name) for name in ("code", "decline_code", "charge", "doc_url")}
        raise StripeError(402, "card_error", error["message"], keeps=True, **said)
    if intent["status"] == "requires_action":
        raise StripeError(
            402, "card_error", _REQUIRES_ACTION, keeps=True, code="invoice_payment_intent_requires_action"
        )
