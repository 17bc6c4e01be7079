"""Setup intents to facts: one says the same in every API version, and never more than what it is for."""

import os
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was, without

from ledger.facts import ObjectFact, Quarantined
from ledger.translations import BY_NAME
from ledger.translations.base import FINAL

FAILED, SUCCEEDED = "setup_intent.setup_failed", "setup_intent.succeeded"
ERROR = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "do_not_honor",
    "message": "Your card was declined.",
    "doc_url": "https://stripe.com/docs/error-codes/card-declined",
    "payment_method": {"object": "payment_method", "id": "pm_0", "billing_details": {"name": "Ada canary"}},
}
FIRST: dict[str, Any] = {
    "object": "setup_intent",
    "id": "seti_1",
    "customer": "cus_1",
    "client_secret": "seti_1_secret_canary",
    "status": "requires_payment_method",
    "usage": "off_session",
    "payment_method": None,
    "payment_method_types": ["card"],
    "mandate": None,
    "single_use_mandate": None,
    "next_action": None,
    "last_setup_error": ERROR,
    "cancellation_reason": None,
    "on_behalf_of": None,
    "description": "Card of Ada canary",
    "metadata": {"own": "1"},
    "created": 1_700_000_000,
}
SINCE_2020 = FIRST | {"latest_attempt": "setatt_1"}
SHAPES: dict[str, dict[str, Any]] = {
    "2018-11-08": FIRST | {"status": "requires_source"},
    **dict.fromkeys(
        ("2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil", "2025-10-29.clover"),
        SINCE_2020,
    ),
    "2026-03-25.dahlia": SINCE_2020
    | {
        "customer": {"object": "customer", "id": "cus_1"},
        "latest_attempt": {"object": "setup_attempt", "id": "setatt_1"},
    },
    "2026-10-28.endive": {k: v for k, v in SINCE_2020.items() if k != "payment_method_types"}
    | {"allowed_payment_method_types": ["card"], "customer_account": None},
}  # fmt: skip
FACTS = {
    "customer": "cus_1",
    "status": "requires_payment_method",
    "usage": "off_session",
    "payment_method": None,
    "payment_method_types": ["card"],
    "mandate": None,
    "single_use_mandate": None,
    "latest_attempt": "setatt_1",
    "next_action": None,
    "error_type": "card_error",
    "error_code": "card_declined",
    "decline_code": "do_not_honor",
    "error_message": "Your card was declined.",
    "cancellation_reason": None,
    "on_behalf_of": None,
    "description": "sealed Card of Ada canary",
    "metadata": {"own": "1"},
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_setup_intent_says_the_same_in_every_api_version(version: str):
    silent = {"latest_attempt"} if version == "2018-11-08" else set()
    assert said(SHAPES[version], FAILED) == without(FACTS, silent)


@pytest.mark.parametrize("version", SHAPES)
def test_neither_its_secret_nor_a_person_is_in_a_fact(version: str):
    found = fact(SHAPES[version] | {"metadata": {"org_id": "org_1"}}, FAILED, version=version)
    assert "canary" not in repr(found)
    assert (found.model, found.id, found.customer, found.claim) == ("setup_intents", "seti_1", "cus_1", None)


def test_what_the_customer_must_do_is_named_and_no_more():
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/canary"}}
    found = fact(SINCE_2020 | {"status": "requires_action", "next_action": action}, "setup_intent.requires_action")
    assert spoken(found)["next_action"] == "redirect_to_url"
    assert "canary" not in repr(found)


def test_an_error_without_a_reason_of_the_bank_has_none():
    found = said(SINCE_2020 | {"last_setup_error": {"type": "api_error"}}, FAILED)
    assert (found["error_type"], found["error_code"], found["decline_code"]) == ("api_error", None, None)
    assert said(SINCE_2020 | {"last_setup_error": None}, FAILED)["error_type"] is None


DONE = SINCE_2020 | {"status": "succeeded", "payment_method": "pm_1", "last_setup_error": None}


def test_what_follows_within_a_second_is_told_in_any_order():
    # given an intent that was made, declined, tried again and done, all in one second
    found = row(
        "setup_intents",
        ("setup_intent.created", SINCE_2020 | {"last_setup_error": None}, 0),
        (FAILED, SINCE_2020, 0),
        (SUCCEEDED, DONE, 0),
    )
    # then it is done, and the error of before is gone
    assert (found["status"], found["payment_method"], found["error_code"]) == ("succeeded", "pm_1", None)
    assert not found["undecided"]


def test_a_declined_attempt_counts_although_it_leads_back_to_the_beginning():
    asked = {"status": "requires_action", "last_setup_error": None, "next_action": {"type": "use_stripe_sdk"}}
    begun = SINCE_2020 | asked
    found = row("setup_intents", ("setup_intent.requires_action", begun, 0), (FAILED, SINCE_2020, 0))
    assert (found["status"], found["error_code"]) == ("requires_payment_method", "card_declined")


@pytest.mark.parametrize("status", ["succeeded", "canceled"])
def test_what_has_ended_goes_last(status: str):
    assert fact(SINCE_2020 | {"status": status}, "setup_intent.canceled").rank == FINAL


def test_what_changed_is_known_of_before():
    found = fact(DONE, SUCCEEDED, {"status": "requires_confirmation", "last_setup_error": ERROR})
    assert was(found) == {
        "status": "requires_confirmation", "error_type": "card_error", "error_code": "card_declined",
        "decline_code": "do_not_honor", "error_message": "Your card was declined.",
    }  # fmt: skip


def test_absent_is_silence_and_null_is_null():
    minimal = {"object": "setup_intent", "id": "seti_1", "status": "processing"}
    assert said(minimal, SUCCEEDED) == {"status": "processing"}
    assert said(minimal | {"customer": None, "metadata": None}, SUCCEEDED) == {
        "status": "processing",
        "customer": None,
        "metadata": {},
    }


@pytest.mark.parametrize("field", ["id", "status"])
def test_an_intent_without_a_required_field_is_quarantined(field: str):
    lacking = {k: v for k, v in FIRST.items() if k != field}
    assert told(lacking, SUCCEEDED) == Quarantined(f"lacks {field}")


def test_the_table_names_every_field_and_no_other():
    family = BY_NAME["setup_intent"]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_setup_intent_of_the_corpus_is_in_the_state_that_its_event_names():
    states = {
        "setup_failed": {"requires_payment_method"}, "succeeded": {"succeeded"}, "canceled": {"canceled"},
        "requires_action": {"requires_action"},
    }  # fmt: skip
    seen = set()
    for name, event in in_corpus("setup_intent."):
        found = told(event["data"]["object"], event["type"], event["data"].get("previous_attributes"))
        assert isinstance(found, ObjectFact), (name, found)
        says = spoken(found)
        verb = event["type"].rpartition(".")[2]
        seen.add(verb)
        assert says["status"] in states.get(verb, {says["status"]}), name
        assert (says["error_code"] is not None) == (event["data"]["object"]["last_setup_error"] is not None), name
    assert seen == {"created", *states}
