"""What a subscription does by itself when a time comes: renewals, the end of a trial, expiry, the end that was set.

https://docs.stripe.com/billing/subscriptions/billing-cycle. An invoice of a turn is a draft for an hour.
"""

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import invoice_charging, invoice_collection
from api.sandbox.resources.billing_settings import settings
from api.sandbox.resources.invoice_voiding import void
from api.sandbox.resources.periods import around
from api.sandbox.resources.subscription_billing import ahead, bill, used
from api.sandbox.resources.subscription_ending import end
from api.sandbox.resources.subscription_standing import ENDED, items_of, snapshot
from api.sandbox.state import Object
from api.sandbox.times import DAY

_WARNED_S = 3 * DAY
"""So long before its end a trial says so: https://docs.stripe.com/billing/subscriptions/trials."""


def period_end(desk: Desk, subscription: Object) -> int:
    """When the first of its items' periods ends."""
    return int(min(item["current_period_end"] for item in items_of(desk, subscription)))


def plan_ahead(desk: Desk, subscription: Object) -> None:
    """Set what happens next by itself, in place of what was set."""
    id = subscription["id"]
    if subscription["status"] in (*ENDED, "paused"):
        return
    end_s = period_end(desk, subscription)
    desk.later(end_s, "subscription.turn", id)
    upcoming_s = end_s - settings(desk)["upcoming_days"] * DAY
    if upcoming_s > desk.now_s and not subscription["cancel_at_period_end"]:
        desk.later(upcoming_s, "subscription.upcoming", id)
    else:
        desk.never("subscription.upcoming", id)
    _plan_end_of_trial(desk, subscription)
    if subscription["cancel_at"] is not None and not subscription["cancel_at_period_end"]:
        desk.later(subscription["cancel_at"], "subscription.cancel", id)
    else:
        desk.never("subscription.cancel", id)
    paused = subscription["pause_collection"]
    if paused is not None and paused["resumes_at"] is not None:
        desk.later(paused["resumes_at"], "subscription.resume", id)
    else:
        desk.never("subscription.resume", id)


def _plan_end_of_trial(desk: Desk, subscription: Object) -> None:
    trial_s = subscription["trial_end"]
    if subscription["status"] != "trialing" or trial_s is None or subscription.get("_warned") == trial_s:
        desk.never("subscription.trial_will_end", subscription["id"])
    elif trial_s - _WARNED_S <= desk.now_s:
        trial_will_end(desk, subscription["id"])
    else:
        desk.later(trial_s - _WARNED_S, "subscription.trial_will_end", subscription["id"])


def trial_will_end(desk: Desk, id: str) -> None:
    """Three days before the end of a trial, or at once when it is shorter."""
    subscription = desk.get("subscription", id)
    if subscription["status"] == "trialing":
        subscription["_warned"] = subscription["trial_end"]
        desk.emit("customer.subscription.trial_will_end", subscription)


def upcoming(desk: Desk, id: str) -> None:
    """Some days before a renewal: the invoice as it would be."""
    from api.sandbox.resources.invoice_previews import next_invoice  # which turns subscriptions to see what comes

    subscription = desk.get("subscription", id)
    if subscription["status"] in ("active", "past_due", "trialing"):
        shown = next_invoice(desk, subscription)
        desk.emit("invoice.upcoming", {k: v for k, v in shown.items() if k != "id"})


def turn(desk: Desk, id: str) -> None:
    """A period is over."""
    subscription = desk.get("subscription", id)
    if subscription["status"] in (*ENDED, "paused"):
        return
    if subscription["cancel_at_period_end"]:
        end_now(desk, subscription)
        return
    if subscription["schedule"] is not None:
        from api.sandbox.resources.schedule_course import before_turn  # which begins and changes subscriptions

        before_turn(desk, subscription)
        if subscription["status"] in ENDED or period_end(desk, subscription) > desk.now_s:
            return
    if stopped_without_method(desk, subscription):
        return
    renew(desk, subscription)
    plan_ahead(desk, subscription)


def end_now(desk: Desk, subscription: Object) -> None:
    """It ends at its period's end: usage that is not billed yet is, and then no more."""
    lines = [
        line
        for item in items_of(desk, subscription)
        for line in used(desk, subscription, item, item["current_period_start"], desk.now_s)
    ]
    end(desk, subscription, "cancellation_requested")
    if any(line.amount for line in lines):
        bill(desk, subscription, lines, "subscription_cycle", auto_advance=True)


