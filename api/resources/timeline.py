"""The timeline: an organization's story in one list, newest first, with the event behind each line.

Lines are rows of the webhook ledger that speak of the organization's customers, or of what hangs on something of
theirs: a refund on a charge, say. What a line says comes from its own event in the log (`api.story`), not from what the
object became later.
"""

from collections.abc import Sequence
from typing import Any

from flask import Response
from marshmallow import fields, validate

from api.auth import Caller
from api.resources.answers import Concern
from api.resources.context import Context, caller, context, send_list
from api.resources.filters import CREATED, Filter, equal
from api.resources.lists import Condition, Page, Source, list_of
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.resources.stripe_events import OF_TYPE, STATES
from api.schemas import INT, TEXT, TIME, Member, Shape, of_entries
from api.story import KINDS, Told, line_of
from ledger import store
from ledger.events import Recorded, StripeEventReceived
from ledger.translations import translate
from replay.hanging import events_of_organizations

timeline = section("timeline", "The timeline: an organization's story")

LINE = of_entries(
    "TimelineLine",
    {
        "at": "Stripe's time of the event",
        "kind": f"What happened, in a word: {', '.join(f'`{k}`' for k in KINDS)}",
        "sentence": "What happened, in plain English",
        "amount_minor": "What the event says of the amount that it is about; null where it is about none",
        "event": "The Stripe event behind the line",
        "position": "Where that event stands in the log",
        "state": "What became of the event: `applied` unless others were asked for",
    },
    at_s=TIME, kind=TEXT, sentence=TEXT, object=TEXT, object_id=TEXT, account=TEXT, customer=TEXT, amount_minor=INT,
    currency=TEXT, event=TEXT, type=TEXT, state=TEXT, position=INT,
)  # fmt: skip

_COLUMNS = ("id", "type", "account", "created_s", "state", "object", "object_id", "positions")
_ROW = Shape("TimelineRow", [Member(c, c, TEXT) for c in (*_COLUMNS, "customer")])


_CHOSEN = "l.mode, l.org, l.customer AS of_customer, " + ", ".join(f"e.{c}" for c in _COLUMNS)


def _visible(asks: Caller) -> list[Condition]:
    conditions = []
    if asks.org is not None:
        conditions.append(Condition("t.org = %s", (asks.org,)))
    if asks.account is not None:
        conditions.append(Condition("t.account = %s", (asks.account,)))
    return conditions


SOURCE = Source(
    _ROW,
    f"({events_of_organizations(_CHOSEN)}) t",
    {"customer": "t.of_customer"},
    ("t.created_s", "t.id", "t.account"),
    _visible,
    (Concern("org_links"),),
    newest_first=True,
)


def _in_state(here: Context, asks: Caller, state: str) -> Condition:
    return Condition("true") if state == "any" else Condition("t.state = %s", (state,))


_FILTERS = (
    equal("account", "Lines of this Stripe account"),
    OF_TYPE,
    equal("customer", "About this customer, or something of theirs", "t.of_customer"),
    equal("object_id", "About this object"),
    *CREATED,
    Filter(
        "state",
        fields.String(
            load_default="applied",
            validate=validate.OneOf((*STATES, "any")),
            metadata={"description": "Events that this became of; `any` of them"},
        ),
        _in_state,
    ),
)


@read(
    timeline,
    f"{ORG_ROUTE}/timeline",
    "timeline",
    listed(LINE.schema),
    query=query_of(_FILTERS, "timeline_filters"),
    problems=("not_found", "invalid_cursor"),
)
def list_org_timeline(given: dict[str, Any], org: str) -> Response:
    """List what happened to an organization.

    Newest first, by Stripe's own time, each line with the event behind it.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    source = SOURCE._replace(concerns=(*SOURCE.concerns, Concern("organizations", (asks.mode, org))))
    found = list_of(
        here,
        asks,
        source,
        given,
        [Condition("t.org = %s", (org,)), *conditions],
        exists=org_exists(asks, org),
        present=lambda page: _told(here, page),
    )
    return send_list(found, LINE.schema)


def _told(here: Context, page: Page) -> list[dict[str, Any]]:
    """The lines of a page, from the events themselves."""
    rows = [dict(zip((*_COLUMNS, "customer"), values, strict=True)) for values in page.rows]
    positions = sorted({p for row in rows for p in row["positions"]})
    with here.readers.connection() as conn:
        recorded = {r.position: r for r in store.read_positions(conn, positions)} if positions else {}
    return [_line(row, _newest([recorded[p] for p in row["positions"]])) for row in rows]


def _newest(renderings: Sequence[Recorded]) -> Recorded:
    """Of an event's renderings, that of the newest API version; one in conflict only where there is no other."""

    def rank(it: Recorded) -> tuple[bool, str, int]:
        received = it.event
        assert isinstance(received, StripeEventReceived)
        return type(received) is StripeEventReceived, received.api_version or "", -it.position

    return max(renderings, key=rank)


def _line(row: dict[str, Any], it: Recorded) -> dict[str, Any]:
    said = translate(it.event) if type(it.event) is StripeEventReceived else None
    told: Told = line_of(row["type"], said)
    return LINE.of_entry(
        {**row, **told._asdict(), "at_s": row["created_s"], "event": row["id"], "position": it.position}
    )
