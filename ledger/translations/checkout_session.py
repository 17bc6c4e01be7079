"""Checkout sessions: what a buyer was offered on Stripe's page and what came of it, in any API version.

Neither `client_reference_id` nor metadata is a claim on an organization: a buyer can put the former into a payment
link's address, and a session need not be one of ours. Whoever the buyer says to be stays sealed.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence, unmoved
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, id_of, need, plain
from ledger.translations.checkout_session_payload import (
    Address,
    AutomaticTax,
    Consent,
    CurrencyConversion,
    CustomerDetails,
    Payload,
    Presentment,
    TotalDetails,
    discounts,
    mode,
    shipping_country,
)
from ledger.translations.groups import spoken


class Checkout(msgspec.Struct, gc=False):
    """A checkout session, independent of the API version. Amounts are minor units of `currency`."""

    customer: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    """`open`, `complete`, `expired`. Complete is not paid: see `payment_status`."""
    payment_status: str | None | UnsetType = UNSET
    """`paid`, `unpaid` (also while a bank debit is on its way) or `no_payment_required`."""
    async_payment: str | None | UnsetType = UNSET
    """What became of a payment that took days: `succeeded` or `failed`; null before, and where none did."""
    purpose: str | UnsetType = UNSET
    """Stripe's `mode` of the session: `payment`, `subscription` or `setup`."""
    currency: str | None | UnsetType = UNSET
    amount_subtotal_minor: int | None | UnsetType = UNSET
    amount_total_minor: int | None | UnsetType = UNSET
    amount_tax_minor: int | None | UnsetType = UNSET
    amount_discount_minor: int | None | UnsetType = UNSET
    amount_shipping_minor: int | None | UnsetType = UNSET
    discounts: Json | None | UnsetType = UNSET
    """One entry a discount: `coupon`, `promotion_code` (ids)."""
    automatic_tax: bool | None | UnsetType = UNSET
    automatic_tax_status: str | None | UnsetType = UNSET
    converted_from_currency: str | None | UnsetType = UNSET
    """The currency that the session was made in, where the amounts above are in the buyer's instead."""
    converted_from_total_minor: int | None | UnsetType = UNSET
    """In minor units of `converted_from_currency`."""
    presentment_currency: str | None | UnsetType = UNSET
    """The currency that the buyer saw and paid, where the amounts above are in the seller's."""
    presentment_total_minor: int | None | UnsetType = UNSET
    """In minor units of `presentment_currency`."""
    subscription: str | None | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    setup_intent: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    payment_link: str | None | UnsetType = UNSET
    recovered_from: str | None | UnsetType = UNSET
    """The expired session whose recovery link led to this one."""
    client_reference_id: str | None | UnsetType = UNSET
    """Whatever the page's address said. Never a claim on an organization."""
    terms_of_service: str | None | UnsetType = UNSET
    """`accepted` where the buyer agreed to the seller's terms."""
    promotions: str | None | UnsetType = UNSET
    """`opt_in` or `opt_out` where the buyer was asked for consent to promotional mail."""
    name: Sealed | None | UnsetType = UNSET
    email: Sealed | None | UnsetType = UNSET
    phone: Sealed | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    """Of the billing address."""
    shipping_country: str | None | UnsetType = UNSET
    tax_exempt: str | None | UnsetType = UNSET
    payment_method_types: Json | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    """Stripe's page; null once the session is over."""
    metadata: Json | UnsetType = UNSET
    expires_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Checkout:
    """A session's facts. Raises Missing("mode") when nothing tells what the session is for."""
    totals = spoken(payload.total_details, TotalDetails)
    tax = spoken(payload.automatic_tax, AutomaticTax)
    converted = spoken(payload.currency_conversion, CurrencyConversion)
    presented = spoken(payload.presentment_details, Presentment)
    consent = spoken(payload.consent, Consent)
    buyer = spoken(payload.customer_details, CustomerDetails)
    types = payload.payment_method_types
    return Checkout(
        customer=id_of(payload.customer),
        # before November 2021 a session had no status, and only a complete one made an event
        status="complete" if payload.status is UNSET else payload.status,
        payment_status=payload.payment_status,
        purpose=need(mode(payload), "mode"),
        currency=payload.currency,
        amount_subtotal_minor=payload.amount_subtotal,
        amount_total_minor=payload.amount_total,
        amount_tax_minor=totals.amount_tax,
        amount_discount_minor=totals.amount_discount,
        amount_shipping_minor=totals.amount_shipping,
        discounts=discounts(payload),
        automatic_tax=tax.enabled,
        automatic_tax_status=tax.status,
        converted_from_currency=converted.source_currency,
        converted_from_total_minor=converted.amount_total,
        presentment_currency=presented.presentment_currency,
        presentment_total_minor=presented.presentment_amount,
        subscription=id_of(payload.subscription),
        payment_intent=id_of(payload.payment_intent),
        setup_intent=id_of(payload.setup_intent),
        invoice=id_of(payload.invoice),
        payment_link=id_of(payload.payment_link),
        recovered_from=id_of(payload.recovered_from),
        client_reference_id=payload.client_reference_id,
        terms_of_service=consent.terms_of_service,
        promotions=consent.promotions,
        name=buyer.name,
        email=buyer.email or payload.customer_email,
        phone=buyer.phone,
        country=spoken(buyer.address, Address).country,
        shipping_country=shipping_country(payload),
        tax_exempt=buyer.tax_exempt,
        payment_method_types=payload.allowed_payment_method_types if types is UNSET else types,
        url=payload.url,
        metadata=plain(payload.metadata),
        expires_at_s=payload.expires_at,
        created_s=payload.created,
    )


