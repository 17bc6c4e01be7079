"""Payment intents: what was asked of a payer and how far it has come, in any API version.

Names, addresses and e-mail stay in the log: no fact carries them. Each attempt to take the money is a charge of its
own. Statuses, and what must be done next, have the names of 2019-02-11, whatever they were called before.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain
from ledger.translations.charge_method import given
from ledger.translations.charge_payload import TransferData, transfer_of


class Charges(msgspec.Struct, gc=False):
    data: list[Reference] | None | UnsetType = UNSET


class BankTransfer(msgspec.Struct, gc=False):
    amount_remaining: int | None | UnsetType = UNSET


class NextAction(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    display_bank_transfer_instructions: BankTransfer | None | UnsetType = UNSET


class PaymentError(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    code: str | None | UnsetType = UNSET
    decline_code: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's payment intent."""

    object: str = ""
    id: str | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_received: int | None | UnsetType = UNSET
    amount_capturable: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    invoice: Reference | str | None | UnsetType = UNSET
    latest_charge: Reference | str | None | UnsetType = UNSET
    charges: Charges | None | UnsetType = UNSET
    next_action: NextAction | None | UnsetType = UNSET
    next_source_action: NextAction | None | UnsetType = UNSET
    last_payment_error: PaymentError | None | UnsetType = UNSET
    payment_method: Reference | str | None | UnsetType = UNSET
    source: Reference | str | None | UnsetType = UNSET
    payment_method_types: list[str] | None | UnsetType = UNSET
    allowed_source_types: list[str] | None | UnsetType = UNSET
    capture_method: str | None | UnsetType = UNSET
    setup_future_usage: str | None | UnsetType = UNSET
    application_fee_amount: int | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET
    transfer_data: TransferData | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    review: Reference | str | None | UnsetType = UNSET
    canceled_at: int | None | UnsetType = UNSET
    cancellation_reason: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class PaymentIntent(msgspec.Struct, gc=False):
    """A payment intent, independent of the API version. Amounts are minor units of `currency`."""

    status: str | UnsetType = UNSET
    """`requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `requires_capture`,
    `succeeded`, `canceled`, or what Stripe may add."""
    amount_minor: int | UnsetType = UNSET
    amount_received_minor: int | None | UnsetType = UNSET
    amount_capturable_minor: int | None | UnsetType = UNSET
    amount_remaining_minor: int | None | UnsetType = UNSET
    """What a bank transfer into the customer's cash balance still lacks."""
    currency: str | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    """Silent since basil: invoice payments tell."""
    latest_charge: str | None | UnsetType = UNSET
    next_action: str | None | UnsetType = UNSET
    """What the payer must do: `redirect_to_url`, `verify_with_microdeposits`, `display_bank_transfer_instructions` …"""
    error_type: str | None | UnsetType = UNSET
    error_code: str | None | UnsetType = UNSET
    error_decline_code: str | None | UnsetType = UNSET
    payment_method: str | None | UnsetType = UNSET
    payment_method_types: Json | None | UnsetType = UNSET
    capture_method: str | None | UnsetType = UNSET
    setup_future_usage: str | None | UnsetType = UNSET
    application_fee_amount_minor: int | None | UnsetType = UNSET
    on_behalf_of: str | None | UnsetType = UNSET
    transfer_destination: str | None | UnsetType = UNSET
    transfer_amount_minor: int | None | UnsetType = UNSET
    """Null beside a destination: all of it."""
    transfer_group: str | None | UnsetType = UNSET
    review: str | None | UnsetType = UNSET
    canceled_at_s: Instant | None | UnsetType = UNSET
    cancellation_reason: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


#: Names before 2019-02-11.
_STATUSES = {"requires_source": "requires_payment_method", "requires_source_action": "requires_action"}
_ACTIONS = {"authorize_with_url": "redirect_to_url"}


