"""What is set aside and asks for a person: the work list, and what operators do about it. For staff with unbound keys.

The one part of the API that changes something: a release or a dismissal is recorded under the name that the key was
issued for, and only operators and admins may.
"""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from api import set_aside
from api.resources import acting
from api.resources.answers import answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.filters import choice, equal
from api.resources.lists import Condition, Read, Source, list_of, single
from api.resources.publish import act, answered, listed, read, section
from api.resources.resource import query_of
from api.schemas import TEXT, TEXTS, Member, Shape
from api.schemas.acts import ActDone, Reason
from api.schemas.shape import TIME_US
from replay.work_list import ITEMS, KINDS, STATUSES

quarantine = section("quarantine", "What is set aside and asks for a person")

_SHAPE = Shape(
    "SetAside",
    [
        Member("item", "id", TEXT),
        *(Member(name, name, TEXT) for name in ("kind", "status", "account", "type", "model")),
        Member("key", "key", TEXTS),
        *(Member(name, name, TEXT) for name in ("state", "reason")),
        Member("since_us", "since", TIME_US),
        *(Member(name, name, TEXT) for name in ("handled", "handled_by", "handled_why")),
        Member("handled_us", "handled_at", TIME_US),
    ],
    {
        "id": "What it is called in a path; percent-encode it there",
        "kind": "`quarantined` or `conflict` (a Stripe event), or `parked` (a key of a read model)",
        "status": "`open`, `released` or `dismissed`",
        "type": "Stripe's type of the event; null for a parked key",
        "model": "The read model; an event's is the webhook ledger",
        "state": "What became of the event; of a key `parked`, or `whole` when it is not parked any more",
        "reason": "Why it is set aside",
        "handled": "`released` or `dismissed`, while that holds",
        "handled_by": "Who did that",
        "handled_why": "The reason that was given",
    },
)
_SOURCE = Source(_SHAPE, f"{ITEMS} t", {}, ("t.since_us", "t.item"), lambda caller: [])

_FILTERS = (
    equal("account", "Of this Stripe account"),
    choice("kind", "Of this kind", KINDS),
    choice("status", "In this status; the open ones if not given", STATUSES),
)
_QUERY = query_of(_FILTERS, "quarantine_filters")


class _Counts(Schema):
    """How many items are open, by kind."""

    quarantined = fields.Integer(required=True, metadata={"description": "Stripe events that could not be read"})
    conflict = fields.Integer(required=True, metadata={"description": "Stripe events that came with two contents"})
    parked = fields.Integer(required=True, metadata={"description": "Keys of read models whose definition raised"})


#: Under a name of its own, since it is nothing that is listed elsewhere.
_OPEN: type[Schema] = type("SetAsideCounts", (answered(_Counts),), {})


class SetAsideDone(ActDone):
    """What an act on something that was set aside came to."""

    id = fields.String(required=True)


@read(quarantine, "/v1/quarantine", "quarantine", listed(_SHAPE.schema), query=_QUERY, problems=("invalid_cursor",))
def list_set_aside(given: dict[str, Any]) -> Response:
    """List what is set aside.

    The open items unless told otherwise, the oldest first.
    """
    here, asks = context(), caller()
    wanted = {**given, "status": given["status"] or "open"}
    conditions = [f.where(here, asks, wanted[f.name]) for f in _FILTERS if wanted[f.name] is not None]
    return send_list(list_of(here, asks, _SOURCE, wanted, conditions), _SHAPE.schema)


_SUMS = ", ".join(f"count(*) FILTER (WHERE i.kind = '{kind}') AS {kind}" for kind in KINDS)
_COUNTED = Source(
    Shape("counts", [Member(kind, kind, TEXT) for kind in KINDS]),
    f"(SELECT m.mode, 0 AS place, {_SUMS}"
    f" FROM (VALUES ('live'), ('test')) AS m (mode) LEFT JOIN {ITEMS} i ON i.mode = m.mode AND i.status = 'open'"
    " GROUP BY m.mode) t",
    {},
    ("t.place",),
    lambda caller: [],
)


@read(quarantine, "/v1/quarantine/counts", "quarantine", _OPEN, query=Read)
def count_open(given: dict[str, Any]) -> Response:
    """Count what is open, by kind."""
    here, asks = context(), caller()
    return send(answer(*single(here, asks, _COUNTED, [], given["min_position"]), if_none_match()))


@read(
    quarantine,
    "/v1/quarantine/<string:item>",
    "quarantine",
    answered(_SHAPE.schema),
    query=Read,
    problems=("not_found",),
)
def get_set_aside(given: dict[str, Any], item: str) -> Response:
    """Get what is set aside, open or not."""
    found = single(context(), caller(), _SOURCE, [Condition("t.item = %s", (item,))], given["min_position"])
    return send(answer(*found, if_none_match()))


_REFUSALS = ("not_found", "invalid", "not_set_aside", "conflict_stays", "still_quarantined", "still_parked")


@act(
    quarantine, "/v1/quarantine/<string:item>/release", "quarantine_acts", SetAsideDone, body=Reason, problems=_REFUSALS
)
def release(given: dict[str, Any], item: str) -> Response:
    """Apply what was set aside, now that it can be.

    Records who and why, and makes the touched keys alone anew. Done already, it changes nothing.
    """
    return _done(set_aside.release, item, given["reason"])


@act(
    quarantine,
    "/v1/quarantine/<string:item>/dismiss",
    "quarantine_acts",
    SetAsideDone,
    body=Reason,
    problems=_REFUSALS[:3],
)
def dismiss(given: dict[str, Any], item: str) -> Response:
    """Leave what was set aside as it is.

    It is off the list of what is open, and records who said so and why. Done already, it changes nothing.
    """
    return _done(set_aside.dismiss, item, given["reason"])


def _done(how: Any, item: str, reason: str) -> Response:
    found = how(context().database, None, mode=acting.mode(), item=item, asked=acting.asked(reason))
    return acting.told(found.done, id=found.item)
