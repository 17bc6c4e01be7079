"""Meter error reports: usage that Stripe could not count, and why.

They come as thin events alone, which have no object: what they say stands in the event's own `data`. An event
destination may leave that out; then the event waits, as every thin event does. A report has no id of its own, so its
event's is its id. Refuses to know which usage was lost: Stripe gives counts and a few samples.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, need

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Request(msgspec.Struct, gc=False):
    identifier: str | None | UnsetType = UNSET


class SampleError(msgspec.Struct, gc=False):
    error_message: str | None | UnsetType = UNSET
    request: Request | None | UnsetType = UNSET


class ErrorType(msgspec.Struct, gc=False):
    code: str | None | UnsetType = UNSET
    error_count: int | None | UnsetType = UNSET
    sample_errors: list[SampleError] | None | UnsetType = UNSET


class Reason(msgspec.Struct, gc=False):
    error_count: int | None | UnsetType = UNSET
    error_types: list[ErrorType] | None | UnsetType = UNSET


class ReportData(msgspec.Struct, gc=False):
    developer_message_summary: str | None | UnsetType = UNSET
    reason: Reason | None | UnsetType = UNSET
    validation_start: str | None | UnsetType = UNSET
    validation_end: str | None | UnsetType = UNSET


class RelatedObject(msgspec.Struct, gc=False):
    id: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of the thin event, which is all there is."""

    object: str = ""
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    related_object: RelatedObject | None | UnsetType = UNSET
    data: ReportData | None | UnsetType = UNSET


class MeterErrorReport(msgspec.Struct, gc=False):
    """Usage that Stripe refused within a few seconds, independent of the API version."""

    kind: str | UnsetType = UNSET
    """`error_report_triggered` (about a meter) or `no_meter_found` (usage under a name that no meter has)."""
    meter: str | None | UnsetType = UNSET
    error_count: int | UnsetType = UNSET
    errors: Json | UnsetType = UNSET
    """`{"code", "error_count", "samples": [{"message", "request"}]}` each; Stripe gives a few samples, or none."""
    summary: str | None | UnsetType = UNSET
    """Stripe's own sentence about it."""
    window_start_s: Instant | None | UnsetType = UNSET
    window_end_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> MeterErrorReport:
    """A report's facts. Raises Missing for its type, the reason, a count or a code."""
    data = need(payload.data, "data")
    reason = need(data.reason, "data.reason")
    return MeterErrorReport(
        kind=need(payload.type, "type").rpartition(".")[2],
        meter=_meter(payload),
        error_count=need(reason.error_count, "data.reason.error_count"),
        errors=[_error(e) for e in need(reason.error_types, "data.reason.error_types")],
        summary=data.developer_message_summary,
        window_start_s=_seconds(data.validation_start),
        window_end_s=_seconds(data.validation_end),
    )


def _meter(payload: Payload) -> str | None:
    related = payload.related_object
    if isinstance(related, RelatedObject) and related.type == "billing.meter":
        return related.id or None
    return None


def _error(error: ErrorType) -> dict[str, Any]:
    return {
        "code": need(error.code, "data.reason.error_types.code"),
        "error_count": need(error.error_count, "data.reason.error_types.error_count"),
        "samples": [
            {"message": sample.error_message or None, "request": (sample.request and sample.request.identifier) or None}
            for sample in error.sample_errors or ()
        ],
    }


def _seconds(time: str | UnsetType | None) -> int | UnsetType | None:
    """Whole seconds of an ISO 8601 time. Raises ValidationError, like any other wrong shape."""
    if not isinstance(time, str):
        return time
    at: datetime = msgspec.convert(time, datetime)
    return ((at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - _EPOCH) // _SECOND


FAMILY = Family(
    name="meter_error_report",
    model="meter_error_reports",
    object_types=("v2.core.event",),
    event_types=("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"),
    payload=Payload,
    facts=MeterErrorReport,
    translate=translate,
    identify=lambda payload, event: event.event_id,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, meter)",),
    whence=(
        Whence("kind", True, ("type, its last word (all)",)),
        Whence("meter", False, ("related_object.id (all; none where no meter was found)",)),
        Whence("error_count", True, ("data.reason.error_count (all)",)),
        Whence("errors", True, ("data.reason.error_types[] (all)",)),
        Whence("summary", False, ("data.developer_message_summary (all)",)),
        Whence("window_start_s", False, ("data.validation_start, ISO 8601 (all)",)),
        Whence("window_end_s", False, ("data.validation_end, ISO 8601 (all)",)),
    ),
)
