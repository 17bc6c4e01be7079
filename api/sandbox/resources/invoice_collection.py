"""How an invoice is paid, or is not: attempts, retries, what is settled late, payment by other means.

https://docs.stripe.com/billing/revenue-recovery/smart-retries. What it means for a subscription says
`subscription_standing`.
"""

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import invoice_charging, invoice_payments, subscription_standing
from api.sandbox.resources.billing_settings import settings
from api.sandbox.resources.invoice_finalizing import finalize
from api.sandbox.state import Object
from api.sandbox.times import DAY


def attempt(desk: Desk, invoice: Object, *, method: str | None = None, off_session: bool = True) -> Object | None:
    """Try to take what an open invoice asks, by the method given or the one that holds for it.

    The intent as it stands after it, or None where there is no method to try, or none that fits. Raises StripeError
    for one that was given and does not fit.
    """
    chosen = method or invoice_charging.method_of(desk, invoice)
    if chosen is None:
        failed(desk, invoice, None)
        return None
    try:
        intent = invoice_charging.charge(desk, invoice, chosen, off_session=off_session)
    except StripeError:
        if method is not None:
            raise
        failed(desk, invoice, None)
        return None
    take(desk, invoice, intent)
    return intent


def take(desk: Desk, invoice: Object, intent: Object) -> None:
    """Do to an invoice what its intent says: paid, failed, or still on its way."""
    if intent["status"] == "succeeded":
        paid(desk, invoice, intent)
    elif intent["status"] == "processing":
        desk.never("invoice.attempt", invoice["id"])
        changes = {"attempted": True, "attempt_count": invoice["attempt_count"] + 1, "next_payment_attempt": None}
        changes["_on_its_way"] = True
        desk.change(invoice, changes, "invoice.updated")
        subscription_standing.processing(desk, invoice)
    elif intent["status"] in ("requires_payment_method", "requires_action", "requires_confirmation"):
        failed(desk, invoice, intent)


def settled(desk: Desk, intent: Object) -> None:
    """An intent of an invoice came to an end in a request of its own, or later."""
    invoice = desk.held("invoice", intent["_invoice"])
    if (
        invoice is None
        or invoice["status"] not in ("open", "uncollectible")
        or invoice["_payment_intent"] != intent["id"]
    ):
        return
    if intent["status"] in ("succeeded", "processing", "requires_payment_method"):
        take(desk, invoice, intent)


def paid(desk: Desk, invoice: Object, intent: Object | None) -> None:
    """The invoice is paid, by an intent or, without one, outside of Stripe."""
    before = copied(invoice)
    desk.never("invoice.attempt", invoice["id"])
    desk.never("invoice.overdue", invoice["id"])
    attempts = 0 if intent is None or invoice.pop("_on_its_way", False) else 1
    invoice |= {
        "amount_paid": 0 if intent is None else invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + attempts,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": desk.now_s},
        "_out_of_band": intent is None,
    }
    if intent is None:
        invoice |= {"amount_paid": invoice["amount_due"], "amount_paid_off_stripe": invoice["amount_due"]}
        invoice_charging.drop(desk, invoice)
    else:
        invoice_payments.paid(desk, invoice, intent)
    invoice.pop("status_details", None)
    desk.emit("invoice.updated", invoice, before)
    desk.emit("invoice.paid", invoice)
    desk.emit("invoice.payment_succeeded", invoice)
    _delinquent(desk, invoice)
    subscription_standing.paid(desk, invoice, intent)


def failed(desk: Desk, invoice: Object, intent: Object | None) -> None:
    """An attempt did not bring the money: say when the next one is, or that there is none."""
    before = copied(invoice)
    attempts = invoice["attempt_count"] + (0 if invoice.pop("_on_its_way", False) else 1)
    next_s = _next_attempt_s(desk, invoice, attempts)
    invoice |= {"attempt_count": attempts, "attempted": True, "next_payment_attempt": next_s}
    if next_s is None:
        desk.never("invoice.attempt", invoice["id"])
    else:
        desk.later(next_s, "invoice.attempt", invoice["id"])
    desk.emit("invoice.updated", invoice, before)
    desk.emit("invoice.payment_failed", invoice)
    if intent is not None and _wants_to_be_seen(intent):
        desk.emit("invoice.payment_action_required", invoice)
    _delinquent(desk, invoice)
    first = invoice["billing_reason"] == "subscription_create"
    over = next_s is None and invoice["auto_advance"] and not first
    subscription_standing.failed(desk, invoice, over=over)
    if over and settings(desk)["invoice_after_retries"] == "uncollectible":
        write_off(desk, invoice, "max_payment_attempts")


