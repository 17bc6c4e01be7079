"""Acts that wait for a second person: read by staff, approved or rejected by whoever might do them."""

from typing import Any

from flask import Response

from api import operations
from api.problems import Problem
from api.resources import acting
from api.resources.acts import resource_of
from api.resources.context import caller, context
from api.resources.filters import choice, equal
from api.resources.lists import Source
from api.resources.publish import act
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import Member, Shape
from api.schemas.acts import ActDone, Reason
from api.schemas.shape import MAP, TEXT, TIME_US
from projections import ACCESS
from replay.tables import LIVE

STATES = ("waiting", "granted", "rejected")
_TEXTS = ("id", "act", "state", "person", "reason", "subject", "account", "org", "settled_by")


def of_either_mode(model: str, columns: tuple[str, ...]) -> str:
    """FROM a model whose rows may concern both modes, so that each mode sees those too."""
    return (
        f"(SELECT s.mode, {', '.join(f'a.{c}' for c in columns)} FROM {LIVE}.{model} a,"
        " (VALUES ('live'), ('test')) s (mode) WHERE a.mode IN (s.mode, 'both')) t"
    )


APPROVAL = Shape(
    "Approval",
    [
        *(Member(name, name, TEXT) for name in _TEXTS[:3]),
        Member("input", "input", MAP),
        *(Member(name, name, TEXT) for name in _TEXTS[3:]),
        Member("requested_us", "requested_at", TIME_US),
        Member("settled_us", "settled_at", TIME_US),
    ],
    {
        "state": "`waiting`, `granted` or `rejected`",
        "input": "What was asked for; it is decided when it is granted, by what is so then",
        "person": "Who asked for it",
        "reason": "Why",
        "settled_by": "Who granted or rejected it",
    },
)
APPROVALS = Resource(
    "approvals",
    "an act that waits for a second person, or was settled",
    Source(
        APPROVAL,
        of_either_mode("approvals", (*_TEXTS, "input", "requested_us", "settled_us")),
        {},
        ("t.requested_us", "t.id"),
        lambda caller: [],
        newest_first=True,
        group=ACCESS.name,
    ),
    filters=(
        choice("state", "In this state", STATES),
        equal("act", "Of this act"),
        equal("person", "That this person asked for"),
        equal("subject", "About this subject"),
        equal("org", "About this organization"),
    ),
    offers_org=False,
    account_beside=False,
    words="acts that wait for a second person, or were settled",
)
approvals = published(APPROVALS, "Approvals: what waits for a second person")

_SETTLED = ("second_person", "already_granted", "already_rejected")


@act(
    approvals,
    "/v1/approvals/<string:approval>/approve",
    "approval_acts",
    ActDone,
    body=Reason,
    problems=("not_found", *_SETTLED, "refused", "invalid"),
)
def approve(given: dict[str, Any], approval: str) -> Response:
    """Approve an act, which is carried out at once.

    It is decided by what is so now, with all the refusals of its own. Who asked for it cannot approve it.
    """
    here = context()
    requested = operations.waiting(here.database, id=approval, mode=acting.mode())
    try:
        caller().must_be_allowed(resource_of(requested.act))
    except Problem as problem:
        acting.denied(problem.code)
        raise
    how = acting.asked(given["reason"])
    return acting.told(operations.approve(here.database, here.settings, id=approval, asked=how, mode=acting.mode()))


@act(
    approvals,
    "/v1/approvals/<string:approval>/reject",
    "approval_acts",
    ActDone,
    body=Reason,
    problems=("not_found", "already_granted", "invalid"),
)
def reject(given: dict[str, Any], approval: str) -> Response:
    """Reject an act: it is never carried out.

    Who asked for it may take it back so.
    """
    here, how = context(), acting.asked(given["reason"])
    return acting.told(operations.reject(here.database, here.settings, id=approval, asked=how, mode=acting.mode()))
