"""The history of an entitlement: every change, and the event or the moment that caused it, newest first.

Made from the log at each request, from the organization's own events alone (`replay.entitlement_history`).
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from api.auth import Caller
from api.problems import Problem
from api.readers import query
from api.resources.answers import Fresh, fresh, reaching
from api.resources.context import Context, caller, context, send_list
from api.resources.entitlements import shown_sources
from api.resources.lists import ReadList
from api.resources.orgs import org_exists
from api.resources.publish import listed, read, section
from api.schemas import INT, SOURCE, STANDING, TEXT, TIME, iso, of_entries
from projections.entitlements_schedule import deciding, standing
from replay.entitlement_history import Change, history, told

entitlement_history = section("entitlement-history", "The history of entitlements: every change and its cause")

CAUSE = of_entries(
    "Cause",
    {
        "kind": "`event`, or `time`: what was known passed with time alone",
        "event": "The event's name in the log",
        "type": "Stripe's type of the event",
        "id": "Stripe's id of the event",
        "stream": "The event's stream in the log, and `version` its place there",
        "actor": "Who: `stripe`, or the person who acted",
        "reason": "Why, where a person acted",
        "occurred_at": "When it happened at its source",
    },
    kind=TEXT, event=TEXT, type=TEXT, id=TEXT, account=TEXT, stream=TEXT, version=INT, actor=TEXT, reason=TEXT,
    occurred_at_s=TIME,
)  # fmt: skip
CHANGE: type[Schema] = Schema.from_dict(
    {
        "at": fields.DateTime(
            required=True, metadata={"description": "When it was learned of; or when it came, by time alone"}
        ),
        "event_position": fields.Integer(
            required=True,
            metadata={"description": "Where the event stands in the log; of a change by time, the newest one before"},
        ),
        "cause": fields.Nested(CAUSE.schema, required=True),
        "granted": fields.Boolean(required=True, metadata={"description": "Whether it could be used from then on"}),
        **STANDING,
        "until": fields.DateTime(
            required=True, allow_none=True, metadata={"description": "Until when, as far as was known; null: open"}
        ),
        "was": fields.String(required=True, metadata={"description": "The state before"}),
        "sources": fields.List(fields.Nested(SOURCE.schema), required=True, metadata={"description": "As they were"}),
    },
    name="EntitlementChange",
)
_CHECKPOINT = query("checkpoint")


@read(
    entitlement_history,
    "/v1/orgs/<org:org>/entitlements/<path:feature>/history",
    "entitlements",
    listed(CHANGE),
    query=ReadList,
    problems=("not_found", "invalid_cursor"),
)
def list_entitlement_history(given: dict[str, Any], org: str, feature: str) -> Response:
    """List what changed an entitlement, and why.

    Newest first. A key that is bound to a seller sees the history as if nobody else sold to the organization.
    """
    here, asks = context(), caller()
    reached, how_fresh = reaching(given["min_position"], lambda: _reached(here, asks, org))
    now_s = here.clock()
    bound = ["EntitlementChange", asks.mode, asks.org, asks.account, org, feature]
    # A page goes on in the history as the first one found it.
    upto, upto_s, skip = reached, now_s, 0
    if given["cursor"] is not None:
        upto, upto_s, skip = here.cursors.open(given["cursor"], bound)
    with here.readers.connection() as conn:
        found = list(history(conn, asks.mode, org, feature, upto, upto_s, account=asks.account))
    wanted = list(itertools.islice(reversed(_with_before(found)), skip, skip + given["limit"] + 1))
    shown, more = wanted[: given["limit"]], len(wanted) > given["limit"]
    cursor = here.cursors.make([upto, upto_s, skip + len(shown)], bound) if more else None
    return send_list(({"data": [_told(*c) for c in shown], "next_cursor": cursor}, how_fresh), CHANGE)


def _reached(here: Context, asks: Caller, org: str) -> tuple[int, Fresh]:
    """How far the index goes that the history is found by. Raises Problem("not_found")."""
    exists = org_exists(asks, org)
    if not here.readers.rows(f"SELECT {exists.sql}", exists.params)[0][0]:
        raise Problem("not_found")
    rows = here.readers.rows(_CHECKPOINT, ("billing",))
    if not rows:
        raise Problem("not_built")
    return int(rows[0][0]), fresh(rows[0][0], rows[0][1], None)


def _with_before(found: Sequence[Change]) -> list[tuple[Change | None, Change]]:
    return list(zip([None, *found], found, strict=False))


def _standing(change: Change | None, at_s: float) -> Mapping[str, Any]:
    row = change.row if change is not None else None
    return standing(row.segments if row is not None else (), at_s).now


def _told(before: Change | None, change: Change) -> dict[str, Any]:
    at_s, row = change.at_s, change.row
    now, was = _standing(change, at_s), _standing(before, before.at_s if before is not None else at_s)
    sources = row.sources if row is not None else ()
    return {
        "at": iso(at_s),
        "event_position": change.position,
        "cause": CAUSE.of_entry(told(change.cause)._asdict()),
        "granted": now["granted"],
        **{name: now.get(name) for name in STANDING},
        "soft": bool(now.get("soft")),
        "until": iso(now["until_s"]),
        "was": was["state"],
        "sources": shown_sources(sources, deciding(sources, at_s)),
    }