def tell(verb: str, facts: Checkout) -> None:
    """What became of a payment that took days. A failed one looks like one that is on its way, but for its event."""
    facts.async_payment = _OUTCOMES.get(verb, UNSET)


_OUTCOMES = {"async_payment_succeeded": "succeeded", "async_payment_failed": "failed"}


def rank(verb: str, facts: Checkout) -> int:
    """The order of one second: open, complete, then whatever a session or its late payment ends with."""
    if facts.status == "expired" or facts.async_payment is not UNSET:
        return FINAL
    return _COMPLETE if facts.status == "complete" else CREATED if verb == "created" else UPDATED


_COMPLETE = 4


FAMILY = Family(
    name="checkout_session",
    model="checkouts",
    object_types=("checkout.session",),
    event_types=("checkout.session.*",),
    payload=Payload,
    facts=Checkout,
    translate=translate,
    rank=rank,
    tell=tell,
    claim=lambda facts: None,
    whence=(
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("status", False, ("complete (up to 2021, where status is absent)", "status (since 2021)")),
        Whence("payment_status", False, ("payment_status (since 2020)",)),
        Whence("async_payment", False, ("checkout.session.async_payment_succeeded and _failed tell (all)",)),
        Whence(
            "purpose", True, ("subscription, setup_intent or payment_intent (up to 2019)", "mode (since 2019, wins)")
        ),
        Whence("currency", False, ("currency (since 2020)",)),
        Whence("amount_subtotal_minor", False, ("amount_subtotal (since 2020)",)),
        Whence("amount_total_minor", False, ("amount_total (since 2020)",)),
        Whence("amount_tax_minor", False, ("total_details.amount_tax (since 2020)",)),
        Whence("amount_discount_minor", False, ("total_details.amount_discount (since 2020)",)),
        Whence("amount_shipping_minor", False, ("total_details.amount_shipping (since 2021)",)),
        Whence("discounts", False, ("discounts[].coupon, promotion_code (acacia on)",)),
        Whence("automatic_tax", False, ("automatic_tax.enabled (since 2021)",)),
        Whence("automatic_tax_status", False, ("automatic_tax.status (since 2021)",)),
        Whence("converted_from_currency", False, ("currency_conversion.source_currency (since 2023)",)),
        Whence("converted_from_total_minor", False, ("currency_conversion.amount_total (since 2023)",)),
        Whence("presentment_currency", False, ("presentment_details.presentment_currency (basil on)",)),
        Whence("presentment_total_minor", False, ("presentment_details.presentment_amount (basil on)",)),
        *unmoved("subscription", "payment_intent", "setup_intent"),
        Whence("invoice", False, ("invoice (since 2023)",)),
        Whence("payment_link", False, ("payment_link (since 2021)",)),
        Whence("recovered_from", False, ("recovered_from (since 2021)",)),
        *unmoved("client_reference_id"),
        Whence("terms_of_service", False, ("consent.terms_of_service (since 2022)",)),
        Whence("promotions", False, ("consent.promotions (since 2021)",)),
        Whence("name", False, ("customer_details.name (since 2022)",)),
        Whence("email", False, ("customer_email (all)", "customer_details.email (since 2020, wins)")),
        Whence("phone", False, ("customer_details.phone (since 2021)",)),
        Whence("country", False, ("customer_details.address.country (since 2022)",)),
        Whence(
            "shipping_country",
            False,
            (
                "shipping.address.country (up to 2020-08-27)",
                "shipping_details.address.country (2022-08-01 to acacia)",
                "collected_information.shipping_details.address.country (basil on)",
            ),
        ),
        Whence("tax_exempt", False, ("customer_details.tax_exempt (since 2020)",)),
        Whence(
            "payment_method_types",
            False,
            ("payment_method_types (all, wins)", "allowed_payment_method_types (endive, where it stands alone)"),
        ),
        Whence("url", False, ("url (since 2021)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("expires_at_s", False, ("expires_at (since 2021)",)),
        Whence("created_s", False, ("created (since 2022)",)),
    ),
    indexes=("(mode, account, customer)",),
)
