"""How coupons, discounts, taxes, features and meters differ between API versions: https://docs.stripe.com/changelog."""

from typing import Any

from api.sandbox.versions.base import Change

_BASIL, _CLOVER = "2025-03-31", "2025-09-30"


def _discount_before_clover(shown: dict[str, Any]) -> None:
    shown.pop("source")
    shown["coupon"] = shown["_coupon"]


def _code_before_clover(shown: dict[str, Any]) -> None:
    shown.pop("promotion")
    shown["coupon"] = shown["_coupon"]


def _note_before_clover(shown: dict[str, Any]) -> None:
    shown["refunds"] = [{k: r[k] for k in ("amount_refunded", "refund")} for r in shown["refunds"]]


def _note_before_basil(shown: dict[str, Any]) -> None:
    given = shown.pop("refunds")
    shown["refund"] = given[0]["refund"] if given else None
    shown["tax_amounts"] = [_old_tax(tax) for tax in shown.pop("total_taxes")]
    for name in ("post_payment_amount", "pre_payment_amount"):
        shown.pop(name)


def _note_line_before_basil(shown: dict[str, Any]) -> None:
    shown["tax_amounts"] = [_old_tax(tax) for tax in shown.pop("taxes")]
    shown["amount_excluding_tax"] = shown["amount"]
    shown["unit_amount_excluding_tax"] = None


def _old_tax(tax: dict[str, Any]) -> dict[str, Any]:
    return {
        "amount": tax["amount"],
        "inclusive": tax["tax_behavior"] == "inclusive",
        "tax_rate": tax["tax_rate_details"]["tax_rate"],
        "taxability_reason": tax["taxability_reason"],
        "taxable_amount": tax["taxable_amount"],
    }


CHANGES: tuple[Change, ...] = (
    Change(_CLOVER, "discount", _discount_before_clover),
    Change(_CLOVER, "promotion_code", _code_before_clover),
    Change(_CLOVER, "credit_note", _note_before_clover),
    Change(_BASIL, "credit_note", _note_before_basil),
    Change(_BASIL, "credit_note_line_item", _note_line_before_basil),
)
