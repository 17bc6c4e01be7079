"""Reviews and early fraud warnings to facts: the same in every API version, and nothing of where the payer sat."""

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
from ledger.translations import early_fraud_warning, review
from ledger.translations.base import CREATED, FINAL

Json = dict[str, Any]
VERSIONS = (
    "2017-08-15", "2018-11-08", "2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2026-10-28.endive",
)  # fmt: skip

PAYER: Json = {
    "billing_zip": "94110",
    "ip_address": "192.0.2.1",
    "ip_address_location": {"city": "Samara", "country": "RU", "latitude": 34, "longitude": 33, "region": "65"},
    "session": {"browser": "Firefox", "device": "Other", "platform": "Mac OS X 10.14", "version": "65.0"},
}


def a_review(version: str) -> Json:
    """A review that an operator approved. Since 2019 it names reasons apart, and its intent."""
    found: Json = {"object": "review", "id": "prv_1", "charge": "ch_1", "open": False, "reason": "approved"}
    found |= {"created": 1_700_000_000, "livemode": False, **PAYER}
    if version >= "2019":
        found |= {"opened_reason": "rule", "closed_reason": "approved", "payment_intent": "pi_1"}
    if version >= "2025-06":
        found["charge"] = {"id": "ch_1", "object": "charge"}
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_review_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(a_review(version), "review.closed", api_version=version)
    expected: Json = {"open": False, "charge": "ch_1", "reason": "approved", "created_s": 1_700_000_000}
    if version >= "2019":
        expected |= {"opened_reason": "rule", "closed_reason": "approved", "payment_intent": "pi_1"}
    assert spoken(found) == expected
    assert (found.model, found.id, found.rank) == ("reviews", "prv_1", FINAL)


def test_within_a_second_a_review_opens_before_it_closes() -> None:
    assert fact(a_review("2020-08-27") | {"open": True}, "review.opened").rank == CREATED


@pytest.mark.parametrize("field", ["id", "open"])
def test_a_review_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in a_review("2020-08-27").items() if k != field}
    assert said(lacking, "review.opened") == Quarantined(f"lacks {field}")


def test_where_the_payer_sat_is_stored_sealed() -> None:
    stored = received(Delivery(stripe_event(1, "review.opened", a_review("2020-08-27"))), KEY).event
    for canary in (b"94110", b"192.0.2.1", b"Samara", b"Firefox"):
        assert canary not in bytes(stored.payload)
    assert json.loads(bytes(stored.payload))["data"]["object"]["ip_address_location"]["country"] == "RU"


WARNING: Json = {
    "object": "radar.early_fraud_warning",
    "id": "issfr_1",
    "actionable": True,
    "charge": "ch_1",
    "fraud_type": "made_with_stolen_card",
    "created": 1_700_000_000,
    "livemode": False,
}


@pytest.mark.parametrize("version", [v for v in VERSIONS if v >= "2018"])
def test_an_early_fraud_warning_says_the_same_in_every_api_version(version: str) -> None:
    # given: the intent since 2020, and an expanded charge somewhere
    told = WARNING | ({"payment_intent": "pi_1"} if version >= "2020" else {})
    told |= {"charge": {"id": "ch_1", "object": "charge"}} if version >= "2026" else {}
    # when
    found = fact(told, "radar.early_fraud_warning.created", api_version=version)
    # then
    expected: Json = {"charge": "ch_1", "actionable": True, "fraud_type": "made_with_stolen_card"}
    expected |= {"payment_intent": "pi_1"} if version >= "2020" else {}
    assert spoken(found) == expected | {"created_s": 1_700_000_000}
    assert (found.model, found.id) == ("early_fraud_warnings", "issfr_1")


@pytest.mark.parametrize("field", ["id", "charge"])
def test_a_warning_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in WARNING.items() if k != field}
    assert said(lacking, "radar.early_fraud_warning.created") == Quarantined(f"lacks {field}")


@pytest.mark.parametrize("family", [review.FAMILY, early_fraud_warning.FAMILY], ids=lambda f: f.name)
def test_the_table_of_places_has_a_row_for_every_field(family: Any) -> None:
    assert [row.field for row in family.whence] == list(family.facts.__struct_fields__)


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_recorded_review_and_warning_translates() -> None:
    assert CORPUS is not None
    files = [*Path(CORPUS, "events").glob("review.*.json"), *Path(CORPUS, "events").glob("radar.*.json")]
    assert len(files) >= 3
    for file in files:
        stored = json.loads(file.read_text())
        obj = stored["data"]["object"]
        found = said(obj, stored["type"], stored["data"].get("previous_attributes"))
        assert isinstance(found, ObjectFact), (file.name, found)
        assert spoken(found)["charge"] == obj["charge"]
