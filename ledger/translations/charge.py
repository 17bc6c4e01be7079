"""Charges: each attempt to take money, how it was made and what became of it, in any API version.

Names, addresses and e-mail stay in the log: no fact carries them. What the money did on the account's balance is told
by balance transactions; a charge names its own, and only where it is expanded are fee and net known from it.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, id_of, need, plain
from ledger.translations.charge_method import method
from ledger.translations.charge_payload import (
    Payload,
    dispute_of,
    method_id,
    movement,
    outcome,
    refunds_of,
    status,
    transfer,
)


class Charge(msgspec.Struct, gc=False):
    """A charge, independent of the API version. Amounts are minor units of `currency`."""

    payment: str | UnsetType = UNSET
    """Which payment it is an attempt of: its payment intent's id, or its own where there is none."""
    payment_intent: str | None | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    invoice: str | None | UnsetType = UNSET
    """Silent since basil: invoice payments tell."""
    status: str | None | UnsetType = UNSET
    """`pending`, `succeeded`, `failed`, or what Stripe may add. An authorization has succeeded, too."""
    captured: bool | None | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    amount_captured_minor: int | None | UnsetType = UNSET
    amount_refunded_minor: int | None | UnsetType = UNSET
    """Of an amount captured in part, what was let go counts as refunded."""
    failure_code: str | None | UnsetType = UNSET
    outcome_type: str | None | UnsetType = UNSET
    outcome_reason: str | None | UnsetType = UNSET
    network_status: str | None | UnsetType = UNSET
    network_decline_code: str | None | UnsetType = UNSET
    risk_level: str | None | UnsetType = UNSET
    risk_score: int | None | UnsetType = UNSET
    payment_method: str | None | UnsetType = UNSET
    payment_method_type: str | None | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    """In the words of today, e.g. `amex` where old versions say `American Express`."""
    last4: str | None | UnsetType = UNSET
    exp_month: int | None | UnsetType = UNSET
    exp_year: int | None | UnsetType = UNSET
    bank: str | None | UnsetType = UNSET
    wallet: str | None | UnsetType = UNSET
    disputed: bool | None | UnsetType = UNSET
    dispute: str | None | UnsetType = UNSET
    embedded_dispute: Json | None | UnsetType = UNSET
    """What the charge says of its dispute, where it is expanded: `id`, `amount_minor`, `currency`, `status`."""
    balance_transaction: str | None | UnsetType = UNSET
    failure_balance_transaction: str | None | UnsetType = UNSET
    movement: Json | None | UnsetType = UNSET
    """The balance transaction where it is expanded: `id`, `type`, `amount_minor`, `fee_minor`, `net_minor` …"""
    application_fee: str | None | UnsetType = UNSET
    application_fee_amount_minor: int | None | UnsetType = UNSET
    on_behalf_of: str | None | UnsetType = UNSET
    transfer: str | None | UnsetType = UNSET
    transfer_destination: str | None | UnsetType = UNSET
    transfer_amount_minor: int | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    source_transfer: str | None | UnsetType = UNSET
    receipt_number: str | None | UnsetType = UNSET
    refunds: Json | None | UnsetType = UNSET
    """One entry a refund that the charge carries: `id`, `amount_minor`, `status`, `reason`, `created_s` …"""
    refunds_complete: bool | UnsetType = UNSET
    """Whether `refunds` are all."""
    review: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Charge:
    """A charge's facts. Raises Missing naming the required field that it lacks."""
    spoken = outcome(payload)
    made = method(payload.payment_method_details, payload.source if payload.source is not UNSET else payload.card)
    refunds, refunds_complete = refunds_of(payload.refunds)
    dispute, embedded_dispute = dispute_of(payload.dispute)
    destination, transfer_amount = transfer(payload)
    intent = id_of(payload.payment_intent)
    return Charge(
        payment=intent or payload.id,
        payment_intent=intent,
        customer=id_of(payload.customer),
        invoice=id_of(payload.invoice),
        status=status(payload),
        captured=payload.captured,
        currency=need(payload.currency, "currency"),
        amount_minor=need(payload.amount, "amount"),
        amount_captured_minor=payload.amount_captured,
        amount_refunded_minor=payload.amount_refunded,
        failure_code=payload.failure_code,
        outcome_type=spoken.type,
        outcome_reason=spoken.reason,
        network_status=spoken.network_status,
        network_decline_code=spoken.network_decline_code,
        risk_level=spoken.risk_level,
        risk_score=spoken.risk_score,
        payment_method=method_id(payload),
        payment_method_type=made.type,
        brand=made.brand,
        last4=made.last4,
        exp_month=made.exp_month,
        exp_year=made.exp_year,
        bank=made.bank,
        wallet=made.wallet,
        disputed=payload.disputed,
        dispute=dispute,
        embedded_dispute=embedded_dispute,
        balance_transaction=id_of(payload.balance_transaction),
        failure_balance_transaction=id_of(payload.failure_balance_transaction),
        movement=movement(payload.balance_transaction),
        application_fee=id_of(payload.application_fee),
        application_fee_amount_minor=payload.application_fee_amount,
        on_behalf_of=id_of(payload.on_behalf_of),
        transfer=id_of(payload.transfer),
        transfer_destination=destination,
        transfer_amount_minor=transfer_amount,
        transfer_group=payload.transfer_group,
        source_transfer=id_of(payload.source_transfer),
        receipt_number=payload.receipt_number,
        refunds=refunds,
        refunds_complete=refunds_complete,
        review=id_of(payload.review),
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def rank(verb: str, facts: Charge) -> int:
    """The order of one second: pending, authorized, captured, refunded; what has failed stays so."""
    if facts.status == "failed":
        return FINAL
    if facts.status != "succeeded":
        return CREATED if verb == "pending" else UPDATED
    if facts.amount_refunded_minor:
        return 4
    return 2 if facts.captured is False else 3


FAMILY = Family(
    name="charge",
    model="charges",
    object_types=("charge",),
    event_types=("charge.*",),
    payload=Payload,
    facts=Charge,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=(
        "(mode, account, payment)",
        "(mode, account, customer)",
        "(mode, account, invoice) WHERE invoice IS NOT NULL",
    ),
    whence=(
        Whence("payment", True, ("id (where there is no payment_intent)", "payment_intent (since 2018)")),
        Whence("payment_intent", False, ("payment_intent (since 2018)",)),
        Whence("customer", False, ("customer (all; may be null)",)),
        Whence("invoice", False, ("invoice (up to acacia)",)),
        Whence("status", True, ("paid (where status is absent)", "status (2014 on; paid means succeeded)")),
        Whence("captured", False, ("captured (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("amount_captured_minor", False, ("amount_captured (since 2020)",)),
        Whence("amount_refunded_minor", False, ("amount_refunded (all)",)),
        Whence("failure_code", False, ("failure_code (all)",)),
        Whence("outcome_type", False, ("outcome.type (since 2016)",)),
        Whence("outcome_reason", False, ("outcome.reason (since 2016)",)),
        Whence("network_status", False, ("outcome.network_status (since 2016)",)),
        Whence("network_decline_code", False, ("outcome.network_decline_code (since 2024)",)),
        Whence("risk_level", False, ("outcome.risk_level (since 2016)",)),
        Whence("risk_score", False, ("outcome.risk_score (since 2019, with Radar)",)),
        Whence("payment_method", False, ("card.id (up to 2015-02-10)", "source.id", "payment_method (since 2018)")),
        Whence(
            "payment_method_type", False, ("source.object, source.type", "payment_method_details.type (since 2019)")
        ),
        Whence(
            "brand", False, ("card.type, card.brand", "source.brand", "payment_method_details.*.brand (since 2019)")
        ),
        Whence(
            "last4", False, ("card.last4", "source.last4", "payment_method_details.*.last4, iban_last4 (since 2019)")
        ),
        Whence("exp_month", False, ("card or source.exp_month", "payment_method_details.*.exp_month (since 2019)")),
        Whence("exp_year", False, ("card or source.exp_year", "payment_method_details.*.exp_year (since 2019)")),
        Whence("bank", False, ("source.bank_name", "payment_method_details.*.bank_name, bank (since 2019)")),
        Whence("wallet", False, ("source.tokenization_method", "payment_method_details.*.wallet.type (since 2019)")),
        Whence("disputed", False, ("disputed (since 2019)",)),
        Whence("dispute", False, ("dispute (up to 2020-08-27; an id, or expanded)",)),
        Whence("embedded_dispute", False, ("dispute (where expanded)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; an id, or expanded)",)),
        Whence("failure_balance_transaction", False, ("failure_balance_transaction (since 2022)",)),
        Whence("movement", False, ("balance_transaction (where expanded)",)),
        Whence("application_fee", False, ("application_fee (all; an id, or expanded)",)),
        Whence("application_fee_amount_minor", False, ("application_fee_amount (since 2018)",)),
        Whence("on_behalf_of", False, ("on_behalf_of (since 2017)",)),
        Whence("transfer", False, ("transfer (all, where there is one)",)),
        Whence("transfer_destination", False, ("destination", "transfer_data.destination (since 2018)")),
        Whence("transfer_amount_minor", False, ("transfer_data.amount (since 2018)",)),
        Whence("transfer_group", False, ("transfer_group (since 2017)",)),
        Whence("source_transfer", False, ("source_transfer (all)",)),
        Whence("receipt_number", False, ("receipt_number (all)",)),
        Whence("refunds", False, ("refunds (before 2014)", "refunds.data[] (up to 2022-08-01; then where expanded)")),
        Whence("refunds_complete", False, ("refunds.has_more (up to 2022-08-01; then where expanded)",)),
        Whence("review", False, ("review (since 2017)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
