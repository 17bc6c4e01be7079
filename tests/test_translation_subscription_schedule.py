"""Subscription schedules to facts: the same phases in every API version, and a schedule that is over stays over."""

import os
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was, without

from ledger.facts import ObjectFact, Quarantined
from ledger.translations import BY_NAME
from ledger.translations.base import CREATED, FINAL, UPDATED

KIND = "subscription_schedule.updated"
START, MIDDLE, END = 1_700_000_000, 1_702_592_000, 1_705_184_000

# One schedule in the shapes of ten ages: a trial of two seats with a set-up fee and a coupon, then five seats.

_ONCE = {"price": "price_setup", "quantity": 1}
_SETTINGS = {
    "billing_cycle_anchor": "automatic",
    "collection_method": "charge_automatically",
    "default_payment_method": "pm_1",
    "description": "a canary",
    "invoice_settings": {"days_until_due": None, "custom_fields": [{"name": "a canary", "value": "a canary"}]},
}


def phases(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    trial = {
        "start_date": START, "end_date": MIDDLE, "trial_end": MIDDLE, "billing_cycle_anchor": "phase_start",
        "add_invoice_items": [_ONCE], "currency": "eur", "metadata": {"phase": "1"}, "default_payment_method": None,
    }  # fmt: skip
    paid = {
        "start_date": MIDDLE, "end_date": END, "trial_end": None, "billing_cycle_anchor": None,
        "add_invoice_items": [], "currency": "eur", "metadata": {}, "default_payment_method": {"id": "pm_2"},
    }  # fmt: skip
    return [trial | first, paid | second]


WITH_PLANS = phases(
    {"plans": [{"plan": "price_1", "quantity": 2}], "coupon": "WELCOME", "prorate": True, "billing": "send_invoice"},
    {"plans": [{"plan": "price_1", "quantity": 5}], "coupon": None, "prorate": False, "billing": None},
)
WITH_ITEMS = phases(
    {
        "items": [{"price": "price_1", "plan": "price_1", "quantity": 2, "metadata": {}}],
        "coupon": "WELCOME", "proration_behavior": "create_prorations", "collection_method": "send_invoice",
    },
    {
        "items": [{"price": {"object": "price", "id": "price_1"}, "quantity": 5, "metadata": {}}],
        "coupon": None, "proration_behavior": "none", "collection_method": None,
    },
)  # fmt: skip
_WELCOME = {"coupon": "WELCOME", "discount": None, "promotion_code": None}
WITH_DISCOUNTS = [WITH_ITEMS[0] | {"discounts": [_WELCOME]}, WITH_ITEMS[1] | {"discounts": []}]
WITHOUT_COUPON = [{k: v for k, v in phase.items() if k != "coupon"} for phase in WITH_DISCOUNTS]

BARE: dict[str, Any] = {
    "object": "subscription_schedule",
    "id": "sub_sched_1",
    "customer": "cus_1",
    "subscription": "sub_1",
    "released_subscription": None,
    "status": "active",
    "current_phase": {"start_date": START, "end_date": MIDDLE},
    "metadata": {"own": "1"},
    "canceled_at": None,
    "completed_at": None,
    "released_at": None,
    "created": START - 60,
}
_PAUSE = {
    "key": "break",
    "pause": {"pause_at": MIDDLE, "status": {"type": "scheduled"}, "settings": None},
    "resume": {"resume_at": END, "status": {"type": "scheduled"}, "settings": {}},
}
SHAPES: dict[str, dict[str, Any]] = {
    "2018-11-08": BARE
    | {"phases": WITH_PLANS, "renewal_behavior": "release", "billing": "charge_automatically", "revision": "1"},
    "2019-12-03": BARE | {"phases": WITH_PLANS, "end_behavior": "release", "default_settings": _SETTINGS},
    **dict.fromkeys(
        ("2020-08-27", "2022-11-15"),
        BARE | {"phases": WITH_ITEMS, "end_behavior": "release", "default_settings": _SETTINGS},
    ),
    **dict.fromkeys(
        ("2024-06-20", "2025-02-24.acacia"),
        BARE | {"phases": WITH_DISCOUNTS, "end_behavior": "release", "default_settings": _SETTINGS},
    ),
    **dict.fromkeys(
        ("2025-06-30.basil", "2025-10-29.clover", "2026-03-25.dahlia"),
        BARE
        | {
            "phases": WITHOUT_COUPON,
            "end_behavior": "release",
            "default_settings": _SETTINGS,
            "billing_mode": {"type": "flexible", "updated_at": START},
        },
    ),
    "2026-10-28.endive": BARE
    | {
        "phases": WITHOUT_COUPON,
        "end_behavior": "release",
        "default_settings": _SETTINGS,
        "billing_mode": {"type": "flexible"},
        "pause_schedules": [_PAUSE],
        "customer": {"object": "customer", "id": "cus_1", "name": "a canary"},
        "subscription": {"object": "subscription", "id": "sub_1"},
    },
}
FIRST_PHASE = {
    "start_s": START,
    "end_s": MIDDLE,
    "trial_end_s": MIDDLE,
    "items": [{"price": "price_1", "quantity": 2, "discounts": [], "metadata": {}}],
    "invoiced_once": [{"price": "price_setup", "quantity": 1, "discounts": [], "metadata": {}}],
    "discounts": [_WELCOME],
    "proration_behavior": "create_prorations",
    "billing_cycle_anchor": "phase_start",
    "collection_method": "send_invoice",
    "currency": "eur",
    "default_payment_method": None,
    "metadata": {"phase": "1"},
}
SECOND_PHASE = {
    "start_s": MIDDLE,
    "end_s": END,
    "trial_end_s": None,
    "items": [{"price": "price_1", "quantity": 5, "discounts": [], "metadata": {}}],
    "invoiced_once": [],
    "discounts": [],
    "proration_behavior": "none",
    "billing_cycle_anchor": None,
    "collection_method": None,
    "currency": "eur",
    "default_payment_method": "pm_2",
    "metadata": {},
}
FACTS = {
    "customer": "cus_1",
    "status": "active",
    "subscription": "sub_1",
    "released_subscription": None,
    "end_behavior": "release",
    "current_phase_start_s": START,
    "current_phase_end_s": MIDDLE,
    "phases": [FIRST_PHASE, SECOND_PHASE],
    "price_ids": ("price_1", "price_setup"),
    "pauses": [
        {
            "key": "break",
            "pause_at_s": MIDDLE,
            "pause_status": "scheduled",
            "resume_at_s": END,
            "resume_status": "scheduled",
        }
    ],
    "collection_method": "charge_automatically",
    "billing_cycle_anchor": "automatic",
    "default_payment_method": "pm_1",
    "billing_mode": "flexible",
    "metadata": {"own": "1"},
    "canceled_at_s": None,
    "completed_at_s": None,
    "released_at_s": None,
    "created_s": START - 60,
}
_BEFORE_BASIL = {"pauses", "billing_mode"}


@pytest.mark.parametrize("version", SHAPES)
def test_a_schedule_says_the_same_in_every_api_version(version: str):
    silent = set() if version > "2026-10" else {"pauses"} if version > "2025-03" else _BEFORE_BASIL
    if version == "2018-11-08":
        silent = silent | {"billing_cycle_anchor", "default_payment_method"}
    assert said(SHAPES[version], KIND) == without(FACTS, silent)


@pytest.mark.parametrize("version", SHAPES)
def test_nothing_written_for_the_customer_is_in_a_fact(version: str):
    found = fact(SHAPES[version] | {"metadata": {"org_id": "org_1"}}, KIND, version=version)
    assert "canary" not in repr(found)
    assert (found.model, found.id, found.customer, found.claim) == ("schedules", "sub_sched_1", "cus_1", None)


BASE = SHAPES["2025-10-29.clover"]


@pytest.mark.parametrize(
    ("said_then", "means"), [("none", "cancel"), ("release", "release"), ("renew", "renew"), ("cancel", "cancel")]
)
def test_an_old_schedule_that_did_not_renew_ends_its_subscription(said_then: str, means: str):
    old = SHAPES["2018-11-08"] | {"renewal_behavior": said_then}
    assert said(old, KIND)["end_behavior"] == means


def test_a_phase_that_is_all_trial_ends_its_trial_where_it_ends():
    trial = WITHOUT_COUPON[0] | {"trial": True, "trial_end": None}
    assert said(BASE | {"phases": [trial]}, KIND)["phases"][0]["trial_end_s"] == MIDDLE


def discount(coupon: str | None = None, discount: str | None = None, promotion_code: str | None = None) -> Any:
    return {"coupon": coupon, "discount": discount, "promotion_code": promotion_code}


@pytest.mark.parametrize(
    ("listed", "coupon", "expected"),
    [
        ([{"coupon": {"id": "A"}, "discount": None}], None, [discount("A")]),
        ([{"discount": "di_1"}], "B", [discount("B"), discount(discount="di_1")]),
        ([{"promotion_code": "promo_1"}], None, [discount(promotion_code="promo_1")]),
        (None, None, []),
    ],
)
def test_every_discount_of_a_phase_is_there_once(listed: Any, coupon: Any, expected: list[dict[str, Any]]):
    phase = WITHOUT_COUPON[0] | {"discounts": listed, "coupon": coupon}
    assert said(BASE | {"phases": [phase]}, KIND)["phases"][0]["discounts"] == expected


RELEASED = BASE | {
    "status": "released",
    "subscription": None,
    "released_subscription": "sub_1",
    "released_at": MIDDLE,
    "current_phase": None,
}


def test_a_released_schedule_keeps_what_it_was_about():
    found = row("schedules", (KIND, BASE, 0), ("subscription_schedule.released", RELEASED, 1))
    assert (found["status"], found["subscription"], found["released_subscription"]) == ("released", None, "sub_1")
    assert (found["current_phase_start_s"], found["released_at_s"]) == (None, MIDDLE)
    assert len(found["phases"]) == 2


@pytest.mark.parametrize("status", ["canceled", "completed", "released"])
def test_what_is_over_goes_last_in_its_second(status: str):
    over = BASE | {"status": status}
    assert (fact(over, "subscription_schedule.expiring").rank, fact(BASE, KIND).rank) == (FINAL, UPDATED)
    assert fact(BASE, "subscription_schedule.created").rank == CREATED
    found = row("schedules", ("subscription_schedule.aborted", over, 0), (KIND, BASE, 0))
    assert (found["status"], found["undecided"]) == (status, False)


def test_what_changed_is_known_of_before():
    found = fact(BASE, KIND, {"phases": WITHOUT_COUPON[:1], "end_behavior": "cancel"})
    assert was(found) == {"phases": [FIRST_PHASE], "end_behavior": "cancel"}


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"phases": None}, "phases"),
        ({"status": None}, "status"),
        ({"customer": None}, "customer"),
        ({"id": None}, "id"),
        ({"phases": [{"start_date": START}]}, "phases.items"),
        ({"phases": [{"items": []}]}, "phases.start_date"),
        ({"phases": [{"start_date": START, "items": [{"quantity": 1}]}]}, "phases.items.price"),
    ],
)
def test_a_schedule_without_a_required_field_is_quarantined(change: dict[str, Any], lacking: str):
    found = told(BASE | change, KIND)
    assert isinstance(found, Quarantined)
    assert found.reason == f"lacks {lacking}" or (lacking == "id" and found.reason.startswith("wrong shape"))


def test_a_schedule_of_a_customer_account_has_no_customer():
    assert said(BASE | {"customer": None, "customer_account": "acct_1"}, KIND)["customer"] is None


def test_the_table_names_every_field_and_no_other():
    family = BY_NAME["subscription_schedule"]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_schedule_of_the_corpus_is_read():
    seen = 0
    for name, event in in_corpus("subscription_schedule."):
        found = told(event["data"]["object"], event["type"], event["data"].get("previous_attributes"))
        assert isinstance(found, ObjectFact), (name, found)
        says = spoken(found)
        assert (says["status"], says["subscription"]) == ("released", None), name
        assert says["released_subscription"] and says["phases"] and says["price_ids"], name
        ends = [p["end_s"] for p in says["phases"]]
        assert [p["start_s"] for p in says["phases"]][1:] == ends[:-1], name
        seen += 1
    assert seen >= 6
