"""Credit balance transactions: what added to a credit grant and what took from it, in any API version.

Never changed once made. They name their grant and no customer: whose they are is the grant's word.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import FINAL, Family, Missing, Reference, id_of, need
from ledger.translations.credit_grant import Amount, money


class InvoiceLine(msgspec.Struct, gc=False):
    invoice: Reference | str | None | UnsetType = UNSET
    invoice_line_item: Reference | str | None | UnsetType = UNSET


class Movement(msgspec.Struct, gc=False):
    """A credit or a debit."""

    amount: Amount | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    credits_applied: InvoiceLine | None | UnsetType = UNSET
    credits_application_invoice_voided: InvoiceLine | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's credit balance transaction."""

    object: str = ""
    id: str | UnsetType = UNSET
    credit_grant: Reference | str | None | UnsetType = UNSET
    credit: Movement | None | UnsetType = UNSET
    debit: Movement | None | UnsetType = UNSET
    effective_at: int | None | UnsetType = UNSET
    created: int | UnsetType = UNSET


class CreditBalanceTransaction(msgspec.Struct, gc=False):
    """One movement of a credit grant's balance, independent of the API version."""

    credit_grant: str | UnsetType = UNSET
    direction: str | UnsetType = UNSET
    """`credit` (adds) or `debit` (takes)."""
    kind: str | UnsetType = UNSET
    """`credits_granted`, `credits_application_invoice_voided`; `credits_applied`, `credits_expired`, `credits_voided`.
    A newer API version may bring others."""
    amount_minor: int | None | UnsetType = UNSET
    """Never negative, minor units of `currency`; null where the credit is no money."""
    currency: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    """The invoice that it paid, or whose voiding gave it back."""
    invoice_line: str | None | UnsetType = UNSET
    effective_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET


def translate(payload: Payload) -> CreditBalanceTransaction:
    """A transaction's facts. Raises Missing for its grant, its movement, or the movement's kind or amount."""
    if payload.credit:
        direction, movement = "credit", payload.credit
    elif payload.debit:
        direction, movement = "debit", payload.debit
    else:
        raise Missing("credit or debit")
    amount, currency, _ = money(movement.amount, f"{direction}.amount")
    line = movement.credits_applied or movement.credits_application_invoice_voided or InvoiceLine()
    return CreditBalanceTransaction(
        credit_grant=need(id_of(payload.credit_grant), "credit_grant"),
        direction=direction,
        kind=need(movement.type, f"{direction}.type"),
        amount_minor=amount,
        currency=currency,
        invoice=id_of(line.invoice) or None,
        invoice_line=id_of(line.invoice_line_item) or None,
        effective_at_s=payload.effective_at,
        created_s=payload.created,
    )


FAMILY = Family(
    name="credit_balance_transaction",
    model="credit_balance_transactions",
    object_types=("billing.credit_balance_transaction",),
    event_types=("billing.credit_balance_transaction.*",),
    payload=Payload,
    facts=CreditBalanceTransaction,
    translate=translate,
    rank=lambda verb, facts: FINAL,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, credit_grant)", "(mode, account, invoice) WHERE invoice IS NOT NULL"),
    whence=(
        Whence("credit_grant", True, ("credit_grant, an id or expanded (all)",)),
        Whence("direction", True, ("credit | debit, whichever is not null (all)",)),
        Whence("kind", True, ("credit.type | debit.type (all)",)),
        Whence("amount_minor", True, ("credit.amount.monetary.value | debit.amount.monetary.value (all)",)),
        Whence("currency", True, ("credit.amount.monetary.currency | debit.amount.monetary.currency (all)",)),
        Whence(
            "invoice",
            False,
            ("debit.credits_applied.invoice | credit.credits_application_invoice_voided.invoice (all)",),
        ),
        Whence(
            "invoice_line",
            False,
            ("debit.credits_applied.invoice_line_item | credit.credits_application_invoice_voided. … (all)",),
        ),
        Whence("effective_at_s", False, ("effective_at (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
