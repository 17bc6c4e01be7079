"""How prices, invoices and subscriptions differ between API versions: https://docs.stripe.com/changelog.

The dates are those of the version that brought a difference, as far as objects were recorded on both sides of it.
"""

from typing import Any

from api.sandbox.versions.base import Change
from api.sandbox.versions.billing_basil import CHANGES as _BEFORE_BASIL

_CLOVER, _CLOVER_ACCOUNTS, _CLOVER_SUBTOTAL = "2025-09-30", "2025-12-15", "2026-01-28"
_DAHLIA, _DAHLIA_JUNE, _ENDIVE = "2026-03-25", "2026-06-24", "2026-09-30"
Shown = dict[str, Any]


def _product_before_endive(shown: Shown) -> None:
    shown.pop("tax_details")


def _invoice_before_endive(shown: Shown) -> None:
    shown.pop("status_details", None)


def _subscription_before_endive(shown: Shown) -> None:
    shown.pop("status_details", None)
    shown["cancellation_details"] = _without(shown["cancellation_details"], "feedback_option")
    end = _without(shown["trial_settings"]["end_behavior"], "billing_cycle_anchor")
    shown["trial_settings"] = {**shown["trial_settings"], "end_behavior": end}


def _item_before_endive(shown: Shown) -> None:
    shown.pop("current_trial", None)


def _schedule_before_endive(shown: Shown) -> None:
    shown.pop("pause_schedules")
    for holder in (shown["default_settings"], *shown["phases"]):
        if holder.get("invoice_settings") is not None:
            holder["invoice_settings"] = _without(holder["invoice_settings"], "custom_fields", "description", "footer")


def _subscription_before_june(shown: Shown) -> None:
    shown.pop("billing_schedules")
    shown.pop("managed_payments")
    shown["invoice_settings"] = _without(shown["invoice_settings"], "custom_fields", "description", "footer")


def _schedule_before_june(shown: Shown) -> None:
    for phase in shown["phases"]:
        for item in phase["add_invoice_items"]:
            item.pop("discountable", None)


def _invoice_before_dahlia(shown: Shown) -> None:
    shown.pop("amount_paid_off_stripe", None)


def _line_before_dahlia(shown: Shown) -> None:
    shown.pop("quantity_decimal")


def _invoice_item_before_dahlia(shown: Shown) -> None:
    shown.pop("quantity_decimal")
    if shown.get("proration_details") is not None:
        shown["proration_details"] = _without(shown["proration_details"], "credited_items")


def _line_before_subtotals(shown: Shown) -> None:
    shown.pop("subtotal")


def _without_account(shown: Shown) -> None:
    shown.pop("customer_account", None)


def _subscription_before_clover(shown: Shown) -> None:
    shown["billing_mode"] = _without(shown["billing_mode"], "flexible")


def _invoice_before_clover(shown: Shown) -> None:
    """What is only previewed had no id: https://docs.stripe.com/changelog/clover."""
    if str(shown.get("id", "")).startswith("upcoming_"):
        shown.pop("id")


def _invoice_item_before_clover(shown: Shown) -> None:
    shown.pop("net_amount", None)
    shown.pop("proration_details", None)


def _without(held: Shown, *names: str) -> Shown:
    return {name: value for name, value in held.items() if name not in names}


CHANGES: tuple[Change, ...] = (
    Change(_ENDIVE, "product", _product_before_endive),
    Change(_ENDIVE, "invoice", _invoice_before_endive),
    Change(_ENDIVE, "subscription", _subscription_before_endive),
    Change(_ENDIVE, "subscription_item", _item_before_endive),
    Change(_ENDIVE, "subscription_schedule", _schedule_before_endive),
    Change(_DAHLIA_JUNE, "subscription", _subscription_before_june),
    Change(_DAHLIA_JUNE, "subscription_schedule", _schedule_before_june),
    Change(_DAHLIA, "invoice", _invoice_before_dahlia),
    Change(_DAHLIA, "line_item", _line_before_dahlia),
    Change(_DAHLIA, "invoiceitem", _invoice_item_before_dahlia),
    Change(_CLOVER_SUBTOTAL, "line_item", _line_before_subtotals),
    *(
        Change(_CLOVER_ACCOUNTS, kind, _without_account)
        for kind in ("invoice", "invoiceitem", "subscription", "subscription_schedule")
    ),
    Change(_CLOVER, "subscription", _subscription_before_clover),
    Change(_CLOVER, "subscription_schedule", _subscription_before_clover),
    Change(_CLOVER, "invoice", _invoice_before_clover),
    Change(_CLOVER, "invoiceitem", _invoice_item_before_clover),
    *_BEFORE_BASIL,
)
