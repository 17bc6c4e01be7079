"""Payouts: money that left Stripe for a bank account or card, in any API version.

They came in 2017-04-06: before, payouts were transfers (`ledger.translations.transfer`). Of where they go the last four
digits are read, where Stripe expands it; no other number, and no name.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain


class External(msgspec.Struct, gc=False):
    """A bank account or card outside Stripe."""

    id: str | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET


class Trace(msgspec.Struct, gc=False):
    value: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's payout."""

    object: str = ""
    id: str | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    arrival_date: int | None | UnsetType = UNSET
    automatic: bool | None | UnsetType = UNSET
    method: str | None | UnsetType = UNSET
    source_type: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    destination: External | str | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    reconciliation_status: str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    failure_balance_transaction: Reference | str | None | UnsetType = UNSET
    original_payout: Reference | str | None | UnsetType = UNSET
    reversed_by: Reference | str | None | UnsetType = UNSET
    application_fee: Reference | str | None | UnsetType = UNSET
    application_fee_amount: int | None | UnsetType = UNSET
    trace_id: Trace | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Payout(msgspec.Struct, gc=False):
    """Money that left Stripe for a bank account or card, independent of the API version. Minor units of `currency`."""

    amount_minor: int | UnsetType = UNSET
    """Negative when Stripe took money from the bank account."""
    currency: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`pending`, `in_transit`, `paid`, `failed` or `canceled`; what is paid may still fail."""
    arrival_date_s: Instant | None | UnsetType = UNSET
    """When it is, or was, expected at the bank."""
    automatic: bool | None | UnsetType = UNSET
    """By the account's schedule, rather than asked for."""
    method: str | None | UnsetType = UNSET
    """`standard` or `instant`."""
    source_type: str | None | UnsetType = UNSET
    destination: str | None | UnsetType = UNSET
    """The bank account or card, see `external_accounts`."""
    destination_type: str | None | UnsetType = UNSET
    """`bank_account` or `card`."""
    destination_last4: str | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    reconciliation_status: str | None | UnsetType = UNSET
    """`completed` once Stripe can list the balance transactions in it."""
    balance_transaction: str | None | UnsetType = UNSET
    failure_balance_transaction: str | None | UnsetType = UNSET
    """What put the money back when it failed."""
    original_payout: str | None | UnsetType = UNSET
    """The payout that this one reverses."""
    reversed_by: str | None | UnsetType = UNSET
    application_fee: str | None | UnsetType = UNSET
    application_fee_minor: int | None | UnsetType = UNSET
    trace_id: str | None | UnsetType = UNSET
    """By which the bank finds it."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Payout:
    """A payout's facts. Raises Missing for its amount, currency or status."""
    trace = payload.trace_id
    return Payout(
        amount_minor=need(payload.amount, "amount"),
        currency=need(payload.currency, "currency"),
        status=need(payload.status, "status"),
        arrival_date_s=payload.arrival_date,
        automatic=payload.automatic,
        method=payload.method,
        source_type=payload.source_type,
        destination=id_of(payload.destination),
        destination_type=payload.type,
        destination_last4=last4_of(payload.destination),
        failure_code=payload.failure_code,
        reconciliation_status=payload.reconciliation_status,
        balance_transaction=id_of(payload.balance_transaction),
        failure_balance_transaction=id_of(payload.failure_balance_transaction),
        original_payout=id_of(payload.original_payout),
        reversed_by=id_of(payload.reversed_by),
        application_fee=id_of(payload.application_fee),
        application_fee_minor=payload.application_fee_amount,
        trace_id=trace.value if isinstance(trace, Trace) else trace,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def last4_of(*places: External | str | UnsetType | None) -> str | UnsetType | None:
    """The last four digits of the first expanded bank account or card; an id alone says nothing of them."""
    return next((place.last4 for place in places if isinstance(place, External)), UNSET)


_RANKS = {"in_transit": 2, "paid": 3, "failed": FINAL, "canceled": FINAL}


def rank_of_status(verb: str, status: str | UnsetType | None) -> int:
    """The order of one second: from pending over in transit to paid, and from anywhere to failed or canceled."""
    found = _RANKS.get(status) if isinstance(status, str) else None
    if found is None:
        return CREATED if verb == "created" else UPDATED
    return found


FAMILY = Family(
    name="payout",
    model="payout_objects",
    object_types=("payout",),
    event_types=("payout.*",),
    payload=Payload,
    facts=Payout,
    translate=translate,
    rank=lambda verb, facts: rank_of_status(verb, facts.status),
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence("arrival_date_s", False, ("arrival_date (all)",)),
        Whence("automatic", False, ("automatic (all)",)),
        Whence("method", False, ("method (all)",)),
        Whence("source_type", False, ("source_type (all)",)),
        Whence("destination", False, ("destination (all; may be expanded)",)),
        Whence("destination_type", False, ("type (all)",)),
        Whence("destination_last4", False, ("destination.last4 (all; where expanded)",)),
        Whence("failure_code", False, ("failure_code (all)",)),
        Whence("reconciliation_status", False, ("reconciliation_status (since 2022)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; may be expanded)",)),
        Whence("failure_balance_transaction", False, ("failure_balance_transaction (all; may be expanded)",)),
        Whence("original_payout", False, ("original_payout (since 2020; may be expanded)",)),
        Whence("reversed_by", False, ("reversed_by (since 2020; may be expanded)",)),
        Whence("application_fee", False, ("application_fee (2024-06-20 on; may be expanded)",)),
        Whence("application_fee_minor", False, ("application_fee_amount (2024-06-20 on)",)),
        Whence("trace_id", False, ("trace_id.value (acacia on)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
