"""Which payment method a charge was made with: its kind, brand, last four digits, expiry, bank and wallet, no more.

Newer versions say it in `payment_method_details`, older ones in the source. Every field may be absent, in nested
objects too: `previous_attributes` are read with the same types.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.cards import brand_of, wallet_of


class Wallet(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Card(msgspec.Struct, gc=False):
    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET


class Funding(msgspec.Struct, gc=False):
    """What stands behind a wallet; of a card itself `funding` is a word (`credit`)."""

    card: Card | None | UnsetType = UNSET


class Method(msgspec.Struct, gc=False):
    """The details of any kind of payment method, as far as they say which one it was."""

    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    iban_last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET
    bank_name: str | None | UnsetType = UNSET
    bank: str | None | UnsetType = UNSET
    wallet: Wallet | None | UnsetType = UNSET
    card: Card | None | UnsetType = UNSET
    funding: Funding | str | None | UnsetType = UNSET


_Details = Method | None | UnsetType


class MethodDetails(msgspec.Struct, gc=False):
    """`payment_method_details`: the kind, and under its name the details. Kinds that say no more have no field."""

    type: str | None | UnsetType = UNSET
    card: _Details = UNSET
    card_present: _Details = UNSET
    interac_present: _Details = UNSET
    kr_card: _Details = UNSET
    link: _Details = UNSET
    sepa_debit: _Details = UNSET
    us_bank_account: _Details = UNSET
    ach_debit: _Details = UNSET
    ach_credit_transfer: _Details = UNSET
    acss_debit: _Details = UNSET
    au_becs_debit: _Details = UNSET
    bacs_debit: _Details = UNSET
    nz_bank_account: _Details = UNSET
    payto: _Details = UNSET
    bancontact: _Details = UNSET
    ideal: _Details = UNSET
    sofort: _Details = UNSET
    giropay: _Details = UNSET
    eps: _Details = UNSET
    fpx: _Details = UNSET
    p24: _Details = UNSET
    sepa_credit_transfer: _Details = UNSET
    amazon_pay: _Details = UNSET
    revolut_pay: _Details = UNSET
    mobilepay: _Details = UNSET


class Source(MethodDetails, gc=False):
    """`source`, and `card` before 2015-02-18: a card, a bank account, or a source with details under its kind."""

    object: str | None | UnsetType = UNSET
    id: str | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET
    bank_name: str | None | UnsetType = UNSET
    tokenization_method: str | None | UnsetType = UNSET


class MethodSummary(msgspec.Struct, gc=False):
    """Which payment method it was. UNSET throughout where the payload does not speak of it."""

    type: str | None | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET
    bank: str | None | UnsetType = UNSET
    wallet: str | None | UnsetType = UNSET


_SILENT = MethodSummary()
_NONE = MethodSummary(None, None, None, None, None, None, None)
#: What a `source` object is as a kind of payment method.
_KINDS = {"bank_account": "ach_debit", "alipay_account": "alipay", "bitcoin_receiver": "bitcoin"}


def given(value: Any) -> Any:
    """A field of a group that the payload speaks of: absent there is null."""
    return None if value is UNSET else value


def method(details: MethodDetails | UnsetType | None, source: Source | str | UnsetType | None) -> MethodSummary:
    """The payment method, from its details where they are given, else from the source of old versions."""
    if isinstance(details, MethodDetails):
        return _of_details(details)
    if isinstance(source, Source):
        return _of_source(source)
    return _SILENT if details is UNSET and (source is UNSET or isinstance(source, str)) else _NONE


def _of_details(details: MethodDetails) -> MethodSummary:
    kind = given(details.type)
    found = getattr(details, kind, None) if isinstance(kind, str) else None
    if not isinstance(found, Method):
        return MethodSummary(kind, None, None, None, None, None, None)
    behind = found.funding.card if isinstance(found.funding, Funding) else found.card
    card: Card | Method = behind if isinstance(behind, Card) else found
    return MethodSummary(
        kind,
        given(brand_of(card.brand)),
        given(card.last4) or given(found.iban_last4),
        given(card.exp_month),
        given(card.exp_year),
        given(found.bank_name) or given(found.bank),
        given(found.wallet.type) if isinstance(found.wallet, Wallet) else None,
    )


def _of_source(source: Source) -> MethodSummary:
    if source.object == "source":
        return _of_details(source)
    brand = source.brand
    if brand is UNSET:  # before 2014 a card's brand was its `type`
        brand = source.type
    kind = given(source.object)
    return MethodSummary(
        _KINDS.get(kind, kind) if isinstance(kind, str) else "card",
        given(brand_of(brand)) if kind in ("card", None) else None,
        given(source.last4),
        given(source.exp_month),
        given(source.exp_year),
        given(source.bank_name),
        given(wallet_of(source.tokenization_method)),
    )
