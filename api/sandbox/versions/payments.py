"""Differences between API versions in payments: https://docs.stripe.com/changelog.

Only what a version took away, renamed or put behind itself: what Stripe adds without breaking anybody, it adds to all
versions at once.
"""

from typing import Any

from api.sandbox.versions.base import Change

_BASIL, _CLOVER_FEBRUARY, _DAHLIA, _ENDIVE = "2025-03-31", "2026-02-25", "2026-03-25", "2026-09-30"
Shown = dict[str, Any]


def _without(*names: str) -> Any:
    def undo(shown: Shown) -> None:
        for name in names:
            shown.pop(name, None)

    return undo


def _with_invoice(shown: Shown) -> None:
    """Until basil a payment named its invoice; since then one asks `/v1/invoice_payments`."""
    shown["invoice"] = shown.get("_invoice")


def _dispute_before_endive(shown: Shown) -> None:
    shown.pop("intended_submission_method", None)
    shown["evidence_details"].pop("submission_method", None)
    shown.get("payment_method_details", {}).get("card", {}).pop("network", None)


def _charge_before_february(shown: Shown) -> None:
    (shown["payment_method_details"] or {}).get("sepa_debit", {}).pop("expected_debit_date", None)


CHANGES: tuple[Change, ...] = (
    Change(_ENDIVE, "payment_intent", _without("allowed_payment_method_types", "payment_record")),
    Change(_ENDIVE, "setup_intent", _without("allowed_payment_method_types")),
    Change(_ENDIVE, "refund", _without("customer", "customer_account", "payment_method")),
    Change(_ENDIVE, "dispute", _dispute_before_endive),
    Change(_DAHLIA, "payment_intent", _without("managed_payments")),
    Change(_CLOVER_FEBRUARY, "charge", _charge_before_february),
    Change(_BASIL, "payment_intent", _with_invoice),
    Change(_BASIL, "charge", _with_invoice),
)
