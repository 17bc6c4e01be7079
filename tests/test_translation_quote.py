"""Quotes to facts: one says the same in every API version, and what was written for the customer stays sealed."""

import os
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was

from ledger.facts import ObjectFact, Quarantined
from ledger.translations import BY_NAME
from ledger.translations.base import CREATED, FINAL

OPEN, ACCEPTED = "quote.finalized", "quote.accepted"
TOTALS = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 380}
FIRST: dict[str, Any] = {
    "object": "quote",
    "id": "qt_1",
    "customer": "cus_1",
    "status": "open",
    "number": "QT-1-1",
    "currency": "eur",
    "amount_subtotal": 2000,
    "amount_total": 2380,
    "total_details": TOTALS,
    "computed": {
        "recurring": {"amount_subtotal": 1000, "amount_total": 1190, "interval": "month", "interval_count": 3},
        "upfront": {"amount_subtotal": 2000, "amount_total": 2380, "total_details": TOTALS},
    },
    "collection_method": "send_invoice",
    "description": "For Ada canary",
    "header": "Dear Ada canary",
    "footer": "Yours, canary",
    "discounts": ["di_1"],
    "invoice": None,
    "subscription": None,
    "subscription_schedule": None,
    "subscription_data": {"effective_date": 1_701_000_000, "trial_period_days": 14, "description": "a canary"},
    "from_quote": {"is_revision": True, "quote": "qt_0"},
    "on_behalf_of": None,
    "status_transitions": {"accepted_at": None, "canceled_at": None, "finalized_at": 1_700_000_060},
    "expires_at": 1_702_592_000,
    "metadata": {"own": "1"},
    "created": 1_700_000_000,
}
SHAPES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("2020-08-27", "2022-11-15", "2023-10-16", "2024-06-20", "2025-02-24.acacia"), FIRST),
    "2025-06-30.basil": FIRST
    | {"subscription_data": FIRST["subscription_data"] | {"billing_mode": {"type": "classic"}}},
    "2025-10-29.clover": FIRST | {"discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": "WELCOME"}}]},
    "2026-03-25.dahlia": FIRST | {"customer": {"object": "customer", "id": "cus_1", "name": "Ada canary"}},
    "2026-10-28.endive": FIRST | {"from_quote": {"is_revision": True, "quote": {"object": "quote", "id": "qt_0"}}},
}
FACTS = {
    "customer": "cus_1",
    "status": "open",
    "number": "QT-1-1",
    "currency": "eur",
    "amount_subtotal_minor": 2000,
    "amount_total_minor": 2380,
    "amount_tax_minor": 380,
    "amount_discount_minor": 0,
    "amount_shipping_minor": 0,
    "upfront_total_minor": 2380,
    "recurring_total_minor": 1190,
    "interval": "month",
    "interval_count": 3,
    "collection_method": "send_invoice",
    "discounts": ["di_1"],
    "invoice": None,
    "subscription": None,
    "schedule": None,
    "trial_period_days": 14,
    "revises": "qt_0",
    "on_behalf_of": None,
    "description": "sealed For Ada canary",
    "metadata": {"own": "1"},
    "effective_s": 1_701_000_000,
    "finalized_at_s": 1_700_000_060,
    "accepted_at_s": None,
    "canceled_at_s": None,
    "expires_at_s": 1_702_592_000,
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_quote_says_the_same_in_every_api_version(version: str):
    assert said(SHAPES[version], OPEN) == FACTS


@pytest.mark.parametrize("version", SHAPES)
def test_nothing_written_for_the_customer_is_in_the_clear(version: str):
    found = fact(SHAPES[version] | {"metadata": {"org_id": "org_1"}}, OPEN, version=version)
    assert "canary" not in repr(found)
    assert (found.model, found.id, found.customer, found.claim) == ("quotes", "qt_1", "cus_1", None)


def test_a_quote_of_nothing_that_recurs_has_no_interval():
    found = said(FIRST | {"computed": {"recurring": None, "upfront": FIRST["computed"]["upfront"]}}, OPEN)
    assert (found["recurring_total_minor"], found["interval"], found["upfront_total_minor"]) == (None, None, 2380)


def test_an_accepted_quote_names_what_it_became_in_any_order():
    # given a quote that was drafted, finalized and accepted within a second
    accepted = FIRST | {
        "status": "accepted", "subscription": "sub_1", "invoice": "in_1",
        "status_transitions": {"accepted_at": 1_700_000_061, "canceled_at": None, "finalized_at": 1_700_000_060},
    }  # fmt: skip
    draft = FIRST | {"status": "draft", "number": None}
    found = row("quotes", ("quote.created", draft, 0), (OPEN, FIRST, 0), (ACCEPTED, accepted, 0))
    # then it is accepted
    assert (found["status"], found["subscription"], found["invoice"]) == ("accepted", "sub_1", "in_1")
    assert (found["accepted_at_s"], found["number"], found["undecided"]) == (1_700_000_061, "QT-1-1", False)


@pytest.mark.parametrize(
    ("status", "rank"), [("draft", CREATED), ("open", 2), ("accepted", FINAL), ("canceled", FINAL)]
)
def test_a_quote_goes_from_draft_over_open_to_its_end(status: str, rank: int):
    assert fact(FIRST | {"status": status}, "quote.created").rank == rank


def test_what_changed_is_known_of_before():
    found = fact(FIRST, OPEN, {"status": "draft", "status_transitions": {"finalized_at": None}, "number": None})
    assert was(found) == {"status": "draft", "number": None, "finalized_at_s": None}


def test_absent_is_silence():
    assert said({"object": "quote", "id": "qt_1", "status": "draft", "amount_total": 0}, OPEN) == {
        "status": "draft",
        "amount_total_minor": 0,
    }


@pytest.mark.parametrize("field", ["id", "status", "amount_total"])
def test_a_quote_without_a_required_field_is_quarantined(field: str):
    assert told({k: v for k, v in FIRST.items() if k != field}, OPEN) == Quarantined(f"lacks {field}")


def test_the_table_names_every_field_and_no_other():
    family = BY_NAME["quote"]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_quote_of_the_corpus_adds_up():
    seen = {}
    for name, event in in_corpus("quote."):
        found = told(event["data"]["object"], event["type"])
        assert isinstance(found, ObjectFact), (name, found)
        says = spoken(found)
        seen[event["type"]] = says["status"]
        extra = says["amount_tax_minor"] + says["amount_shipping_minor"] - says["amount_discount_minor"]
        assert says["amount_total_minor"] == says["amount_subtotal_minor"] + extra == says["upfront_total_minor"], name
    assert seen == {"quote.created": "draft", "quote.accepted": "accepted"}
