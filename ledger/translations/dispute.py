"""Disputes: what a payer's bank takes back, and what comes of it, in any API version.

Evidence stays in the log, sealed: no fact carries it. What the dispute took from the balance and gave back stands in
its balance transactions, which Stripe sends expanded (https://docs.stripe.com/api/disputes/object).
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, UPDATED, Family, Reference, id_of, need, plain
from ledger.translations.charge_payload import BalanceTransaction, movement


class EvidenceDetails(msgspec.Struct, gc=False):
    due_by: int | None | UnsetType = UNSET
    has_evidence: bool | None | UnsetType = UNSET
    past_due: bool | None | UnsetType = UNSET
    submission_count: int | None | UnsetType = UNSET


class CardDetails(msgspec.Struct, gc=False):
    brand: str | None | UnsetType = UNSET
    case_type: str | None | UnsetType = UNSET
    network_reason_code: str | None | UnsetType = UNSET


class MethodDetails(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    card: CardDetails | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's dispute."""

    object: str = ""
    id: str | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    network_reason_code: str | None | UnsetType = UNSET
    is_charge_refundable: bool | None | UnsetType = UNSET
    evidence_due_by: int | None | UnsetType = UNSET
    evidence_details: EvidenceDetails | None | UnsetType = UNSET
    payment_method_details: MethodDetails | None | UnsetType = UNSET
    balance_transaction: BalanceTransaction | str | None | UnsetType = UNSET
    balance_transactions: list[BalanceTransaction | str] | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Dispute(msgspec.Struct, gc=False):
    """A dispute, independent of the API version. The amount is in minor units of `currency`."""

    charge: str | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`needs_response`, `under_review`, `won`, `lost`, `warning_…` for an inquiry, or what Stripe may add."""
    reason: str | None | UnsetType = UNSET
    network_reason_code: str | None | UnsetType = UNSET
    case_type: str | None | UnsetType = UNSET
    payment_method_type: str | None | UnsetType = UNSET
    is_charge_refundable: bool | None | UnsetType = UNSET
    evidence_due_by_s: Instant | None | UnsetType = UNSET
    has_evidence: bool | None | UnsetType = UNSET
    past_due: bool | None | UnsetType = UNSET
    submission_count: int | None | UnsetType = UNSET
    movements: Json | None | UnsetType = UNSET
    """One entry a balance transaction: `id`, `type`, `amount_minor` (below zero: withdrawn), `fee_minor`, `net_minor`,
    `currency`, `available_on_s`; the amounts are null where only the id is given."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Dispute:
    """A dispute's facts. Raises Missing naming the required field that it lacks."""
    evidence, due = payload.evidence_details, payload.evidence_due_by
    told = evidence if isinstance(evidence, EvidenceDetails) else EvidenceDetails()
    details = payload.payment_method_details
    kind = details if isinstance(details, MethodDetails) else MethodDetails()
    card = kind.card if isinstance(kind.card, CardDetails) else CardDetails()
    reason_code = payload.network_reason_code
    return Dispute(
        charge=need(id_of(payload.charge), "charge"),
        payment_intent=id_of(payload.payment_intent),
        amount_minor=need(payload.amount, "amount"),
        currency=need(payload.currency, "currency"),
        status=need(payload.status, "status"),
        reason=payload.reason,
        network_reason_code=reason_code if reason_code is not UNSET else card.network_reason_code,
        case_type=card.case_type,
        payment_method_type=kind.type,
        is_charge_refundable=payload.is_charge_refundable,
        evidence_due_by_s=told.due_by if told.due_by is not UNSET else due,
        has_evidence=told.has_evidence,
        past_due=told.past_due,
        submission_count=told.submission_count,
        movements=movements(payload),
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def movements(payload: Payload) -> Any:
    """What the dispute moved. Old versions name the latest by its id beside a list that may be empty."""
    listed, single = payload.balance_transactions, payload.balance_transaction
    if isinstance(listed, UnsetType) and single is UNSET:
        return UNSET
    found = [_movement(m) for m in listed] if isinstance(listed, list) else []
    if not found and single:
        found.append(_movement(single))
    return found


def _movement(transaction: BalanceTransaction | str) -> Any:
    if isinstance(transaction, BalanceTransaction):
        return movement(transaction)
    unknown = dict.fromkeys(("type", "amount_minor", "fee_minor", "net_minor", "currency", "available_on_s"))
    return {"id": transaction, **unknown}


CLOSED = frozenset({"won", "lost", "warning_closed", "charge_refunded", "prevented"})
_CLOSED_RANK, _MOST_MOVEMENTS = 6, 2


def rank(verb: str, facts: Dispute) -> int:
    """The order of one second: open before closed, and of these the one that has seen less money move first."""
    moved = min(len(facts.movements), _MOST_MOVEMENTS) if isinstance(facts.movements, list) else 0
    if facts.status in CLOSED:
        return _CLOSED_RANK + moved
    return (CREATED if verb == "created" else UPDATED) + moved


FAMILY = Family(
    name="dispute",
    model="disputes",
    object_types=("dispute",),
    event_types=("charge.dispute.*",),
    payload=Payload,
    facts=Dispute,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, charge)",),
    whence=(
        Whence("charge", True, ("charge (all; an id, or expanded)",)),
        Whence("payment_intent", False, ("payment_intent (since 2019)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence("reason", False, ("reason (all)",)),
        Whence(
            "network_reason_code",
            False,
            ("network_reason_code (since 2020)", "payment_method_details.card.network_reason_code (since 2023)"),
        ),
        Whence("case_type", False, ("payment_method_details.card.case_type (since 2024)",)),
        Whence("payment_method_type", False, ("payment_method_details.type (since 2023)",)),
        Whence("is_charge_refundable", False, ("is_charge_refundable (all)",)),
        Whence("evidence_due_by_s", False, ("evidence_due_by (before 2014)", "evidence_details.due_by (2014 on)")),
        Whence("has_evidence", False, ("evidence_details.has_evidence (2014 on)",)),
        Whence("past_due", False, ("evidence_details.past_due (2014 on)",)),
        Whence("submission_count", False, ("evidence_details.submission_count (2014 on)",)),
        Whence(
            "movements",
            False,
            ("balance_transaction (where the list is absent or empty)", "balance_transactions[] (since 2014)"),
        ),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