def translate(payload: Payload) -> PaymentIntent:
    """A payment intent's facts. Raises Missing naming the required field that it lacks."""
    status = need(payload.status, "status")
    next_action, remaining = _next(payload)
    error_type, error_code, decline_code = _error(payload.last_payment_error)
    destination, transfer_amount = transfer_of(payload.transfer_data)
    types = payload.payment_method_types
    return PaymentIntent(
        status=_STATUSES.get(status, status),
        amount_minor=need(payload.amount, "amount"),
        amount_received_minor=payload.amount_received,
        amount_capturable_minor=payload.amount_capturable,
        amount_remaining_minor=remaining,
        currency=need(payload.currency, "currency"),
        customer=id_of(payload.customer),
        invoice=id_of(payload.invoice),
        latest_charge=_latest_charge(payload),
        next_action=next_action,
        error_type=error_type,
        error_code=error_code,
        error_decline_code=decline_code,
        payment_method=id_of(payload.payment_method if payload.payment_method is not UNSET else payload.source),
        payment_method_types=types if types is not UNSET else payload.allowed_source_types,
        capture_method=payload.capture_method,
        setup_future_usage=payload.setup_future_usage,
        application_fee_amount_minor=payload.application_fee_amount,
        on_behalf_of=id_of(payload.on_behalf_of),
        transfer_destination=destination,
        transfer_amount_minor=transfer_amount,
        transfer_group=payload.transfer_group,
        review=id_of(payload.review),
        canceled_at_s=payload.canceled_at,
        cancellation_reason=payload.cancellation_reason,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def _next(payload: Payload) -> tuple[Any, Any]:
    """What must be done next, and what a bank transfer lacks."""
    action = payload.next_action if payload.next_action is not UNSET else payload.next_source_action
    if not isinstance(action, NextAction):
        return action, action
    kind = given(action.type)
    transfer = action.display_bank_transfer_instructions
    remaining = given(transfer.amount_remaining) if isinstance(transfer, BankTransfer) else None
    return _ACTIONS.get(kind, kind) if isinstance(kind, str) else kind, remaining


def _error(error: PaymentError | UnsetType | None) -> tuple[Any, Any, Any]:
    if isinstance(error, PaymentError):
        return given(error.type), given(error.code), given(error.decline_code)
    return error, error, error


def _latest_charge(payload: Payload) -> Any:
    """The last attempt; before 2022-11-15 the first of a list, newest first."""
    if payload.latest_charge is not UNSET:
        return id_of(payload.latest_charge)
    if not isinstance(payload.charges, Charges) or not isinstance(payload.charges.data, list):
        return UNSET
    return given(payload.charges.data[0].id) if payload.charges.data else None


#: The order of one second, by what the event tells: an attempt waits, proceeds, and fails or holds the money.
_RANKS = {
    "created": CREATED,
    "requires_action": 2,
    "partially_funded": 3,
    "processing": 4,
    "payment_failed": 5,
    "amount_capturable_updated": 6,
}


def rank(verb: str, facts: PaymentIntent) -> int:
    """Lifecycle rank within one second; nothing comes after success or cancellation."""
    return FINAL if facts.status in ("succeeded", "canceled") else _RANKS.get(verb, UPDATED)


FAMILY = Family(
    name="payment_intent",
    model="payment_intents",
    object_types=("payment_intent",),
    event_types=("payment_intent.*",),
    payload=Payload,
    facts=PaymentIntent,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=(
        "(mode, account, customer)",
        "(mode, account, invoice) WHERE invoice IS NOT NULL",
        "(mode, account, latest_charge)",
    ),
    whence=(
        Whence("status", True, ("status (all; requires_source… up to 2018-11-08 by today's names)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("amount_received_minor", False, ("amount_received (all)",)),
        Whence("amount_capturable_minor", False, ("amount_capturable (all)",)),
        Whence(
            "amount_remaining_minor",
            False,
            ("next_action.display_bank_transfer_instructions.amount_remaining (since 2022; null without)",),
        ),
        Whence("currency", True, ("currency (all)",)),
        Whence("customer", False, ("customer (all; may be null)",)),
        Whence("invoice", False, ("invoice (2019 to acacia)",)),
        Whence("latest_charge", False, ("charges.data[0].id (up to 2022-08-01)", "latest_charge (2022-11-15 on)")),
        Whence(
            "next_action", False, ("next_source_action.type (up to 2018-11-08)", "next_action.type (2019-02-11 on)")
        ),
        Whence("error_type", False, ("last_payment_error.type (all)",)),
        Whence("error_code", False, ("last_payment_error.code (all)",)),
        Whence("error_decline_code", False, ("last_payment_error.decline_code (all)",)),
        Whence("payment_method", False, ("source (where payment_method is absent)", "payment_method (since 2018)")),
        Whence(
            "payment_method_types",
            False,
            ("allowed_source_types (up to 2018-11-08)", "payment_method_types (2019-02-11 on)"),
        ),
        Whence("capture_method", False, ("capture_method (all)",)),
        Whence("setup_future_usage", False, ("setup_future_usage (since 2019)",)),
        Whence("application_fee_amount_minor", False, ("application_fee_amount (all)",)),
        Whence("on_behalf_of", False, ("on_behalf_of (all)",)),
        Whence("transfer_destination", False, ("transfer_data.destination (all)",)),
        Whence("transfer_amount_minor", False, ("transfer_data.amount (since 2019)",)),
        Whence("transfer_group", False, ("transfer_group (all)",)),
        Whence("review", False, ("review (all)",)),
        Whence("canceled_at_s", False, ("canceled_at (all)",)),
        Whence("cancellation_reason", False, ("cancellation_reason (all)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
