"""Billing alerts that were triggered: in any API version one row a triggering, with the threshold that was crossed."""

import json
from typing import Any

import pytest
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation
from ledger.translations import translate
from ledger.translations.billing_alert import FAMILY, BillingAlert

METER = {"id": "mtr_1", "object": "billing.meter", "display_name": "Tokens", "event_name": "tokens_used"}


def an_alert(version: str) -> dict[str, Any]:
    """An alert of one customer, in the shape of `version`."""
    alert: dict[str, Any] = {
        "id": "alrt_1",
        "object": "billing.alert",
        "alert_type": "usage_threshold",
        "livemode": False,
        "status": "active",
        "title": "A million tokens",
    }
    threshold: dict[str, Any] = {"gte": 1_000_000, "meter": "mtr_1", "recurrence": "one_time"}
    if version < "2024-10":
        return alert | {"filter": {"customer": "cus_1"}, "usage_threshold_config": threshold}
    if version >= "2026":
        threshold["meter"] = METER
    return alert | {"usage_threshold": threshold | {"filters": [{"type": "customer", "customer": "cus_1"}]}}


def triggered(alert: Any, version: str | None = None, **change: Any) -> Translation:
    payload = {
        "object": "billing.alert_triggered",
        "alert": alert,
        "created": 1_730_000_000,
        "customer": "cus_1",
        "livemode": False,
        "value": 1_000_007,
        **change,
    }
    return translate(
        StripeEventReceived(
            event_id="evt_9",
            type="billing.alert.triggered",
            created_s=1_730_000_001,
            mode="test",
            account="platform",
            api_version=version,
            endpoint="platform",
            payload=Raw(json.dumps({"id": "evt_9", "object": "event", "data": {"object": payload}}).encode()),
        )
    )


def spoken(found: Translation) -> dict[str, Any]:
    assert isinstance(found, ObjectFact), found
    names = [name for i, name in enumerate(BillingAlert.__struct_fields__) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


@pytest.mark.parametrize(
    "version",
    [
        "2015-10-16",
        "2018-11-08",
        "2020-08-27",
        "2024-06-20",
        "2025-02-24.acacia",
        "2025-06-30.basil",
        "2025-10-29.clover",
        "2026-10-28.endive",
    ],
)
def test_a_triggered_alert_says_the_same_in_every_api_version(version: str) -> None:
    # given an alert in the shape of a version; when it is triggered
    fact = triggered(an_alert(version), version)
    # then
    assert spoken(fact) == {
        "alert": "alrt_1",
        "customer": "cus_1",
        "value": 1_000_007,
        "threshold": 1_000_000,
        "meter": "mtr_1",
        "recurrence": "one_time",
        "title": "A million tokens",
        "alert_type": "usage_threshold",
        "alert_status": "active",
        "created_s": 1_730_000_000,
    }
    assert isinstance(fact, ObjectFact)
    # and since it has no id, its event's is its id
    assert (fact.model, fact.id, fact.customer, fact.claim) == ("billing_alerts", "evt_9", "cus_1", None)


def test_an_alert_that_is_named_alone_is_silent_about_its_threshold() -> None:
    said = spoken(triggered("alrt_1"))
    assert said == {"alert": "alrt_1", "customer": "cus_1", "value": 1_000_007, "created_s": 1_730_000_000}


def test_an_expanded_customer_reads_like_an_id_and_a_missing_time_is_not_made_up() -> None:
    fact = triggered(an_alert("2026"), customer={"id": "cus_1", "object": "customer"}, created=None)
    said = spoken(fact)
    assert (said["customer"], said["created_s"]) == ("cus_1", None)


@pytest.mark.parametrize(
    ("alert", "change", "lacking"),
    [
        (None, {}, "alert"),
        ({"title": "x"}, {}, "alert.id"),
        ("alrt_1", {"value": None}, "value"),
    ],
)
def test_a_triggering_that_lacks_what_it_must_have_is_quarantined(
    alert: Any, change: dict[str, Any], lacking: str
) -> None:
    assert triggered(alert, **change) == Quarantined(f"lacks {lacking}")


def test_usage_that_is_no_whole_number_is_not_rounded() -> None:
    found = triggered("alrt_1", value=1.5)
    assert isinstance(found, Quarantined)
    assert "Expected `int" in found.reason


def test_the_table_of_places_has_one_row_for_every_field() -> None:
    assert tuple(w.field for w in FAMILY.whence) == BillingAlert.__struct_fields__
    assert all(w.places for w in FAMILY.whence)
