"""What a subscription says of itself beside its items: settings that a request sets or changes.

https://docs.stripe.com/api/subscriptions/object. Refuses to know billing.
"""

from typing import Any

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import worlds
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.payment_methods import resolved
from api.sandbox.resources.subscription_items import rates
from api.sandbox.resources.taxing import buyer_of
from api.sandbox.rounding import plain
from api.sandbox.state import Object

_FLEXIBLE_SINCE = "2025-09-30"
#: What the sandbox does not do, and says so instead of taking it silently.
_REFUSED = (
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_schedules",
    "billing_thresholds",
    "customer_account",
    "default_source",
    "pending_invoice_item_interval",
)


def refuse(params: dict[str, Any]) -> None:
    """Raises StripeError for what the sandbox does not do."""
    for name in _REFUSED:
        if params.get(name) is not None:
            raise invalid(f"The sandbox does not do `{name}` of subscriptions.", name)
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise invalid("The sandbox does not do pending updates.", "payment_behavior")


def blank(desk: Desk, customer: Object, params: dict[str, Any]) -> Object:
    """A subscription before it has items and a period."""
    mode = (params.get("billing_mode") or {}).get("type")
    if mode is None:
        mode = "flexible" if desk.version[:10] >= _FLEXIBLE_SINCE or not desk.version else "classic"
    flexible = {"proration_discounts": "included", **((params.get("billing_mode") or {}).get("flexible") or {})}
    never = (
        "billing_cycle_anchor_config",
        "billing_thresholds",
        "cancel_at",
        "canceled_at",
        "customer_account",
        "default_source",
        "ended_at",
        "latest_invoice",
        "managed_payments",
        "next_pending_invoice_item_invoice",
        "pause_collection",
        "pending_invoice_item_interval",
        "pending_setup_intent",
        "pending_update",
        "schedule",
        "trial_end",
        "trial_start",
    )
    subscription: Object = {
        "id": desk.new_id("sub"),
        "object": "subscription",
        **dict.fromkeys(never),
        "application": worlds.application_of(desk),
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": desk.now_s,
        "billing_mode": {
            "flexible": flexible if mode == "flexible" else None,
            "type": mode,
            "updated_at": desk.now_s,
        },
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": "charge_automatically",
        "created": desk.now_s,
        "currency": None,
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "invoice_settings": {
            **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer")),
            "issuer": {"type": "self"},
        },
        "livemode": desk.livemode,
        "metadata": {},
        "on_behalf_of": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": desk.now_s,
        "status": "active",
        "test_clock": desk.clock,
        "transfer_data": None,
        "trial_settings": {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}},
        "_fee_percent": None,
    }
    return subscription


def put(desk: Desk, subscription: Object, params: dict[str, Any]) -> None:
    """Set in place what a request names. Raises StripeError."""
    for name in ("description", "on_behalf_of"):
        if name in params:
            subscription[name] = params[name]
    if "metadata" in params:
        subscription["metadata"] = metadata(subscription["metadata"], params["metadata"])
    _collection(subscription, params)
    _money(desk, subscription, params)
    _taxes(desk, subscription, params)
    if "discounts" in params or params.get("coupon") or params.get("promotion_code"):
        bearer = Bearer(subscription["customer"], subscription["id"])
        subscription["discounts"] = redeem(desk, _discounts(params), bearer)
    for name in ("invoice_settings", "payment_settings"):
        if params.get(name) is not None:
            subscription[name] = {**subscription[name], **params[name]}
    if params.get("trial_settings") is not None:
        end = params["trial_settings"]["end_behavior"]
        subscription["trial_settings"] = {"end_behavior": {"billing_cycle_anchor": None, **end}}
    if params.get("cancellation_details") is not None:
        said = {**subscription["cancellation_details"], **params["cancellation_details"]}
        subscription["cancellation_details"] = said


def _discounts(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Older versions name one coupon, or one code, by itself."""
    for name in ("coupon", "promotion_code"):
        if params.get(name):
            return [{name: params[name]}]
    return list(params.get("discounts") or [])


def _collection(subscription: Object, params: dict[str, Any]) -> None:
    if "collection_method" in params:
        subscription["collection_method"] = params["collection_method"]
    if "days_until_due" in params:
        subscription["days_until_due"] = params["days_until_due"]
    sends = subscription["collection_method"] == "send_invoice"
    if sends and subscription["days_until_due"] is None:
        raise invalid(
            "If you are using the `send_invoice` collection_method, you must pass `days_until_due`.", "days_until_due"
        )
    if not sends and params.get("days_until_due") is not None:
        raise invalid("`days_until_due` can only be passed with `collection_method=send_invoice`.", "days_until_due")
    if not sends:
        subscription["days_until_due"] = None


def _money(desk: Desk, subscription: Object, params: dict[str, Any]) -> None:
    if "default_payment_method" in params:
        id = params["default_payment_method"]
        if id is not None:
            method = resolved(desk, id, "default_payment_method")
            if method["customer"] != subscription["customer"]:
                raise invalid(
                    f"The customer does not have a payment method with the ID {id}. The payment method must be"
                    " attached to the customer.",
                    "default_payment_method",
                    "resource_missing",
                )
            id = method["id"]
        subscription["default_payment_method"] = id
    if "application_fee_percent" in params:
        percent = params["application_fee_percent"]
        subscription["application_fee_percent"] = None if percent is None else float(percent)
        subscription["_fee_percent"] = None if percent is None else plain(percent)
    if "transfer_data" in params:
        data = params["transfer_data"]
        share = None if data is None or data.get("amount_percent") is None else float(data["amount_percent"])
        shown = None if data is None else {"amount_percent": share, "destination": data["destination"]}
        subscription["transfer_data"] = shown


def _taxes(desk: Desk, subscription: Object, params: dict[str, Any]) -> None:
    if "default_tax_rates" in params:
        subscription["default_tax_rates"] = rates(desk, params["default_tax_rates"])
    if params.get("automatic_tax") is None:
        return
    enabled = params["automatic_tax"]["enabled"]
    liability = params["automatic_tax"].get("liability") or {"type": "self"}
    said = {"disabled_reason": None, "enabled": enabled, "liability": liability if enabled else None}
    subscription["automatic_tax"] = said
    if enabled and buyer_of(desk, desk.get("customer", subscription["customer"])).country is None:
        raise StripeError(
            400,
            "invalid_request_error",
            "The customer's location isn't recognized. Set a valid customer address in order to automatically"
            " calculate tax.",
            code="customer_tax_location_invalid",
            param="automatic_tax",
        )
