"""What we read of Stripe's charge, and its groups that moved or changed their words between API versions.

Every field may be absent, in nested objects too: `previous_attributes` are read with the same types.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.base import Reference, id_of, need
from ledger.translations.charge_method import MethodDetails, Source, given


class BalanceTransaction(msgspec.Struct, gc=False):
    """A movement of the account's balance, where it is expanded. https://docs.stripe.com/api/balance_transactions"""

    id: str | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    fee: int | None | UnsetType = UNSET
    net: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    available_on: int | None | UnsetType = UNSET


class EmbeddedRefund(msgspec.Struct, gc=False):
    id: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET


class Refunds(msgspec.Struct, gc=False):
    data: list[EmbeddedRefund] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET


class EmbeddedDispute(msgspec.Struct, gc=False):
    id: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET


class Outcome(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    network_status: str | None | UnsetType = UNSET
    network_decline_code: str | None | UnsetType = UNSET
    risk_level: str | None | UnsetType = UNSET
    risk_score: int | None | UnsetType = UNSET


class TransferData(msgspec.Struct, gc=False):
    destination: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's charge."""

    object: str = ""
    id: str | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    paid: bool | None | UnsetType = UNSET
    captured: bool | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_captured: int | None | UnsetType = UNSET
    amount_refunded: int | None | UnsetType = UNSET
    refunded: bool | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    payment_method: Reference | str | None | UnsetType = UNSET
    payment_method_details: MethodDetails | None | UnsetType = UNSET
    source: Source | str | None | UnsetType = UNSET
    card: Source | None | UnsetType = UNSET
    disputed: bool | None | UnsetType = UNSET
    dispute: EmbeddedDispute | str | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    outcome: Outcome | None | UnsetType = UNSET
    balance_transaction: BalanceTransaction | str | None | UnsetType = UNSET
    failure_balance_transaction: Reference | str | None | UnsetType = UNSET
    application_fee: Reference | str | None | UnsetType = UNSET
    application_fee_amount: int | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET
    transfer: Reference | str | None | UnsetType = UNSET
    destination: Reference | str | None | UnsetType = UNSET
    transfer_data: TransferData | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    source_transfer: Reference | str | None | UnsetType = UNSET
    receipt_number: str | None | UnsetType = UNSET
    refunds: Refunds | list[EmbeddedRefund] | None | UnsetType = UNSET
    review: Reference | str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


def movement(transaction: Any) -> Any:
    """A balance transaction as read models keep it, where it is expanded; UNSET where only its id is given."""
    if not isinstance(transaction, BalanceTransaction):
        return UNSET
    return {
        "id": need(transaction.id, "id of a balance transaction"),
        "type": given(transaction.type),
        "amount_minor": need(transaction.amount, "amount of a balance transaction"),
        "fee_minor": given(transaction.fee) or 0,
        "net_minor": _net(transaction),
        "currency": given(transaction.currency),
        "available_on_s": given(transaction.available_on),
    }


def _net(transaction: BalanceTransaction) -> int:
    if isinstance(transaction.net, int):
        return transaction.net
    return int(need(transaction.amount, "amount of a balance transaction")) - (given(transaction.fee) or 0)


def refunds_of(refunds: Refunds | list[EmbeddedRefund] | UnsetType | None) -> tuple[Any, Any]:
    """The refunds that a charge carries, and whether these are all. Before 2014 the list stood by itself."""
    if isinstance(refunds, list):
        return [_refund(r) for r in refunds], True
    if not isinstance(refunds, Refunds) or not isinstance(refunds.data, list):
        return UNSET, UNSET
    return [_refund(r) for r in refunds.data], refunds.has_more is not True


def _refund(refund: EmbeddedRefund) -> dict[str, Any]:
    return {
        "id": given(refund.id),
        "amount_minor": need(refund.amount, "amount of a refund"),
        "status": "succeeded" if refund.status is UNSET else refund.status,  # absent before 2015: it was made at once
        "reason": given(refund.reason),
        "created_s": given(refund.created),
        "balance_transaction": given(id_of(refund.balance_transaction)),
    }


def dispute_of(dispute: EmbeddedDispute | str | UnsetType | None) -> tuple[Any, Any]:
    """The dispute's id, and what the charge says of it where it is expanded."""
    if not isinstance(dispute, EmbeddedDispute):
        return dispute, None if dispute is None else UNSET
    return given(dispute.id), {
        "id": given(dispute.id),
        "amount_minor": given(dispute.amount),
        "currency": given(dispute.currency),
        "status": given(dispute.status),
        "reason": given(dispute.reason),
    }


_NO_OUTCOME = Outcome(None, None, None, None, None, None)
_SILENT = Outcome()


def outcome(payload: Payload) -> Outcome:
    """The outcome, every field of it null where there is none."""
    if isinstance(payload.outcome, Outcome):
        return payload.outcome
    return _NO_OUTCOME if payload.outcome is None else _SILENT


def transfer(payload: Payload) -> tuple[Any, Any]:
    """Who else the money goes to, and how much of it (null: all). `destination` is the older place."""
    told = payload.transfer_data
    if not isinstance(told, TransferData) and payload.destination is not UNSET:
        return id_of(payload.destination), None
    return transfer_of(told)


def transfer_of(told: TransferData | UnsetType | None) -> tuple[Any, Any]:
    """The same as `transfer_data` alone tells it."""
    if isinstance(told, TransferData):
        return given(id_of(told.destination)), given(told.amount)
    return told, told


def status(payload: Payload) -> str | None:
    """The status; before 2015-02-18 it was `paid`, or a flag alone. Raises Missing when there is neither."""
    found = payload.status
    if isinstance(found, UnsetType):
        return "succeeded" if need(payload.paid, "status") else "failed"
    return "succeeded" if found == "paid" else found


def method_id(payload: Payload) -> Any:
    """The payment method's id; older versions name a source or a card."""
    if payload.payment_method is not UNSET:
        return id_of(payload.payment_method)
    return id_of(payload.source if payload.source is not UNSET else payload.card)
