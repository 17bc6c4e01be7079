"""Disputes to facts: one dispute says the same in every API version, and what it moved on the balance is told."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from histories import KEY, received
from samples import Delivery
from samples import event as stripe_event
from translating import fact, said, spoken

from ledger.facts import ObjectFact, Quarantined
from ledger.translations.dispute import FAMILY

Json = dict[str, Any]

# One dispute: 20.00 EUR, withdrawn with a fee of 15.00, evidence due.

WITHDRAWN: Json = {
    "object": "balance_transaction",
    "id": "txn_1",
    "type": "adjustment",
    "amount": -2000,
    "fee": 1500,
    "net": -3500,
    "currency": "eur",
    "available_on": 1_700_600_000,
    "description": "sealed:1:x",
}
REINSTATED = WITHDRAWN | {"id": "txn_2", "amount": 2000, "fee": -1500, "net": 3500}
EVERYWHERE: Json = {
    "object": "dispute",
    "id": "dp_1",
    "charge": "ch_1",
    "amount": 2000,
    "currency": "eur",
    "status": "needs_response",
    "reason": "fraudulent",
    "is_charge_refundable": False,
    "evidence": {"customer_name": "sealed:1:x"},
    "evidence_details": {"due_by": 1_701_000_000, "has_evidence": False, "past_due": False, "submission_count": 0},
    "balance_transactions": [WITHDRAWN],
    "metadata": {"order": "7"},
    "created": 1_700_000_000,
}
SINCE_2019 = EVERYWHERE | {"payment_intent": "pi_1"}
SINCE_2020 = SINCE_2019 | {"network_reason_code": "10.4"}
CARD = {"brand": "visa", "network_reason_code": "10.4", "case_type": "chargeback"}
SINCE_2024 = SINCE_2019 | {"payment_method_details": {"type": "card", "card": CARD}}
SHAPES: dict[str, Json] = {
    "2015-10-16": EVERYWHERE | {"balance_transaction": "txn_1"},
    "2017-12-14": EVERYWHERE | {"balance_transaction": "txn_1"},
    "2018-11-08": EVERYWHERE,
    "2020-08-27": SINCE_2020,
    "2022-11-15": SINCE_2020,
    "2024-06-20": SINCE_2024 | {"network_reason_code": "10.4"},
    "2025-02-24.acacia": SINCE_2024 | {"enhanced_eligibility_types": []},
    "2025-06-30.basil": SINCE_2024 | {"charge": {"id": "ch_1", "object": "charge"}},
    "2026-10-28.endive": SINCE_2024 | {"intended_submission_method": "manual"},
}
FACTS: Json = {
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "amount_minor": 2000,
    "currency": "eur",
    "status": "needs_response",
    "reason": "fraudulent",
    "network_reason_code": "10.4",
    "case_type": "chargeback",
    "payment_method_type": "card",
    "is_charge_refundable": False,
    "evidence_due_by_s": 1_701_000_000,
    "has_evidence": False,
    "past_due": False,
    "submission_count": 0,
    "movements": [
        {
            "id": "txn_1",
            "type": "adjustment",
            "amount_minor": -2000,
            "fee_minor": 1500,
            "net_minor": -3500,
            "currency": "eur",
            "available_on_s": 1_700_600_000,
        }
    ],
    "metadata": {"order": "7"},
    "created_s": 1_700_000_000,
}
_BEFORE_2024 = {"case_type", "payment_method_type"}
_BEFORE_2019 = _BEFORE_2024 | {"payment_intent", "network_reason_code"}
SILENT: dict[str, set[str]] = {
    "2015-10-16": _BEFORE_2019,
    "2017-12-14": _BEFORE_2019,
    "2018-11-08": _BEFORE_2019,
    "2020-08-27": _BEFORE_2024,
    "2022-11-15": _BEFORE_2024,
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_dispute_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "charge.dispute.created", api_version=version)
    assert spoken(found) == {field: value for field, value in FACTS.items() if field not in SILENT.get(version, ())}
    assert (found.model, found.id) == ("disputes", "dp_1")


MINIMAL: Json = {
    "object": "dispute", "id": "dp_1", "charge": "ch_1", "currency": "usd", "amount": 5, "status": "lost",
}  # fmt: skip


@pytest.mark.parametrize("field", ["id", "charge", "currency", "amount", "status"])
@pytest.mark.parametrize("null", [True, False])
def test_a_dispute_without_a_required_field_is_quarantined(field: str, null: bool) -> None:
    lacking = {k: v for k, v in MINIMAL.items() if k != field} | ({field: None} if null else {})
    assert isinstance(said(lacking, "charge.dispute.closed"), Quarantined)


def test_absent_is_silence() -> None:
    assert spoken(fact(MINIMAL, "charge.dispute.closed")) == {
        "charge": "ch_1", "amount_minor": 5, "currency": "usd", "status": "lost",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["evidence_details", "payment_method_details", "balance_transactions", "metadata"])
def test_null_where_an_object_is_usual_does_no_harm(place: str) -> None:
    assert spoken(fact(MINIMAL | {place: None}, "charge.dispute.closed"))["amount_minor"] == 5


def test_a_movement_of_which_only_the_id_is_given_has_no_amounts() -> None:
    unknown = {
        "type": None, "amount_minor": None, "fee_minor": None, "net_minor": None, "currency": None,
        "available_on_s": None,
    }  # fmt: skip
    for told in (
        {"balance_transaction": "txn_1", "balance_transactions": []},
        {"balance_transaction": "txn_1"},
        {"balance_transactions": ["txn_1"]},
    ):
        assert spoken(fact(MINIMAL | told, "charge.dispute.closed"))["movements"] == [{"id": "txn_1", **unknown}]
    assert spoken(fact(MINIMAL | {"balance_transactions": []}, "charge.dispute.closed"))["movements"] == []


def test_within_a_second_money_moves_before_a_dispute_closes_and_comes_back_after() -> None:
    opened, lost = MINIMAL | {"status": "needs_response"}, MINIMAL | {"status": "won"}
    story = [
        ("created", opened | {"balance_transactions": []}),
        ("funds_withdrawn", opened | {"balance_transactions": [WITHDRAWN]}),
        ("closed", lost | {"balance_transactions": [WITHDRAWN]}),
        ("funds_reinstated", lost | {"balance_transactions": [WITHDRAWN, REINSTATED]}),
    ]
    ranks = [fact(obj, f"charge.dispute.{verb}").rank for verb, obj in story]
    assert ranks == sorted(set(ranks))


def test_evidence_is_stored_sealed() -> None:
    # given evidence as a platform files it, in plaintext
    canary = "Ada Lovelace, 1 Analytical Row"
    names = (
        "customer_name", "customer_email_address", "customer_purchase_ip", "billing_address", "shipping_address",
        "shipping_tracking_number", "uncategorized_text", "cancellation_rebuttal", "product_description",
    )  # fmt: skip
    obj = EVERYWHERE | {"evidence": dict.fromkeys(names, canary)}
    # when it is received
    stored = received(Delivery(stripe_event(1, "charge.dispute.created", obj)), KEY).event
    # then nothing of it is in the clear, and the amounts are
    assert canary.encode() not in bytes(stored.payload)
    assert json.loads(bytes(stored.payload))["data"]["object"]["amount"] == 2000


def test_the_table_of_places_has_a_row_for_every_field() -> None:
    assert [row.field for row in FAMILY.whence] == list(FAMILY.facts.__struct_fields__)


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_recorded_dispute_translates_with_its_own_state() -> None:
    assert CORPUS is not None
    files = sorted(Path(CORPUS, "events").glob("charge.dispute.*.json"))
    assert len(files) >= 10
    without_id = 0
    for file in files:
        stored = json.loads(file.read_text())
        obj = stored["data"]["object"]
        found = said(obj, stored["type"], stored["data"].get("previous_attributes"))
        if "id" not in obj:  # from before 2014, when nothing told it from another of the same charge
            assert found == Quarantined("lacks id")
            without_id += 1
            continue
        assert isinstance(found, ObjectFact), (file.name, found)
        told = spoken(found)
        assert (told["status"], told["amount_minor"], told["charge"]) == (obj["status"], obj["amount"], obj["charge"])
        assert [m["net_minor"] for m in told["movements"] if m["net_minor"] is not None] == [
            m["net"] for m in obj["balance_transactions"]
        ]
    assert without_id == 3
