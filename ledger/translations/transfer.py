"""Transfers: money moved between accounts of one platform, in any API version.

Until 2017-04-06 a payout to a bank account or card was a transfer as well, in the same events
(https://docs.stripe.com/transfer-payout-split). Such a row says so (`kind`), and the payouts read model takes it from
here; what only payouts have is read for its sake. Of a bank account nothing is read but the last four digits.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, Reference, id_of, need, plain
from ledger.translations.payout import External, last4_of, rank_of_status


class Reversal(msgspec.Struct, gc=False):
    id: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Reversals(msgspec.Struct, gc=False):
    data: list[Reversal] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's transfer."""

    object: str = ""
    id: str | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount_reversed: int | None | UnsetType = UNSET
    reversed: bool | None | UnsetType = UNSET
    reversals: Reversals | None | UnsetType = UNSET
    destination: External | str | None | UnsetType = UNSET
    destination_payment: Reference | str | None | UnsetType = UNSET
    source_transaction: Reference | str | None | UnsetType = UNSET
    source_type: str | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET
    # up to 2017-02-14
    type: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    date: int | None | UnsetType = UNSET
    method: str | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    bank_account: External | None | UnsetType = UNSET
    card: External | None | UnsetType = UNSET
    account: External | str | None | UnsetType = UNSET


class Transfer(msgspec.Struct, gc=False):
    """Money moved from one account to another, independent of the API version. Minor units of `currency`."""

    kind: str | UnsetType = UNSET
    """`transfer`; or `payout` for one of the old transfers to a bank account or card."""
    amount_minor: int | UnsetType = UNSET
    amount_reversed_minor: int | None | UnsetType = UNSET
    """How much of it came back."""
    reversed: bool | None | UnsetType = UNSET
    """Whether all of it came back."""
    reversals: Json | None | UnsetType = UNSET
    """One entry a reversal: `id`, `amount_minor`, `balance_transaction`, `created_s`; the oldest first."""
    reversals_complete: bool | UnsetType = UNSET
    """Whether `reversals` lists every one."""
    currency: str | UnsetType = UNSET
    destination: str | None | UnsetType = UNSET
    """The account that it went to; of an old payout the bank account or card."""
    destination_payment: str | None | UnsetType = UNSET
    """The payment that it became on the destination account."""
    source_transaction: str | None | UnsetType = UNSET
    """The charge whose money it is."""
    source_type: str | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    balance_transaction: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    """Up to 2017 only: `pending`, `in_transit`, `paid`, `failed`, `canceled`."""
    arrival_date_s: Instant | None | UnsetType = UNSET
    method: str | None | UnsetType = UNSET
    destination_type: str | None | UnsetType = UNSET
    """Up to 2017 only: `stripe_account`, `bank_account` or `card`."""
    destination_last4: str | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Transfer:
    """A transfer's facts. Raises Missing for its amount or currency, or the amount of a reversal."""
    reversals, complete = _reversals(payload.reversals)
    return Transfer(
        kind="payout" if is_payout(payload) else "transfer",
        amount_minor=need(payload.amount, "amount"),
        amount_reversed_minor=payload.amount_reversed,
        reversed=payload.reversed,
        reversals=reversals,
        reversals_complete=complete,
        currency=need(payload.currency, "currency"),
        destination=id_of(payload.destination),
        destination_payment=id_of(payload.destination_payment),
        source_transaction=id_of(payload.source_transaction),
        source_type=payload.source_type,
        transfer_group=payload.transfer_group,
        balance_transaction=id_of(payload.balance_transaction),
        status=payload.status,
        arrival_date_s=payload.date,
        method=payload.method,
        destination_type=payload.type,
        destination_last4=last4_of(payload.bank_account, payload.card, payload.account, payload.destination),
        failure_code=payload.failure_code,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def is_payout(payload: Payload) -> bool:
    """Whether this is what is called a payout since 2017-04-06.

    Only transfers of before have a type, or a status; from 2017 to then payouts had their new ids in the old shape.
    """
    if isinstance(payload.id, str) and payload.id.startswith("po_"):
        return True
    if isinstance(payload.type, str):
        return payload.type != "stripe_account"
    destination = id_of(payload.destination)
    to_account = isinstance(destination, str) and destination.startswith("acct_")
    return payload.status is not UNSET and not to_account


def _reversals(
    reversals: Reversals | UnsetType | None,
) -> tuple[list[dict[str, Any]] | UnsetType | None, bool | UnsetType]:
    if not isinstance(reversals, Reversals) or not isinstance(reversals.data, list):
        return (None if reversals is None else UNSET), UNSET
    found = [
        {
            "id": r.id or None,
            "amount_minor": need(r.amount, "amount of a reversal"),
            "balance_transaction": id_of(r.balance_transaction) or None,
            "created_s": r.created or None,
        }
        for r in reversals.data
    ]
    found.sort(key=lambda r: (r["created_s"] or 0, r["id"] or ""))
    return found, reversals.has_more is not True


FAMILY = Family(
    name="transfer",
    model="transfers",
    object_types=("transfer",),
    event_types=("transfer.*",),
    payload=Payload,
    facts=Transfer,
    translate=translate,
    rank=lambda verb, facts: rank_of_status(verb, facts.status),
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, destination)", "(mode, account, transfer_group)"),
    whence=(
        Whence("kind", True, ("id, type, status, destination (up to 2017-02-14)", "always transfer (2017-04-06 on)")),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("amount_reversed_minor", False, ("amount_reversed (since 2014)",)),
        Whence("reversed", False, ("reversed (since 2014)",)),
        Whence("reversals", False, ("reversals.data[].id, amount, balance_transaction, created (since 2014)",)),
        Whence("reversals_complete", False, ("reversals.has_more (since 2014)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("destination", False, ("destination (all; may be expanded)",)),
        Whence("destination_payment", False, ("destination_payment (all; may be expanded)",)),
        Whence("source_transaction", False, ("source_transaction (all; may be expanded)",)),
        Whence("source_type", False, ("source_type (since 2015)",)),
        Whence("transfer_group", False, ("transfer_group (since 2016)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; may be expanded)",)),
        Whence("status", False, ("status (up to 2017-02-14)",)),
        Whence("arrival_date_s", False, ("date (up to 2017-02-14)",)),
        Whence("method", False, ("method (2015 to 2017-02-14)",)),
        Whence("destination_type", False, ("type (up to 2017-02-14)",)),
        Whence(
            "destination_last4",
            False,
            ("account.last4 (up to 2015)", "bank_account.last4, card.last4 (up to 2017-02-14)"),
        ),
        Whence("failure_code", False, ("failure_code (up to 2017-02-14)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (since 2014)",)),
    ),
)
