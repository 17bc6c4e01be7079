"""What we read of Stripe's checkout session, and its groups that moved between API versions.

Every field may be absent, in nested objects too: `previous_attributes` are read with the same types.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Sealed
from ledger.translations.base import Reference, id_of


class Address(msgspec.Struct, gc=False):
    country: str | None | UnsetType = UNSET


class CustomerDetails(msgspec.Struct, gc=False):
    """Whom the buyer says to be. Names, email and phone are sealed when stored; the country is not."""

    address: Address | None | UnsetType = UNSET
    email: Sealed | None | UnsetType = UNSET
    name: Sealed | None | UnsetType = UNSET
    phone: Sealed | None | UnsetType = UNSET
    tax_exempt: str | None | UnsetType = UNSET


class Shipping(msgspec.Struct, gc=False):
    address: Address | None | UnsetType = UNSET


class Collected(msgspec.Struct, gc=False):
    shipping_details: Shipping | None | UnsetType = UNSET


class Consent(msgspec.Struct, gc=False):
    terms_of_service: str | None | UnsetType = UNSET
    promotions: str | None | UnsetType = UNSET


class TotalDetails(msgspec.Struct, gc=False):
    amount_discount: int | None | UnsetType = UNSET
    amount_shipping: int | None | UnsetType = UNSET
    amount_tax: int | None | UnsetType = UNSET


class AutomaticTax(msgspec.Struct, gc=False):
    enabled: bool | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET


class Discount(msgspec.Struct, gc=False):
    coupon: Reference | str | None | UnsetType = UNSET
    promotion_code: Reference | str | None | UnsetType = UNSET


class CurrencyConversion(msgspec.Struct, gc=False):
    amount_total: int | None | UnsetType = UNSET
    source_currency: str | None | UnsetType = UNSET


class Presentment(msgspec.Struct, gc=False):
    presentment_amount: int | None | UnsetType = UNSET
    presentment_currency: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's checkout session."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    payment_status: str | None | UnsetType = UNSET
    mode: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount_subtotal: int | None | UnsetType = UNSET
    amount_total: int | None | UnsetType = UNSET
    total_details: TotalDetails | None | UnsetType = UNSET
    discounts: list[Discount] | None | UnsetType = UNSET
    automatic_tax: AutomaticTax | None | UnsetType = UNSET
    currency_conversion: CurrencyConversion | None | UnsetType = UNSET
    presentment_details: Presentment | None | UnsetType = UNSET
    subscription: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    setup_intent: Reference | str | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    payment_link: Reference | str | None | UnsetType = UNSET
    recovered_from: Reference | str | None | UnsetType = UNSET
    client_reference_id: str | None | UnsetType = UNSET
    consent: Consent | None | UnsetType = UNSET
    customer_details: CustomerDetails | None | UnsetType = UNSET
    customer_email: Sealed | None | UnsetType = UNSET
    shipping: Shipping | None | UnsetType = UNSET
    shipping_details: Shipping | None | UnsetType = UNSET
    collected_information: Collected | None | UnsetType = UNSET
    payment_method_types: list[str] | None | UnsetType = UNSET
    allowed_payment_method_types: list[str] | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    expires_at: int | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


def mode(payload: Payload) -> str | None:
    """What the session is for; before 2019-12 only what it made tells."""
    if isinstance(payload.mode, str):
        return payload.mode
    made = {"subscription": payload.subscription, "setup": payload.setup_intent, "payment": payload.payment_intent}
    return next((kind for kind, thing in made.items() if thing), None)


def shipping_country(payload: Payload) -> str | UnsetType | None:
    """Where it goes, from whichever of the three places this version has."""
    collected = payload.collected_information
    found: Shipping | UnsetType | None = UNSET
    if isinstance(collected, Collected):
        found = collected.shipping_details
    for older in (payload.shipping_details, payload.shipping):
        if not isinstance(found, Shipping) and older is not UNSET:
            found = older
    if isinstance(found, Shipping):
        return found.address.country if isinstance(found.address, Address) else found.address
    return found


def discounts(payload: Payload) -> list[dict[str, str | None]] | UnsetType | None:
    listed = payload.discounts
    if not isinstance(listed, list):
        return listed
    return [{"coupon": id_of(d.coupon) or None, "promotion_code": id_of(d.promotion_code) or None} for d in listed]
