"""Mandates to facts: one says the same in every API version; where and how a customer agreed stays sealed."""

import os
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was, without

from ledger.facts import ObjectFact, Quarantined
from ledger.translations import BY_NAME
from ledger.translations.base import FINAL, UPDATED

KIND = "mandate.updated"
FIRST: dict[str, Any] = {
    "object": "mandate",
    "id": "mandate_1",
    "customer_acceptance": {
        "accepted_at": 1_690_000_000,
        "online": {"ip_address": "203.0.113.7", "user_agent": "canary"},
        "type": "online",
    },
    "multi_use": {},
    "payment_method": "pm_1",
    "payment_method_details": {
        "type": "bacs_debit",
        "bacs_debit": {"network_status": "accepted", "reference": "REF-1", "url": "https://payments.stripe.com/canary"},
    },
    "status": "active",
    "type": "multi_use",
}


def with_bacs(**fields: Any) -> dict[str, Any]:
    details = FIRST["payment_method_details"]
    return FIRST | {"payment_method_details": details | {"bacs_debit": details["bacs_debit"] | fields}}


SINCE_2023 = with_bacs(revocation_reason=None) | {"on_behalf_of": "acct_1"}
SINCE_CLOVER = with_bacs(revocation_reason=None, display_name=None, service_user_number=None) | {
    "on_behalf_of": "acct_1"
}
SHAPES: dict[str, dict[str, Any]] = {
    "2019-12-03": FIRST,
    "2020-08-27": FIRST,
    **dict.fromkeys(("2023-10-16", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil"), SINCE_2023),
    "2026-02-25.clover": SINCE_CLOVER,
    "2026-06-24.dahlia": SINCE_CLOVER | {"multi_use": {"amount": 5000, "currency": "gbp"}},
    "2026-10-28.endive": SINCE_CLOVER
    | {"multi_use": {"amount": 5000, "currency": "gbp"}, "payment_method": {"object": "payment_method", "id": "pm_1"}},
}
FACTS = {
    "status": "active",
    "type": "multi_use",
    "payment_method": "pm_1",
    "payment_method_type": "bacs_debit",
    "amount_minor": 5000,
    "currency": "gbp",
    "reference": "REF-1",
    "network_status": "accepted",
    "inactive_reason": None,
    "acceptance_type": "online",
    "accepted_at_s": 1_690_000_000,
    "on_behalf_of": "acct_1",
}
_BOUNDS = {"amount_minor", "currency"}


@pytest.mark.parametrize("version", SHAPES)
def test_a_mandate_says_the_same_in_every_api_version(version: str):
    silent = _BOUNDS if version < "2026-06" else set()
    if version < "2023":
        silent = silent | {"inactive_reason", "on_behalf_of"}
    assert said(SHAPES[version], KIND) == without(FACTS, silent)


@pytest.mark.parametrize("version", SHAPES)
def test_neither_a_device_nor_an_address_is_in_a_fact(version: str):
    found = fact(SHAPES[version], KIND, version=version)
    assert not any(p in repr(found) for p in ("canary", "203.0.113", "sealed:"))
    assert (found.model, found.id, found.customer, found.claim) == ("mandates", "mandate_1", None, None)


def test_a_mandate_for_one_payment_says_how_much():
    once = FIRST | {"type": "single_use", "single_use": {"amount": 1200, "currency": "eur"}}
    del once["multi_use"]
    found = said(once, KIND)
    assert (found["amount_minor"], found["currency"]) == (1200, "eur")


@pytest.mark.parametrize(
    ("kind", "scheme", "field", "value"),
    [
        ("sepa_debit", {"reference": "SEPA-1", "url": "x"}, "reference", "SEPA-1"),
        ("acss_debit", {"payment_schedule": "combined"}, "payment_schedule", "combined"),
        ("card", {"india": {"inactive_reason": "expired"}}, "inactive_reason", "expired"),
        ("bacs_debit", {"revocation_reason": "account_closed"}, "inactive_reason", "account_closed"),
    ],
)
def test_each_scheme_says_its_own_under_its_own_key(kind: str, scheme: dict[str, Any], field: str, value: str):
    found = said(FIRST | {"payment_method_details": {"type": kind, kind: scheme}}, KIND)
    assert (found["payment_method_type"], found[field]) == (kind, value)


@pytest.mark.parametrize("details", [{}, {"type": "link", "link": {}}, {"type": "one_yet_to_come"}, None])
def test_a_scheme_without_anything_of_its_own_does_no_harm(details: Any):
    found = said(FIRST | {"payment_method_details": details}, KIND)
    assert found["status"] == "active"
    assert "reference" not in found


def test_an_inactive_mandate_goes_last_in_its_second():
    over = with_bacs(network_status="revoked", revocation_reason="account_closed") | {"status": "inactive"}
    assert (fact(over, KIND).rank, fact(FIRST, KIND).rank) == (FINAL, UPDATED)
    found = row("mandates", (KIND, over, 0), (KIND, FIRST, 0))
    assert (found["status"], found["inactive_reason"], found["undecided"]) == ("inactive", "account_closed", False)


def test_what_changed_is_known_of_before():
    found = fact(FIRST, KIND, {"payment_method_details": {"bacs_debit": {"network_status": "pending"}}})
    assert was(found) == {"network_status": "pending"}


@pytest.mark.parametrize("field", ["id", "status", "payment_method"])
def test_a_mandate_without_a_required_field_is_quarantined(field: str):
    assert told({k: v for k, v in FIRST.items() if k != field}, KIND) == Quarantined(f"lacks {field}")


def test_the_table_names_every_field_and_no_other():
    family = BY_NAME["mandate"]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_mandate_of_the_corpus_is_read():
    found = [
        told(e["data"]["object"], e["type"], e["data"].get("previous_attributes")) for _, e in in_corpus("mandate.")
    ]
    assert found
    for what in found:
        assert isinstance(what, ObjectFact), what
        says = spoken(what)
        assert says["status"] == "active" and says["payment_method"].startswith("pm_")