def renew(desk: Desk, subscription: Object, *, preview: bool = False) -> Object:
    """Turn the items whose period is over, with the invoice for it."""
    before = snapshot(desk, subscription)
    lines = []
    over = [item for item in items_of(desk, subscription) if item["current_period_end"] <= desk.now_s]
    was = (over[0]["current_period_start"], over[0]["current_period_end"])
    if subscription["status"] == "trialing" and (subscription["trial_end"] or 0) <= desk.now_s:
        subscription["status"] = "active"
    for item in over:
        lines += used(desk, subscription, item, item["current_period_start"], item["current_period_end"])
        _turned(desk, subscription, item)
        lines += [line for line in ahead(desk, subscription, item) if line.quantity or line.amount]
    unpaid = subscription["status"] == "unpaid"
    fields: Object = {"auto_advance": not unpaid, "period_start": was[0], "period_end": was[1]}
    if preview:
        fields = {**fields, "_preview": True}
    invoice = bill(desk, subscription, lines, "subscription_cycle", **fields)
    if not preview:
        desk.emit("customer.subscription.updated", subscription, before)
        _as_paused(desk, subscription, invoice)
    return invoice


def _turned(desk: Desk, subscription: Object, item: Object) -> None:
    price = desk.get("price", item["_price"])
    start_s, end_s = around(subscription["billing_cycle_anchor"], price["recurring"], desk.now_s)
    item |= {"current_period_start": max(start_s, item["current_period_end"]), "current_period_end": end_s}


def _as_paused(desk: Desk, subscription: Object, invoice: Object) -> None:
    """What becomes of invoices while collection is paused: https://docs.stripe.com/billing/subscriptions/pause-payment."""
    paused = subscription["pause_collection"]
    if paused is None:
        return
    desk.never("invoice.finalize", invoice["id"])
    desk.change(invoice, {"auto_advance": False, "next_payment_attempt": None}, "invoice.updated")
    if paused["behavior"] == "void":
        void(desk, invoice)
    elif paused["behavior"] == "mark_uncollectible":
        invoice["status"] = "open"
        invoice_collection.write_off(desk, invoice, "subscription_paused")


def stopped_without_method(desk: Desk, subscription: Object) -> bool:
    """A trial that ends with nothing to charge is canceled, or pauses, when that was asked for."""
    wanted = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    trial = subscription["status"] == "trialing" and subscription["trial_end"] <= desk.now_s
    if not trial or wanted == "create_invoice" or subscription["collection_method"] == "send_invoice":
        return False
    held = {"parent": None, "customer": subscription["customer"], "default_payment_method": None}
    method = subscription["default_payment_method"] or invoice_charging.method_of(desk, held)
    if method is not None:
        return False
    if wanted == "cancel":
        end(desk, subscription, None)
        return True
    pause(desk, subscription, "trial_end_without_payment_method")
    return True


def pause(desk: Desk, subscription: Object, why: str) -> None:
    """It stands still: no period turns, nothing is billed, until it is resumed."""
    before = snapshot(desk, subscription)
    for job in ("turn", "upcoming", "trial_will_end"):
        desk.never(f"subscription.{job}", subscription["id"])
    subscription["status"] = "paused"
    told = {"subscription": {"type": why}, "transitioned_at": desk.now_s, "type": "subscription"}
    subscription["status_details"] = {"paused": told}
    desk.emit("customer.subscription.updated", subscription, before)
    desk.emit("customer.subscription.paused", subscription)


def expire(desk: Desk, id: str) -> None:
    """The first payment did not come in time: it never was."""
    subscription = desk.get("subscription", id)
    if subscription["status"] != "incomplete":
        return
    before = snapshot(desk, subscription)
    end(desk, subscription, None, status="incomplete_expired")
    invoice = desk.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        void(desk, invoice)
    desk.emit("customer.subscription.updated", subscription, before)


def cancel_due(desk: Desk, id: str) -> None:
    """The time that was set for its end has come."""
    subscription = desk.get("subscription", id)
    if subscription["status"] not in ENDED:
        end_now(desk, subscription)


def resume_collection(desk: Desk, id: str) -> None:
    """Collection was paused until now."""
    subscription = desk.get("subscription", id)
    if subscription["status"] not in ENDED and subscription["pause_collection"] is not None:
        before = snapshot(desk, subscription)
        subscription["pause_collection"] = None
        desk.emit("customer.subscription.updated", subscription, before)


def living(subscription: Object) -> Object:
    """The subscription, if it has not ended. Raises StripeError."""
    if subscription["status"] in ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    return subscription


JOBS = {
    "subscription.cancel": cancel_due,
    "subscription.expire": expire,
    "subscription.resume": resume_collection,
    "subscription.trial_will_end": trial_will_end,
    "subscription.turn": turn,
    "subscription.upcoming": upcoming,
}
