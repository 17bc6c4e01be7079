"""Application fees and their refunds to facts: two kinds of object, each the same in every API version."""

from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, UPDATED

# The platform kept 5.00 euros of a seller's charge and gave 2.00 back, in two steps.

REFUNDS: list[dict[str, Any]] = [
    {"object": "fee_refund", "id": "fr_2", "amount": 150, "currency": "eur", "created": 1_700_000_900, "fee": "fee_1"},
    {"object": "fee_refund", "id": "fr_1", "amount": 50, "currency": "eur", "created": 1_700_000_500, "fee": "fee_1"},
]
FEE: dict[str, Any] = {
    "object": "application_fee",
    "id": "fee_1",
    "account": "acct_1",
    "application": "ca_1",
    "amount": 500,
    "amount_refunded": 200,
    "refunded": False,
    "refunds": {"object": "list", "data": REFUNDS, "has_more": False},
    "currency": "eur",
    "charge": "ch_1",
    "originating_transaction": None,
    "balance_transaction": "txn_1",
    "created": 1_700_000_000,
}
SINCE_2024 = FEE | {"fee_source": {"type": "charge", "charge": "ch_1"}}
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-16": FEE,
    "2018-11-08": FEE,
    "2020-08-27": FEE,
    "2022-11-15": FEE
    | {"account": {"object": "account", "id": "acct_1"}, "charge": {"object": "charge", "id": "ch_1"}},
    "2024-06-20": SINCE_2024,
    "2025-02-24.acacia": SINCE_2024 | {"application": {"object": "application", "id": "ca_1", "name": "Ours"}},
    "2025-06-30.basil": SINCE_2024,
    "2025-10-29.clover": SINCE_2024,
    "2026-10-28.endive": SINCE_2024,
}
FACTS = {
    "seller": "acct_1",
    "application": "ca_1",
    "amount_minor": 500,
    "amount_refunded_minor": 200,
    "refunded": False,
    "refunds": [
        {"id": "fr_1", "amount_minor": 50, "created_s": 1_700_000_500},
        {"id": "fr_2", "amount_minor": 150, "created_s": 1_700_000_900},
    ],
    "refunds_complete": True,
    "currency": "eur",
    "charge": "ch_1",
    "originating_transaction": None,
    "balance_transaction": "txn_1",
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_fee_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "application_fee.refunded", api_version=version)
    assert spoken(found) == FACTS
    assert (found.model, found.id, found.customer, found.rank) == ("application_fees", "fee_1", None, UPDATED)
    assert fact(SHAPES[version], "application_fee.created").rank == CREATED


def test_refunds_add_up_to_what_was_refunded() -> None:
    found = spoken(fact(FEE, "application_fee.refunded"))
    assert sum(r["amount_minor"] for r in found["refunds"]) == found["amount_refunded_minor"]


@pytest.mark.parametrize("field", ["id", "account", "amount", "currency"])
def test_a_fee_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in FEE.items() if k != field}
    assert said(lacking, "application_fee.created") == Quarantined(f"lacks {field}")
    assert isinstance(said(FEE | {field: None}, "application_fee.created"), Quarantined)


def test_a_refund_in_the_list_without_an_amount_is_quarantined() -> None:
    broken = FEE | {"refunds": {"data": [{"id": "fr_1"}]}}
    assert said(broken, "application_fee.refunded") == Quarantined("lacks amount of a refund")


def test_absent_is_silence_and_a_list_cut_short_is_marked() -> None:
    least = {k: FEE[k] for k in ("object", "id", "account", "amount", "currency")}
    assert set(spoken(fact(least, "application_fee.created"))) == {"seller", "amount_minor", "currency"}
    cut = spoken(fact(FEE | {"refunds": {"data": REFUNDS[:1], "has_more": True}}, "application_fee.refunded"))
    assert (len(cut["refunds"]), cut["refunds_complete"]) == (1, False)
    assert spoken(fact(FEE | {"refunds": None}, "application_fee.refunded"))["refunds"] is None


def test_previous_attributes_tell_what_a_fee_was() -> None:
    before = {"amount_refunded": 50, "refunds": {"data": REFUNDS[1:], "has_more": False}}
    found = was(fact(FEE, "application_fee.refunded", previous=before))
    assert found["amount_refunded_minor"] == 50
    assert [r["id"] for r in found["refunds"]] == ["fr_1"]


REFUND = REFUNDS[0] | {"balance_transaction": "txn_9", "metadata": {"why": "goodwill"}}
VERSIONS = [v for v in SHAPES if v > "2015-10-16"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fee", ["fee_1", {"object": "application_fee", "id": "fee_1"}])
def test_a_fees_refund_is_an_object_of_its_own(version: str, fee: Any) -> None:
    found = fact(REFUND | {"fee": fee}, "application_fee.refund.updated", api_version=version)
    assert (found.model, found.id, found.object) == ("application_fee_refunds", "fr_2", "fee_refund")
    assert spoken(found) == {
        "fee": "fee_1",
        "amount_minor": 150,
        "currency": "eur",
        "balance_transaction": "txn_9",
        "metadata": {"why": "goodwill"},
        "created_s": 1_700_000_900,
    }


@pytest.mark.parametrize("field", ["id", "fee", "amount", "currency"])
def test_a_refund_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in REFUND.items() if k != field}
    assert said(lacking, "application_fee.refund.updated") == Quarantined(f"lacks {field}")


def test_a_fee_in_the_place_of_its_refund_is_quarantined() -> None:
    found = said(FEE, "application_fee.refund.updated")
    assert found == Quarantined("the object is a 'application_fee', not a 'fee_refund'")
