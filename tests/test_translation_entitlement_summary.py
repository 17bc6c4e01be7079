"""Entitlement summaries: one a customer, in any API version, and nothing made up where Stripe cut the list."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation
from ledger.translations import translate
from ledger.translations.base import UPDATED
from ledger.translations.entitlement_summary import FAMILY, EntitlementSummary

FIELDS = EntitlementSummary.__struct_fields__


def an_event(
    summary: dict[str, Any], previous: dict[str, Any] | None = None, api_version: str | None = None
) -> StripeEventReceived:
    data: dict[str, Any] = {"object": summary}
    if previous is not None:
        data["previous_attributes"] = previous
    return StripeEventReceived(
        event_id="evt_1",
        type="entitlements.active_entitlement_summary.updated",
        created_s=1_700_000_000,
        mode="test",
        account="platform",
        api_version=api_version,
        endpoint="platform",
        payload=msgspec.Raw(json.dumps({"id": "evt_1", "object": "event", "data": data}).encode()),
    )


def said(translation: Translation) -> dict[str, Any]:
    """The fields that a fact speaks of, by name: a summary always speaks of all."""
    assert isinstance(translation, ObjectFact), translation
    return dict(zip(FIELDS, translation.values, strict=True))


def an_entitlement(feature: Any, lookup_key: str | None) -> dict[str, Any]:
    return {
        "id": "ent_1",
        "object": "entitlements.active_entitlement",
        "feature": feature,
        "livemode": False,
        "lookup_key": lookup_key,
    }


def a_summary(*entitlements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": "cus_1",
        "entitlements": {"object": "list", "data": list(entitlements), "has_more": False, "url": "/v1/x", **more},
        "livemode": False,
    }


@pytest.mark.parametrize(
    "version",
    [
        "2020-03-02",
        "2023-10-16",
        "2024-06-20",
        "2025-02-24.acacia",
        "2025-08-27.basil",
        "2025-10-29.clover",
        "2026-06-24.dahlia",
        "2026-10-28.endive",
    ],
)
def test_a_summary_says_what_its_customer_may_use(version: str) -> None:
    # given two features, in an order that means nothing
    summary = a_summary(an_entitlement("feat_2", "search"), an_entitlement("feat_1", "export"))
    # when the event is translated
    fact = translate(an_event(summary, api_version=version))
    # then they are told by lookup key, under the customer's id, since a summary has none
    assert said(fact) == {
        "customer": "cus_1",
        "entitlements": [
            {"feature": "feat_1", "lookup_key": "export"},
            {"feature": "feat_2", "lookup_key": "search"},
        ],
        "complete": True,
    }
    assert isinstance(fact, ObjectFact)
    assert (fact.model, fact.id, fact.customer, fact.rank) == ("entitlement_summaries", "cus_1", "cus_1", UPDATED)
    assert fact.claim is None


def test_expanded_features_and_customers_read_like_ids() -> None:
    # given what endive may expand
    feature = {"id": "feat_1", "object": "entitlements.feature", "name": "Export", "lookup_key": "export"}
    summary = {**a_summary(an_entitlement(feature, "export")), "customer": {"id": "cus_1", "object": "customer"}}
    # when the event is translated
    facts = said(translate(an_event(summary, api_version="2026-10-28.endive")))
    # then their ids are told
    assert facts["customer"] == "cus_1"
    assert facts["entitlements"] == [{"feature": "feat_1", "lookup_key": "export"}]


def test_a_list_cut_short_is_not_complete() -> None:
    # given a list with more behind it; when the event is translated, then it says that this is not all
    assert said(translate(an_event(a_summary(an_entitlement("feat_1", "export"), has_more=True))))["complete"] is False


def test_a_customer_who_may_use_nothing_has_an_empty_summary() -> None:
    # given no entitlements; when the event is translated, then that is an answer
    assert said(translate(an_event(a_summary())))["entitlements"] == []


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"customer": None}, "customer"),
        ({"entitlements": None}, "entitlements"),
        ({"entitlements": {"object": "list"}}, "entitlements.data"),
        ({"entitlements": {"data": [an_entitlement(None, "export")]}}, "entitlements.data.feature"),
        ({"entitlements": {"data": [an_entitlement("feat_1", None)]}}, "entitlements.data.lookup_key"),
    ],
)
def test_a_summary_that_lacks_what_it_must_have_is_quarantined(change: dict[str, Any], lacking: str) -> None:
    # given a summary without a required field
    # when the event is translated, then it is quarantined, and the reason names the field
    assert translate(an_event({**a_summary(), **change})) == Quarantined(f"lacks {lacking}")


def test_a_changed_list_tells_what_it_was() -> None:
    # given a feature that came to another
    summary = a_summary(an_entitlement("feat_1", "export"), an_entitlement("feat_2", "search"))
    previous = {"entitlements": {"data": [an_entitlement("feat_1", "export")]}}
    # when the event is translated
    fact = translate(an_event(summary, previous))
    # then the list is known as it was
    assert isinstance(fact, ObjectFact)
    assert fact.was == {FIELDS.index("entitlements"): [{"feature": "feat_1", "lookup_key": "export"}]}


def test_the_table_of_places_has_one_row_for_every_field() -> None:
    # given the family's table; when its fields are listed, then they are the facts' fields in order
    assert tuple(w.field for w in FAMILY.whence) == FIELDS
    assert all(w.places for w in FAMILY.whence)


@pytest.mark.corpus
def test_every_summary_of_the_corpus_is_translated() -> None:
    # given every event about a summary in the third-party corpus, which the project does not contain
    folder = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RECOUNT_STRIPE_CORPUS names no folder: the third-party Stripe corpus is not here")
    files = sorted((Path(folder) / "events").glob("entitlements.active_entitlement_summary.*.json"))
    assert files
    for file in files:
        event = json.loads(file.read_bytes())
        # when it is translated
        fact = translate(an_event(event["data"]["object"], event["data"]["previous_attributes"], event["api_version"]))
        # then it tells every entitlement, and that there was none before
        assert said(fact)["entitlements"] == [
            {"feature": e["feature"], "lookup_key": e["lookup_key"]}
            for e in event["data"]["object"]["entitlements"]["data"]
        ]
        assert isinstance(fact, ObjectFact)
        assert fact.was == {FIELDS.index("entitlements"): []}
