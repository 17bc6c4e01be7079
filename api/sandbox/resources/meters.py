"""Meters and the usage that is reported to them: https://docs.stripe.com/billing/subscriptions/usage-based.

An identifier counts once within a day; a time may lie 35 days back and 5 minutes ahead:
https://docs.stripe.com/api/billing/meter-event/create.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from stripe.params import billing as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object
from api.sandbox.times import DAY

METER, EVENT, ADJUSTMENT = "billing.meter", "billing.meter_event", "billing.meter_event_adjustment"
SUMMARY = "billing.meter_event_summary"
_BACK_S, _AHEAD_S = 35 * DAY, 300


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A meter for events of a name of its own."""
    name = params["event_name"]
    if any(m["event_name"] == name and m["status"] == "active" for m in desk.scan(METER)):
        raise invalid(
            f"An active meter with event_name {name} already exists.", "event_name", "resource_already_exists"
        )
    mapping = params.get("customer_mapping") or {}
    values = params.get("value_settings") or {}
    meter: Object = {
        "id": desk.new_id("mtr"),
        "object": METER,
        "created": desk.now_s,
        "customer_mapping": {
            "event_payload_key": mapping.get("event_payload_key", "stripe_customer_id"),
            "type": "by_id",
        },
        "default_aggregation": {"formula": params["default_aggregation"]["formula"]},
        "dimension_payload_keys": params.get("dimension_payload_keys"),
        "display_name": params["display_name"],
        "event_name": name,
        "event_time_window": params.get("event_time_window"),
        "livemode": desk.livemode,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": desk.now_s,
        "value_settings": {"event_payload_key": values.get("event_payload_key", "value")},
    }
    return desk.add(METER, meter, event="billing.meter.created")


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its name for people."""
    meter = desk.get(METER, id)
    if "display_name" in params:
        changes = {"display_name": params["display_name"], "updated": desk.now_s}
        desk.change(meter, changes, "billing.meter.updated")
    return meter


def deactivate(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take no events any more."""
    ended = {"deactivated_at": desk.now_s}
    return _switched(desk, id, {"status": "inactive", "status_transitions": ended}, "billing.meter.deactivated")


