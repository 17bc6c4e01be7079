"""The end of a subscription, at once: https://docs.stripe.com/billing/subscriptions/cancel.

Refuses to know what is credited or billed for it (`subscription_cancels`).
"""

from api.sandbox.desk import Desk
from api.sandbox.state import Object

_DUE = ("cancel", "expire", "phase", "resume", "trial_will_end", "turn", "upcoming")


def end(desk: Desk, subscription: Object, reason: str | None, *, status: str = "canceled") -> None:
    """End it now. Its open invoices are not collected any more, its schedule is over."""
    for job in _DUE:
        desk.never(f"subscription.{job}", subscription["id"])
    subscription |= {"ended_at": desk.now_s, "status": status}
    if subscription["canceled_at"] is None and status == "canceled":
        subscription["canceled_at"] = desk.now_s
    if subscription["cancellation_details"]["reason"] is None and status == "canceled":
        subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
    subscription.pop("status_details", None)
    _leave_invoices(desk, subscription)
    if status == "canceled":
        desk.emit("customer.subscription.deleted", subscription)
        _end_schedule(desk, subscription, aborted=reason == "payment_failed")


def _leave_invoices(desk: Desk, subscription: Object) -> None:
    def its_own(invoice: Object) -> bool:
        details = (invoice["parent"] or {}).get("subscription_details") or {}
        return details.get("subscription") == subscription["id"] and invoice["status"] in ("draft", "open")

    for invoice in desk.find("invoice", its_own, customer=subscription["customer"]):
        for job in ("attempt", "finalize"):
            desk.never(f"invoice.{job}", invoice["id"])
        desk.change(invoice, {"auto_advance": False, "next_payment_attempt": None}, "invoice.updated")


def _end_schedule(desk: Desk, subscription: Object, *, aborted: bool) -> None:
    schedule = desk.held("subscription_schedule", subscription["schedule"])
    if schedule is not None and schedule["status"] in ("active", "not_started"):
        changes = {"status": "canceled", "canceled_at": desk.now_s, "current_phase": None}
        for job in ("phase", "expiring"):
            desk.never(f"schedule.{job}", schedule["id"])
        desk.change(schedule, changes, "subscription_schedule.aborted" if aborted else "subscription_schedule.canceled")
