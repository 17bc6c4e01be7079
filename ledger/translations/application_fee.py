"""Application fees: what a platform keeps of a connected account's payment, and gives back, in any API version.

A fee's refunds are objects of their own, with ids of their own: a second family. What the fee's payment is about is
the charge's matter.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, Reference, id_of, need, plain


class RefundPayload(msgspec.Struct, gc=False):
    """What we read of Stripe's refund of an application fee."""

    object: str = ""
    id: str | UnsetType = UNSET
    fee: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Refunds(msgspec.Struct, gc=False):
    data: list[RefundPayload] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's application fee."""

    object: str = ""
    id: str | UnsetType = UNSET
    account: Reference | str | None | UnsetType = UNSET
    application: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_refunded: int | None | UnsetType = UNSET
    refunded: bool | None | UnsetType = UNSET
    refunds: Refunds | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    originating_transaction: Reference | str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class ApplicationFee(msgspec.Struct, gc=False):
    """What the platform keeps of a seller's payment, independent of the API version. Minor units of `currency`."""

    seller: str | UnsetType = UNSET
    """The connected account that it was taken from."""
    application: str | None | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    amount_refunded_minor: int | None | UnsetType = UNSET
    refunded: bool | None | UnsetType = UNSET
    """Whether all of it went back."""
    refunds: Json | None | UnsetType = UNSET
    """One entry a refund: `id`, `amount_minor`, `created_s`; the oldest first."""
    refunds_complete: bool | UnsetType = UNSET
    """Whether `refunds` lists every one."""
    currency: str | UnsetType = UNSET
    charge: str | None | UnsetType = UNSET
    """The seller's charge."""
    originating_transaction: str | None | UnsetType = UNSET
    """The platform's charge that the seller's came from, where there was one."""
    balance_transaction: str | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


class ApplicationFeeRefund(msgspec.Struct, gc=False):
    """What went back of an application fee, independent of the API version. Minor units of `currency`."""

    fee: str | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    balance_transaction: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> ApplicationFee:
    """An application fee's facts. Raises Missing for its account, amount or currency, or an amount refunded."""
    refunds, complete = _refunds(payload.refunds)
    return ApplicationFee(
        seller=need(id_of(payload.account), "account"),
        application=id_of(payload.application),
        amount_minor=need(payload.amount, "amount"),
        amount_refunded_minor=payload.amount_refunded,
        refunded=payload.refunded,
        refunds=refunds,
        refunds_complete=complete,
        currency=need(payload.currency, "currency"),
        charge=id_of(payload.charge),
        originating_transaction=id_of(payload.originating_transaction),
        balance_transaction=id_of(payload.balance_transaction),
        created_s=payload.created,
    )


def _refunds(refunds: Refunds | UnsetType | None) -> tuple[list[dict[str, Any]] | UnsetType | None, bool | UnsetType]:
    if not isinstance(refunds, Refunds) or not isinstance(refunds.data, list):
        return (None if refunds is None else UNSET), UNSET
    found = [
        {
            "id": r.id or None,
            "amount_minor": need(r.amount, "amount of a refund"),
            "created_s": r.created or None,
        }
        for r in refunds.data
    ]
    found.sort(key=lambda r: (r["created_s"] or 0, r["id"] or ""))
    return found, refunds.has_more is not True


def translate_refund(payload: RefundPayload) -> ApplicationFeeRefund:
    """A fee refund's facts. Raises Missing for its fee, amount or currency."""
    return ApplicationFeeRefund(
        fee=need(id_of(payload.fee), "fee"),
        amount_minor=need(payload.amount, "amount"),
        currency=need(payload.currency, "currency"),
        balance_transaction=id_of(payload.balance_transaction),
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


FAMILY = Family(
    name="application_fee",
    model="application_fees",
    object_types=("application_fee",),
    event_types=("application_fee.*",),
    payload=Payload,
    facts=ApplicationFee,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, seller)", "(mode, account, charge)"),
    whence=(
        Whence("seller", True, ("account (all; may be expanded)",)),
        Whence("application", False, ("application (all; may be expanded)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("amount_refunded_minor", False, ("amount_refunded (all)",)),
        Whence("refunded", False, ("refunded (all)",)),
        Whence("refunds", False, ("refunds.data[].id, amount, created (all)",)),
        Whence("refunds_complete", False, ("refunds.has_more (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("charge", False, ("charge (all; may be expanded)",)),
        Whence("originating_transaction", False, ("originating_transaction (since 2015; may be expanded)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; may be expanded)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)

REFUND = Family(
    name="application_fee_refund",
    model="application_fee_refunds",
    object_types=("fee_refund",),
    event_types=("application_fee.refund.*",),
    payload=RefundPayload,
    facts=ApplicationFeeRefund,
    translate=translate_refund,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, fee)",),
    whence=(
        Whence("fee", True, ("fee (all; may be expanded)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; may be expanded)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
