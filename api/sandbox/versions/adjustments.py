"""How coupons, discounts, taxes, features and meters differ between API versions: https://docs.stripe.com/changelog."""

from typing import Any

from api.sandbox.versions.base import Change

_CLOVER = "2025-09-30"


def _discount_before_clover(shown: dict[str, Any]) -> None:
    shown.pop("source")
    shown["coupon"] = shown["_coupon"]


def _code_before_clover(shown: dict[str, Any]) -> None:
    shown.pop("promotion")
    shown["coupon"] = shown["_coupon"]


CHANGES: tuple[Change, ...] = (
    Change(_CLOVER, "discount", _discount_before_clover),
    Change(_CLOVER, "promotion_code", _code_before_clover),
)
