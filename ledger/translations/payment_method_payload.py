"""What we read of Stripe's payment method, and of the cards, bank accounts and sources that came before it.

Of the many kinds, each under a key of its own, only what tells one from another is read: brand, last four digits,
expiry, country, bank. Every field may be absent: `previous_attributes` are read with the same types.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.base import Reference
from ledger.translations.cards import wallet_of
from ledger.translations.groups import spoken


class Wallet(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Details(msgspec.Struct, gc=False):
    """What any kind of payment method says of itself, under the key that is its type."""

    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    iban_last4: str | None | UnsetType = UNSET
    exp_month: int | str | None | UnsetType = UNSET
    exp_year: int | str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    funding: str | None | UnsetType = UNSET
    wallet: Wallet | None | UnsetType = UNSET
    tokenization_method: str | None | UnsetType = UNSET
    bank_name: str | None | UnsetType = UNSET
    bank: str | None | UnsetType = UNSET


class Address(msgspec.Struct, gc=False):
    country: str | None | UnsetType = UNSET


class Holder(msgspec.Struct, gc=False):
    address: Address | None | UnsetType = UNSET


class Kinds(msgspec.Struct, gc=False):
    """The keys under which kinds of payment methods and sources have something to tell apart."""

    card: Details | None | UnsetType = UNSET
    card_present: Details | None | UnsetType = UNSET
    interac_present: Details | None | UnsetType = UNSET
    kr_card: Details | None | UnsetType = UNSET
    three_d_secure: Details | None | UnsetType = UNSET
    sepa_debit: Details | None | UnsetType = UNSET
    us_bank_account: Details | None | UnsetType = UNSET
    ach_debit: Details | None | UnsetType = UNSET
    ach_credit_transfer: Details | None | UnsetType = UNSET
    acss_debit: Details | None | UnsetType = UNSET
    au_becs_debit: Details | None | UnsetType = UNSET
    bacs_debit: Details | None | UnsetType = UNSET
    nz_bank_account: Details | None | UnsetType = UNSET
    payto: Details | None | UnsetType = UNSET
    bancontact: Details | None | UnsetType = UNSET
    eps: Details | None | UnsetType = UNSET
    fpx: Details | None | UnsetType = UNSET
    giropay: Details | None | UnsetType = UNSET
    ideal: Details | None | UnsetType = UNSET
    naver_pay: Details | None | UnsetType = UNSET
    p24: Details | None | UnsetType = UNSET
    paypal: Details | None | UnsetType = UNSET
    sofort: Details | None | UnsetType = UNSET


class MethodPayload(Kinds, gc=False):
    """What we read of Stripe's payment method."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    billing_details: Holder | None | UnsetType = UNSET
    allow_redisplay: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class SourcePayload(Kinds, gc=False):
    """What we read of a card, a bank account or a source. The first two carry their details themselves."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    owner: Holder | None | UnsetType = UNSET
    address_country: str | None | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    exp_month: int | str | None | UnsetType = UNSET
    exp_year: int | str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    funding: str | None | UnsetType = UNSET
    tokenization_method: str | None | UnsetType = UNSET
    bank_name: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


#: Debits that are of one country by definition: https://docs.stripe.com/payments/bank-debits
_COUNTRIES = {
    "us_bank_account": "US",
    "acss_debit": "CA",
    "au_becs_debit": "AU",
    "payto": "AU",
    "bacs_debit": "GB",
    "nz_bank_account": "NZ",
}


def details(payload: Kinds, kind: str) -> Details:
    """What the payload says under the key that is its type; nothing for a type that has nothing to tell apart."""
    found: Details | UnsetType | None = getattr(payload, kind) if kind in _KINDS else UNSET
    return spoken(found, Details)


_KINDS = frozenset(Kinds.__struct_fields__)


def of_source(payload: SourcePayload) -> Details:
    """What a card, a bank account or a source says of itself."""
    if payload.object == "source":
        return details(payload, str(payload.type))
    brand = payload.brand
    if payload.object == "card" and isinstance(brand, UnsetType):  # so called until 2014
        brand = payload.type
    return Details(
        brand=brand,
        last4=payload.last4,
        exp_month=payload.exp_month,
        exp_year=payload.exp_year,
        country=payload.country,
        funding=payload.funding,
        tokenization_method=payload.tokenization_method,
        bank_name=payload.bank_name,
    )


def country(found: Details, kind: str) -> str | UnsetType | None:
    """The issuing bank's country, or that of the bank account."""
    return _COUNTRIES.get(kind, found.country) if isinstance(found.country, UnsetType) else found.country


def wallet(found: Details) -> str | UnsetType | None:
    """The wallet that the card sits in."""
    if not isinstance(found.wallet, UnsetType):
        return spoken(found.wallet, Wallet).type
    return wallet_of(found.tokenization_method)


def bank(found: Details) -> str | UnsetType | None:
    """The bank, by name or by Stripe's word for it."""
    return found.bank if isinstance(found.bank_name, UnsetType) else found.bank_name


def expiry(found: Details) -> tuple[Any, Any, Any]:
    """Month and year of expiry, and the first second after that month in UTC. Old payloads have digits in quotes."""
    month, year = _number(found.exp_month), _number(found.exp_year)
    if isinstance(month, int) and isinstance(year, int):
        if not (1 <= month <= 12 and 1970 <= year < 9999):  # no calendar has it
            return month, year, None
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return month, year, int(after.timestamp())
    return month, year, UNSET if UNSET in (month, year) else None


def _number(given: int | str | UnsetType | None) -> int | UnsetType | None:
    if isinstance(given, str):
        return int(given) if given.isdecimal() else None
    return given
