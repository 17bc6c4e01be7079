"""How a subscription stands by its invoices: incomplete, active, past due, unpaid, canceled.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses. Refuses to know how invoices are paid.
"""

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.resources.billing_settings import settings
from api.sandbox.resources.subscription_ending import end
from api.sandbox.state import Object

ENDED = ("canceled", "incomplete_expired")


def snapshot(desk: Desk, subscription: Object) -> Object:
    """A subscription as it is before a change, its items included: what an event's previous values are taken from."""
    return {**copied(subscription), "_items": copied(items_of(desk, subscription))}


def items_of(desk: Desk, subscription: Object) -> list[Object]:
    """Its items, in the order in which they were added, free to be changed."""
    return sorted(desk.find("subscription_item", subscription=subscription["id"]), key=lambda item: item["_seq"])


def of_invoice(desk: Desk, invoice: Object) -> Object | None:
    """The subscription whose invoice it is."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return None if details is None else desk.held("subscription", details["subscription"])


def incomplete(desk: Desk, invoice: Object) -> bool:
    """Whether the invoice is the first of a subscription that waits for its payment."""
    subscription = of_invoice(desk, invoice)
    return subscription is not None and subscription["status"] == "incomplete"


def paid(desk: Desk, invoice: Object, intent: Object | None = None) -> None:
    """The latest invoice is paid: the subscription is active again, or for the first time."""
    subscription = of_invoice(desk, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    before = snapshot(desk, subscription)
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if saves and intent is not None and intent["payment_method"] is not None:
        subscription["default_payment_method"] = intent["payment_method"]
    if subscription["latest_invoice"] == invoice["id"] and subscription["status"] in _WAITING:
        _begun(desk, subscription)
    _tell(desk, subscription, before)


_WAITING = ("incomplete", "past_due", "unpaid")


def processing(desk: Desk, invoice: Object) -> None:
    """A bank debit is on its way: what waited for it begins, and falls behind if it fails."""
    subscription = of_invoice(desk, invoice)
    if subscription is not None and subscription["status"] == "incomplete":
        before = snapshot(desk, subscription)
        _begun(desk, subscription)
        _tell(desk, subscription, before)


def set_up(desk: Desk, intent: Object) -> None:
    """The method that a subscription waited for is saved: it pays from now on."""
    subscription = desk.held("subscription", intent["_subscription"])
    if subscription is None or subscription["status"] in ENDED or intent["status"] != "succeeded":
        return
    before = snapshot(desk, subscription)
    subscription |= {"default_payment_method": intent["payment_method"], "pending_setup_intent": None}
    _tell(desk, subscription, before)


def _begun(desk: Desk, subscription: Object) -> None:
    desk.never("subscription.expire", subscription["id"])
    trial = subscription["trial_end"] is not None and subscription["trial_end"] > desk.now_s
    subscription["status"] = "trialing" if trial else "active"


def failed(desk: Desk, invoice: Object, *, over: bool) -> None:
    """An invoice was not paid: the subscription is past due. `over`: there will be no further attempt."""
    subscription = of_invoice(desk, invoice)
    if subscription is None or subscription["status"] in (*ENDED, "incomplete", "paused"):
        return
    fate = settings(desk)["after_retries"] if over else "past_due"
    before = snapshot(desk, subscription)
    if subscription["status"] != "unpaid":
        subscription["status"] = "unpaid" if fate == "unpaid" else "past_due"
    _tell(desk, subscription, before)
    if fate == "cancel":
        end(desk, subscription, "payment_failed")


def _tell(desk: Desk, subscription: Object, before: Object) -> None:
    if {**before, "_items": None} != {**subscription, "_items": None} and not subscription.get("_quiet"):
        desk.emit("customer.subscription.updated", subscription, before)
