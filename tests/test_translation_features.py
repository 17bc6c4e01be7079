"""The metadata convention: features are granted by name or by a limit, and what is malformed grants nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from ledger.translations.features import Features, parse_features


def test_features_are_listed_by_commas():
    assert parse_features({"features": " sso,agents ,, sso,"}) == Features(["agents", "sso"], {}, [])


def test_a_limit_grants_its_feature():
    found = parse_features({"limit_agents": "10", "features": "sso"})
    assert found == Features(["agents", "sso"], {"agents": 10}, [])


def test_unlimited_is_a_limit_of_none():
    assert parse_features({"limit_seats": " Unlimited"}) == Features(["seats"], {"seats": None}, [])


def test_a_limit_of_zero_is_a_limit():
    assert parse_features({"limit_seats": "0"}).limits == {"seats": 0}


@pytest.mark.parametrize("value", ["-1", "ten", "1.5", "", "1e3", "٣", "²", "1_000", "+1", 10, True, ["1"], str(2**63)])
def test_a_malformed_limit_grants_nothing_and_is_named(value: Any):
    assert parse_features({"limit_agents": value}) == Features([], {}, ["limit_agents"])


def test_a_malformed_limit_takes_nothing_that_is_listed():
    assert parse_features({"features": "agents", "limit_agents": "ten"}) == Features(["agents"], {}, ["limit_agents"])


def test_a_limit_of_no_feature_is_named():
    assert parse_features({"limit_": "3", "limit_ ": "3"}) == Features([], {}, ["limit_", "limit_ "])


def test_a_list_that_is_no_text_is_named():
    assert parse_features({"features": ["agents"]}) == Features([], {}, ["features"])


def test_other_metadata_means_nothing():
    assert parse_features({"tier": "gold", "Features": "x", "limits": "3"}) == Features([], {}, [])


@pytest.mark.parametrize("metadata", [None, {}, {"features": None, "limit_agents": None}])
def test_nothing_stated_is_nothing_granted(metadata: Any):
    assert parse_features(metadata) == Features([], {}, [])


def test_no_word_of_metadata_is_no_word_of_features():
    assert parse_features(UNSET) == Features(UNSET, UNSET, UNSET)


@given(
    st.dictionaries(
        st.sampled_from(["features", "limit_a", "limit_b", "limit_", "other"]) | st.text(max_size=8),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=30)
        | st.from_regex(r"[0-9]{1,25}", fullmatch=True),
    )
)
def test_whatever_metadata_holds_a_limit_grants_and_is_storable(metadata: dict[str, Any]):
    features, limits, faults = parse_features(metadata)
    assert isinstance(features, list) and isinstance(limits, dict) and isinstance(faults, list)
    assert features == sorted(set(features)) and "" not in features
    assert set(limits) <= set(features)
    assert set(faults) <= set(metadata)
    assert all(limit is None or 0 <= limit < 2**63 for limit in limits.values())
