"""Transfers to facts: between accounts in every API version, and the old ones that were payouts."""

from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, FINAL, UPDATED

# 40.00 euros of a charge go to a seller; 10.00 of them came back.

REVERSALS = {
    "object": "list",
    "data": [
        {"object": "transfer_reversal", "id": "trr_2", "amount": 400, "created": 1_700_000_900},
        {
            "object": "transfer_reversal",
            "id": "trr_1",
            "amount": 600,
            "created": 1_700_000_500,
            "balance_transaction": "txn_2",
        },
    ],
    "has_more": False,
}
TRANSFER: dict[str, Any] = {
    "object": "transfer",
    "id": "tr_1",
    "amount": 4000,
    "amount_reversed": 1000,
    "reversed": False,
    "reversals": REVERSALS,
    "currency": "eur",
    "destination": "acct_1",
    "destination_payment": "py_1",
    "source_transaction": "ch_1",
    "source_type": "card",
    "transfer_group": "group_ch_1",
    "balance_transaction": "txn_1",
    "metadata": {"order": "7"},
    "created": 1_700_000_000,
}
OLD = {
    "type": "stripe_account",
    "status": "paid",
    "date": 1_700_000_000,
    "method": "standard",
    "failure_code": None,
    "failure_message": None,
    "recipient": None,
    "description": "For Ada Lovelace",
    "application_fee": None,
}
IN_2015 = {k: v for k, v in TRANSFER.items() if k not in ("transfer_group", "source_type")} | OLD
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-16": IN_2015,
    "2016-07-06": TRANSFER | OLD,
    "2018-11-08": TRANSFER,
    "2020-08-27": TRANSFER,
    "2022-11-15": TRANSFER | {"destination": {"object": "account", "id": "acct_1", "email": "ada@example.com"}},
    "2024-06-20": TRANSFER | {"source_transaction": {"object": "charge", "id": "ch_1"}},
    "2025-02-24.acacia": TRANSFER,
    "2025-06-30.basil": TRANSFER,
    "2025-10-29.clover": TRANSFER,
    "2026-10-28.endive": TRANSFER,
}
FACTS = {
    "kind": "transfer",
    "amount_minor": 4000,
    "amount_reversed_minor": 1000,
    "reversed": False,
    "reversals": [
        {"id": "trr_1", "amount_minor": 600, "balance_transaction": "txn_2", "created_s": 1_700_000_500},
        {"id": "trr_2", "amount_minor": 400, "balance_transaction": None, "created_s": 1_700_000_900},
    ],
    "reversals_complete": True,
    "currency": "eur",
    "destination": "acct_1",
    "destination_payment": "py_1",
    "source_transaction": "ch_1",
    "source_type": "card",
    "transfer_group": "group_ch_1",
    "balance_transaction": "txn_1",
    "metadata": {"order": "7"},
    "created_s": 1_700_000_000,
}
ONLY_OLD = {
    "status": "paid",
    "arrival_date_s": 1_700_000_000,
    "method": "standard",
    "destination_type": "stripe_account",
    "failure_code": None,
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_transfer_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "transfer.updated", api_version=version)
    expected = FACTS | (ONLY_OLD if version < "2017-04-06" else {})
    silent = {"transfer_group", "source_type"} if version < "2016" else set()
    assert spoken(found) == {k: v for k, v in expected.items() if k not in silent}
    assert (found.model, found.id, found.customer, found.claim) == ("transfers", "tr_1", None, None)


def test_reversals_add_up_to_what_was_reversed() -> None:
    found = spoken(fact(TRANSFER, "transfer.reversed"))
    assert sum(r["amount_minor"] for r in found["reversals"]) == found["amount_reversed_minor"]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ({"type": "bank_account", "destination": "ba_1"}, "payout"),
        ({"type": "card", "destination": "card_1"}, "payout"),
        ({"type": "bank_account", "destination": None, "recipient": "rp_1"}, "payout"),
        ({"type": "stripe_account", "destination": "acct_1"}, "transfer"),
        # before types there were, and from 2017 on with the ids of payouts
        ({"status": "pending", "destination": None}, "payout"),
        ({"status": "pending", "destination": "acct_1"}, "transfer"),
        ({"id": "po_1", "type": "bank_account"}, "payout"),
        ({}, "transfer"),
        ({"destination": None}, "transfer"),
    ],
)
def test_a_transfer_to_a_bank_is_a_payout(shape: dict[str, Any], kind: str) -> None:
    assert spoken(fact(TRANSFER | shape, "transfer.created"))["kind"] == kind


@pytest.mark.parametrize(
    "place",
    [
        {"bank_account": {"object": "bank_account", "id": "ba_1", "last4": "6789"}, "type": "bank_account"},
        {"card": {"object": "card", "id": "card_1", "last4": "6789"}, "bank_account": None, "type": "card"},
        {"account": {"object": "bank_account", "last4": "6789", "bank_name": "A BANK"}, "status": "paid"},
    ],
)
def test_an_old_payouts_bank_or_card_is_known_by_its_last_digits(place: dict[str, Any]) -> None:
    found = spoken(fact(TRANSFER | place | {"destination": "ba_1"}, "transfer.paid"))
    assert (found["kind"], found["destination_last4"], found["destination"]) == ("payout", "6789", "ba_1")


@pytest.mark.parametrize("field", ["id", "amount", "currency"])
def test_a_transfer_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in TRANSFER.items() if k != field}
    assert said(lacking, "transfer.created") == Quarantined(f"lacks {field}")
    assert isinstance(said(TRANSFER | {field: None}, "transfer.created"), Quarantined)


def test_a_reversal_without_an_amount_is_quarantined() -> None:
    broken = TRANSFER | {"reversals": {"data": [{"id": "trr_1"}]}}
    assert said(broken, "transfer.reversed") == Quarantined("lacks amount of a reversal")


def test_a_list_of_reversals_that_was_cut_short_is_marked() -> None:
    found = spoken(fact(TRANSFER | {"reversals": REVERSALS | {"has_more": True}}, "transfer.updated"))
    assert found["reversals_complete"] is False


def test_absent_is_silence() -> None:
    least = {k: TRANSFER[k] for k in ("object", "id", "amount", "currency")}
    assert set(spoken(fact(least, "transfer.created"))) == {"kind", "amount_minor", "currency"}
    assert spoken(fact(least | {"reversals": None}, "transfer.created"))["reversals"] is None


def test_previous_attributes_tell_what_a_transfer_was() -> None:
    before = {"amount_reversed": 600, "reversals": {"data": [REVERSALS["data"][1]], "has_more": False}}  # type: ignore[index]
    found = was(fact(TRANSFER, "transfer.updated", previous=before))
    assert found["amount_reversed_minor"] == 600
    assert [r["id"] for r in found["reversals"]] == ["trr_1"]


def test_within_a_second_a_transfer_goes_its_way() -> None:
    assert fact(TRANSFER, "transfer.created").rank == CREATED
    assert fact(TRANSFER, "transfer.reversed").rank == UPDATED
    assert fact(TRANSFER | OLD | {"status": "failed"}, "transfer.failed").rank == FINAL
