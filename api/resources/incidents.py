"""The incident view: for an organization and a span of time, everything that happened, was asked, told and done."""

from typing import Any

from flask import Response

from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.filters import before, choice, equal, since
from api.resources.lists import Page, Source, list_of
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas import INT, TEXT, TIME, Member, Shape
from replay.incident import KINDS, LINES, NAMES, ORDER, spelled_out

incidents = section("incidents", "Incidents: everything about an organization in a span of time")

LINE = Shape(
    "IncidentLine",
    [
        Member("at_s", "at", TIME),
        *(Member(name, name, TEXT) for name in ("kind", "org", "type", "id", "by", "said")),
        Member("position", "position", INT),
    ],
    {
        "at": "Stripe's time of its events and of its answers; else when it was recorded",
        "kind": "`event` (Stripe's, and Recount's own), `call` (to Stripe), `answer` (to a call), `notice`, `act`",
        "type": "Of the event or notice; the call's operation; the act's name",
        "id": "What it is found by in its own list; of an event of Recount's own, its stream and version",
        "by": "Who did it; null where Stripe did, or nobody need",
        "said": "What became of it; of an event of Recount's own, what it says",
        "position": "Where it stands in the log",
    },
)
_ORDER = tuple(f"t.{name}" for name in ORDER)
_SOURCE = Source(LINE, f"{LINES} t", {}, _ORDER, lambda asks: [], (Concern("org_links"), Concern("setups")))
_FILTERS = (
    equal("org", "About this organization"),
    since("since", "From this time on", "at_s"),
    before("until", "Before this time", "at_s"),
    choice("kind", "Of this kind", KINDS),
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
    """List what happened, the oldest first: events, calls to Stripe and what came of them, notices, acts.

    Give `org`, `since` and `until`; without them it is everything of the key's mode.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]

    def told(page: Page) -> list[dict[str, Any]]:
        with here.readers.connection() as conn:
            lines = spelled_out(conn, [dict(zip(NAMES, row, strict=True)) for row in page.rows])
        return [LINE.of_entry(line) for line in lines]

    return send_list(list_of(here, asks, _SOURCE, given, conditions, present=told), LINE.schema)
