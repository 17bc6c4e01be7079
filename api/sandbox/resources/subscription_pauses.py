"""Pausing a subscription and resuming it: https://docs.stripe.com/billing/subscriptions/pause.

Not the pause of its collection, which is one of its settings.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import invoice_collection
from api.sandbox.resources.invoice_finalizing import finalize
from api.sandbox.resources.periods import around
from api.sandbox.resources.prorating import unused
from api.sandbox.resources.subscription_billing import ahead, bill, prorate, used
from api.sandbox.resources.subscription_cycle import pause, plan_ahead
from api.sandbox.resources.subscription_standing import items_of, snapshot
from api.sandbox.state import Object


def pause_now(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Let it stand still; `bill_for` says what of its period is given back and what usage is billed."""
    subscription = desk.get("subscription", id)
    if subscription["status"] not in ("active", "trialing"):
        raise invalid(f"You cannot pause a subscription that is {subscription['status']}.")
    wanted = params.get("bill_for") or {}
    back = (wanted.get("unused_time_from") or {}).get("type", "none")
    usage = (wanted.get("outstanding_usage_through") or {}).get("type", "none")
    lines = []
    for item in items_of(desk, subscription):
        from_s = item["current_period_start"] if back == "item_current_period_start" else desk.now_s
        part = None if back == "none" else unused(desk, subscription, item, from_s)
        if part is not None:
            prorate(desk, subscription, part)
        if usage == "now":
            lines += used(desk, subscription, item, item["current_period_start"], desk.now_s)
    if params.get("invoicing_behavior") == "invoice":
        subscription["_quiet"] = True
        bill(desk, subscription, lines, "subscription_update", auto_advance=True)
        del subscription["_quiet"]
    pause(desk, subscription, "pause_requested")
    return subscription


def resume(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Let it go on: by default in a period that begins now, billed at once."""
    subscription = desk.get("subscription", id)
    if subscription["status"] != "paused":
        raise invalid(
            f"You can only resume a subscription that is paused; this one is {subscription['status']}.",
            code="subscription_not_paused",
        )
    anchor = params.get("billing_cycle_anchor")
    anchor = anchor.get("type") if isinstance(anchor, dict) else anchor
    before = snapshot(desk, subscription)
    subscription.pop("status_details", None)
    subscription["status"] = "active"
    fresh = anchor != "unchanged"
    if fresh:
        subscription["billing_cycle_anchor"] = desk.now_s
    over = [i for i in items_of(desk, subscription) if fresh or i["current_period_end"] <= desk.now_s]
    lines = []
    for item in over:
        recurring = desk.get("price", item["_price"])["recurring"]
        start_s, end_s = around(subscription["billing_cycle_anchor"], recurring, desk.now_s)
        item |= {"current_period_start": start_s, "current_period_end": end_s}
        share = None if fresh else (end_s - desk.now_s, end_s - start_s)
        if params.get("proration_behavior") == "none" and share is not None:
            share = (0, share[1])
        lines += ahead(desk, subscription, item, share)
    invoice = None
    if lines:
        subscription["_quiet"] = True
        invoice = bill(desk, subscription, lines, "subscription_update", auto_advance=True)
        finalize(desk, invoice)
        desk.never("invoice.attempt", invoice["id"])
        del subscription["_quiet"]
    desk.emit("customer.subscription.updated", subscription, before)
    desk.emit("customer.subscription.resumed", subscription)
    plan_ahead(desk, subscription)
    if invoice is not None and invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        invoice_collection.attempt(desk, invoice, off_session=False)
    return subscription
