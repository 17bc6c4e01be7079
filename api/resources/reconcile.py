"""What is known by comparing with Stripe, for staff: coverage of events, drift of objects, and what was seen when we
asked. A comparison is asked for by the act `reconcile`.
"""

from typing import get_args

from marshmallow import fields

from api.resources.filters import CREATED, choice, equal
from api.resources.lists import Source
from api.resources.publish import section
from api.resources.resource import Resource
from api.resources.routes import publish_list, published
from api.schemas import BOOL, Member, Shape
from api.schemas.shape import INT, MAP, TEXT, TEXTS, TIME, TIME_US, Kind
from ledger.reconcile_events import Drift
from replay.tables import LIVE

_LIST = Kind(lambda **given: fields.List(fields.Dict(), **given))


def _texts(*names: str) -> list[Member]:
    return [Member(name, name, TEXT) for name in names]


COVERAGE = Resource(
    "event_coverage",
    "an account's coverage",
    Source(
        Shape(
            "EventCoverage",
            [
                *_texts("account"),
                Member("from_s", "whole_from", TIME),
                Member("to_s", "whole_until", TIME),
                Member("covered", "covered", _LIST),
                *(Member(n, n, INT) for n in ("listed", "held", "appended", "unreadable", "appended_ever", "runs")),
                Member("reconciled_us", "reconciled_at", TIME_US),
            ],
            {
                "whole_from": "Since then, up to `whole_until`, every event that Stripe lists is in the log",
                "whole_until": "Exclusive",
                "covered": "Every such span, the oldest first: `from_s` and `to_s`, unix seconds",
                "listed": "At the last look, by Stripe",
                "held": "How many of these the log had",
                "appended": "How many of these the log had lacked: gaps that were closed",
                "unreadable": "How many of these could not be kept",
                "appended_ever": "How many were appended by all looks together",
            },
        ),
        f"{LIVE}.event_coverage t",
        {},
        ("t.account",),
        lambda caller: [],
    ),
    offers_org=False,
    words="the coverage of events",
)
DRIFT = Resource(
    "drift",
    "a difference",
    Source(
        Shape(
            "Drift",
            [
                *_texts("account", "object", "object_id", "kind", "customer"),
                Member("fields", "fields", MAP),
                Member("seen_s", "seen", TIME),
                Member("found_us", "found_at", TIME_US),
            ],
            {
                "object": "Stripe's type of the object",
                "kind": "`unpaid_but_active`, `paid_but_blocked`, `missing_here`, `missing_there` or `stale`",
                "fields": "What we hold and what Stripe says, as `[ours, theirs]`, by field",
                "seen": "When Stripe was asked, by its own clock",
            },
        ),
        f"{LIVE}.drift t",
        {},
        ("t.account", "t.object", "t.object_id"),
        lambda caller: [],
    ),
    filters=(
        choice("kind", "Of this kind", get_args(Drift)),
        equal("object", "Of objects of this type"),
        equal("object_id", "Of this object"),
        equal("customer", "Of this customer"),
    ),
    offers_org=False,
    words="what is not as Stripe holds it",
    singular="difference",
)
RECONCILIATIONS = Resource(
    "reconciliations",
    "a comparison that was asked for",
    Source(
        Shape(
            "Reconciliation",
            [
                *_texts("id", "what", "account", "state", "by", "why"),
                Member("repair", "repair", BOOL),
                *(Member(n, n, INT) for n in ("accounts", "differences", "mended")),
                Member("refused", "refused", TEXTS),
                Member("done_s", "done", TIME),
                Member("requested_us", "requested_at", TIME_US),
            ],
            {
                "what": "`events` or `objects`",
                "account": "Null: every account",
                "state": "`requested` or `done`",
                "repair": "Whether what Stripe holds is observed where it does not agree",
                "accounts": "How many were compared",
                "differences": "Events that were lacking, or objects that did not agree",
                "mended": "How many of them are in the log now",
                "refused": "Accounts that Stripe did not show us",
            },
        ),
        f"{LIVE}.reconciliations t",
        {},
        ("t.position",),
        lambda caller: [],
        newest_first=True,
    ),
    filters=(
        choice("what", "Of events, or of objects", ("events", "objects")),
        choice("state", "In this state", ("requested", "done")),
    ),
    offers_org=False,
    account_beside=False,
)
OBSERVATIONS = Resource(
    "observations",
    "an observation",
    Source(
        Shape(
            "Observation",
            [
                *_texts("id", "account", "object", "object_id", "customer", "state", "reason"),
                Member("why", "why", TEXTS),
                Member("api_versions", "api_versions", TEXTS),
                Member("created_s", "seen", TIME),
                Member("recorded_us", "recorded_at", TIME_US),
            ],
            {
                "object": "Stripe's type of the object that was seen",
                "state": "`applied`, `stored_only` or `quarantined`",
                "reason": "Why it is not applied",
                "why": "`call`, `fetch` or `reconcile`",
                "seen": "When Stripe answered, by its own clock",
            },
        ),
        f"{LIVE}.observations t",
        {},
        ("t.created_s", "t.id", "t.account"),
        lambda caller: [],
        newest_first=True,
    ),
    filters=(
        choice("state", "What became of it", ("applied", "stored_only", "quarantined")),
        equal("object", "Of objects of this type"),
        equal("object_id", "Of this object"),
        equal("customer", "Of this customer's"),
        *CREATED,
    ),
    offers_org=False,
)
event_coverage = section(COVERAGE.dashed, "Coverage: from when to when no event of Stripe's is missing")
publish_list(event_coverage, COVERAGE)
drift = section(DRIFT.dashed, "Drift: what we believe and Stripe says otherwise")
publish_list(drift, DRIFT)
reconciliations = published(RECONCILIATIONS, "Reconciliations: comparisons with Stripe that persons asked for")
observations = published(OBSERVATIONS, "Observations: objects of Stripe's as they were seen when we asked")
