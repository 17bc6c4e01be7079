"""The audit: who did what, when, why, from where, on whose approval; and what was denied. For staff."""

from datetime import datetime
from typing import Any

from marshmallow import fields

from api.resources.approvals import of_either_mode
from api.resources.filters import Filter, choice, equal
from api.resources.lists import Condition, Source, moment
from api.resources.publish import section
from api.resources.resource import Resource
from api.resources.routes import publish_list
from api.schemas import INT, TEXT, Kind, Member, Shape
from api.schemas.shape import TIME_US
from projections import ACCESS

OUTCOMES = ("done", "unchanged", "waiting", "denied")
_TEXTS = (*("act", "outcome", "code", "person", "reason", "origin", "key_id", "subject", "account", "org", "approval"),)
ENTRY = Shape(
    "AuditEntry",
    [
        Member("position", "position", INT),
        Member("at_us", "at", TIME_US),
        *(Member(name, name, TEXT) for name in _TEXTS),
        Member("events", "events", Kind(lambda **given: fields.List(fields.Dict(), **given))),
    ],
    {
        "position": "Of its receipt, or of the denial, in the log",
        "outcome": "`done`, `unchanged` (it was so already), `waiting` (for a second person) or `denied`",
        "code": "Why it was denied",
        "person": "Who; null: the key that was used names nobody",
        "reason": "Why; null of what was denied",
        "origin": "`api` or `cli`",
        "key_id": "The key that was used; null on the command line",
        "subject": "What it concerned",
        "approval": "The approval that it asked for, granted or rejected",
        "events": "What was appended with it, each with its name under `event`",
    },
)


def _at(name: str, description: str, sign: str) -> Filter:
    def where(here: Any, asks: Any, when: datetime) -> Condition:
        return Condition(f"t.at_us {sign} %s::bigint", (round(when.timestamp() * 1_000_000),))

    return Filter(name, moment(description), where)


AUDIT = Resource(
    "audit",
    "an entry of the audit",
    Source(
        ENTRY,
        of_either_mode("audit_log", ("position", "at_us", *_TEXTS, "events")),
        {},
        ("t.position",),
        lambda caller: [],
        newest_first=True,
        group=ACCESS.name,
    ),
    filters=(
        equal("person", "What this person did"),
        equal("subject", "About this subject"),
        equal("org", "About this organization"),
        equal("act", "Of this act"),
        choice("outcome", "With this outcome", OUTCOMES),
        equal("approval", "About this approval"),
        _at("after", "At this time or later", ">="),
        _at("before", "Before this time", "<"),
    ),
    offers_org=False,
    words="acts and denied attempts",
)
audit = section("audit", "The audit: who did what, and why")
publish_list(audit, AUDIT)
