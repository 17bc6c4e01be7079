"""Subscriptions as they are asked for and shown: https://docs.stripe.com/api/subscriptions."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.listing import page, whole
from api.sandbox.resources import subscription_cancels, subscription_changes, subscription_pauses
from api.sandbox.resources.invoice_lines import first_discount
from api.sandbox.resources.prices import as_plan
from api.sandbox.resources.subscription_begin import begin
from api.sandbox.resources.subscription_standing import ENDED, items_of
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "subscription"


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A subscription with its first invoice."""
    return begin(desk, params)


update = subscription_changes.update
cancel = subscription_cancels.cancel


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The subscription."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Subscriptions, newest first; those that were canceled only when they are asked for."""
    status = params.get("status")
    price = params.get("price") or params.get("plan")

    def asked(subscription: Object) -> bool:
        if price is not None and price not in [i["_price"] for i in items_of(desk, subscription)]:
            return False
        if status in (None, "ended"):
            return (subscription["status"] in ENDED) is (status == "ended")
        return bool(status in ("all", subscription["status"]))

    where = {n: params[n] for n in ("collection_method", "customer", "test_clock") if params.get(n) is not None}
    return page(params, desk.scan(KIND, asked, **where), "/v1/subscriptions")


def present(desk: Desk, subscription: Object) -> Object:
    """With its items; with price and quantity of the only one beside them, as of old."""
    from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

    kept = subscription.pop("_items", None)
    items = items_of(desk, subscription) if kept is None else kept
    shown = [presented(desk, item) for item in items]
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    rates = [presented(desk, desk.get("tax_rate", id)) for id in subscription["default_tax_rates"]]
    subscription |= {
        "default_tax_rates": rates,
        "items": whole(shown, url),
        "_discount": first_discount(desk, subscription),
    }
    if len(items) == 1:
        subscription["plan"] = as_plan(desk.get("price", items[0]["_price"]))
        subscription["quantity"] = items[0].get("quantity")
    return subscription


_ONE = "/v1/subscriptions/{subscription}"
ROUTES = (
    Route("POST", "/v1/subscriptions", sdk.SubscriptionCreateParams, create),
    Route("GET", "/v1/subscriptions", sdk.SubscriptionListParams, listed),
    Route("GET", _ONE, None, retrieve),
    Route("POST", _ONE, sdk.SubscriptionUpdateParams, update),
    Route("DELETE", _ONE, sdk.SubscriptionCancelParams, cancel),
    Route("POST", _ONE + "/pause", sdk.SubscriptionPauseParams, subscription_pauses.pause_now),
    Route("POST", _ONE + "/resume", sdk.SubscriptionResumeParams, subscription_pauses.resume),
)
PRESENTERS = {KIND: present}
PREFIXES = {"sub": KIND}
