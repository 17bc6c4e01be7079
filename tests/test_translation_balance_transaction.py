"""Balance transactions to facts: a booking says the same in every API version, and its exchange rate loses no digit."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from translating import event, fact, said, spoken

from ledger.facts import Quarantined
from ledger.translations import translate
from ledger.translations.base import CREATED, FINAL, UPDATED

KIND = "balance_transaction.created"

# A charge of 100.00 dollars, booked as 92.15 euros, less Stripe's fee of 2.92 and the platform's of 5.00.

EVERYWHERE: dict[str, Any] = {
    "object": "balance_transaction",
    "id": "txn_1",
    "amount": 9215,
    "fee": 792,
    "net": 8423,
    "currency": "eur",
    "description": "Order of Ada Lovelace",
    "fee_details": [
        {"amount": 292, "application": None, "currency": "eur", "description": "Stripe fees", "type": "stripe_fee"},
        {"amount": 500, "application": "ca_1", "currency": "eur", "description": None, "type": "application_fee"},
    ],
    "source": "ch_1",
    "status": "pending",
    "type": "charge",
    "available_on": 1_700_500_000,
    "created": 1_700_000_000,
}
SINCE_2019 = EVERYWHERE | {"exchange_rate": 0.9215, "reporting_category": "charge"}
SINCE_BASIL = SINCE_2019 | {"balance_type": "payments"}
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-16": EVERYWHERE | {"sourced_transfers": {"object": "list", "data": [], "has_more": False}},
    "2018-11-08": EVERYWHERE | {"exchange_rate": 0.9215},
    "2020-08-27": SINCE_2019,
    "2022-11-15": SINCE_2019 | {"source": {"object": "charge", "id": "ch_1", "amount": 10000}},
    "2024-06-20": SINCE_2019,
    "2025-02-24.acacia": SINCE_2019,
    "2025-06-30.basil": SINCE_BASIL,
    "2025-10-29.clover": SINCE_BASIL,
    "2026-10-28.endive": SINCE_BASIL,
}
FACTS = {
    "source": "ch_1",
    "type": "charge",
    "reporting_category": "charge",
    "balance_type": "payments",
    "amount_minor": 9215,
    "fee_minor": 792,
    "net_minor": 8423,
    "currency": "eur",
    "exchange_rate": "0.9215",
    "fee_details": [
        {"amount_minor": 292, "currency": "eur", "type": "stripe_fee", "application": None},
        {"amount_minor": 500, "currency": "eur", "type": "application_fee", "application": "ca_1"},
    ],
    "status": "pending",
    "available_on_s": 1_700_500_000,
    "created_s": 1_700_000_000,
}
SILENT: dict[str, set[str]] = {
    "2015-10-16": {"reporting_category", "exchange_rate", "balance_type"},
    "2018-11-08": {"reporting_category", "balance_type"},
    **{v: {"balance_type"} for v in ("2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia")},
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_booking_says_the_same_in_every_api_version(version: str) -> None:
    # given one booking, rendered in an API version, when it is translated
    found = fact(SHAPES[version], KIND, api_version=version)
    # then it says the same as in any other, of all that this version speaks of
    assert spoken(found) == {k: v for k, v in FACTS.items() if k not in SILENT.get(version, set())}
    assert (found.model, found.id, found.customer, found.claim) == ("balance_transactions", "txn_1", None, None)


def test_net_is_what_is_left_after_the_fee() -> None:
    found = spoken(fact(EVERYWHERE, KIND))
    assert found["amount_minor"] - found["fee_minor"] == found["net_minor"]
    assert sum(f["amount_minor"] for f in found["fee_details"]) == found["fee_minor"]


@pytest.mark.parametrize("field", ["id", "type", "amount", "fee", "net", "currency"])
def test_a_booking_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in EVERYWHERE.items() if k != field}, KIND) == Quarantined(f"lacks {field}")
    assert isinstance(said(EVERYWHERE | {field: None}, KIND), Quarantined)


def test_a_fee_without_an_amount_is_quarantined() -> None:
    assert said(EVERYWHERE | {"fee_details": [{"type": "tax"}]}, KIND) == Quarantined("lacks amount of a fee")


@pytest.mark.parametrize(
    ("digits", "rate"), [("0.9215", "0.9215"), ("1.10", "1.10"), ("149.123456789012345678", "149.123456789012345678")]
)
def test_an_exchange_rate_keeps_its_digits(digits: str, rate: str) -> None:
    # given a rate that a float would not hold
    given = event(SINCE_2019 | {"exchange_rate": 77.25}, KIND)
    payload = bytes(given.payload).replace(b"77.25", digits.encode())
    # when
    found = translate(msgspec.structs.replace(given, payload=msgspec.Raw(payload)))
    # then
    assert spoken(found)["exchange_rate"] == rate  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "of"), [("source", "source"), ("exchange_rate", "exchange_rate"), ("fee_details", "fee_details")]
)
def test_null_stays_null(field: str, of: str) -> None:
    assert spoken(fact(SINCE_2019 | {of: None}, KIND))[field] is None


def test_absent_is_silence() -> None:
    least = {k: EVERYWHERE[k] for k in ("object", "id", "type", "amount", "fee", "net", "currency")}
    assert set(spoken(fact(least, KIND))) == {"type", "amount_minor", "fee_minor", "net_minor", "currency"}


def test_what_is_available_was_pending_before() -> None:
    available = EVERYWHERE | {"status": "available"}
    assert fact(EVERYWHERE, KIND).rank == CREATED
    assert fact(EVERYWHERE, "balance_transaction.updated").rank == UPDATED
    assert fact(available, KIND).rank == fact(available, "balance_transaction.updated").rank == FINAL


def test_money_that_leaves_is_negative_in_any_currency() -> None:
    # given a refund of 1000 yen, which have no minor unit
    found = spoken(fact(EVERYWHERE | {"amount": -1000, "fee": 0, "net": -1000, "currency": "jpy"}, KIND))
    assert (found["amount_minor"], found["net_minor"], found["currency"]) == (-1000, -1000, "jpy")


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


def _found_in(node: Any) -> Iterator[dict[str, Any]]:
    """Every balance transaction in what was recorded, however deep, in bodies that are text as well."""
    if isinstance(node, str) and node.startswith(("{", "[")):
        try:
            node = json.loads(node)
        except ValueError:
            return
    if isinstance(node, dict):
        if node.get("object") == "balance_transaction":
            yield node
        for below in node.values():
            yield from _found_in(below)
    elif isinstance(node, list):
        for below in node:
            yield from _found_in(below)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_in_every_recorded_booking_the_amounts_agree() -> None:
    # given every balance transaction that Stripe is on record with
    assert CORPUS is not None
    files = [f for folder in ("recorded_api", "events") for f in sorted(Path(CORPUS, folder).glob("*.json"))]
    found = [obj for file in files for obj in _found_in(json.loads(file.read_text()))]
    assert len({obj["id"] for obj in found}) >= 10
    for obj in found:
        # when
        says = spoken(fact(obj, KIND))
        # then
        assert says["amount_minor"] - says["fee_minor"] == says["net_minor"], obj["id"]
        assert sum(f["amount_minor"] for f in says["fee_details"]) == says["fee_minor"], obj["id"]
