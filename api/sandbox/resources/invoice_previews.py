"""What an invoice would be, to the cent: the change is made on a copy of the account, looked at, and thrown away.

https://docs.stripe.com/api/invoices/create_preview. So a preview cannot differ from what then happens.
"""

import copy
from typing import Any, NotRequired, TypedDict

from stripe import params as sdk

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import invoices
from api.sandbox.resources.billing_settings import settings
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.invoice_drafts import draft, pending
from api.sandbox.resources.invoice_item_terms import asked
from api.sandbox.resources.invoice_totals import totaled
from api.sandbox.resources.invoiceitems import new_item
from api.sandbox.resources.schedule_course import before_turn
from api.sandbox.resources.subscription_cycle import period_end, renew
from api.sandbox.routes import Route
from api.sandbox.state import Object

_UPCOMING_UNTIL = "2025-03-31"


def scratch(desk: Desk) -> Desk:
    """A copy of the desk with everything in it; nothing done there stays."""
    other = copy.copy(desk)
    other.work = desk.work.copied()
    return other


def _at(desk: Desk, at_s: int) -> None:
    """Set a scratch desk's time."""
    if desk.clock is None:
        desk.wall_s = at_s
    else:
        clock = desk.work.get((desk.account, "test_helpers.test_clock", desk.clock))
        assert clock is not None
        clock["_now_s"] = at_s


def next_invoice(desk: Desk, subscription: Object) -> Object:
    """The next invoice of a subscription's period, as it would be."""
    other = scratch(desk)
    first = desk.work.state.counter
    try:
        held = other.get("subscription", subscription["id"])
        _at(other, max(period_end(other, held), other.now_s))
        return _shown(other, _next(other, held))
    finally:
        desk.work.state.counter = first


def _next(desk: Desk, subscription: Object) -> Object:
    """What the turn of a period bills, after what a schedule changes there."""
    latest = subscription["latest_invoice"]
    if subscription["schedule"] is not None:
        before_turn(desk, subscription)
    if subscription["latest_invoice"] != latest:
        return desk.get("invoice", subscription["latest_invoice"])
    return renew(desk, subscription, preview=True)


#: A preview is no invoice yet, whatever became of it on the copy.
_AS_DRAFT: Object = {
    "amount_paid": 0,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": False,
    "automatically_finalizes_at": None,
    "effective_at": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "number": None,
    "status": "draft",
    "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
    "webhooks_delivered_at": None,
    "_charge": None,
    "_includable": {},
    "_payment_intent": None,
}


def _shown(desk: Desk, invoice: Object) -> Object:
    """The preview by itself: it needs no more than what it says."""
    shown = invoices.present(desk, copied(invoice))
    shown |= {**copied(_AS_DRAFT), "id": f"upcoming_{invoice['id']}", "created": desk.now_s}
    shown |= {"amount_remaining": shown["amount_due"], "next_payment_attempt": None}
    if shown["collection_method"] == "charge_automatically":
        waits_s = settings(desk)["finalize_after_s"] if shown["billing_reason"] == "subscription_cycle" else 0
        shown["next_payment_attempt"] = desk.now_s + waits_s
    shown["lines"]["url"] = f"/v1/invoices/{shown['id']}/lines"
    for line in shown["lines"]["data"]:
        line["invoice"] = shown["id"]
    return shown


def create_preview(desk: Desk, params: dict[str, Any]) -> Object:
    """The invoice that a change would make at once, or else the next one."""
    if params.get("customer") is None and params.get("subscription") is None and params.get("schedule") is None:
        raise invalid("You must provide one of `customer`, `subscription` or `schedule`.", "customer")
    other = scratch(desk)
    first = desk.work.state.counter
    try:
        return _shown(other, _previewed(other, params))
    finally:
        desk.work.state.counter = first


def _previewed(desk: Desk, params: dict[str, Any]) -> Object:
    id = params.get("subscription")
    details = params.get("subscription_details") or {}
    if params.get("schedule") is not None:
        id = desk.get("subscription_schedule", params["schedule"], "schedule")["subscription"]
    customer = None if params.get("customer") is None else desk.get("customer", params["customer"], "customer")
    if id is None and customer is not None and details.get("items"):
        return _of_new(desk, customer, params, details)
    if id is None and customer is not None:
        found = list(desk.scan("subscription", lambda s: s["status"] in _GOING, customer=customer["id"]))
        id = min((period_end(desk, s), s["id"]) for s in found)[1] if found else None
    if id is None:
        assert customer is not None
        return _of_items(desk, customer, params)
    subscription = desk.get("subscription", id, "subscription")
    if subscription["status"] not in _GOING:
        raise StripeError(
            404,
            "invalid_request_error",
            f"No upcoming invoices for customer: '{subscription['customer']}'",
            code="invoice_upcoming_none",
        )
    _further(desk, desk.get("customer", subscription["customer"]), params, id)
    return _changed(desk, subscription, params, details)


_GOING = ("active", "trialing", "past_due", "incomplete")


