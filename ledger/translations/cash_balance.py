"""Customer cash balances: money that a customer transferred and that no payment has used yet, in any API version.

Came in 2022. Two families: the balance, which has no id but its customer's, and each movement on it. Since clover the
customer may be an account instead. Who sent the money, and from which bank account, is not read.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, Reference, id_of, need


class Settings(msgspec.Struct, gc=False):
    reconciliation_mode: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's cash balance."""

    object: str = ""
    customer: Reference | str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    available: dict[str, Any] | None | UnsetType = UNSET
    settings: Settings | None | UnsetType = UNSET


class CashBalance(msgspec.Struct, gc=False):
    """The money that a customer transferred and that no payment has used yet, independent of the API version."""

    customer: str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    """The account that is the customer, where no customer is."""
    available_minor: Json | UnsetType = UNSET
    """Currency to minor units of it; empty when there is none."""
    reconciliation_mode: str | None | UnsetType = UNSET
    """`automatic`: Stripe pays open invoices and payments with it by itself; `manual`: it does not."""


def translate(payload: Payload) -> CashBalance:
    """A cash balance's facts. Raises msgspec.ValidationError for an amount that is none."""
    settings = payload.settings
    return CashBalance(
        customer=id_of(payload.customer),
        customer_account=payload.customer_account,
        available_minor=_available(payload.available),
        reconciliation_mode=settings.reconciliation_mode if isinstance(settings, Settings) else settings,
    )


def _available(available: dict[str, Any] | UnsetType | None) -> dict[str, int] | UnsetType:
    if isinstance(available, UnsetType):
        return UNSET
    found = available or {}
    if not all(amount.__class__ is int for amount in found.values()):
        raise msgspec.ValidationError("an available amount is no whole number")
    return found


def whose(payload: Any) -> str:
    """The customer's id, or the account's that is the customer. Raises Missing("customer")."""
    account = payload.customer_account
    return str(need(id_of(payload.customer) or account or None, "customer"))


class Applied(msgspec.Struct, gc=False):
    """What a movement was applied to, or taken back from."""

    payment_intent: Reference | str | None | UnsetType = UNSET
    refund: Reference | str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET


class MovementPayload(msgspec.Struct, gc=False):
    """What we read of Stripe's customer cash balance transaction."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    net_amount: int | None | UnsetType = UNSET
    ending_balance: int | None | UnsetType = UNSET
    applied_to_payment: Applied | None | UnsetType = UNSET
    unapplied_from_payment: Applied | None | UnsetType = UNSET
    refunded_from_payment: Applied | None | UnsetType = UNSET
    transferred_to_balance: Applied | None | UnsetType = UNSET
    adjusted_for_overdraft: Applied | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class CashBalanceTransaction(msgspec.Struct, gc=False):
    """A movement on a customer's cash balance, independent of the API version. Minor units of `currency`."""

    customer: str | None | UnsetType = UNSET
    customer_account: str | None | UnsetType = UNSET
    """The account that is the customer, where no customer is."""
    type: str | UnsetType = UNSET
    """`funded`, `applied_to_payment`, `unapplied_from_payment`, `refunded_from_payment`, `return_initiated` …"""
    currency: str | UnsetType = UNSET
    net_amount_minor: int | UnsetType = UNSET
    """Positive when the balance grew."""
    ending_balance_minor: int | UnsetType = UNSET
    """The customer's whole cash balance in this currency after it."""
    payment_intent: str | None | UnsetType = UNSET
    """The payment that it paid for, or came back from."""
    refund: str | None | UnsetType = UNSET
    balance_transaction: str | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate_movement(payload: MovementPayload) -> CashBalanceTransaction:
    """A movement's facts. Raises Missing for customer, type, currency or one of its amounts."""
    whose(payload)
    parts = [
        part
        for part in (
            payload.applied_to_payment,
            payload.unapplied_from_payment,
            payload.refunded_from_payment,
            payload.transferred_to_balance,
            payload.adjusted_for_overdraft,
        )
        if isinstance(part, Applied)
    ]
    return CashBalanceTransaction(
        customer=id_of(payload.customer),
        customer_account=payload.customer_account,
        type=need(payload.type, "type"),
        currency=need(payload.currency, "currency"),
        net_amount_minor=need(payload.net_amount, "net_amount"),
        ending_balance_minor=need(payload.ending_balance, "ending_balance"),
        payment_intent=_first(part.payment_intent for part in parts),
        refund=_first(part.refund for part in parts),
        balance_transaction=_first(part.balance_transaction for part in parts),
        created_s=payload.created,
    )


def _first(references: Any) -> Any:
    """Only the part of a movement's own type is there: the others are absent, and so are not spoken of."""
    return next((id_of(r) for r in references if r is not UNSET), UNSET)


FAMILY = Family(
    name="cash_balance",
    model="cash_balances",
    object_types=("cash_balance",),
    event_types=("cash_balance.*",),
    payload=Payload,
    facts=CashBalance,
    translate=translate,
    identify=lambda payload, event: whose(payload),
    claim=lambda facts: None,
    whence=(
        Whence("customer", True, ("customer (all; may be expanded; null where customer_account is)",)),
        Whence("customer_account", False, ("customer_account (clover on)",)),
        Whence("available_minor", False, ("available, by currency (all; null is none)",)),
        Whence("reconciliation_mode", False, ("settings.reconciliation_mode (all)",)),
    ),
)

MOVEMENT = Family(
    name="cash_balance_transaction",
    model="cash_balance_transactions",
    object_types=("customer_cash_balance_transaction",),
    event_types=("customer_cash_balance_transaction.*",),
    payload=MovementPayload,
    facts=CashBalanceTransaction,
    translate=translate_movement,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)", "(mode, account, payment_intent)"),
    whence=(
        Whence("customer", True, ("customer (all; may be expanded; null where customer_account is)",)),
        Whence("customer_account", False, ("customer_account (clover on)",)),
        Whence("type", True, ("type (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("net_amount_minor", True, ("net_amount (all)",)),
        Whence("ending_balance_minor", True, ("ending_balance (all)",)),
        Whence(
            "payment_intent",
            False,
            ("applied_to_payment.payment_intent, unapplied_from_payment.payment_intent (all; by type)",),
        ),
        Whence("refund", False, ("refunded_from_payment.refund (all; by type)",)),
        Whence(
            "balance_transaction",
            False,
            ("transferred_to_balance.balance_transaction, adjusted_for_overdraft.balance_transaction (all; by type)",),
        ),
        Whence("created_s", False, ("created (all)",)),
    ),
)
