"""Deliveries: what was sent to which endpoint, what waits, what was given up. For staff."""

from api.resources.filters import choice, equal
from api.resources.lists import Source
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import Member, Shape
from api.schemas.shape import INT, MAP, TEXT, TIME
from replay.tables import LIVE

STATES = ("due", "delivered", "dead", "canceled")

DELIVERY = Shape(
    "Delivery",
    [
        *(Member(name, name, TEXT) for name in ("id", "endpoint", "notice", "type", "org", "state")),
        Member("attempts", "attempts", INT),
        Member("status", "status", INT),
        Member("fault", "fault", TEXT),
        Member("last_s", "last_attempt", TIME),
        Member("next_s", "next_attempt", TIME),
        Member("said", "said", MAP),
        Member("at_s", "at", TIME),
    ],
    {
        "id": "`endpoint:notice`",
        "notice": "The id that the endpoint is told as `webhook-id`",
        "state": "`due`, `delivered`, `dead` (given up) or `canceled` (its endpoint was removed)",
        "attempts": "Since somebody asked for it last",
        "status": "Of the last answer; null: there was none",
        "fault": "Why the last attempt failed",
        "said": "What the endpoint is told",
        "at": "When what is told happened",
    },
)
_TABLES = (
    "(SELECT d.endpoint || ':' || d.notice AS id, d.mode, d.endpoint, d.notice, d.type, d.org,"
    " CASE WHEN d.state = 'due' AND e.removed THEN 'canceled' ELSE d.state END AS state, d.attempts, d.status, d.fault,"
    " d.last_s, CASE WHEN d.state = 'due' AND NOT e.removed THEN d.next_s END AS next_s, n.said, d.at_s, d.position"
    f" FROM {LIVE}.deliveries d JOIN {LIVE}.endpoints e ON (e.mode, e.id) = (d.mode, d.endpoint)"
    f" JOIN {LIVE}.notices n ON (n.mode, n.id) = (d.mode, d.notice)) t"
)
DELIVERIES = Resource(
    "deliveries",
    "a delivery",
    Source(DELIVERY, _TABLES, {}, ("t.position", "t.endpoint"), lambda caller: [], newest_first=True),
    filters=(
        choice("state", "In this state", STATES),
        equal("endpoint", "To this endpoint"),
        equal("type", "Of notices of this type"),
        equal("org", "About this organization"),
    ),
    offers_org=False,
    account_beside=False,
    singular="delivery",
)
deliveries = published(DELIVERIES, "Deliveries: what endpoints were told, and what became of it")
