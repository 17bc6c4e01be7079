"""Coupons and promotion codes: https://docs.stripe.com/api/coupons. What they take off is `discounting`'s matter."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object


def create_coupon(desk: Desk, params: dict[str, Any]) -> Object:
    """A coupon: percent or amount off, once, for some months or for ever."""
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must pass either `percent_off` or `amount_off`, and not both.", "percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: must be greater than 0 and at most 100.", "percent_off")
    if amount is not None and (amount <= 0 or not params.get("currency")):
        raise invalid("`amount_off` is a positive integer and needs a `currency`.", "currency")
    duration = params.get("duration") or "once"
    if (duration == "repeating") != (params.get("duration_in_months") is not None):
        raise invalid("`duration_in_months` goes with `repeating`, and only with it.", "duration_in_months")
    id = params.get("id") or desk.new_id("", 8)[1:]
    if desk.held("coupon", id) is not None:
        raise StripeError(
            400, "invalid_request_error", f"Coupon already exists: {id}", code="resource_already_exists", param="id"
        )
    return desk.add(
        "coupon",
        {
            "id": id,
            "object": "coupon",
            "amount_off": amount,
            "created": desk.now_s,
            "currency": params.get("currency") if amount is not None else None,
            "duration": duration,
            "duration_in_months": params.get("duration_in_months"),
            "livemode": desk.livemode,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": metadata(None, params.get("metadata") or {}),
            "name": params.get("name"),
            "percent_off": None if percent is None else float(percent),
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
            "_percent_off": None if percent is None else str(percent),
            "_products": (params.get("applies_to") or {}).get("products"),
        },
        event="coupon.created",
    )


def update_coupon(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its name and metadata; terms never change."""
    coupon = desk.get("coupon", id)
    changes: Object = {"name": params["name"]} if "name" in params else {}
    if "metadata" in params:
        changes["metadata"] = metadata(coupon["metadata"], params["metadata"])
    desk.change(coupon, changes, "coupon.updated")
    return coupon


def retrieve_coupon(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The coupon."""
    return desk.get("coupon", id)


def delete_coupon(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Nobody can redeem it any more; discounts that were granted stay."""
    coupon = desk.get("coupon", id)
    coupon["valid"] = False
    desk.emit("coupon.deleted", coupon)
    coupon["deleted"] = True
    return coupon


def list_coupons(desk: Desk, params: dict[str, Any]) -> Object:
    """Coupons, newest first."""
    return page(params, desk.scan("coupon"), "/v1/coupons")


def redeemable(coupon: Object, now_s: int, param: str) -> Object:
    """The coupon, if it can be redeemed now. Raises StripeError: `coupon_expired`."""
    spent = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    late = coupon["redeem_by"] is not None and coupon["redeem_by"] < now_s
    if coupon.get("deleted") or spent or late:
        raise invalid(f"Coupon expired: {coupon['id']}", param, "coupon_expired")
    return coupon


def create_code(desk: Desk, params: dict[str, Any]) -> Object:
    """A code that customers type, for a coupon."""
    coupon_id = params["promotion"]["coupon"] if "promotion" in params else params.get("coupon")
    coupon = redeemable(desk.get("coupon", coupon_id, "promotion[coupon]"), desk.now_s, "promotion[coupon]")
    code = params.get("code") or desk.new_id("", 8)[1:].upper()
    if any(held["active"] and held["code"].lower() == code.lower() for held in desk.scan("promotion_code")):
        raise invalid("An active promotion code with this code already exists.", "code", "resource_already_exists")
    restrictions = params.get("restrictions") or {}
    return desk.add(
        "promotion_code",
        {
            "id": desk.new_id("promo"),
            "object": "promotion_code",
            "active": params.get("active", True),
            "code": code,
            "created": desk.now_s,
            "customer": params.get("customer"),
            "customer_account": None,
            "expires_at": params.get("expires_at"),
            "livemode": desk.livemode,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": metadata(None, params.get("metadata") or {}),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {
                "first_time_transaction": restrictions.get("first_time_transaction", False),
                "minimum_amount": restrictions.get("minimum_amount"),
                "minimum_amount_currency": restrictions.get("minimum_amount_currency"),
            },
            "times_redeemed": 0,
        },
        event="promotion_code.created",
    )


def update_code(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Whether it can be used, and its metadata."""
    code = desk.get("promotion_code", id)
    changes: Object = {"active": params["active"]} if "active" in params else {}
    if "metadata" in params:
        changes["metadata"] = metadata(code["metadata"], params["metadata"])
    desk.change(code, changes, "promotion_code.updated")
    return code


def retrieve_code(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The code."""
    return desk.get("promotion_code", id)


def list_codes(desk: Desk, params: dict[str, Any]) -> Object:
    """Codes, newest first."""
    where = {name: params[name] for name in ("active", "code", "customer") if params.get(name) is not None}
    return page(params, desk.scan("promotion_code", **where), "/v1/promotion_codes")


def present_coupon(desk: Desk, coupon: Object) -> Object:
    """The products it is for are shown on request."""
    if coupon["_products"]:
        coupon["_includable"] = {"applies_to": {"products": coupon["_products"]}}
    return coupon


def present_code(desk: Desk, code: Object) -> Object:
    """The coupon is at hand for older versions, which show it whole."""
    return {**code, "_coupon": desk.held("coupon", code["promotion"]["coupon"])}


ROUTES = (
    Route("POST", "/v1/coupons", sdk.CouponCreateParams, create_coupon),
    Route("GET", "/v1/coupons", sdk.CouponListParams, list_coupons),
    Route("GET", "/v1/coupons/{coupon}", None, retrieve_coupon),
    Route("POST", "/v1/coupons/{coupon}", sdk.CouponUpdateParams, update_coupon),
    Route("DELETE", "/v1/coupons/{coupon}", None, delete_coupon),
    Route("POST", "/v1/promotion_codes", sdk.PromotionCodeCreateParams, create_code),
    Route("GET", "/v1/promotion_codes", sdk.PromotionCodeListParams, list_codes),
    Route("GET", "/v1/promotion_codes/{promotion_code}", None, retrieve_code),
    Route("POST", "/v1/promotion_codes/{promotion_code}", sdk.PromotionCodeUpdateParams, update_code),
)
PRESENTERS = {"coupon": present_coupon, "promotion_code": present_code}
PREFIXES = {"promo": "promotion_code"}
