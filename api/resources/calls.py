"""Calls to Stripe, for staff: what was asked, what came of it, and what is not known. Never what an answer held."""

from api.resources.filters import choice, equal, flag
from api.resources.lists import Source
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import BOOL, Member, Shape
from api.schemas.shape import INT, TEXT, TIME, TIME_US
from commands.stripe_operations import OPERATIONS
from projections.stripe_calls import STATES
from replay.tables import LIVE

_MONEY = ", ".join(f"'{o.name}'" for o in OPERATIONS.values() if o.moves_money)

CALL = Shape(
    "Call",
    [
        *(Member(name, name, TEXT) for name in ("id", "account", "operation", "org", "urgency", "state")),
        Member("moves_money", "moves_money", BOOL),
        Member("instead_of", "instead_of", TEXT),
        Member("begun_s", "begun", TIME),
        Member("api_version", "api_version", TEXT),
        Member("unknown_s", "unknown_since", TIME),
        Member("why", "why", TEXT),
        Member("status", "status", INT),
        *(Member(n, n, TEXT) for n in ("object", "object_id", "type", "code", "decline_code", "param", "request_id")),
        Member("answered_s", "answered", TIME),
        Member("known_by", "known_by", TEXT),
        Member("requested_us", "requested_at", TIME_US),
    ],
    {
        "id": "Stripe got it as the idempotency key",
        "operation": "What was asked, e.g. `customers.create`",
        "urgency": "`live` (somebody waits) or `background`",
        "state": "`waiting` (never sent), `begun` (sent, no answer yet), `unknown`, `succeeded` or `failed`",
        "moves_money": "Whether doing it twice would move money twice",
        "instead_of": "The failed call that is asked again so",
        "begun": "Since when Stripe may have heard of it",
        "why": "Why it is, or was, unknown: `no_answer`, `server_error` or `key_mismatch`",
        "status": "Of Stripe's answer",
        "object": "Stripe's type of what came back, and `object_id` its id",
        "type": "Of Stripe's error, e.g. `card_error`; or `never_happened`, `not_sent`",
        "answered": "By Stripe's clock",
        "known_by": "How the outcome is known: `answer`, `look_up` or `person`",
    },
)
CALLS = Resource(
    "calls",
    "a call to Stripe",
    Source(
        CALL,
        f"(SELECT c.*, c.operation IN ({_MONEY}) AS moves_money FROM {LIVE}.stripe_calls c) t",
        {},
        ("t.position",),
        lambda caller: [],
        newest_first=True,
    ),
    filters=(
        choice("state", "In this state", STATES),
        equal("account", "On behalf of this Stripe account"),
        equal("operation", "Of this operation"),
        equal("org", "For this organization"),
        equal("object_id", "That made or changed this object of Stripe's"),
        flag("moves_money"),
    ),
    offers_org=False,
    account_beside=False,
    words="calls to Stripe",
)
calls = published(CALLS, "Calls: what was asked of Stripe, and what came of it")
