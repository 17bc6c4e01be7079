"""Charges to facts: one charge says the same in every API version, by every payment method, and silence is not null."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger.facts import ObjectFact, Quarantined
from ledger.translations.base import CREATED, FINAL, UPDATED
from ledger.translations.charge import FAMILY, rank

Json = dict[str, Any]
SUCCEEDED = "charge.succeeded"

# One charge: 20.00 EUR by card at the first attempt, of which 5.00 was refunded.

EVERYWHERE: Json = {
    "object": "charge",
    "id": "ch_1",
    "amount": 2000,
    "amount_refunded": 500,
    "captured": True,
    "currency": "eur",
    "customer": "cus_1",
    "failure_code": None,
    "balance_transaction": "txn_1",
    "application_fee": "fee_1",
    "receipt_number": "1234-5678",
    "description": "sealed:1:x",
    "metadata": {"order": "7"},
    "created": 1_700_000_000,
}
CARD = {"id": "card_1", "object": "card", "brand": "Visa", "last4": "4242", "exp_month": 8, "exp_year": 2030}
OUTCOME = {"type": "authorized", "reason": None, "network_status": "approved_by_network", "risk_level": "normal"}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "eur",
    "status": "succeeded",
    "reason": None,
    "created": 1_700_000_100,
    "balance_transaction": "txn_2",
}
REFUNDS = {"object": "list", "data": [REFUND], "has_more": False, "total_count": 1}
SINCE_2019 = EVERYWHERE | {
    "status": "succeeded",
    "paid": True,
    "payment_intent": "pi_1",
    "payment_method": "pm_1",
    "payment_method_details": {
        "type": "card",
        "card": {
            "brand": "visa",
            "last4": "4242",
            "exp_month": 8,
            "exp_year": 2030,
            "funding": "credit",
            "wallet": None,
        },
    },
    "outcome": OUTCOME | {"risk_score": 12},
    "application_fee_amount": 200,
    "on_behalf_of": None,
    "transfer_data": {"amount": 1800, "destination": "acct_1"},
    "transfer_group": None,
    "source_transfer": None,
    "review": None,
    "disputed": False,
}
SINCE_2020 = SINCE_2019 | {"amount_captured": 2000}
SHAPES: dict[str, Json] = {
    "2015-01-26": EVERYWHERE
    | {
        "status": "paid",
        "paid": True,
        "card": CARD,
        "invoice": "in_1",
        "dispute": None,
        "refunds": {"object": "list", "data": [{k: v for k, v in REFUND.items() if k != "status"}], "has_more": False},
    },
    "2015-10-16": EVERYWHERE
    | {"status": "succeeded", "paid": True, "source": CARD, "invoice": "in_1", "dispute": None, "refunds": REFUNDS},
    "2018-11-08": EVERYWHERE
    | {
        "status": "succeeded",
        "paid": True,
        "source": CARD,
        "invoice": "in_1",
        "payment_intent": "pi_1",
        "dispute": None,
        "outcome": OUTCOME,
        "destination": "acct_1",
        "on_behalf_of": None,
        "transfer_group": None,
        "source_transfer": None,
        "review": None,
        "refunds": REFUNDS,
    },
    "2020-08-27": SINCE_2020 | {"invoice": "in_1", "dispute": None, "source": None, "refunds": REFUNDS},
    "2022-11-15": SINCE_2020 | {"invoice": "in_1", "failure_balance_transaction": None, "source": None},
    "2025-02-24.acacia": SINCE_2020
    | {
        "invoice": {"id": "in_1", "object": "invoice"},
        "failure_balance_transaction": None,
        "outcome": OUTCOME | {"risk_score": 12, "network_decline_code": None},
    },
    "2025-06-30.basil": SINCE_2020
    | {"failure_balance_transaction": None, "outcome": OUTCOME | {"risk_score": 12, "network_decline_code": None}},
    "2026-10-28.endive": SINCE_2020
    | {
        "customer": {"id": "cus_1", "object": "customer"},
        "payment_intent": {"id": "pi_1", "object": "payment_intent"},
        "balance_transaction": {
            "id": "txn_1",
            "object": "balance_transaction",
            "type": "charge",
            "amount": 2000,
            "fee": 88,
            "net": 1912,
            "currency": "eur",
            "available_on": 1_700_600_000,
        },
        "failure_balance_transaction": None,
        "outcome": OUTCOME | {"risk_score": 12, "network_decline_code": None},
        "refunds": REFUNDS,
    },
}
FACTS: Json = {
    "payment": "pi_1",
    "payment_intent": "pi_1",
    "customer": "cus_1",
    "invoice": "in_1",
    "status": "succeeded",
    "captured": True,
    "currency": "eur",
    "amount_minor": 2000,
    "amount_captured_minor": 2000,
    "amount_refunded_minor": 500,
    "failure_code": None,
    "outcome_type": "authorized",
    "outcome_reason": None,
    "network_status": "approved_by_network",
    "network_decline_code": None,
    "risk_level": "normal",
    "risk_score": 12,
    "payment_method": "pm_1",
    "payment_method_type": "card",
    "brand": "visa",
    "last4": "4242",
    "exp_month": 8,
    "exp_year": 2030,
    "bank": None,
    "wallet": None,
    "disputed": False,
    "dispute": None,
    "embedded_dispute": None,
    "balance_transaction": "txn_1",
    "failure_balance_transaction": None,
    "movement": {
        "id": "txn_1",
        "type": "charge",
        "amount_minor": 2000,
        "fee_minor": 88,
        "net_minor": 1912,
        "currency": "eur",
        "available_on_s": 1_700_600_000,
    },
    "application_fee": "fee_1",
    "application_fee_amount_minor": 200,
    "on_behalf_of": None,
    "transfer_destination": "acct_1",
    "transfer_amount_minor": 1800,
    "transfer_group": None,
    "source_transfer": None,
    "receipt_number": "1234-5678",
    "refunds": [
        {
            "id": "re_1",
            "amount_minor": 500,
            "status": "succeeded",
            "reason": None,
            "created_s": 1_700_000_100,
            "balance_transaction": "txn_2",
        }
    ],
    "refunds_complete": True,
    "review": None,
    "metadata": {"order": "7"},
    "created_s": 1_700_000_000,
}
_BEFORE_2020 = {"amount_captured_minor", "application_fee_amount_minor", "disputed"}
_BEFORE_2018 = _BEFORE_2020 | {
    "payment_intent", "outcome_type", "outcome_reason", "network_status", "risk_level", "transfer_destination",
    "transfer_amount_minor", "on_behalf_of", "transfer_group", "source_transfer", "review",
}  # fmt: skip
_ALWAYS_EXPANDED = {"movement"}
_RADAR = {"risk_score", "network_decline_code"}
SILENT: dict[str, set[str]] = {
    "2015-01-26": _BEFORE_2018 | _ALWAYS_EXPANDED | _RADAR | {"failure_balance_transaction"},
    "2015-10-16": _BEFORE_2018 | _ALWAYS_EXPANDED | _RADAR | {"failure_balance_transaction"},
    "2018-11-08": _BEFORE_2020 | _ALWAYS_EXPANDED | _RADAR | {"failure_balance_transaction"},
    "2020-08-27": _ALWAYS_EXPANDED | {"network_decline_code", "failure_balance_transaction"},
    "2022-11-15": _ALWAYS_EXPANDED
    | {"network_decline_code", "dispute", "embedded_dispute", "refunds", "refunds_complete"},
    "2025-02-24.acacia": _ALWAYS_EXPANDED | {"dispute", "embedded_dispute", "refunds", "refunds_complete"},
    "2025-06-30.basil": _ALWAYS_EXPANDED | {"invoice", "dispute", "embedded_dispute", "refunds", "refunds_complete"},
    "2026-10-28.endive": {"invoice", "dispute", "embedded_dispute"},
}
#: What a version says otherwise, because it knows no better.
OTHERWISE: dict[str, Json] = {
    "2015-01-26": {"payment": "ch_1", "payment_method": "card_1"},
    "2015-10-16": {"payment": "ch_1", "payment_method": "card_1"},
    "2018-11-08": {"payment_method": "card_1", "transfer_amount_minor": None},
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_charge_says_the_same_in_every_api_version(version: str) -> None:
    found = spoken(fact(SHAPES[version], SUCCEEDED))
    expected = FACTS | OTHERWISE.get(version, {})
    assert found == {field: value for field, value in expected.items() if field not in SILENT[version]}


@pytest.mark.parametrize("version", SHAPES)
def test_an_event_names_the_charge_and_its_customer(version: str) -> None:
    found = fact(SHAPES[version], SUCCEEDED, api_version=version)
    assert (found.model, found.id, found.customer, found.claim) == ("charges", "ch_1", "cus_1", None)


# ---- payment methods ------------------------------------------------------------------------

METHOD_FIELDS = ("payment_method_type", "brand", "last4", "exp_month", "exp_year", "bank", "wallet")
MINIMAL: Json = {"object": "charge", "id": "ch_1", "status": "succeeded", "currency": "usd", "amount": 5}


def method(**told: Any) -> list[Any]:
    """How a charge was paid, without what is not known of it."""
    found = spoken(fact(MINIMAL | told, SUCCEEDED))
    return [found[f] for f in METHOD_FIELDS if found[f] is not None]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"type": "card", "card": {"brand": "amex", "last4": "0005", "exp_month": 1, "exp_year": 2031,
          "wallet": {"type": "apple_pay"}}}, ["card", "amex", "0005", 1, 2031, "apple_pay"]),
        ({"type": "card_present", "card_present": {"brand": "visa", "last4": "4242", "exp_month": 2,
          "exp_year": 2032, "cardholder_name": "sealed:1:x"}}, ["card_present", "visa", "4242", 2, 2032]),
        ({"type": "sepa_debit", "sepa_debit": {"last4": "3000", "bank_code": "37040044"}}, ["sepa_debit", "3000"]),
        ({"type": "us_bank_account", "us_bank_account": {"last4": "6789", "bank_name": "STRIPE TEST BANK"}},
         ["us_bank_account", "6789", "STRIPE TEST BANK"]),
        ({"type": "ideal", "ideal": {"bank": "ing", "iban_last4": "5678"}}, ["ideal", "5678", "ing"]),
        ({"type": "amazon_pay", "amazon_pay": {"funding": {"type": "card", "card": {"brand": "visa",
          "last4": "1111", "exp_month": 3, "exp_year": 2029}}}}, ["amazon_pay", "visa", "1111", 3, 2029]),
        ({"type": "mobilepay", "mobilepay": {"card": {"brand": "visa", "last4": "1234", "exp_month": 4,
          "exp_year": 2028}}}, ["mobilepay", "visa", "1234", 4, 2028]),
        ({"type": "fpx", "fpx": {"bank": "maybank2u"}}, ["fpx", "maybank2u"]),
        ({"type": "customer_balance", "customer_balance": {}}, ["customer_balance"]),
        ({"type": "pix", "pix": {"bank_transaction_id": "x"}}, ["pix"]),
        ({"type": "of_tomorrow", "of_tomorrow": {"last4": "no word of ours"}}, ["of_tomorrow"]),
        ({"type": "__class__"}, ["__class__"]),
        (None, []),
    ],
)  # fmt: skip
def test_every_payment_method_says_what_it_is(details: Any, expected: list[Any]) -> None:
    assert method(payment_method_details=details) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"object": "card", "brand": "American Express", "last4": "8431", "exp_month": 2, "exp_year": 2020,
          "tokenization_method": "apple_pay"}, ["card", "amex", "8431", 2, 2020, "apple_pay"]),
        ({"object": "card", "brand": "Visa", "tokenization_method": "android_pay"}, ["card", "visa", "google_pay"]),
        ({"object": "bank_account", "bank_name": "STRIPE TEST BANK", "last4": "6789"},
         ["ach_debit", "6789", "STRIPE TEST BANK"]),
        ({"object": "source", "type": "card", "card": {"brand": "Visa", "last4": "4242", "exp_month": 1,
          "exp_year": 2022}}, ["card", "visa", "4242", 1, 2022]),
        ({"object": "source", "type": "sepa_debit", "sepa_debit": {"last4": "3000"}}, ["sepa_debit", "3000"]),
        ({"object": "source", "type": "three_d_secure", "three_d_secure": {"card": "src_1"}}, ["three_d_secure"]),
        ({"object": "alipay_account"}, ["alipay"]),
    ],
)  # fmt: skip
def test_a_source_of_old_is_named_like_the_payment_method_that_it_is(source: Json, expected: list[Any]) -> None:
    assert method(source=source) == expected


def test_before_2014_the_brand_of_a_card_was_its_type() -> None:
    card = {"object": "card", "type": "Visa", "last4": "4242", "exp_month": 1, "exp_year": 2013}
    assert method(card=card) == ["card", "visa", "4242", 1, 2013]


def test_details_go_before_the_source() -> None:
    assert method(payment_method_details={"type": "sofort"}, source={"object": "card", "brand": "Visa"}) == ["sofort"]


# ---- states ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "paid"}, "succeeded"),
        ({"status": "pending", "paid": False}, "pending"),
        ({"status": "failed", "paid": False}, "failed"),
        ({"paid": True}, "succeeded"),
        ({"paid": False}, "failed"),
        ({"status": "of_tomorrow"}, "of_tomorrow"),
        ({"status": None}, None),
    ],
)
def test_a_status_is_in_the_words_of_today(told: Json, status: str | None) -> None:
    obj = {k: v for k, v in MINIMAL.items() if k != "status"} | told
    assert spoken(fact(obj, "charge.updated"))["status"] == status


@pytest.mark.parametrize("field", ["id", "currency", "amount", "status"])
def test_a_charge_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in MINIMAL.items() if k != field}
    assert said(lacking, SUCCEEDED) == Quarantined(f"lacks {field}")


def test_a_charge_event_about_another_object_is_quarantined() -> None:
    assert isinstance(said(MINIMAL | {"object": "card"}, SUCCEEDED), Quarantined)


def test_absent_is_silence() -> None:
    assert spoken(fact(MINIMAL, SUCCEEDED)) == {
        "payment": "ch_1", "status": "succeeded", "currency": "usd", "amount_minor": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        "customer", "invoice", "payment_intent", "source", "payment_method_details", "outcome", "dispute", "refunds",
        "balance_transaction", "transfer_data", "destination", "application_fee", "review", "metadata", "created",
    ],
)  # fmt: skip
def test_null_where_something_is_usual_does_no_harm(place: str) -> None:
    assert spoken(fact(MINIMAL | {place: None}, SUCCEEDED))["amount_minor"] == 5
    before = fact(SHAPES["2020-08-27"], "charge.updated", previous={place: None, "receipt_number": None})
    assert was(before)["receipt_number"] is None


def test_an_expanded_dispute_is_told() -> None:
    obj = MINIMAL | {"dispute": {"object": "dispute", "id": "dp_1", "amount": 5, "currency": "usd", "status": "lost"}}
    found = spoken(fact(obj, SUCCEEDED))
    assert found["dispute"] == "dp_1"
    assert found["embedded_dispute"] == {
        "id": "dp_1", "amount_minor": 5, "currency": "usd", "status": "lost", "reason": None,
    }  # fmt: skip
    assert "embedded_dispute" not in spoken(fact(MINIMAL | {"dispute": "dp_1"}, SUCCEEDED))


def test_a_list_of_refunds_that_does_not_fit_is_incomplete() -> None:
    found = spoken(fact(MINIMAL | {"refunds": REFUNDS | {"has_more": True}}, "charge.refunded"))
    assert (len(found["refunds"]), found["refunds_complete"]) == (1, False)


def test_what_changed_is_told_by_the_old_and_the_new_value() -> None:
    # given the capture of an authorized charge
    obj = SINCE_2020 | {"amount_refunded": 0}
    previous = {"captured": False, "amount_captured": 0, "balance_transaction": None}
    # then
    assert was(fact(obj, "charge.captured", previous=previous)) == {
        "captured": False,
        "amount_captured_minor": 0,
        "balance_transaction": None,
    }


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        ("charge.pending", {"status": "pending"}, CREATED),
        ("charge.updated", {"status": "pending"}, UPDATED),
        ("charge.succeeded", {"captured": False}, 2),
        ("charge.captured", {"captured": True}, 3),
        ("charge.refunded", {"captured": True, "amount_refunded": 5}, 4),
        ("charge.failed", {"status": "failed"}, FINAL),
    ],
)
def test_within_a_second_a_charge_only_goes_on(kind: str, told: Json, expected: int) -> None:
    assert fact(MINIMAL | told, kind).rank == expected


def test_the_table_of_places_has_a_row_for_every_field() -> None:
    assert [row.field for row in FAMILY.whence] == list(FAMILY.facts.__struct_fields__)
    assert rank is FAMILY.rank


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_recorded_charge_translates_with_its_own_state() -> None:
    # given
    assert CORPUS is not None
    seen = 0
    for file in sorted(Path(CORPUS, "events").glob("charge.*.json")):
        stored = json.loads(file.read_text())
        obj = stored["data"]["object"]
        if obj["object"] != "charge":
            continue
        # when
        found = said(obj, stored["type"], stored["data"].get("previous_attributes"))
        # then
        assert isinstance(found, ObjectFact), (file.name, found)
        told = spoken(found)
        assert told["amount_minor"] == obj["amount"]
        assert told["status"] == obj.get("status", "succeeded" if obj["paid"] else "failed")
        assert told["last4"] in json.dumps(obj), file.name
        seen += 1
    assert seen >= 19
