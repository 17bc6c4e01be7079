"""Coupons: what is taken off, for how long, in any API version. They are public: nothing here is sealed.

Who has one is a discount's matter.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import Family, Missing, need, plain


class AppliesTo(msgspec.Struct, gc=False):
    products: list[str] | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's coupon."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    percent_off: Decimal | None | UnsetType = UNSET
    percent_off_precise: Decimal | None | UnsetType = UNSET
    amount_off: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    currency_options: dict[str, Any] | None | UnsetType = UNSET
    duration: str | None | UnsetType = UNSET
    duration_in_months: int | None | UnsetType = UNSET
    applies_to: AppliesTo | None | UnsetType = UNSET
    max_redemptions: int | None | UnsetType = UNSET
    times_redeemed: int | None | UnsetType = UNSET
    redeem_by: int | None | UnsetType = UNSET
    valid: bool | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Coupon(msgspec.Struct, gc=False):
    """A coupon, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    percent_off: str | None | UnsetType = UNSET
    """Percent as a decimal; null where an amount is taken off."""
    amount_off_minor: int | None | UnsetType = UNSET
    """Minor units of `currency`; null where a percentage is taken off."""
    currency: str | None | UnsetType = UNSET
    currency_options: Json | None | UnsetType = UNSET
    """Currency to the amount that is taken off in it, minor units."""
    duration: str | UnsetType = UNSET
    """`once`, `repeating` or `forever`."""
    duration_in_months: int | None | UnsetType = UNSET
    products: tuple[str, ...] | UnsetType = UNSET
    """Products that it is limited to; none: it goes for all. Known only where somebody expanded it."""
    max_redemptions: int | None | UnsetType = UNSET
    times_redeemed: int | None | UnsetType = UNSET
    redeem_by_s: Instant | None | UnsetType = UNSET
    valid: bool | None | UnsetType = UNSET
    """Whether it can still be redeemed."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Coupon:
    """A coupon's facts. Raises Missing for the duration of one that is not deleted, and for an absurd percentage."""
    if payload.deleted is True and payload.duration is UNSET:
        return Coupon(deleted=True)
    precise = payload.percent_off_precise
    limited = payload.applies_to
    if isinstance(limited, AppliesTo):
        products: Any = limited.products if limited.products is UNSET else tuple(sorted(limited.products or ()))
    else:
        products = () if limited is None else UNSET
    return Coupon(
        deleted=payload.deleted is True,
        name=payload.name,
        percent_off=decimal_text(payload.percent_off if precise is UNSET else precise, "percent_off"),
        amount_off_minor=payload.amount_off,
        currency=payload.currency,
        currency_options=_amounts(payload.currency_options),
        duration=need(payload.duration, "duration"),
        duration_in_months=payload.duration_in_months,
        products=products,
        max_redemptions=payload.max_redemptions,
        times_redeemed=payload.times_redeemed,
        redeem_by_s=payload.redeem_by,
        valid=payload.valid,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


#: Digits before and after the point beyond which a number is no percentage.
_DIGITS = 20


def decimal_text(number: Any, name: str) -> Any:
    """A Decimal as text without needless zeros, the same however a version spells it (16, 16.0); None and UNSET stay.

    Raises Missing(name) for what is no number or is spelled with absurdly many digits.
    """
    if not isinstance(number, Decimal):
        return number
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -_DIGITS <= exponent <= _DIGITS or number.adjusted() > _DIGITS:
        raise Missing(f"{name} as a number")
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amounts(options: dict[str, Any] | UnsetType | None) -> dict[str, Any] | UnsetType | None:
    if not isinstance(options, dict):
        return options
    return {c: o.get("amount_off") for c, o in options.items() if isinstance(o, dict)}


FAMILY = Family(
    name="coupon",
    model="coupons",
    object_types=("coupon",),
    event_types=("coupon.*",),
    payload=Payload,
    facts=Coupon,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("name", False, ("name (since 2018)",)),
        Whence("percent_off", False, ("percent_off_precise (2018)", "percent_off (all)")),
        Whence("amount_off_minor", False, ("amount_off (all)",)),
        *unmoved("currency"),
        Whence("currency_options", False, ("currency_options.*.amount_off (since 2022, where expanded)",)),
        Whence("duration", True, ("duration (all; not on a deleted stub)",)),
        *unmoved("duration_in_months"),
        Whence("products", False, ("applies_to.products (since 2020, where expanded)",)),
        *unmoved("max_redemptions", "times_redeemed", "redeem_by_s", "valid", "metadata", "created_s"),
    ),
)
