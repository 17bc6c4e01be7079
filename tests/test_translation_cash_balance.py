"""Customers' cash balances and their movements to facts."""

import json
from typing import Any

import pytest
from translating import fact, said, spoken

from ledger import inbox
from ledger.facts import Quarantined

VERSIONS = (
    "2018-11-08", "2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2025-10-29.clover", "2026-10-28.endive",
)  # fmt: skip
FUNDS = "cash_balance.funds_available"
MOVED = "customer_cash_balance_transaction.created"

BALANCE: dict[str, Any] = {
    "object": "cash_balance",
    "customer": "cus_1",
    "available": {"eur": 10_000, "jpy": 500},
    "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    "livemode": False,
}
MOVEMENT: dict[str, Any] = {
    "object": "customer_cash_balance_transaction",
    "id": "ccsbtxn_1",
    "customer": "cus_1",
    "type": "funded",
    "currency": "eur",
    "net_amount": 5000,
    "ending_balance": 10_000,
    "funded": {
        "bank_transfer": {
            "type": "eu_bank_transfer",
            "reference": "from Ada",
            "eu_bank_transfer": {"bic": "BANKDEAAXXX", "iban_last4": "7089", "sender_name": "Ada Lovelace"},
        }
    },
    "created": 1_700_000_000,
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("customer", ["cus_1", {"object": "customer", "id": "cus_1"}])
def test_a_cash_balance_is_its_customers(version: str, customer: Any) -> None:
    found = fact(BALANCE | {"customer": customer}, FUNDS, api_version=version)
    assert (found.model, found.id, found.customer, found.claim) == ("cash_balances", "cus_1", "cus_1", None)
    assert spoken(found) == {
        "customer": "cus_1",
        "available_minor": {"eur": 10_000, "jpy": 500},
        "reconciliation_mode": "automatic",
    }


def test_a_cash_balance_of_nothing_is_empty_and_absent_is_silence() -> None:
    assert spoken(fact(BALANCE | {"available": None}, FUNDS))["available_minor"] == {}
    assert spoken(fact({"object": "cash_balance", "customer": "cus_1"}, FUNDS)) == {"customer": "cus_1"}
    assert spoken(fact(BALANCE | {"settings": None}, FUNDS))["reconciliation_mode"] is None


@pytest.mark.parametrize(("obj", "kind", "id"), [(BALANCE, FUNDS, "acct_9"), (MOVEMENT, MOVED, "ccsbtxn_1")])
def test_a_customer_may_be_an_account(obj: dict[str, Any], kind: str, id: str) -> None:
    found = fact(obj | {"customer": None, "customer_account": "acct_9"}, kind, api_version="2025-10-29.clover")
    assert (found.id, found.customer, spoken(found)["customer_account"]) == (id, None, "acct_9")


@pytest.mark.parametrize(("obj", "kind"), [(BALANCE, FUNDS), (MOVEMENT, MOVED)])
def test_without_a_customer_it_is_quarantined(obj: dict[str, Any], kind: str) -> None:
    assert said({k: v for k, v in obj.items() if k != "customer"}, kind) == Quarantined("lacks customer")
    assert said(obj | {"customer": None}, kind) == Quarantined("lacks customer")


@pytest.mark.parametrize("amount", [1.5, "100", None, True])
def test_an_amount_that_is_none_is_quarantined(amount: Any) -> None:
    found = said(BALANCE | {"available": {"eur": amount}}, FUNDS)
    assert found == Quarantined("wrong shape: an available amount is no whole number")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_movement_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(MOVEMENT, MOVED, api_version=version)
    assert (found.model, found.id, found.customer) == ("cash_balance_transactions", "ccsbtxn_1", "cus_1")
    assert spoken(found) == {
        "customer": "cus_1",
        "type": "funded",
        "currency": "eur",
        "net_amount_minor": 5000,
        "ending_balance_minor": 10_000,
        "created_s": 1_700_000_000,
    }


@pytest.mark.parametrize(
    ("kind", "part", "field", "id"),
    [
        ("applied_to_payment", {"payment_intent": "pi_1"}, "payment_intent", "pi_1"),
        ("unapplied_from_payment", {"payment_intent": {"id": "pi_1"}}, "payment_intent", "pi_1"),
        ("refunded_from_payment", {"refund": "re_1"}, "refund", "re_1"),
        ("transferred_to_balance", {"balance_transaction": "txn_1"}, "balance_transaction", "txn_1"),
        (
            "adjusted_for_overdraft",
            {"balance_transaction": "txn_1", "linked_transaction": "ccsbtxn_0"},
            "balance_transaction",
            "txn_1",
        ),
    ],
)
def test_a_movement_names_what_it_was_for(kind: str, part: dict[str, Any], field: str, id: str) -> None:
    moved = {k: v for k, v in MOVEMENT.items() if k != "funded"} | {"type": kind, "net_amount": -5000, kind: part}
    found = spoken(fact(moved, MOVED))
    assert (found["type"], found[field], found["net_amount_minor"]) == (kind, id, -5000)
    others = {"payment_intent", "refund", "balance_transaction"} - {field}
    assert not others & set(found)


@pytest.mark.parametrize("field", ["id", "type", "currency", "net_amount", "ending_balance"])
def test_a_movement_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in MOVEMENT.items() if k != field}, MOVED) == Quarantined(f"lacks {field}")


def test_who_sent_the_money_is_sealed() -> None:
    body = {
        "id": "evt_1", "object": "event", "type": MOVED, "created": 1_700_000_000, "livemode": False,
        "api_version": "2024-06-20", "data": {"object": MOVEMENT},
    }  # fmt: skip
    stored = inbox.receive(inbox.open_envelope(json.dumps(body).encode()), bytes(32), "platform", bytes).event
    assert b"Ada" not in bytes(stored.payload)
    assert b"7089" in bytes(stored.payload)
