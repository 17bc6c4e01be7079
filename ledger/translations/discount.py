"""Discounts: a coupon at work for a customer, a subscription or an invoice, in any API version.

Up to 2020-08-27 a discount had no id, because there was at most one for each subscription and one for the customer
itself: there its id is that of what it discounts, and the next one takes its place. A discount that an event shows both
ways, while an endpoint is being upgraded, is two rows for as long as that lasts; `customer`, `subscription`, `coupon`
and `start_s` say that they are one.

What is known of the coupon's terms is what came along: the discount keeps the terms that it began with.
"""

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import Family, Missing, Reference, id_of, need
from ledger.translations.coupon import decimal_text


class Coupon(msgspec.Struct, gc=False):
    """The coupon as a discount carries it, whole up to basil."""

    id: str | None | UnsetType = UNSET
    percent_off: Decimal | None | UnsetType = UNSET
    percent_off_precise: Decimal | None | UnsetType = UNSET
    amount_off: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    duration: str | None | UnsetType = UNSET


class Source(msgspec.Struct, gc=False):
    coupon: Coupon | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's discount."""

    object: str = ""
    id: str | None | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    subscription: str | None | UnsetType = UNSET
    subscription_item: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    invoice_item: str | None | UnsetType = UNSET
    checkout_session: str | None | UnsetType = UNSET
    coupon: Coupon | str | None | UnsetType = UNSET
    source: Source | None | UnsetType = UNSET
    promotion_code: Reference | str | None | UnsetType = UNSET
    start: int | None | UnsetType = UNSET
    end: int | None | UnsetType = UNSET


class Discount(msgspec.Struct, gc=False):
    """A discount, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    subscription: str | None | UnsetType = UNSET
    """The subscription that alone it goes for; null: see the next three, or all that the customer pays."""
    subscription_item: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    invoice_item: str | None | UnsetType = UNSET
    checkout_session: str | None | UnsetType = UNSET
    """The checkout session that brought it about."""
    coupon: str | None | UnsetType = UNSET
    promotion_code: str | None | UnsetType = UNSET
    percent_off: str | None | UnsetType = UNSET
    """Percent as a decimal; null where an amount is taken off."""
    amount_off_minor: int | None | UnsetType = UNSET
    """Minor units of `currency`; null where a percentage is taken off."""
    currency: str | None | UnsetType = UNSET
    duration: str | None | UnsetType = UNSET
    """`once`, `repeating` or `forever`."""
    start_s: Instant | UnsetType = UNSET
    end_s: Instant | None | UnsetType = UNSET
    """When it ends by itself; null: never, or after one invoice."""


_NO_COUPON = Coupon(None, None, UNSET, None, None, None)


def translate(payload: Payload) -> Discount:
    """A discount's facts. Raises Missing for the time of its start, and where it says neither coupon nor source."""
    coupon = _coupon(payload)
    precise = coupon.percent_off_precise
    return Discount(
        deleted=payload.deleted is True,
        customer=id_of(payload.customer),
        subscription=payload.subscription,
        subscription_item=payload.subscription_item,
        invoice=payload.invoice,
        invoice_item=payload.invoice_item,
        checkout_session=payload.checkout_session,
        coupon=coupon.id,
        promotion_code=id_of(payload.promotion_code),
        percent_off=decimal_text(coupon.percent_off if precise is UNSET else precise, "coupon.percent_off"),
        amount_off_minor=coupon.amount_off,
        currency=coupon.currency,
        duration=coupon.duration,
        start_s=need(payload.start, "start"),
        end_s=payload.end,
    )


def _coupon(payload: Payload) -> Coupon:
    """The coupon, as far as it came along. Raises Missing("coupon") where there is no word of one."""
    found = payload.source.coupon if isinstance(payload.source, Source) else payload.coupon
    if found is UNSET:
        raise Missing("coupon")
    if isinstance(found, str):
        return Coupon(id=found)
    return found if isinstance(found, Coupon) else _NO_COUPON


def identify(payload: Payload) -> str:
    """The discount's id; without one, that of what it discounts. Raises Missing("id")."""
    if payload.id:
        return payload.id
    return str(need(payload.subscription or id_of(payload.customer) or None, "id"))


FAMILY = Family(
    name="discount",
    model="discounts",
    object_types=("discount",),
    event_types=("customer.discount.*",),
    payload=Payload,
    facts=Discount,
    translate=translate,
    identify=lambda payload, event: identify(payload),
    claim=lambda facts: None,
    indexes=("(mode, account, customer)", "(mode, account, coupon)"),
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("subscription", False, ("subscription (all)",)),
        Whence("subscription_item", False, ("subscription_item (since 2023)",)),
        Whence("invoice", False, ("invoice (2020-08-27 on)",)),
        Whence("invoice_item", False, ("invoice_item (2020-08-27 on)",)),
        Whence("checkout_session", False, ("checkout_session (2020-08-27 on)",)),
        Whence("coupon", False, ("coupon.id (up to basil)", "source.coupon, an id or expanded (clover on)")),
        Whence("promotion_code", False, ("promotion_code, an id or expanded (since 2020)",)),
        Whence(
            "percent_off",
            False,
            (
                "coupon.percent_off_precise (2018)",
                "coupon.percent_off (up to basil)",
                "source.coupon.percent_off (clover on, where expanded)",
            ),
        ),
        *(
            Whence(
                field,
                False,
                (f"coupon.{place} (up to basil)", f"source.coupon.{place} (clover on, where expanded)"),
            )
            for field, place in (
                ("amount_off_minor", "amount_off"),
                ("currency", "currency"),
                ("duration", "duration"),
            )
        ),
        Whence("start_s", True, ("start (all)",)),
        Whence("end_s", False, ("end (all)",)),
    ),
)
