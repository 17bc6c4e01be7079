"""Top-ups to facts: the same in every API version that has them."""

from typing import Any

import pytest
from translating import fact, said, spoken

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, FINAL, UPDATED

VERSIONS = (
    "2018-11-08", "2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2025-10-29.clover", "2026-10-28.endive",
)  # fmt: skip

TOPUP: dict[str, Any] = {
    "object": "topup",
    "id": "tu_1",
    "amount": 200_000,
    "currency": "eur",
    "status": "pending",
    "description": "For Ada Lovelace",
    "expected_availability_date": 1_700_300_000,
    "failure_code": None,
    "failure_message": None,
    "balance_transaction": None,
    "source": {"object": "source", "id": "src_1", "ach_debit": {"last4": "6789", "routing_number": "110000000"}},
    "transfer_group": "group_1",
    "metadata": {"quarter": "4"},
    "created": 1_700_000_000,
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("source", [TOPUP["source"], None])
def test_a_top_up_says_the_same_in_every_api_version(version: str, source: Any) -> None:
    found = fact(TOPUP | {"source": source}, "topup.created", api_version=version)
    assert (found.model, found.id, found.customer) == ("topups", "tu_1", None)
    assert spoken(found) == {
        "amount_minor": 200_000,
        "currency": "eur",
        "status": "pending",
        "expected_availability_date_s": 1_700_300_000,
        "failure_code": None,
        "balance_transaction": None,
        "transfer_group": "group_1",
        "metadata": {"quarter": "4"},
        "created_s": 1_700_000_000,
    }


@pytest.mark.parametrize("field", ["id", "amount", "currency", "status"])
def test_a_top_up_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in TOPUP.items() if k != field}, "topup.created") == Quarantined(f"lacks {field}")
    assert isinstance(said(TOPUP | {field: None}, "topup.created"), Quarantined)


def test_absent_is_silence() -> None:
    least = {k: TOPUP[k] for k in ("object", "id", "amount", "currency", "status")}
    assert set(spoken(fact(least, "topup.created"))) == {"amount_minor", "currency", "status"}


@pytest.mark.parametrize(
    ("status", "kind", "rank"),
    [
        ("pending", "topup.created", CREATED),
        ("pending", "topup.updated", UPDATED),
        ("succeeded", "topup.succeeded", 3),
        ("reversed", "topup.reversed", FINAL),
        ("failed", "topup.failed", FINAL),
        ("canceled", "topup.canceled", FINAL),
    ],
)
def test_within_a_second_a_top_up_goes_its_way(status: str, kind: str, rank: int) -> None:
    assert fact(TOPUP | {"status": status}, kind).rank == rank
