"""Promotion codes: what a customer types in to get a coupon, in any API version. Codes are public.

Came in 2020. Its coupon moved in clover.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import Family, Reference, id_of, need, plain


class Promotion(msgspec.Struct, gc=False):
    coupon: Reference | str | None | UnsetType = UNSET


class Restrictions(msgspec.Struct, gc=False):
    first_time_transaction: bool | None | UnsetType = UNSET
    minimum_amount: int | None | UnsetType = UNSET
    minimum_amount_currency: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's promotion code."""

    object: str = ""
    id: str | UnsetType = UNSET
    code: str | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    coupon: Reference | str | None | UnsetType = UNSET
    promotion: Promotion | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    expires_at: int | None | UnsetType = UNSET
    max_redemptions: int | None | UnsetType = UNSET
    times_redeemed: int | None | UnsetType = UNSET
    restrictions: Restrictions | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class PromotionCode(msgspec.Struct, gc=False):
    """A promotion code, independent of the API version."""

    code: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    coupon: str | None | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    """Who alone may use it; null: anybody."""
    expires_at_s: Instant | None | UnsetType = UNSET
    max_redemptions: int | None | UnsetType = UNSET
    times_redeemed: int | None | UnsetType = UNSET
    first_time_transaction: bool | None | UnsetType = UNSET
    """Whether it goes for a customer's first purchase alone."""
    minimum_amount_minor: int | None | UnsetType = UNSET
    """What must be bought at least, minor units of `minimum_amount_currency`."""
    minimum_amount_currency: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


_SILENT, _UNRESTRICTED = Restrictions(), Restrictions(None, None, None)


def translate(payload: Payload) -> PromotionCode:
    """A promotion code's facts. Raises Missing for the code, and whether it is active."""
    promotion = payload.promotion
    coupon = payload.coupon
    if isinstance(promotion, Promotion):
        coupon = promotion.coupon
    elif promotion is None:
        coupon = None
    limits = payload.restrictions
    if not isinstance(limits, Restrictions):
        limits = _UNRESTRICTED if limits is None else _SILENT
    return PromotionCode(
        code=need(payload.code, "code"),
        active=need(payload.active, "active"),
        coupon=id_of(coupon),
        customer=id_of(payload.customer),
        expires_at_s=payload.expires_at,
        max_redemptions=payload.max_redemptions,
        times_redeemed=payload.times_redeemed,
        first_time_transaction=limits.first_time_transaction,
        minimum_amount_minor=limits.minimum_amount,
        minimum_amount_currency=limits.minimum_amount_currency,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


FAMILY = Family(
    name="promotion_code",
    model="promotion_codes",
    object_types=("promotion_code",),
    event_types=("promotion_code.*",),
    payload=Payload,
    facts=PromotionCode,
    translate=translate,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)", "(mode, account, coupon)"),
    whence=(
        Whence("code", True, ("code (all)",)),
        Whence("active", True, ("active (all)",)),
        Whence("coupon", False, ("coupon.id (up to basil)", "promotion.coupon, an id or expanded (clover on)")),
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        *unmoved("expires_at_s", "max_redemptions", "times_redeemed"),
        Whence("first_time_transaction", False, ("restrictions.first_time_transaction (all)",)),
        Whence("minimum_amount_minor", False, ("restrictions.minimum_amount (all)",)),
        Whence("minimum_amount_currency", False, ("restrictions.minimum_amount_currency (all)",)),
        *unmoved("metadata", "created_s"),
    ),
)