def _wants_to_be_seen(intent: Object) -> bool:
    """The bank wants to see the customer: now, or it declined because they were not there."""
    error = intent["last_payment_error"] or {}
    return intent["status"] == "requires_action" or error.get("code") == "authentication_required"


def _next_attempt_s(desk: Desk, invoice: Object, attempts: int) -> int | None:
    """The first invoice of a subscription is not tried again, nor one that does not advance by itself."""
    days = settings(desk)["retry_days"]
    if not invoice["auto_advance"] or invoice["billing_reason"] == "subscription_create" or attempts > len(days):
        return None
    return int(desk.now_s + days[attempts - 1] * DAY)


def _delinquent(desk: Desk, invoice: Object) -> None:
    """A customer is delinquent whose latest charged invoice was tried and not paid."""
    customer = desk.held("customer", invoice["customer"])
    if customer is not None and not customer.get("deleted"):
        late = invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically"
        desk.change(customer, {"delinquent": late}, "customer.updated")


def write_off(desk: Desk, invoice: Object, reason: str) -> None:
    """Mark an open invoice as not to be collected. `reason`: as endive says it in `status_details`."""
    desk.never("invoice.attempt", invoice["id"])
    at = {**invoice["status_transitions"], "marked_uncollectible_at": desk.now_s}
    changes: Object = {"auto_advance": False, "next_payment_attempt": None, "status": "uncollectible"}
    changes |= {"status_transitions": at, "status_details": {"uncollectible": {"reason": reason}}}
    desk.change(invoice, changes, "invoice.updated", "invoice.marked_uncollectible")


def pay_by_request(desk: Desk, invoice: Object, params: Object) -> None:
    """What `pay` asks. Raises StripeError when it is not open, or the payment does not come about."""
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "void":
        raise invalid("This invoice is void and can no longer be paid.", code="invoice_not_payable")
    if invoice["status"] == "draft":
        finalize(desk, invoice)
    if invoice["status"] == "paid":
        return
    if params.get("paid_out_of_band"):
        paid(desk, invoice, None)
        return
    method = params.get("payment_method")
    if method is None and invoice_charging.method_of(desk, invoice) is None:
        raise StripeError(
            400,
            "invalid_request_error",
            "There is no `default_payment_method` set on this Customer or Invoice. Please attach a payment method to"
            " the Customer, or specify a `payment_method`.",
            code="resource_missing",
        )
    intent = attempt(desk, invoice, method=method, off_session=params.get("off_session", True))
    if intent is not None:
        invoice_charging.insist(intent)


def attempt_due(desk: Desk, id: str) -> None:
    """The next attempt is due."""
    invoice = desk.get("invoice", id)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        attempt(desk, invoice)


def finalize_due(desk: Desk, id: str) -> None:
    """A draft that advances by itself is finalized, and charged."""
    invoice = desk.get("invoice", id)
    if invoice["status"] != "draft" or not invoice["auto_advance"] or invoice.get("deleted"):
        return
    try:
        finalize(desk, invoice)
    except StripeError as error:
        said = {"code": error.body.get("code"), "message": error.body["message"], "type": error.body["type"]}
        desk.change(invoice, {"auto_advance": False, "last_finalization_error": said}, "invoice.updated")
        desk.emit("invoice.finalization_failed", invoice)
        return
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        attempt(desk, invoice)


def overdue(desk: Desk, id: str) -> None:
    """An invoice that was sent is not paid by its date."""
    invoice = desk.get("invoice", id)
    if invoice["status"] == "open":
        desk.emit("invoice.overdue", invoice)
        subscription_standing.failed(desk, invoice, over=False)


JOBS = {"invoice.attempt": attempt_due, "invoice.finalize": finalize_due, "invoice.overdue": overdue}
