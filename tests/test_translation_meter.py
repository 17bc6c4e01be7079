"""Meters and reports of usage that no meter could count: the same in every API version, thin events included."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation, Waiting
from ledger.translations import meter, meter_error_report, translate
from ledger.translations.base import CREATED, UPDATED
from ledger.translations.meter import Meter
from ledger.translations.meter_error_report import MeterErrorReport

VERSIONS = [
    "2015-10-16", "2018-11-08", "2020-08-27", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2025-10-29.clover", "2026-06-24.dahlia", "2026-10-28.endive",
]  # fmt: skip


def event(kind: str, body: dict[str, Any], version: str | None) -> StripeEventReceived:
    return StripeEventReceived(
        event_id="evt_1",
        type=kind,
        created_s=1_730_000_000,
        mode="test",
        account="platform",
        api_version=version,
        endpoint="platform",
        payload=Raw(json.dumps({"id": "evt_1", "type": kind, **body}).encode()),
    )


def spoken(found: Translation, facts: type[msgspec.Struct]) -> dict[str, Any]:
    assert isinstance(found, ObjectFact), found
    names = [name for i, name in enumerate(facts.__struct_fields__) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


METER: dict[str, Any] = {
    "id": "mtr_1",
    "object": "billing.meter",
    "created": 1_720_000_000,
    "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
    "default_aggregation": {"formula": "sum"},
    "display_name": "Tokens",
    "event_name": "tokens_used",
    "event_time_window": "hour",
    "livemode": False,
    "status": "active",
    "status_transitions": {"deactivated_at": None},
    "updated": 1_720_000_100,
    "value_settings": {"event_payload_key": "value"},
}


def metered(change: dict[str, Any], kind: str = "billing.meter.updated", **data: Any) -> Translation:
    body = {"object": "event", "data": {"object": METER | change, **data}}
    return translate(event(kind, body, "2026-10-28.endive"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_meter_says_the_same_in_every_api_version(version: str) -> None:
    # given a meter, which has had one shape since it came; when it is told of in some version
    fact = translate(event("billing.meter.created", {"object": "event", "data": {"object": METER}}, version))
    # then
    assert spoken(fact, Meter) == {
        "display_name": "Tokens",
        "event_name": "tokens_used",
        "status": "active",
        "formula": "sum",
        "event_time_window": "hour",
        "customer_mapping": "by_id",
        "customer_key": "stripe_customer_id",
        "value_key": "value",
        "deactivated_at_s": None,
        "created_s": 1_720_000_000,
        "updated_s": 1_720_000_100,
    }
    assert isinstance(fact, ObjectFact)
    assert (fact.model, fact.id, fact.customer, fact.claim, fact.rank) == ("meters", "mtr_1", None, None, CREATED)


def test_a_deactivated_meter_tells_since_when_and_what_it_was() -> None:
    change = {"status": "inactive", "status_transitions": {"deactivated_at": 1_729_999_999}}
    previous = {"status": "active", "status_transitions": {"deactivated_at": None}}
    fact = metered(change, "billing.meter.deactivated", previous_attributes=previous)
    said = spoken(fact, Meter)
    assert (said["status"], said["deactivated_at_s"]) == ("inactive", 1_729_999_999)
    assert isinstance(fact, ObjectFact)
    assert fact.rank == UPDATED
    names = Meter.__struct_fields__
    assert {names[i]: v for i, v in (fact.was or {}).items()} == {"status": "active", "deactivated_at_s": None}


def test_what_a_meter_does_not_speak_of_is_not_told() -> None:
    groups = {
        "customer_mapping": {"customer_mapping", "customer_key"},
        "default_aggregation": {"formula"},
        "value_settings": {"value_key"},
        "status_transitions": {"deactivated_at_s"},
        "display_name": {"display_name"},
        "event_time_window": {"event_time_window"},
        "updated": {"updated_s"},
    }
    for absent, silent in groups.items():
        payload = {k: v for k, v in METER.items() if k != absent}
        body = {"object": "event", "data": {"object": payload}}
        said = spoken(translate(event("billing.meter.updated", body, None)), Meter)
        assert set(Meter.__struct_fields__) - set(said) == silent
        # and null is an answer
        assert all(spoken(metered({absent: None}), Meter)[name] is None for name in silent)


@pytest.mark.parametrize("lacking", ["event_name", "status", "id"])
def test_a_meter_that_lacks_what_it_must_have_is_quarantined(lacking: str) -> None:
    payload = {k: v for k, v in METER.items() if k != lacking}
    found = translate(event("billing.meter.updated", {"object": "event", "data": {"object": payload}}, None))
    assert found == Quarantined(f"lacks {lacking}")


REPORT: dict[str, Any] = {
    "developer_message_summary": "There are 12 invalid events",
    "reason": {
        "error_count": 12,
        "error_types": [
            {
                "code": "meter_event_no_customer_defined",
                "error_count": 2,
                "sample_errors": [{"error_message": "No customer in the payload.", "request": {"identifier": "job-7"}}],
            },
            {"code": "timestamp_too_far_in_past", "error_count": 10, "sample_errors": []},
        ],
    },
    "validation_start": "2024-10-27T03:33:10.000Z",
    "validation_end": "2024-10-27T03:33:20.999Z",
}
THIN: dict[str, Any] = {
    "object": "v2.core.event",
    "livemode": False,
    "context": None,
    "created": "2024-10-27T03:33:22.134Z",
    "reason": None,
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}
TRIGGERED = "v1.billing.meter.error_report_triggered"
NOT_FOUND = "v1.billing.meter.no_meter_found"


def reported(data: Any, kind: str = TRIGGERED, **change: Any) -> Translation:
    return translate(event(kind, THIN | {"data": data} | change, None))


def test_a_report_that_brings_its_data_is_read_without_a_fetch() -> None:
    # given a thin event as it is when fetched, or sent with its data; when it is translated
    fact = reported(REPORT)
    # then it tells what went wrong, under the event's own id
    assert spoken(fact, MeterErrorReport) == {
        "kind": "error_report_triggered",
        "meter": "mtr_1",
        "error_count": 12,
        "errors": [
            {
                "code": "meter_event_no_customer_defined",
                "error_count": 2,
                "samples": [{"message": "No customer in the payload.", "request": "job-7"}],
            },
            {"code": "timestamp_too_far_in_past", "error_count": 10, "samples": []},
        ],
        "summary": "There are 12 invalid events",
        "window_start_s": 1_729_999_990,
        "window_end_s": 1_730_000_000,
    }
    assert isinstance(fact, ObjectFact)
    assert (fact.model, fact.object, fact.id, fact.at_s) == (
        "meter_error_reports",
        "v2.core.event",
        "evt_1",
        1_730_000_000,
    )


def test_usage_under_a_name_that_no_meter_has_is_a_report_without_a_meter() -> None:
    body = {k: v for k, v in THIN.items() if k != "related_object"}
    said = spoken(translate(event(NOT_FOUND, body | {"data": REPORT}, None)), MeterErrorReport)
    assert (said["kind"], said["meter"], said["error_count"]) == ("no_meter_found", None, 12)


def test_a_thin_event_without_its_data_waits_as_every_other_thin_event() -> None:
    waiting = Waiting("thin event: what it is about must be fetched", "billing.meter", THIN["related_object"]["id"])
    assert translate(event(TRIGGERED, THIN, None)) == waiting
    assert reported(None) == waiting
    assert reported({}) == waiting
    # and so does one whose data nobody reads, and one of a snapshot's type
    assert reported(REPORT, "v1.billing.meter.created") == waiting
    assert translate(event("billing.meter.created", THIN, None)) == waiting


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"reason": None}, "lacks data.reason"),
        ({"reason": {"error_types": []}}, "lacks data.reason.error_count"),
        ({"reason": {"error_count": 1}}, "lacks data.reason.error_types"),
        ({"reason": {"error_count": 1, "error_types": [{"error_count": 1}]}}, "lacks data.reason.error_types.code"),
        (
            {"reason": {"error_count": 1, "error_types": [{"code": "no_meter"}]}},
            "lacks data.reason.error_types.error_count",
        ),
        (REPORT | {"validation_end": "yesterday"}, "wrong shape: Invalid RFC3339 encoded datetime"),
    ],
)
def test_a_report_that_lacks_what_it_must_have_is_quarantined(data: dict[str, Any], reason: str) -> None:
    assert reported(data) == Quarantined(reason)


def test_the_tables_of_places_have_one_row_for_every_field() -> None:
    for family, facts in ((meter.FAMILY, Meter), (meter_error_report.FAMILY, MeterErrorReport)):
        assert tuple(w.field for w in family.whence) == facts.__struct_fields__
        assert all(w.places for w in family.whence)
