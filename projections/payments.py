"""Payments: one trail each, from what was asked to what is left, however many attempts, refunds and disputes.

A payment is a payment intent, or a charge without one. What was received, less what was refunded and what disputes
took, is what is left of it (`kept_minor`), before fees. Balance transactions say the same from the balance's side;
where they have not all arrived, or say otherwise, the row says so. Refuses to know the organization: the customer's
link does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from projections import payment_trail as trail
from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.payment_amounts import amounts
from projections.payment_reconciliation import open_points

Json = dict[str, Any]

_TABLE = Table(
    "payments",
    ("mode", "account", "payment"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("payment", "text"),
        Column("customer", "text"),
        Column("invoice", "text"),
        Column("currency", "text"),
        Column("status", "text"),
        Column("asked_minor", "bigint"),
        Column("received_minor", "bigint"),
        Column("refunded_minor", "bigint"),
        Column("lost_minor", "bigint"),
        Column("kept_minor", "bigint"),
        Column("pending_minor", "bigint"),
        Column("pending_refund_minor", "bigint"),
        Column("disputed_minor", "bigint"),
        Column("fee_minor", "bigint"),
        Column("net_minor", "bigint"),
        Column("settlement_currency", "text"),
        Column("application_fee_minor", "bigint"),
        Column("transfer_destination", "text"),
        Column("on_behalf_of", "text"),
        Column("available_on_s", "bigint"),
        Column("method", "jsonb"),
        Column("attempts", "jsonb"),
        Column("refunds", "jsonb"),
        Column("disputes", "jsonb"),
        Column("movements", "jsonb"),
        Column("reconciled", "boolean"),
        Column("reconciled_reason", "text"),
        Column("created_s", "bigint"),
    ),
    indexes=("(mode, account, customer)", "(mode, account, invoice) WHERE invoice IS NOT NULL"),
)
_METHOD = {
    "id": "payment_method", "type": "payment_method_type", "brand": "brand", "last4": "last4",
    "exp_month": "exp_month", "exp_year": "exp_year", "bank": "bank", "wallet": "wallet",
}  # fmt: skip


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    intent = rows["payment_intents"][0] if rows["payment_intents"] else None
    charges = trail.in_order(rows["charges"])
    if intent is None and not charges:
        return []
    currency = intent.currency if intent is not None else charges[-1].currency
    moved = trail.movements(rows)
    tried = trail.attempts(charges, intent)
    refunds = trail.refunds(rows, tried, moved)
    disputes = trail.disputes(rows, moved, currency)
    for attempt in tried:
        let_go = [r["amount_minor"] for r in refunds if r["charge"] == attempt["charge"] and r["released"]]
        attempt["released_minor"] = sum(let_go)
    money = amounts(intent, charges, tried, refunds, disputes)
    points = open_points(rows, tried, refunds, disputes, moved, money["received_minor"], currency)
    first = [t for t in ([intent] if intent is not None else charges) if t.created_s is not None]
    said: Json = {
        **_about(intent, charges, trail.in_order(rows["invoice_payments"])),
        **money,
        **_settled(charges, moved),
        "currency": currency,
        "attempts": tried,
        "refunds": refunds,
        "disputes": disputes,
        "movements": moved,
        "reconciled": not points,
        "reconciled_reason": "; ".join(points) or None,
        "created_s": min((t.created_s for t in first), default=None),
    }
    return [_TABLE.row(**dict(zip(_TABLE.key, key, strict=True)), **said)]


def _about(intent: Row | None, charges: Sequence[Row], paying: Sequence[Row]) -> Json:
    """Whose it is, by which means, and who else gets some of it: by the intent's word, else the last charge's."""
    told: list[Row] = [t for t in (intent, *reversed(charges)) if t is not None]

    def first(name: str) -> Any:
        return next((v for t in told if (v := getattr(t, name)) is not None), None)

    taking = [c for c in charges if c.status == "succeeded"] or list(charges)
    fees = [c.application_fee_amount_minor for c in charges if c.status == "succeeded"]
    fees = [f for f in fees if f is not None]
    method = {name: getattr(taking[-1], column) for name, column in _METHOD.items()} if taking else {}
    if not taking and intent is not None and intent.payment_method is not None:
        method = {**dict.fromkeys(_METHOD), "id": intent.payment_method}
    return {
        "customer": first("customer"),
        "invoice": first("invoice") or next((p.invoice for p in paying if p.status != "canceled"), None),
        "application_fee_minor": sum(fees) if fees else first("application_fee_amount_minor"),
        "transfer_destination": first("transfer_destination"),
        "on_behalf_of": first("on_behalf_of"),
        "method": method or None,
    }


def _settled(charges: Sequence[Row], moved: Sequence[Json]) -> Json:
    """Fees and net as the balance transactions that are known tell, where these are in one currency."""
    currencies = {m["currency"] for m in moved}
    one = len(currencies) == 1
    mine = {c.id for c in charges}
    available = [m["available_on_s"] for m in moved if m["source"] in mine and m["available_on_s"] is not None]
    return {
        "fee_minor": sum(m["fee_minor"] for m in moved) if one else None,
        "net_minor": sum(m["net_minor"] for m in moved) if one else None,
        "settlement_currency": next(iter(currencies)) if one else None,
        "available_on_s": max(available, default=None),
    }


def _charge_ids(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    ids = {c.id for c in rows["charges"]} | {i.latest_charge for i in rows["payment_intents"]}
    return [(key[0], key[1], i) for i in sorted(ids - {None})]


def _sources(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    """Whatever may have moved the balance for this payment."""
    return [*_charge_ids(key, rows), *((key[0], key[1], r.id) for m in ("refunds", "disputes") for r in rows[m])]


_PAYMENT = ("mode", "account", "payment")
_SAME_ACCOUNT = (("mode", "mode"), ("account", "account"))


def _through(*before: Hop, column: str) -> tuple[Lookup, ...]:
    """From rows that name a charge in `column` to its payment, whether the charge is known or only its intent is."""
    charge = Hop("charges", (*_SAME_ACCOUNT, ("id", column)))
    intent = Hop("payment_intents", (*_SAME_ACCOUNT, ("latest_charge", column)))
    return Lookup((*before, charge), _PAYMENT), Lookup((*before, intent), ("mode", "account", "id"))


PAYMENTS = Derivation(
    "payments",
    1,
    _TABLE,
    _PAYMENT,
    inputs=(
        Input(
            "payment_intents",
            ("mode", "account", "id"),
            lambda key, _: [key],
            (
                "status", "amount_minor", "amount_received_minor", "amount_capturable_minor", "amount_remaining_minor",
                "currency", "customer", "invoice", "latest_charge", "payment_method", "application_fee_amount_minor",
                "on_behalf_of", "transfer_destination", "created_s", "changed_s",
            ),
        ),
        Input(
            "charges",
            _PAYMENT,
            lambda key, _: [key],
            (
                "id", "status", "captured", "currency", "amount_minor", "amount_captured_minor",
                "amount_refunded_minor", "customer", "invoice", "failure_code", "outcome_type", "outcome_reason",
                *_METHOD.values(), "disputed", "dispute", "embedded_dispute", "balance_transaction", "movement",
                "application_fee_amount_minor", "on_behalf_of", "transfer_destination", "refunds", "created_s",
                "changed_s",
            ),
        ),
        Input(
            "refunds",
            ("mode", "account", "charge"),
            _charge_ids,
            ("id", "charge", "amount_minor", "status", "reason", "balance_transaction", "movement", "created_s"),
        ),
        Input(
            "disputes",
            ("mode", "account", "charge"),
            _charge_ids,
            (
                "id", "charge", "amount_minor", "currency", "status", "reason", "evidence_due_by_s", "movements",
                "created_s",
            ),
        ),
        Input(
            "balance_transactions",
            ("mode", "account", "source"),
            _sources,
            ("id", "source", "type", "amount_minor", "fee_minor", "net_minor", "currency", "available_on_s"),
        ),
        Input(  # since basil the only word on which invoice was paid
            "invoice_payments",
            ("mode", "account", "payment_intent"),
            lambda key, _: [key],
            ("id", "invoice", "status", "created_s"),
        ),
    ),
    affects={
        "payment_intents": lambda row: [(row.mode, row.account, row.id)],
        "charges": lambda row: [(row.mode, row.account, row.payment)],
        "invoice_payments": lambda row: [(row.mode, row.account, row.payment_intent)] if row.payment_intent else [],
        "refunds": _through(column="charge"),
        "disputes": _through(column="charge"),
        "balance_transactions": (
            *_through(column="source"),
            *_through(Hop("refunds", (*_SAME_ACCOUNT, ("id", "source"))), column="charge"),
            *_through(Hop("disputes", (*_SAME_ACCOUNT, ("id", "source"))), column="charge"),
        ),
    },
    derive=_derive,
)  # fmt: skip
