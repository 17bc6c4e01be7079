"""Refunds to facts: one refund says the same in every API version; it may wait, succeed, and fail even then."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from translating import fact, said, spoken

from ledger.facts import ObjectFact, Quarantined
from ledger.translations.refund import FAMILY

Json = dict[str, Any]

# One refund: 5.00 EUR of a charge, on its way to a bank.

EVERYWHERE: Json = {
    "object": "refund",
    "id": "re_1",
    "charge": "ch_1",
    "amount": 500,
    "currency": "eur",
    "reason": "requested_by_customer",
    "balance_transaction": "txn_1",
    "receipt_number": "1234-5678",
    "metadata": {"order": "7"},
    "created": 1_700_000_000,
}
SINCE_2019 = EVERYWHERE | {
    "status": "pending",
    "payment_intent": "pi_1",
    "transfer_reversal": None,
    "source_transfer_reversal": None,
}
SINCE_2023 = SINCE_2019 | {"destination_details": {"type": "us_bank_transfer"}}
SINCE_BASIL = SINCE_2023 | {"pending_reason": "processing"}
SHAPES: dict[str, Json] = {
    "2014-12-22": EVERYWHERE,
    "2015-10-16": EVERYWHERE | {"status": "pending"},
    "2018-11-08": EVERYWHERE | {"status": "pending", "transfer_reversal": None},
    "2020-08-27": SINCE_2019,
    "2022-11-15": SINCE_2019,
    "2024-06-20": SINCE_2023,
    "2025-02-24.acacia": SINCE_2023 | {"charge": {"id": "ch_1", "object": "charge"}},
    "2025-06-30.basil": SINCE_BASIL,
    "2026-10-28.endive": SINCE_BASIL | {"customer": "cus_1", "customer_account": None, "payment_method": "pm_1"},
}
FACTS: Json = {
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "customer": "cus_1",
    "amount_minor": 500,
    "currency": "eur",
    "status": "pending",
    "reason": "requested_by_customer",
    "pending_reason": "processing",
    "balance_transaction": "txn_1",
    "destination_type": "us_bank_transfer",
    "receipt_number": "1234-5678",
    "transfer_reversal": None,
    "source_transfer_reversal": None,
    "metadata": {"order": "7"},
    "created_s": 1_700_000_000,
}
_BEFORE_ENDIVE = {"customer"}
_BEFORE_BASIL = _BEFORE_ENDIVE | {"pending_reason"}
_BEFORE_2023 = _BEFORE_BASIL | {"destination_type"}
_BEFORE_2019 = _BEFORE_2023 | {"payment_intent", "source_transfer_reversal"}
SILENT: dict[str, set[str]] = {
    "2014-12-22": _BEFORE_2019 | {"transfer_reversal"},
    "2015-10-16": _BEFORE_2019 | {"transfer_reversal"},
    "2018-11-08": _BEFORE_2019,
    "2020-08-27": _BEFORE_2023,
    "2022-11-15": _BEFORE_2023,
    "2024-06-20": _BEFORE_BASIL,
    "2025-02-24.acacia": _BEFORE_BASIL,
    "2025-06-30.basil": _BEFORE_ENDIVE,
    "2026-10-28.endive": set(),
}


@pytest.mark.parametrize("version", SHAPES)
@pytest.mark.parametrize("kind", ["refund.updated", "charge.refund.updated"])
def test_a_refund_says_the_same_in_every_api_version(version: str, kind: str) -> None:
    found = fact(SHAPES[version], kind, api_version=version)
    expected = FACTS | ({"status": "succeeded"} if version < "2015" else {})
    assert spoken(found) == {field: value for field, value in expected.items() if field not in SILENT[version]}
    assert (found.model, found.id) == ("refunds", "re_1")


MINIMAL: Json = {
    "object": "refund",
    "id": "re_1",
    "charge": "ch_1",
    "currency": "usd",
    "amount": 5,
    "status": "pending",
}


@pytest.mark.parametrize("field", ["id", "currency", "amount"])
def test_a_refund_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in MINIMAL.items() if k != field}, "refund.created") == Quarantined(f"lacks {field}")


def test_absent_is_silence() -> None:
    assert spoken(fact(MINIMAL, "refund.created")) == {
        "charge": "ch_1", "amount_minor": 5, "currency": "usd", "status": "pending",
    }  # fmt: skip


def test_a_refund_without_a_status_was_made_at_once_unless_it_failed() -> None:
    bare = {k: v for k, v in MINIMAL.items() if k != "status"}
    assert spoken(fact(bare, "charge.refund.updated"))["status"] == "succeeded"
    failed = bare | {"failure_reason": "lost_or_stolen_card", "failure_balance_transaction": "txn_2"}
    assert spoken(fact(failed, "charge.refund.updated"))["status"] == "failed"
    assert spoken(fact(MINIMAL | {"status": None}, "charge.refund.updated"))["status"] is None


def test_an_expanded_balance_transaction_is_told() -> None:
    booked = {
        "object": "balance_transaction",
        "id": "txn_1",
        "type": "refund",
        "amount": -5,
        "fee": 0,
        "currency": "usd",
    }
    found = spoken(fact(MINIMAL | {"balance_transaction": booked}, "refund.created"))
    assert found["balance_transaction"] == "txn_1"
    assert found["movement"] == {
        "id": "txn_1", "type": "refund", "amount_minor": -5, "fee_minor": 0, "net_minor": -5, "currency": "usd",
        "available_on_s": None,
    }  # fmt: skip
    broken = MINIMAL | {"balance_transaction": {"object": "balance_transaction", "id": "txn_1"}}
    assert said(broken, "refund.created") == Quarantined("lacks amount of a balance transaction")


def test_what_the_payer_must_do_is_told_by_its_kind() -> None:
    action = {"type": "display_details", "display_details": {"email_sent": {"email_sent_to": "sealed:1:x"}}}
    found = spoken(fact(MINIMAL | {"status": "requires_action", "next_action": action}, "refund.created"))
    assert found["next_action"] == "display_details"


def test_within_a_second_a_refund_waits_proceeds_succeeds_and_fails() -> None:
    story = [
        ("refund.created", "requires_action"), ("refund.updated", "requires_action"), ("refund.created", "pending"),
        ("refund.updated", "pending"), ("refund.created", "succeeded"), ("charge.refund.updated", "succeeded"),
        ("refund.failed", "failed"),
    ]  # fmt: skip
    ranks = [fact(MINIMAL | {"status": status}, kind).rank for kind, status in story]
    assert ranks == sorted(set(ranks))


def test_the_table_of_places_has_a_row_for_every_field() -> None:
    assert [row.field for row in FAMILY.whence] == list(FAMILY.facts.__struct_fields__)


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_recorded_refund_translates_with_its_own_state() -> None:
    assert CORPUS is not None
    files = [*Path(CORPUS, "events").glob("refund.*.json"), *Path(CORPUS, "events").glob("charge.refund.*.json")]
    assert len(files) >= 5
    for file in files:
        stored = json.loads(file.read_text())
        obj = stored["data"]["object"]
        found = said(obj, stored["type"], stored["data"].get("previous_attributes"))
        assert isinstance(found, ObjectFact), (file.name, found)
        told = spoken(found)
        assert (told["status"], told["amount_minor"], told["charge"]) == (obj["status"], obj["amount"], obj["charge"])
