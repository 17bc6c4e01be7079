"""The incident view: for an organization and a span of time, everything that happened, was asked, told and done."""

from typing import Any

from flask import Response

from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.filters import before, choice, equal, since
from api.resources.lists import Source, list_of
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas import TEXT, TIME, Member, Shape
from replay.tables import LIVE

incidents = section("incidents", "Incidents: everything about an organization in a span of time")

_KINDS = ("event", "call", "notice", "act", "step", "setup")
LINE = Shape(
    "IncidentLine",
    [Member("at_s", "at", TIME), *(Member(name, name, TEXT) for name in ("kind", "org", "type", "id", "by", "said"))],
    {
        "at": "Stripe's time of an event; when a call was asked for, a notice raised, an act done, a step taken",
        "kind": "`event` (Stripe's), `call` (to Stripe), `notice`, `act` (a person's), `step` (of a service), `setup`",
        "type": "Of the event or notice; the call's operation; the act's name; the state of the service or case",
        "id": "What it is found by in its own list",
        "by": "The person, where one did it",
        "said": "What became of it",
    },
)
_LINES = f"""(
    SELECT e.mode, e.created_s AS at_s, 'event' AS kind, l.org, e.type, e.id, NULL AS by, e.state AS said
    FROM {LIVE}.org_links l
    JOIN {LIVE}.stripe_events e ON (e.customer, e.account, e.mode) = (l.customer, l.account, l.mode)
    UNION ALL
    SELECT c.mode, c.requested_us / 1000000, 'call', c.org, c.operation, c.id, NULL, c.state
    FROM {LIVE}.stripe_calls c
    UNION ALL
    SELECT n.mode, n.at_s, 'notice', n.org, n.type, n.id, NULL, NULL FROM {LIVE}.notices n
    UNION ALL
    SELECT a.mode, a.at_us / 1000000, 'act', a.org, a.act, a.id, a.person, coalesce(a.code, a.outcome)
    FROM {LIVE}.audit_log a
    UNION ALL
    SELECT s.mode, s.at_s, 'step', s.org, s.state, s.service, NULL, 'from ' || s.before
    FROM {LIVE}.service_steps s
    UNION ALL
    SELECT s.mode, s.live_s, 'setup', s.org, s.state, s.placement, NULL, 'every step is approved'
    FROM {LIVE}.setups s WHERE s.live_s IS NOT NULL
) t"""
_SOURCE = Source(
    LINE, _LINES, {}, ("t.at_s", "t.kind", "t.id"), lambda asks: [], (Concern("org_links"), Concern("setups"))
)
_FILTERS = (
    equal("org", "About this organization"),
    since("since", "From this time on", "at_s"),
    before("until", "Before this time", "at_s"),
    choice("kind", "Of this kind", _KINDS),
)


@read(
    incidents,
    "/v1/incidents",
    "incidents",
    listed(LINE.schema),
    query=query_of(_FILTERS, "incident_filters"),
    problems=("invalid_cursor",),
)
def list_incident(given: dict[str, Any]) -> Response:
    """List what happened, the oldest first: Stripe's events, calls to Stripe, notices, acts, steps of services, setup.

    Give `org`, `since` and `until`; without them it is everything of the key's mode.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    return send_list(list_of(here, asks, _SOURCE, given, conditions), LINE.schema)
