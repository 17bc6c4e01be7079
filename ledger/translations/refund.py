"""Refunds: money on its way back to a payer, in any API version.

A refund may fail long after it succeeded: the money is then back on the account's balance, by a balance transaction of
its own. What a charge says of its refunds is the charge's word (`ledger.translations.charge`).
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain
from ledger.translations.charge_method import given
from ledger.translations.charge_payload import BalanceTransaction, movement


class Typed(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's refund."""

    object: str = ""
    id: str | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    pending_reason: str | None | UnsetType = UNSET
    failure_reason: str | None | UnsetType = UNSET
    balance_transaction: BalanceTransaction | str | None | UnsetType = UNSET
    failure_balance_transaction: Reference | str | None | UnsetType = UNSET
    next_action: Typed | None | UnsetType = UNSET
    destination_details: Typed | None | UnsetType = UNSET
    receipt_number: str | None | UnsetType = UNSET
    transfer_reversal: Reference | str | None | UnsetType = UNSET
    source_transfer_reversal: Reference | str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Refund(msgspec.Struct, gc=False):
    """A refund, independent of the API version. The amount is in minor units of `currency`."""

    charge: str | None | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    """Only since endive; the charge knows it in all versions."""
    amount_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    """`pending`, `requires_action`, `succeeded`, `failed`, `canceled`, or what Stripe may add."""
    reason: str | None | UnsetType = UNSET
    pending_reason: str | None | UnsetType = UNSET
    failure_reason: str | None | UnsetType = UNSET
    balance_transaction: str | None | UnsetType = UNSET
    failure_balance_transaction: str | None | UnsetType = UNSET
    movement: Json | None | UnsetType = UNSET
    """The balance transaction where it is expanded: `id`, `type`, `amount_minor`, `fee_minor`, `net_minor` …"""
    next_action: str | None | UnsetType = UNSET
    """What the payer must do, e.g. `display_details`."""
    destination_type: str | None | UnsetType = UNSET
    receipt_number: str | None | UnsetType = UNSET
    transfer_reversal: str | None | UnsetType = UNSET
    source_transfer_reversal: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Refund:
    """A refund's facts. Raises Missing naming the required field that it lacks."""
    return Refund(
        charge=id_of(payload.charge),
        payment_intent=id_of(payload.payment_intent),
        customer=id_of(payload.customer),
        amount_minor=need(payload.amount, "amount"),
        currency=need(payload.currency, "currency"),
        status=_status(payload),
        reason=payload.reason,
        pending_reason=payload.pending_reason,
        failure_reason=payload.failure_reason,
        balance_transaction=id_of(payload.balance_transaction),
        failure_balance_transaction=id_of(payload.failure_balance_transaction),
        movement=movement(payload.balance_transaction),
        next_action=_type(payload.next_action),
        destination_type=_type(payload.destination_details),
        receipt_number=payload.receipt_number,
        transfer_reversal=id_of(payload.transfer_reversal),
        source_transfer_reversal=id_of(payload.source_transfer_reversal),
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def _status(payload: Payload) -> str | None:
    """Before 2015 a refund had no status: it was made at once."""
    if isinstance(payload.status, UnsetType):
        return "failed" if payload.failure_reason else "succeeded"
    return payload.status


def _type(group: Typed | UnsetType | None) -> Any:
    return given(group.type) if isinstance(group, Typed) else group


#: The order of one second; a refund that had succeeded may fail, and none comes back from that.
_RANKS = {"requires_action": 2, "pending": 4, "succeeded": 6, "failed": FINAL, "canceled": FINAL}


def rank(verb: str, facts: Refund) -> int:
    """Lifecycle rank within one second: by status, and of one status the creation first."""
    found = _RANKS.get(facts.status) if isinstance(facts.status, str) else None
    if found is None:
        return CREATED if verb == "created" else UPDATED
    return found - 1 if verb == "created" else found


FAMILY = Family(
    name="refund",
    model="refunds",
    object_types=("refund",),
    event_types=("refund.*", "charge.refund.*"),
    payload=Payload,
    facts=Refund,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, charge)",),
    whence=(
        Whence("charge", False, ("charge (all; may be null)",)),
        Whence("payment_intent", False, ("payment_intent (since 2019)",)),
        Whence("customer", False, ("customer (endive on)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("status", False, ("failure_reason, else succeeded (where status is absent)", "status (since 2015)")),
        Whence("reason", False, ("reason (all)",)),
        Whence("pending_reason", False, ("pending_reason (basil on, where pending)",)),
        Whence("failure_reason", False, ("failure_reason (all, where failed)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; an id, or expanded)",)),
        Whence("failure_balance_transaction", False, ("failure_balance_transaction (all, where failed)",)),
        Whence("movement", False, ("balance_transaction (where expanded)",)),
        Whence("next_action", False, ("next_action.type (since 2022)",)),
        Whence("destination_type", False, ("destination_details.type (since 2023)",)),
        Whence("receipt_number", False, ("receipt_number (all)",)),
        Whence("transfer_reversal", False, ("transfer_reversal (since 2017)",)),
        Whence("source_transfer_reversal", False, ("source_transfer_reversal (since 2019)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