def _further(desk: Desk, customer: Object, params: dict[str, Any], subscription: str | None) -> None:
    """`invoice_items`: what would be billed beside it."""
    for said in params.get("invoice_items") or ():
        price = {} if said.get("price") is None else {"pricing": {"price": said["price"]}}
        new_item(desk, customer, asked(desk, customer, {**said, **price}), subscription=subscription)


def _changed(desk: Desk, subscription: Object, params: dict[str, Any], details: dict[str, Any]) -> Object:
    from api.sandbox.resources import subscription_cancels, subscription_changes

    latest = subscription["latest_invoice"]
    if params.get("discounts") is not None:
        subscription["discounts"] = redeem(
            desk, params["discounts"], Bearer(subscription["customer"], subscription["id"])
        )
    if details.get("cancel_now"):
        wanted = {"prorate": details.get("proration_behavior") != "none", "invoice_now": True}
        subscription_cancels.cancel(desk, wanted, subscription["id"])
    elif details:
        said = {name: value for name, value in details.items() if name not in ("cancel_now", "start_date")}
        if any(name in said for name in ("resume_at", "pause", "billing_schedules")):
            raise invalid("The sandbox previews changes of items, trial, anchor and end.", "subscription_details")
        said["payment_behavior"] = "default_incomplete"
        subscription_changes.update(desk, said, subscription["id"])
    if subscription["latest_invoice"] != latest:
        return desk.get("invoice", subscription["latest_invoice"])
    if subscription["cancel_at_period_end"]:
        raise StripeError(
            404,
            "invalid_request_error",
            f"No upcoming invoices for customer: '{subscription['customer']}'",
            code="invoice_upcoming_none",
        )
    _at(desk, max(period_end(desk, subscription), desk.now_s))
    return _next(desk, subscription)


def _of_new(desk: Desk, customer: Object, params: dict[str, Any], details: dict[str, Any]) -> Object:
    """The first invoice of a subscription that there is not."""
    from api.sandbox.resources.subscription_begin import begin

    plain = {n: v for n, v in details.items() if n not in ("cancel_now", "proration_date", "start_date")}
    _further(desk, customer, params, None)
    said = {**plain, "customer": customer["id"], "payment_behavior": "default_incomplete"}
    for name in ("currency", "discounts", "automatic_tax"):
        if params.get(name) is not None:
            said[name] = params[name]
    return desk.get("invoice", begin(desk, said)["latest_invoice"])


def _of_items(desk: Desk, customer: Object, params: dict[str, Any]) -> Object:
    """What waits for an invoice, of a customer without subscriptions."""
    _further(desk, customer, params, None)
    currency = params.get("currency") or customer["currency"] or "usd"
    waiting = pending(desk, customer, currency, None)
    if not waiting:
        raise StripeError(
            404,
            "invalid_request_error",
            f"No upcoming invoices for customer: '{customer['id']}'",
            code="invoice_upcoming_none",
        )
    invoice = draft(desk, customer, currency, [], take=waiting, _preview=True)
    if params.get("discounts"):
        invoice["discounts"] = redeem(desk, params["discounts"], Bearer(customer["id"]))
    return totaled(desk, invoice)


class InvoiceUpcomingParams(TypedDict):
    """Until acacia: https://docs.stripe.com/changelog/basil/2025-03-31/invoice-preview-api-deprecations."""

    customer: NotRequired[str]
    subscription: NotRequired[str]
    subscription_details: NotRequired[sdk.InvoiceCreatePreviewParamsSubscriptionDetails]
    subscription_items: NotRequired[list[sdk.InvoiceCreatePreviewParamsSubscriptionDetailsItem]]
    subscription_cancel_at_period_end: NotRequired[bool]
    subscription_cancel_now: NotRequired[bool]
    subscription_proration_behavior: NotRequired[str]
    subscription_proration_date: NotRequired[int]
    subscription_trial_end: NotRequired[int]
    invoice_items: NotRequired[list[sdk.InvoiceCreatePreviewParamsInvoiceItem]]
    discounts: NotRequired[list[sdk.InvoiceCreatePreviewParamsDiscount]]
    currency: NotRequired[str]
    schedule: NotRequired[str]


def upcoming(desk: Desk, params: dict[str, Any]) -> Object:
    """The same, as it was asked for until acacia."""
    if desk.version[:10] >= _UPCOMING_UNTIL:
        raise StripeError(404, "invalid_request_error", "Unrecognized request URL (GET: /v1/invoices/upcoming).")
    if params.get("customer") is None and params.get("subscription") is None:
        raise invalid("You must either provide a `customer` or a `subscription` to the upcoming invoice endpoint.")
    start = "subscription_"
    details = {n[len(start) :]: v for n, v in params.items() if n.startswith(start) and n != "subscription_details"}
    details |= params.get("subscription_details") or {}
    kept = {name: value for name, value in params.items() if not name.startswith(start)}
    return create_preview(desk, {**kept, **({"subscription_details": details} if details else {})})


ROUTES = (
    Route("POST", "/v1/invoices/create_preview", sdk.InvoiceCreatePreviewParams, create_preview),
    Route("GET", "/v1/invoices/upcoming", InvoiceUpcomingParams, upcoming),
)
