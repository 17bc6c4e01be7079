"""Payment intents to facts: one intent says the same in every API version, in every state, and silence is not null."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger.facts import ObjectFact, Quarantined
from ledger.translations.base import CREATED, FINAL
from ledger.translations.payment_intent import FAMILY

Json = dict[str, Any]

# One intent: 20.00 EUR, of which a buyer must confirm the second attempt; 18.00 will go to a connected account.

EVERYWHERE: Json = {
    "object": "payment_intent",
    "id": "pi_1",
    "amount": 2000,
    "amount_received": 0,
    "amount_capturable": 0,
    "currency": "eur",
    "customer": "cus_1",
    "capture_method": "automatic",
    "application_fee_amount": 200,
    "on_behalf_of": None,
    "transfer_data": {"amount": 1800, "destination": "acct_1"},
    "transfer_group": None,
    "review": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "last_payment_error": {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "charge": "ch_1",
    },
    "client_secret": "pi_1_secret_x",
    "metadata": {"order": "7"},
    "created": 1_700_000_000,
}
CHARGES = {"object": "list", "data": [{"id": "ch_2", "object": "charge"}, {"id": "ch_1", "object": "charge"}]}
SINCE_2019 = EVERYWHERE | {
    "status": "requires_action",
    "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.example.com"}},
    "payment_method": "pm_1",
    "payment_method_types": ["card"],
    "setup_future_usage": "off_session",
}
SINCE_2022 = SINCE_2019 | {"latest_charge": "ch_2"}
SHAPES: dict[str, Json] = {
    "2018-05-21": EVERYWHERE
    | {
        "status": "requires_source_action",
        "next_source_action": {"type": "authorize_with_url", "authorize_with_url": {"url": "https://x.example.com"}},
        "source": "src_1",
        "allowed_source_types": ["card"],
        "charges": CHARGES,
    },
    "2019-02-19": SINCE_2019 | {"source": None, "invoice": "in_1", "charges": CHARGES},
    "2020-08-27": SINCE_2019 | {"source": None, "invoice": "in_1", "charges": CHARGES},
    "2022-11-15": SINCE_2022 | {"source": None, "invoice": "in_1"},
    "2025-02-24.acacia": SINCE_2022 | {"invoice": {"id": "in_1", "object": "invoice"}},
    "2025-06-30.basil": SINCE_2022 | {"excluded_payment_method_types": None},
    "2025-10-29.clover": SINCE_2022 | {"customer": {"id": "cus_1", "object": "customer"}},
    "2026-10-28.endive": SINCE_2022
    | {
        "latest_charge": {"id": "ch_2", "object": "charge"},
        "payment_method": {"id": "pm_1", "object": "payment_method"},
        "customer_account": None,
        "payment_record": None,
    },
}
FACTS: Json = {
    "status": "requires_action",
    "amount_minor": 2000,
    "amount_received_minor": 0,
    "amount_capturable_minor": 0,
    "amount_remaining_minor": None,
    "currency": "eur",
    "customer": "cus_1",
    "invoice": "in_1",
    "latest_charge": "ch_2",
    "next_action": "redirect_to_url",
    "error_type": "card_error",
    "error_code": "card_declined",
    "error_decline_code": "insufficient_funds",
    "payment_method": "pm_1",
    "payment_method_types": ["card"],
    "capture_method": "automatic",
    "setup_future_usage": "off_session",
    "application_fee_amount_minor": 200,
    "on_behalf_of": None,
    "transfer_destination": "acct_1",
    "transfer_amount_minor": 1800,
    "transfer_group": None,
    "review": None,
    "canceled_at_s": None,
    "cancellation_reason": None,
    "metadata": {"order": "7"},
    "created_s": 1_700_000_000,
}
SILENT: dict[str, set[str]] = {
    "2018-05-21": {"invoice", "setup_future_usage"},
    "2025-06-30.basil": {"invoice"},
    "2025-10-29.clover": {"invoice"},
    "2026-10-28.endive": {"invoice"},
}
OTHERWISE: dict[str, Json] = {"2018-05-21": {"payment_method": "src_1"}}


@pytest.mark.parametrize("version", SHAPES)
def test_an_intent_says_the_same_in_every_api_version(version: str) -> None:
    found = spoken(fact(SHAPES[version], "payment_intent.requires_action"))
    expected = FACTS | OTHERWISE.get(version, {})
    assert found == {field: value for field, value in expected.items() if field not in SILENT.get(version, ())}


@pytest.mark.parametrize("version", SHAPES)
def test_an_event_names_the_intent_and_its_customer(version: str) -> None:
    found = fact(SHAPES[version], "payment_intent.created", api_version=version)
    assert (found.model, found.id, found.customer, found.claim) == ("payment_intents", "pi_1", "cus_1", None)


MINIMAL: Json = {"object": "payment_intent", "id": "pi_1", "status": "processing", "currency": "usd", "amount": 5}


@pytest.mark.parametrize("field", ["id", "currency", "amount", "status"])
@pytest.mark.parametrize("null", [True, False])
def test_an_intent_without_a_required_field_is_quarantined(field: str, null: bool) -> None:
    lacking = {k: v for k, v in MINIMAL.items() if k != field} | ({field: None} if null else {})
    assert isinstance(said(lacking, "payment_intent.created"), Quarantined)


def test_absent_is_silence() -> None:
    assert spoken(fact(MINIMAL, "payment_intent.processing")) == {
        "status": "processing", "amount_minor": 5, "currency": "usd",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "today"),
    [("requires_source", "requires_payment_method"), ("requires_source_action", "requires_action")],
)
def test_a_status_has_the_name_of_today(old: str, today: str) -> None:
    assert spoken(fact(MINIMAL | {"status": old}, "payment_intent.created"))["status"] == today


def test_a_transfer_into_the_cash_balance_tells_what_is_lacking() -> None:
    # given an intent that bank transfers have funded in part
    action = {
        "type": "display_bank_transfer_instructions",
        "display_bank_transfer_instructions": {"amount_remaining": 3, "currency": "usd", "type": "us_bank_transfer"},
    }
    found = spoken(
        fact(MINIMAL | {"status": "requires_action", "next_action": action}, "payment_intent.partially_funded")
    )
    # then
    assert (found["next_action"], found["amount_remaining_minor"]) == ("display_bank_transfer_instructions", 3)


@pytest.mark.parametrize("place", ["next_action", "last_payment_error", "transfer_data", "customer", "latest_charge"])
def test_null_takes_back_what_was_said(place: str) -> None:
    found = spoken(fact(SHAPES["2025-10-29.clover"] | {place: None}, "payment_intent.succeeded"))
    fields = {
        "next_action": ("next_action", "amount_remaining_minor"),
        "last_payment_error": ("error_type", "error_code", "error_decline_code"),
        "transfer_data": ("transfer_destination", "transfer_amount_minor"),
    }.get(place, (place,))
    assert [found[f] for f in fields] == [None] * len(fields)


def test_an_intent_without_attempts_has_no_latest_charge() -> None:
    empty = {"object": "list", "data": []}
    assert spoken(fact(MINIMAL | {"charges": empty}, "payment_intent.created"))["latest_charge"] is None


def test_what_changed_is_told_by_what_was_before() -> None:
    before = {"status": "requires_payment_method", "last_payment_error": None, "metadata": {"order": "6"}}
    assert was(fact(SHAPES["2020-08-27"], "payment_intent.requires_action", previous=before)) == {
        "status": "requires_payment_method",
        "error_type": None,
        "error_code": None,
        "error_decline_code": None,
        "metadata": {"order": "6"},
    }


@pytest.mark.parametrize(
    ("verb", "status", "expected"),
    [
        ("created", "requires_payment_method", CREATED),
        ("created", "succeeded", FINAL),
        ("amount_capturable_updated", "requires_capture", 6),
        ("succeeded", "succeeded", FINAL),
        ("canceled", "canceled", FINAL),
    ],
)
def test_nothing_comes_after_success_or_cancellation(verb: str, status: str, expected: int) -> None:
    assert fact(MINIMAL | {"status": status}, f"payment_intent.{verb}").rank == expected


def test_within_a_second_an_attempt_waits_proceeds_and_fails_or_holds_the_money() -> None:
    waits = ["created", "requires_action", "partially_funded", "processing"]
    verbs = [*waits, "payment_failed", "amount_capturable_updated"]
    ranks = [fact(MINIMAL, f"payment_intent.{verb}").rank for verb in verbs]
    assert ranks == sorted(set(ranks))


def test_the_table_of_places_has_a_row_for_every_field() -> None:
    assert [row.field for row in FAMILY.whence] == list(FAMILY.facts.__struct_fields__)


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_recorded_intent_translates_with_its_own_state() -> None:
    assert CORPUS is not None
    seen = 0
    for file in sorted(Path(CORPUS, "events").glob("payment_intent.*.json")):
        stored = json.loads(file.read_text())
        obj = stored["data"]["object"]
        found = said(obj, stored["type"], stored["data"].get("previous_attributes"))
        assert isinstance(found, ObjectFact), (file.name, found)
        told = spoken(found)
        assert (told["status"], told["amount_minor"]) == (obj["status"], obj["amount"])
        assert told["error_code"] == (obj["last_payment_error"] or {}).get("code")
        assert told["latest_charge"] == (
            obj["latest_charge"] if "latest_charge" in obj else next((c["id"] for c in obj["charges"]["data"]), None)
        )
        seen += 1
    assert seen >= 15
