"""Changes of a subscription: items, quantity, price, trial, anchor, with the proration they cause.

https://docs.stripe.com/billing/subscriptions/change. An interval that changes, a trial that ends and `now` begin a
new period, which is billed at once; the rest waits for the next invoice, unless `always_invoice` asks for it now.
"""

from typing import Any, NamedTuple

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import invoice_charging, invoice_collection, subscription_cancels
from api.sandbox.resources.invoice_finalizing import finalize
from api.sandbox.resources.periods import around
from api.sandbox.resources.prorating import Part, remaining, unused
from api.sandbox.resources.subscription_billing import ahead, bill, prorate, used
from api.sandbox.resources.subscription_cycle import living, plan_ahead, stopped_without_method
from api.sandbox.resources.subscription_fields import put, refuse
from api.sandbox.resources.subscription_item_changes import apply, begins_anew
from api.sandbox.resources.subscription_standing import ENDED, items_of, snapshot
from api.sandbox.state import Object

_ALWAYS = ("metadata", "cancellation_details")


class Terms(NamedTuple):
    """How a change is billed."""

    proration: str
    at_s: int
    behavior: str
    off_session: bool
    anchor_now: bool
    trial_end: int | str | None


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What is named, prorated as asked."""
    refuse(params)
    subscription = desk.get("subscription", id)
    if subscription["status"] in ENDED and params.keys() - set(_ALWAYS):
        living(subscription)
    _refuse_scheduled(subscription, params)
    before = snapshot(desk, subscription)
    put(desk, subscription, params)
    _pause_collection(subscription, params)
    _ending(desk, subscription, params)
    carry_out(desk, subscription, params.get("items") or [], terms_of(desk, subscription, params), before)
    return subscription


def change_items(desk: Desk, subscription: Object, said: list[dict[str, Any]], params: dict[str, Any]) -> list[Object]:
    """The same for items alone, as their own routes ask for it; the items after it."""
    before = snapshot(desk, living(subscription))
    carry_out(desk, subscription, said, terms_of(desk, subscription, params), before)
    return items_of(desk, subscription)


def terms_of(desk: Desk, subscription: Object, params: dict[str, Any]) -> Terms:
    """How a request wants its change billed."""
    anchor = params.get("billing_cycle_anchor")
    anchor = anchor.get("type") if isinstance(anchor, dict) else anchor
    at_s = params.get("proration_date", desk.now_s)
    starts = [item["current_period_start"] for item in items_of(desk, subscription)]
    if not min(starts, default=at_s) <= at_s:
        raise invalid("The proration date must be within the current period.", "proration_date")
    return Terms(
        params.get("proration_behavior") or "create_prorations",
        at_s,
        params.get("payment_behavior") or "allow_incomplete",
        params.get("off_session", False),
        anchor == "now",
        params.get("trial_end"),
    )


def carry_out(desk: Desk, subscription: Object, said: list[dict[str, Any]], terms: Terms, before: Object) -> None:
    """Change items, period and trial, with prorations, the event, and an invoice where one is due at once."""
    if terms.trial_end == "now" and subscription["status"] == "trialing":
        subscription["trial_end"] = desk.now_s
        if stopped_without_method(desk, subscription):
            return
    had = {item["id"]: dict(item) for item in items_of(desk, subscription)}
    trialing = subscription["status"] == "trialing"
    resets = begins_anew(desk, subscription, said, anchor_now=terms.anchor_now, trial_end=terms.trial_end)
    if subscription["status"] == "incomplete" and (said or resets):
        raise invalid("This subscription's first invoice is not paid yet: its items cannot be changed.", "items")
    credits = _credits(desk, subscription, said, terms, everything=resets) if not trialing else []
    usage = [line for item in items_of(desk, subscription) for line in _usage(desk, subscription, item, resets)]
    apply(desk, subscription, said)
    _trial(desk, subscription, terms)
    if resets:
        _new_period(desk, subscription)
    charges: list[Part] = []
    if terms.proration != "none" and not trialing and not resets:
        charges = _charges(desk, subscription, had, terms)
    for part in (*credits, *charges):
        prorate(desk, subscription, part)
    now = resets or (terms.proration == "always_invoice" and bool(credits or charges))
    invoice = _invoice(desk, subscription, usage, terms, new_period=resets) if now else None
    if before != {**subscription, "_items": items_of(desk, subscription)}:
        desk.emit("customer.subscription.updated", subscription, before)
    plan_ahead(desk, subscription)
    if invoice is not None and invoice["status"] == "open":
        _collect(desk, subscription, invoice, terms)


def _credits(
    desk: Desk, subscription: Object, said: list[dict[str, Any]], terms: Terms, *, everything: bool
) -> list[Part]:
    """What the items that change give back, before they change; all of them when a new period begins."""
    if terms.proration == "none" or subscription["status"] == "unpaid":
        return []
    named = {one["id"]: one for one in said if one.get("id") is not None}
    items = items_of(desk, subscription)
    changing = [i for i in items if everything or (i["id"] in named and _differs(desk, i, named[i["id"]]))]
    parts = (unused(desk, subscription, item, terms.at_s) for item in changing)
    return [part for part in parts if part is not None]


def _differs(desk: Desk, item: Object, said: dict[str, Any]) -> bool:
    price = said.get("price") or said.get("plan") or item["_price"]
    quantity = said.get("quantity", item.get("quantity"))
    return bool(
        said.get("deleted") or said.get("price_data") or (price, quantity) != (item["_price"], item.get("quantity"))
    )


def _charges(desk: Desk, subscription: Object, had: dict[str, Object], terms: Terms) -> list[Part]:
    """What the items that are new or other cost for the rest of the period."""
    found = []
    for item in items_of(desk, subscription):
        was = had.get(item["id"])
        if was is None or (was["_price"], was.get("quantity")) != (item["_price"], item.get("quantity")):
            part = remaining(desk, subscription, item, terms.at_s)
            found += [] if part is None else [part]
    return found


def _usage(desk: Desk, subscription: Object, item: Object, resets: bool) -> list[Any]:
    return used(desk, subscription, item, item["current_period_start"], desk.now_s) if resets else []


def _trial(desk: Desk, subscription: Object, terms: Terms) -> None:
    if terms.trial_end == "now" and subscription["status"] == "trialing":
        subscription |= {"trial_end": desk.now_s, "status": "active"}
    elif isinstance(terms.trial_end, int):
        if terms.trial_end <= desk.now_s:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future", "trial_end")
        start_s = subscription["trial_start"] if subscription["status"] == "trialing" else desk.now_s
        subscription |= {"trial_end": terms.trial_end, "trial_start": start_s, "status": "trialing"}


def _new_period(desk: Desk, subscription: Object) -> None:
    """From now, or, in a trial, until its end."""
    trial_s = subscription["trial_end"] if subscription["status"] == "trialing" else None
    subscription["billing_cycle_anchor"] = trial_s or desk.now_s
    for item in items_of(desk, subscription):
        recurring = desk.get("price", item["_price"])["recurring"]
        end_s = trial_s or around(desk.now_s, recurring, desk.now_s)[1]
        item |= {"current_period_start": desk.now_s, "current_period_end": end_s}


def _invoice(desk: Desk, subscription: Object, usage: list[Any], terms: Terms, *, new_period: bool) -> Object:
    lines = list(usage)
    if new_period:
        lines += [line for item in items_of(desk, subscription) for line in ahead(desk, subscription, item)]
    parent = {"subscription_proration_date": terms.at_s} if terms.at_s != desk.now_s else {}
    invoice = bill(desk, subscription, lines, "subscription_update", auto_advance=True)
    invoice["parent"]["subscription_details"] |= parent
    if subscription["collection_method"] == "charge_automatically" or invoice["total"] <= 0:
        subscription["_quiet"] = True
        finalize(desk, invoice)
        desk.never("invoice.attempt", invoice["id"])
        del subscription["_quiet"]
    return invoice


def _collect(desk: Desk, subscription: Object, invoice: Object, terms: Terms) -> None:
    if invoice["collection_method"] == "send_invoice":
        return
    if terms.behavior == "default_incomplete":
        before = snapshot(desk, subscription)
        subscription["status"] = "past_due"
        desk.emit("customer.subscription.updated", subscription, before)
        return
    intent = invoice_collection.attempt(desk, invoice, off_session=terms.off_session)
    if terms.behavior == "error_if_incomplete" and intent is not None:
        try:
            invoice_charging.insist(intent)
        except StripeError as error:
            error.keeps = False
            raise


def _refuse_scheduled(subscription: Object, params: dict[str, Any]) -> None:
    if subscription["schedule"] is not None and (params.keys() & {"cancel_at", "cancel_at_period_end"}):
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any"
            " cancelation behavior directly is not allowed. Please update the schedule instead."
        )


def _pause_collection(subscription: Object, params: dict[str, Any]) -> None:
    if "pause_collection" in params:
        said = params["pause_collection"]
        paused = None if said is None else {"behavior": said["behavior"], "resumes_at": said.get("resumes_at")}
        subscription["pause_collection"] = paused


def _ending(desk: Desk, subscription: Object, params: dict[str, Any]) -> None:
    if params.get("cancel_at_period_end"):
        if not subscription["cancel_at_period_end"]:
            subscription_cancels.at_period_end(desk, subscription)
    elif isinstance(params.get("cancel_at"), int):
        subscription_cancels.at(desk, subscription, params["cancel_at"])
    elif isinstance(params.get("cancel_at"), str):
        raise invalid("The sandbox takes a time for `cancel_at`.", "cancel_at")
    elif ("cancel_at" in params or "cancel_at_period_end" in params) and subscription["cancel_at"] is not None:
        subscription_cancels.keep(subscription)
