"""How a subscription begins: https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle.

`begin` is what checkout sessions and schedules call, too. Its renewals are `subscription_cycle`'s matter.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import invoice_charging, invoice_collection, setup_intents
from api.sandbox.resources.charging import default_method
from api.sandbox.resources.invoice_finalizing import finalize
from api.sandbox.resources.invoice_item_terms import asked
from api.sandbox.resources.invoiceitems import new_item
from api.sandbox.resources.periods import around
from api.sandbox.resources.subscription_billing import ahead, bill
from api.sandbox.resources.subscription_cycle import plan_ahead
from api.sandbox.resources.subscription_fields import blank, put, refuse
from api.sandbox.resources.subscription_items import checked, price_of
from api.sandbox.resources.subscription_items import new_item as new_subscription_item
from api.sandbox.resources.subscription_standing import items_of
from api.sandbox.state import Object
from api.sandbox.times import DAY

_WAITS_S = 23 * 3600
"""So long the first payment may be missing: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses."""
_NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment"
    " method. For more information, visit"
    " https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)


def begin(desk: Desk, params: dict[str, Any], *, intent: Object | None = None, scheduled: bool = False) -> Object:
    """A subscription with its first invoice, as `POST /v1/subscriptions` makes it. Raises StripeError.

    `intent`: has paid the first invoice already, as a checkout session's does. `scheduled`: a schedule begins it; it is
    active at once, and its first invoice a draft for an hour.
    """
    refuse(params)
    if params.get("plan") is not None and not params.get("items"):
        params = {**params, "items": [{name: params[name] for name in ("plan", "quantity") if name in params}]}
    if params.get("customer") is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    subscription = blank(desk, customer, params)
    prices = _prices(desk, params)
    subscription["currency"] = _currency(customer, prices, params)
    flexible = subscription["billing_mode"]["type"] == "flexible"
    checked(prices, subscription["currency"], flexible=flexible)
    put(desk, subscription, params)
    desk.add("subscription", subscription)
    share = _periods(desk, subscription, prices, params)
    _end_date(subscription, params)
    _first_items(desk, subscription, customer, params)
    _pay_method(desk, subscription, params, paid=scheduled or intent is not None)
    subscription["_quiet"] = True
    behavior = "scheduled" if scheduled else params.get("payment_behavior") or "allow_incomplete"
    _first_invoice(desk, subscription, share, behavior, params, intent)
    del subscription["_quiet"]
    _started(desk, subscription, behavior, params)
    return subscription


def _prices(desk: Desk, params: dict[str, Any]) -> list[Object]:
    said = params.get("items") or []
    if not said:
        raise invalid("Missing required param: items.", "items", "parameter_missing")
    return [price_of(desk, one, f"items[{i}]", desk.version) for i, one in enumerate(said)]


def _currency(customer: Object, prices: list[Object], params: dict[str, Any]) -> str:
    currency = params.get("currency") or prices[0]["currency"]
    if customer["currency"] is not None and customer["currency"] != currency:
        offered = all(customer["currency"] in (p.get("_currency_options") or {}) for p in prices)
        if params.get("currency") is None and offered:
            return str(customer["currency"])
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, invoice"
            f" item, discount, or quote with currency {customer['currency']}.",
            "currency",
        )
    return str(currency).lower()


def _periods(
    desk: Desk, subscription: Object, prices: list[Object], params: dict[str, Any]
) -> dict[str, tuple[int, int]]:
    """Keep the items with their first period; the share of a period that is billed, where it is not whole."""
    trial_end_s = _trial_end(desk, prices, params)
    anchor_s = params.get("billing_cycle_anchor")
    if anchor_s is not None and anchor_s < desk.now_s:
        raise invalid("`billing_cycle_anchor` cannot be in the past.", "billing_cycle_anchor")
    if trial_end_s is not None:
        subscription |= {"trial_start": desk.now_s, "trial_end": trial_end_s, "status": "trialing"}
    subscription["billing_cycle_anchor"] = anchor_s or trial_end_s or desk.now_s
    shares = {}
    for price, said in zip(prices, params["items"], strict=True):
        item = new_subscription_item(desk, subscription, price, said)
        start_s, end_s = around(subscription["billing_cycle_anchor"], price["recurring"], desk.now_s)
        if trial_end_s is not None:
            end_s = trial_end_s
        elif anchor_s is not None and start_s < desk.now_s:
            whole_s = end_s - start_s
            billed_s = 0 if params.get("proration_behavior") == "none" else end_s - desk.now_s
            shares[item["id"]] = (billed_s, whole_s)
        item |= {"current_period_start": desk.now_s, "current_period_end": end_s}
    return shares


def _trial_end(desk: Desk, prices: list[Object], params: dict[str, Any]) -> int | None:
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if end is not None and days is not None:
        raise invalid("You cannot set both `trial_end` and `trial_period_days`.", "trial_end")
    if days is None and params.get("trial_from_plan"):
        days = max((p["recurring"]["trial_period_days"] or 0 for p in prices), default=0)
    if end == "now" or (end is None and not days):
        return None
    end_s = int(end) if end is not None else desk.now_s + int(days or 0) * DAY
    if end_s <= desk.now_s:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future", "trial_end")
    return end_s


def _end_date(subscription: Object, params: dict[str, Any]) -> None:
    if params.get("cancel_at_period_end"):
        subscription["_cancels_at_end"] = True
    if isinstance(params.get("cancel_at"), int):
        subscription["cancel_at"] = params["cancel_at"]
    elif params.get("cancel_at") is not None:
        raise invalid("The sandbox takes a time for `cancel_at`.", "cancel_at")


def _first_items(desk: Desk, subscription: Object, customer: Object, params: dict[str, Any]) -> None:
    """`add_invoice_items`: what is billed once, with the first invoice."""
    end_s = min(item["current_period_end"] for item in items_of(desk, subscription))
    for said in params.get("add_invoice_items") or ():
        price = said.pop("price", None)
        wanted = {**said, **({} if price is None else {"pricing": {"price": price}})}
        wanted |= {"currency": subscription["currency"], "period": {"end": end_s, "start": desk.now_s}}
        fields = asked(desk, customer, wanted)
        item = new_item(desk, customer, fields, subscription=subscription["id"])
        desk.emit("invoiceitem.created", item)


def _pay_method(desk: Desk, subscription: Object, params: dict[str, Any], *, paid: bool) -> None:
    """Refuse to begin what cannot be charged: recorded as `resource_missing`."""
    waits = params.get("payment_behavior") == "default_incomplete" or paid
    if subscription["collection_method"] == "send_invoice" or waits or subscription["trial_end"] is not None:
        return
    if default_method(desk, subscription["customer"], subscription["default_payment_method"]) is not None:
        return
    items = items_of(desk, subscription)
    if sum(line.amount for item in items for line in ahead(desk, subscription, item)) > 0:
        raise StripeError(400, "invalid_request_error", _NO_METHOD, code="resource_missing")


def _first_invoice(
    desk: Desk,
    subscription: Object,
    shares: dict[str, tuple[int, int]],
    behavior: str,
    params: dict[str, Any],
    intent: Object | None,
) -> None:
    items = items_of(desk, subscription)
    lines = [line for item in items for line in ahead(desk, subscription, item, shares.get(item["id"]))]
    waits = subscription["collection_method"] == "send_invoice" or behavior == "scheduled"
    paying = {} if intent is None else {"_payment_intent": intent["id"]}
    invoice = bill(desk, subscription, lines, "subscription_create", auto_advance=True, **paying)
    if waits and invoice["total"] > 0:
        return
    finalize(desk, invoice)
    if invoice["status"] == "paid":
        if behavior == "default_incomplete":
            _ask_for_method(desk, subscription)
        return
    desk.never("invoice.attempt", invoice["id"])
    invoice["next_payment_attempt"] = None
    subscription["status"] = "incomplete"
    if intent is not None:
        invoice_collection.take(desk, invoice, intent)
        return
    if behavior == "default_incomplete":
        return
    off_session = params.get("off_session", False)
    found = invoice_collection.attempt(desk, invoice, off_session=off_session)
    if behavior == "error_if_incomplete" and found is not None and subscription["status"] == "incomplete":
        _refuse(found)


def _refuse(intent: Object) -> None:
    """`error_if_incomplete`: no subscription, an error. Nothing stays."""
    try:
        invoice_charging.insist(intent)
    except StripeError as error:
        error.keeps = False
        raise


def _ask_for_method(desk: Desk, subscription: Object) -> None:
    """Nothing is to be paid yet, and nothing there to pay with: an intent to save a method waits for the customer.

    https://docs.stripe.com/api/subscriptions/object#subscription_object-pending_setup_intent.
    """
    if default_method(desk, subscription["customer"], subscription["default_payment_method"]) is not None:
        return
    intent = setup_intents.create(desk, {"customer": subscription["customer"], "usage": "off_session"})
    intent["_subscription"] = subscription["id"]
    subscription["pending_setup_intent"] = intent["id"]


def _started(desk: Desk, subscription: Object, behavior: str, params: dict[str, Any]) -> None:
    if subscription.pop("_cancels_at_end", False):
        from api.sandbox.resources.subscription_cancels import at_period_end  # which needs this one's neighbors

        at_period_end(desk, subscription)
    desk.emit("customer.subscription.created", subscription)
    plan_ahead(desk, subscription)
    if subscription["status"] == "incomplete":
        desk.later(desk.now_s + _WAITS_S, "subscription.expire", subscription["id"])
