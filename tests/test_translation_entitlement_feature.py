"""Entitlement features, as they would be fetched: one shape in every version."""

import pytest
from translating import Json, fact, said, spoken

from ledger.facts import Quarantined
from ledger.translations.entitlement_feature import FAMILY

FEATURE: Json = {
    "object": "entitlements.feature",
    "id": "feat_1",
    "active": True,
    "livemode": False,
    "lookup_key": "agents",
    "metadata": {"team": "growth"},
    "name": "Agents",
}
FETCHED = "entitlements.feature.updated"


@pytest.mark.parametrize("version", ["2020-08-27", "2024-06-20", "2025-06-30.basil", "2026-10-28.endive"])
def test_a_feature_tells_what_it_is_called(version: str) -> None:
    found = fact(FEATURE, FETCHED, api_version=version)
    assert spoken(found) == {"lookup_key": "agents", "name": "Agents", "active": True, "metadata": {"team": "growth"}}
    assert (found.model, found.id, found.customer, found.claim) == ("entitlement_features", "feat_1", None, None)


@pytest.mark.parametrize("field", ["id", "lookup_key"])
def test_a_feature_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in FEATURE.items() if k != field}, FETCHED) == Quarantined(f"lacks {field}")


def test_of_a_feature_absent_is_silence() -> None:
    least = {"object": "entitlements.feature", "id": "feat_1", "lookup_key": "agents"}
    assert spoken(fact(least, FETCHED)) == {"lookup_key": "agents"}


def test_the_table_of_places_has_a_row_for_every_field() -> None:
    assert [row.field for row in FAMILY.whence] == list(FAMILY.facts.__struct_fields__)
