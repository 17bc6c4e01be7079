"""What basil moved: https://docs.stripe.com/changelog/basil. Periods to items, prices of lines to `pricing`, a payment
of an invoice to `payments`, where a thing comes from to `parent`, taxes to one shape.

Invoices of acacia show `parent` and `total_taxes`, and lines `pricing`, `parent` and `taxes`, beside what was of old:
so they were recorded.
"""

from typing import Any

from api.sandbox.versions.base import Change

_BASIL = "2025-03-31"
Shown = dict[str, Any]


def _price(shown: Shown) -> None:
    if shown["recurring"] is not None:
        shown["recurring"] = {"aggregate_usage": None, **shown["recurring"]}


def _plan(shown: Shown) -> None:
    shown["aggregate_usage"] = None


def _subscription(shown: Shown) -> None:
    shown.pop("billing_mode", None)
    first = min(shown["items"]["data"], key=lambda item: item["_period"][1], default=None)
    shown["current_period_start"], shown["current_period_end"] = (None, None) if first is None else first["_period"]
    shown["discount"] = shown.get("_discount")


def _item(shown: Shown) -> None:
    shown["_period"] = (shown.pop("current_period_start"), shown.pop("current_period_end"))


def _invoice(shown: Shown) -> None:
    details = (shown["parent"] or {}).get("subscription_details")
    tax = sum(part["amount"] for part in shown["total_taxes"])
    shown |= {
        "application_fee_amount": shown.get("_application_fee"),
        "charge": shown.get("_charge"),
        "discount": shown.get("_discount"),
        "paid": shown["status"] == "paid",
        "paid_out_of_band": bool(shown.get("_out_of_band")),
        "payment_intent": shown.get("_payment_intent"),
        "quote": None,
        "subscription": None if details is None else details["subscription"],
        "subscription_details": {"metadata": None if details is None else details["metadata"]},
        "tax": tax if shown["total_taxes"] else None,
        "total_tax_amounts": [_old_tax(part) for part in shown["total_taxes"]],
        "transfer_data": shown.get("_transfer_data"),
    }


def _line(shown: Shown) -> None:
    details = shown["parent"]["subscription_item_details"] or shown["parent"]["invoice_item_details"]
    price = shown.get("_price")
    net = shown["amount"] - sum(part["amount"] for part in shown["taxes"] if part["tax_behavior"] == "inclusive")
    pricing = shown["pricing"]
    shown |= {
        "amount_excluding_tax": net,
        "plan": None if price is None or price["recurring"] is None else _as_plan(price),
        "price": price,
        "proration": details["proration"],
        "proration_details": details["proration_details"],
        "subscription": details["subscription"],
        "tax_amounts": [_old_tax(part) for part in shown["taxes"]],
        "tax_rates": shown.get("_rates") or [],
        "type": "invoiceitem" if details["invoice_item"] else "subscription",
        "unit_amount_excluding_tax": None if pricing is None else pricing["unit_amount_decimal"],
    }
    for name in ("invoice_item", "subscription_item"):
        if details.get(name) is not None:
            shown[name] = details[name]


def _invoice_item(shown: Shown) -> None:
    named = ((shown.pop("parent") or {}).get("subscription_details")) or {}
    pricing, price = shown.pop("pricing"), shown.get("_price")
    exact = None if pricing is None else pricing["unit_amount_decimal"]
    shown |= {
        "plan": None if price is None or price["recurring"] is None else _as_plan(price),
        "price": price,
        "subscription": named.get("subscription"),
        "unit_amount": int(exact) if exact is not None and "." not in exact else None,
        "unit_amount_decimal": exact,
    }
    if named.get("subscription_item") is not None:
        shown["subscription_item"] = named["subscription_item"]


def _schedule(shown: Shown) -> None:
    shown.pop("billing_mode", None)
    for phase in shown["phases"]:
        phase["coupon"] = None
        for item in phase["add_invoice_items"]:
            item.pop("metadata", None)
            item.pop("period", None)


def _as_plan(price: Shown) -> Shown:
    """A price of acacia as its plan."""
    period = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "aggregate_usage": None,
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": period["interval"],
        "interval_count": period["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": period["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": period["trial_period_days"],
        "usage_type": period["usage_type"],
    }


def _old_tax(tax: Shown) -> Shown:
    return {
        "amount": tax["amount"],
        "inclusive": tax["tax_behavior"] == "inclusive",
        "tax_rate": tax["tax_rate_details"]["tax_rate"],
        "taxability_reason": tax["taxability_reason"],
        "taxable_amount": tax["taxable_amount"],
    }


CHANGES: tuple[Change, ...] = (
    Change(_BASIL, "price", _price),
    Change(_BASIL, "plan", _plan),
    Change(_BASIL, "subscription_item", _item),
    Change(_BASIL, "subscription", _subscription),
    Change(_BASIL, "invoice", _invoice),
    Change(_BASIL, "line_item", _line),
    Change(_BASIL, "invoiceitem", _invoice_item),
    Change(_BASIL, "subscription_schedule", _schedule),
)
