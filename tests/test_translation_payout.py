"""Payouts to facts: the same in every API version since there are payouts."""

from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, FINAL, UPDATED

# An instant payout of 250.00 euros to a bank account, on its way.

SINCE_2017: dict[str, Any] = {
    "object": "payout",
    "id": "po_1",
    "amount": 25000,
    "currency": "eur",
    "status": "in_transit",
    "arrival_date": 1_700_100_000,
    "automatic": False,
    "method": "instant",
    "source_type": "card",
    "type": "bank_account",
    "destination": "ba_1",
    "description": "For Ada Lovelace",
    "failure_code": None,
    "failure_message": None,
    "failure_balance_transaction": None,
    "balance_transaction": "txn_1",
    "statement_descriptor": None,
    "metadata": {"week": "46"},
    "created": 1_700_000_000,
}
SINCE_2020 = SINCE_2017 | {"original_payout": None, "reversed_by": None}
SINCE_2022 = SINCE_2020 | {"reconciliation_status": "in_progress"}
SINCE_2024 = SINCE_2022 | {"application_fee": "fee_1", "application_fee_amount": 250}
SINCE_ACACIA = SINCE_2024 | {"trace_id": {"status": "supported", "value": "TRACE7"}}
SINCE_BASIL = SINCE_ACACIA | {"payout_method": None}
SHAPES: dict[str, dict[str, Any]] = {
    "2017-04-06": SINCE_2017,
    "2018-11-08": SINCE_2017,
    "2020-08-27": SINCE_2020,
    "2022-11-15": SINCE_2022,
    "2024-06-20": SINCE_2024,
    "2025-02-24.acacia": SINCE_ACACIA,
    "2025-06-30.basil": SINCE_BASIL,
    "2025-10-29.clover": SINCE_BASIL,
    "2026-10-28.endive": SINCE_BASIL,
}
FACTS = {
    "amount_minor": 25000,
    "currency": "eur",
    "status": "in_transit",
    "arrival_date_s": 1_700_100_000,
    "automatic": False,
    "method": "instant",
    "source_type": "card",
    "destination": "ba_1",
    "destination_type": "bank_account",
    "failure_code": None,
    "reconciliation_status": "in_progress",
    "balance_transaction": "txn_1",
    "failure_balance_transaction": None,
    "original_payout": None,
    "reversed_by": None,
    "application_fee": "fee_1",
    "application_fee_minor": 250,
    "trace_id": "TRACE7",
    "metadata": {"week": "46"},
    "created_s": 1_700_000_000,
}
SINCE = {
    "original_payout": "2020", "reversed_by": "2020", "reconciliation_status": "2022", "application_fee": "2024",
    "application_fee_minor": "2024", "trace_id": "2025",
}  # fmt: skip


@pytest.mark.parametrize("version", SHAPES)
def test_a_payout_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "payout.updated", api_version=version, account="acct_1")
    assert spoken(found) == {k: v for k, v in FACTS.items() if version >= SINCE.get(k, "")}
    assert (found.model, found.id, found.account, found.customer) == ("payout_objects", "po_1", "acct_1", None)


def test_of_an_expanded_destination_only_the_last_digits_are_read() -> None:
    bank = {"object": "bank_account", "id": "ba_1", "last4": "6789", "routing_number": "1", "account_holder_name": "A"}
    found = spoken(fact(SINCE_2020 | {"destination": bank}, "payout.paid"))
    assert (found["destination"], found["destination_last4"]) == ("ba_1", "6789")
    assert not {"1", "A"} & set(map(str, found.values()))


@pytest.mark.parametrize("field", ["id", "amount", "currency", "status"])
def test_a_payout_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in SINCE_2017.items() if k != field}, "payout.paid") == Quarantined(f"lacks {field}")
    assert isinstance(said(SINCE_2017 | {field: None}, "payout.paid"), Quarantined)


def test_absent_is_silence_and_null_is_null() -> None:
    least = {k: SINCE_2017[k] for k in ("object", "id", "amount", "currency", "status")}
    assert set(spoken(fact(least, "payout.paid"))) == {"amount_minor", "currency", "status"}
    nulled = spoken(fact(least | {"trace_id": None, "destination": None, "automatic": None}, "payout.paid"))
    assert nulled["trace_id"] is nulled["destination"] is nulled["automatic"] is None


@pytest.mark.parametrize(
    ("status", "kind", "rank"),
    [
        ("pending", "payout.created", CREATED),
        ("pending", "payout.updated", UPDATED),
        ("in_transit", "payout.created", 2),
        ("paid", "payout.paid", 3),
        ("paid", "payout.reconciliation_completed", 3),
        ("failed", "payout.failed", FINAL),
        ("canceled", "payout.canceled", FINAL),
        ("a status to come", "payout.updated", UPDATED),
    ],
)
def test_within_a_second_a_payout_goes_its_way(status: str, kind: str, rank: int) -> None:
    assert fact(SINCE_2017 | {"status": status}, kind).rank == rank


def test_previous_attributes_tell_what_a_payout_was() -> None:
    found = fact(SINCE_2022, "payout.updated", previous={"status": "pending", "arrival_date": 1_700_000_500})
    assert was(found) == {"status": "pending", "arrival_date_s": 1_700_000_500}


def test_a_debit_of_the_bank_account_is_negative() -> None:
    assert spoken(fact(SINCE_2017 | {"amount": -900}, "payout.created"))["amount_minor"] == -900
