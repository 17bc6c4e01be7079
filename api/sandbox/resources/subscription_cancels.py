"""How a subscription is ended on request, now or later: https://docs.stripe.com/api/subscriptions/cancel."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import invoice_collection
from api.sandbox.resources.invoice_finalizing import finalize
from api.sandbox.resources.prorating import unused
from api.sandbox.resources.subscription_billing import bill, prorate, used
from api.sandbox.resources.subscription_cycle import period_end
from api.sandbox.resources.subscription_ending import end
from api.sandbox.resources.subscription_standing import ENDED, items_of
from api.sandbox.state import Object


def cancel(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """End it now; `prorate` gives back unused time, `invoice_now` bills what is left open."""
    subscription = desk.get("subscription", id)
    if subscription["status"] in ENDED:
        raise invalid(f"No such subscription: '{id}'", "id", "resource_missing")
    if params.get("cancellation_details"):
        said = {**subscription["cancellation_details"], **params["cancellation_details"]}
        subscription["cancellation_details"] = said
    if params.get("prorate") and subscription["status"] not in ("incomplete", "unpaid"):
        for item in items_of(desk, subscription):
            part = unused(desk, subscription, item, desk.now_s)
            if part is not None:
                prorate(desk, subscription, part)
    subscription |= {"cancel_at": None, "cancel_at_period_end": False}
    final = _last_invoice(desk, subscription) if params.get("invoice_now") else None
    end(desk, subscription, "cancellation_requested")
    if final is not None and final["status"] == "open":
        invoice_collection.attempt(desk, final)
    return subscription


def _last_invoice(desk: Desk, subscription: Object) -> Object:
    lines = [
        line
        for item in items_of(desk, subscription)
        for line in used(desk, subscription, item, item["current_period_start"], desk.now_s)
    ]
    subscription["_quiet"] = True
    invoice = bill(desk, subscription, lines, "subscription_update")
    finalize(desk, invoice)
    del subscription["_quiet"]
    return invoice


def at_period_end(desk: Desk, subscription: Object) -> None:
    """Let it run out."""
    subscription |= {
        "cancel_at": period_end(desk, subscription),
        "cancel_at_period_end": True,
        "canceled_at": desk.now_s,
    }
    _because(subscription, "cancellation_requested")


def at(desk: Desk, subscription: Object, at_s: int) -> None:
    """Let it end at a time."""
    if at_s <= desk.now_s:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future", "cancel_at")
    subscription |= {"cancel_at": at_s, "cancel_at_period_end": False, "canceled_at": desk.now_s}
    _because(subscription, "cancellation_requested")


def keep(subscription: Object) -> None:
    """Let it go on after all."""
    subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    _because(subscription, None)


def _because(subscription: Object, reason: str | None) -> None:
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
