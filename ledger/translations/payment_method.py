"""Payment methods: with what a customer pays, in any API version; a card, a bank account, a source where they are old.

Knows what tells one from another: type, brand, last four digits, expiry, country, bank. Refuses to know whose name is
on it, its fingerprint and every longer number. Which one is a customer's default is the customer's word.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import DELETED, FINAL, Family, id_of, need, plain, rank_of_verb
from ledger.translations.cards import brand_of
from ledger.translations.groups import spoken
from ledger.translations.payment_method_payload import (
    Address,
    Details,
    Holder,
    MethodPayload,
    bank,
    country,
    details,
    expiry,
    wallet,
)


class PaymentMethod(msgspec.Struct, gc=False):
    """A payment method, or a card, bank account or source, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    """A card, bank account or source that was removed from its customer."""
    detached: bool | UnsetType = UNSET
    """A payment method that is no customer's, any more or at all: it cannot be used again."""
    customer: str | None | UnsetType = UNSET
    type: str | UnsetType = UNSET
    """`card`, `us_bank_account`, `sepa_debit` and so on; `bank_account` for an old one outside the US."""
    brand: str | None | UnsetType = UNSET
    """`visa`, `mastercard`, `amex` and so on, of cards."""
    last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET
    expires_s: Instant | None | UnsetType = UNSET
    """The first second, in UTC, after the last month in which the card is good."""
    country: str | None | UnsetType = UNSET
    """Of the bank that issued the card, or that has the account."""
    funding: str | None | UnsetType = UNSET
    wallet: str | None | UnsetType = UNSET
    bank: str | None | UnsetType = UNSET
    """Its name, or Stripe's word for it."""
    billing_country: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    """Of sources (`chargeable`, `consumed` …) and bank accounts (`new`, `verified` …); others have none."""
    allow_redisplay: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: MethodPayload) -> PaymentMethod:
    """A payment method's facts. Raises Missing("type")."""
    kind = need(payload.type, "type")
    customer = id_of(payload.customer)
    detached: bool | UnsetType = UNSET
    if not isinstance(customer, UnsetType):
        detached = customer is None and not payload.customer_account
    return PaymentMethod(
        detached=detached,
        customer=customer,
        type=kind,
        **told(details(payload, kind), kind),
        billing_country=spoken(spoken(payload.billing_details, Holder).address, Address).country,
        allow_redisplay=payload.allow_redisplay,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def told(found: Details, kind: str) -> dict[str, Any]:
    """The fields of a fact that the details of any kind amount to."""
    month, year, after = expiry(found)
    return {
        "brand": brand_of(found.brand),
        "last4": found.iban_last4 if isinstance(found.last4, UnsetType) else found.last4,
        "exp_month": month,
        "exp_year": year,
        "expires_s": after,
        "country": country(found, kind),
        "funding": found.funding,
        "wallet": wallet(found),
        "bank": bank(found),
    }


def rank(verb: str, facts: PaymentMethod) -> int:
    """The order of one second: what is detached or deleted does not come back."""
    if verb == "detached" or facts.deleted is True:
        return DELETED
    return FINAL if facts.detached is True else rank_of_verb(verb)


FAMILY = Family(
    name="payment_method",
    model="payment_methods",
    object_types=("payment_method",),
    event_types=("payment_method.*",),
    payload=MethodPayload,
    facts=PaymentMethod,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("deleted", False, ("never: a payment method is detached, not deleted",)),
        Whence("detached", False, ("customer is null, and so is customer_account (all; the latter clover on)",)),
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("type", True, ("type (all)",)),
        Whence("brand", False, ("card.brand (all; of other cards under their own type)",)),
        Whence("last4", False, ("card.last4 (all; of other types under their own)", "sepa_debit.last4 (all)")),
        Whence("exp_month", False, ("card.exp_month (all)",)),
        Whence("exp_year", False, ("card.exp_year (all)",)),
        Whence("expires_s", False, ("card.exp_month, card.exp_year (all)",)),
        Whence(
            "country", False, ("card.country (all; of other types under their own)", "the debit scheme's own country")
        ),
        Whence("funding", False, ("card.funding (all)",)),
        Whence("wallet", False, ("card.wallet.type (all)",)),
        Whence("bank", False, ("us_bank_account.bank_name (all; of other types under their own)", "ideal.bank (all)")),
        Whence("billing_country", False, ("billing_details.address.country (all)",)),
        Whence("status", False, ("never: a payment method has none",)),
        Whence("allow_redisplay", False, ("allow_redisplay (since 2024)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
