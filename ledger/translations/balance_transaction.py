"""Balance transactions: what Stripe booked on an account's balance, with its fees, in any API version.

No event of API v1 is about one: they come expanded in other objects or are fetched. Descriptions are free text and are
not read. Which payment or payout a booking belongs to is `source`'s matter.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need


class FeeDetail(msgspec.Struct, gc=False):
    """One part of the fee."""

    amount: int | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    application: Reference | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's balance transaction."""

    object: str = ""
    id: str | UnsetType = UNSET
    source: Reference | str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    reporting_category: str | None | UnsetType = UNSET
    balance_type: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    fee: int | None | UnsetType = UNSET
    net: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    exchange_rate: Decimal | None | UnsetType = UNSET
    fee_details: list[FeeDetail] | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    available_on: int | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class BalanceTransaction(msgspec.Struct, gc=False):
    """A booking on a balance, independent of the API version. Amounts are minor units of `currency`."""

    source: str | None | UnsetType = UNSET
    """The charge, refund, dispute, payout, transfer … that caused it; None where nothing did."""
    type: str | UnsetType = UNSET
    reporting_category: str | None | UnsetType = UNSET
    balance_type: str | None | UnsetType = UNSET
    """Which of the account's balances it moves: `payments` where nothing else is said."""
    amount_minor: int | UnsetType = UNSET
    """Gross; negative when money leaves the balance."""
    fee_minor: int | UnsetType = UNSET
    net_minor: int | UnsetType = UNSET
    """`amount_minor` less `fee_minor`: what the balance changes by."""
    currency: str | UnsetType = UNSET
    """The balance's currency, which need not be the source's."""
    exchange_rate: str | None | UnsetType = UNSET
    """The source's currency to this one, in Stripe's own digits; None where nothing was converted."""
    fee_details: Json | None | UnsetType = UNSET
    """One entry a fee: `amount_minor`, `currency`, `type`, `application`."""
    status: str | None | UnsetType = UNSET
    """`pending` or `available`."""
    available_on_s: Instant | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> BalanceTransaction:
    """A balance transaction's facts. Raises Missing for its type, currency or one of its three amounts."""
    rate = payload.exchange_rate
    return BalanceTransaction(
        source=id_of(payload.source),
        type=need(payload.type, "type"),
        reporting_category=payload.reporting_category,
        balance_type=payload.balance_type,
        amount_minor=need(payload.amount, "amount"),
        fee_minor=need(payload.fee, "fee"),
        net_minor=need(payload.net, "net"),
        currency=need(payload.currency, "currency"),
        exchange_rate=str(rate) if isinstance(rate, Decimal) else rate,
        fee_details=_fee_details(payload.fee_details),
        status=payload.status,
        available_on_s=payload.available_on,
        created_s=payload.created,
    )


def _fee_details(details: list[FeeDetail] | UnsetType | None) -> list[dict[str, Any]] | UnsetType | None:
    if not isinstance(details, list):
        return details
    return [
        {
            "amount_minor": need(d.amount, "amount of a fee"),
            "currency": d.currency or None,
            "type": d.type or None,
            "application": id_of(d.application) or None,
        }
        for d in details
    ]


def rank(verb: str, facts: BalanceTransaction) -> int:
    """The order of one second: what is available was pending before."""
    if facts.status == "available":
        return FINAL
    return CREATED if verb == "created" else UPDATED


FAMILY = Family(
    name="balance_transaction",
    model="balance_transactions",
    object_types=("balance_transaction",),
    event_types=("balance_transaction.*",),
    payload=Payload,
    facts=BalanceTransaction,
    translate=translate,
    rank=rank,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, source)",),
    whence=(
        Whence("source", False, ("source (all; may be expanded)",)),
        Whence("type", True, ("type (all)",)),
        Whence("reporting_category", False, ("reporting_category (since 2019)",)),
        Whence("balance_type", False, ("balance_type (basil on)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("fee_minor", True, ("fee (all)",)),
        Whence("net_minor", True, ("net (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("exchange_rate", False, ("exchange_rate (since 2018)",)),
        Whence("fee_details", False, ("fee_details[].amount, currency, type, application (all)",)),
        Whence("status", False, ("status (all)",)),
        Whence("available_on_s", False, ("available_on (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