def reactivate(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take events again."""
    again = {"deactivated_at": None}
    return _switched(desk, id, {"status": "active", "status_transitions": again}, "billing.meter.reactivated")


def _switched(desk: Desk, id: str, changes: Object, event: str) -> Object:
    meter = desk.get(METER, id)
    desk.change(meter, {**changes, "updated": desk.now_s}, event)
    return meter


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The meter."""
    return desk.get(METER, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Meters, newest first."""
    where = {"status": params["status"]} if params.get("status") else {}
    return page(params, desk.scan(METER, **where), "/v1/billing/meters")


def report(desk: Desk, params: dict[str, Any]) -> Object:
    """Usage of a customer at a time."""
    meter = next((m for m in desk.scan(METER, event_name=params["event_name"]) if m["status"] == "active"), None)
    if meter is None:
        raise invalid(f"No active meter found for event name {params['event_name']}.", "event_name")
    payload = params["payload"]
    customer_key = meter["customer_mapping"]["event_payload_key"]
    customer = desk.get("customer", payload.get(customer_key), f"payload[{customer_key}]")
    _value(payload, meter)
    at_s = params.get("timestamp", desk.now_s)
    if not desk.now_s - _BACK_S <= at_s <= desk.now_s + _AHEAD_S:
        raise invalid("Invalid timestamp: must be within the past 35 days or 5 minutes ahead.", "timestamp")
    identifier = params.get("identifier") or desk.new_id("", 32)[1:]
    since_s = desk.now_s - DAY
    for held in desk.scan(EVENT, customer=customer["id"]):
        if held["identifier"] == identifier and held["created"] > since_s:
            raise invalid(
                f"An event already exists with identifier {identifier}.", "identifier", "duplicate_meter_event"
            )
    event: Object = {
        "id": desk.new_id("mtrev"),
        "object": EVENT,
        "created": desk.now_s,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": desk.livemode,
        "payload": payload,
        "timestamp": at_s,
        "customer": customer["id"],
        "_meter": meter["id"],
        "_cancelled": False,
    }
    return desk.add(EVENT, event)


def adjust(desk: Desk, params: dict[str, Any]) -> Object:
    """Cancel an event of the last day: https://docs.stripe.com/api/billing/meter-event-adjustment."""
    identifier = (params.get("cancel") or {}).get("identifier")
    for held in desk.find(EVENT, lambda e: e["identifier"] == identifier, event_name=params["event_name"]):
        if held["created"] > desk.now_s - DAY:
            held["_cancelled"] = True
            return {
                "object": ADJUSTMENT,
                "cancel": {"identifier": identifier},
                "event_name": params["event_name"],
                "livemode": desk.livemode,
                "status": "pending",
                "type": "cancel",
            }
    raise invalid(f"No event of the last 24 hours has the identifier {identifier}.", "cancel[identifier]")


def summaries(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What was used from a time until another, in one sum or by the hour or day."""
    meter = desk.get(METER, id)
    step_s = {"hour": 3600, "day": DAY}.get(params.get("value_grouping_window") or "", 0)
    start_s, end_s = params["start_time"], params["end_time"]
    found = []
    for from_s in range(start_s, end_s, step_s) if step_s else [start_s]:
        until_s = min(from_s + step_s, end_s) if step_s else end_s
        used = usage(desk, meter, params["customer"], from_s, until_s)
        if used or not step_s:
            found.append(_summary(desk, meter, used, from_s, until_s))
    return page(params, found, f"/v1/billing/meters/{id}/event_summaries")


def _summary(desk: Desk, meter: Object, used: Decimal, from_s: int, until_s: int) -> Object:
    return {
        "id": f"mtrusg_{meter['id'][4:]}_{from_s}",
        "object": SUMMARY,
        "aggregated_value": float(used),
        "end_time": until_s,
        "livemode": desk.livemode,
        "meter": meter["id"],
        "start_time": from_s,
        "_seq": from_s,
    }


def usage(desk: Desk, meter: Object, customer: str, from_s: int, until_s: int) -> Decimal:
    """What a customer used of a meter in [from, until), by the meter's formula. Exact."""
    counted = list(_counted(desk, meter, customer, from_s, until_s))
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(counted))
    if formula == "last":
        return counted[-1][1] if counted else Decimal(0)
    return sum((value for _, value in counted), Decimal(0))


def _counted(desk: Desk, meter: Object, customer: str, from_s: int, until_s: int) -> Iterator[tuple[int, Decimal]]:
    found = [
        (e["timestamp"], e["_seq"], _value(e["payload"], meter))
        for e in desk.scan(EVENT, customer=customer, _meter=meter["id"])
        if from_s <= e["timestamp"] < until_s and not e["_cancelled"]
    ]
    for at_s, _, value in sorted(found):
        yield at_s, value


def _value(payload: Object, meter: Object) -> Decimal:
    key = meter["value_settings"]["event_payload_key"]
    try:
        value = Decimal(payload[key])
    except (KeyError, InvalidOperation, TypeError):
        value = Decimal("NaN")
    if not value.is_finite():
        raise invalid(f"The payload must have a number under {key}.", f"payload[{key}]")
    return value


def present_event(desk: Desk, event: Object) -> Object:
    """Without what the sandbox keeps it by."""
    return {name: value for name, value in event.items() if name not in ("id", "customer")}


ROUTES = (
    Route("POST", "/v1/billing/meters", sdk.MeterCreateParams, create),
    Route("GET", "/v1/billing/meters", sdk.MeterListParams, listed),
    Route("GET", "/v1/billing/meters/{id}", None, retrieve),
    Route("POST", "/v1/billing/meters/{id}", sdk.MeterUpdateParams, update),
    Route("POST", "/v1/billing/meters/{id}/deactivate", None, deactivate),
    Route("POST", "/v1/billing/meters/{id}/reactivate", None, reactivate),
    Route("GET", "/v1/billing/meters/{id}/event_summaries", sdk.MeterListEventSummariesParams, summaries),
    Route("POST", "/v1/billing/meter_events", sdk.MeterEventCreateParams, report),
    Route("POST", "/v1/billing/meter_event_adjustments", sdk.MeterEventAdjustmentCreateParams, adjust),
)
PRESENTERS = {EVENT: present_event}
PREFIXES = {"mtr": METER}
