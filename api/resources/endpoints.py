"""Endpoints that are told of what happens, for staff; never their secrets. What is done about them are acts."""

from api.resources.filters import choice, equal
from api.resources.lists import Source
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import Member, Shape
from api.schemas.shape import TEXT, TEXTS, TIME_US
from replay.tables import LIVE

STATES = ("listening", "removed")

ENDPOINT = Shape(
    "Endpoint",
    [
        *(Member(name, name, TEXT) for name in ("id", "url", "state")),
        Member("types", "types", TEXTS),
        *(Member(name, name, TEXT) for name in ("org", "label")),
        Member("added_us", "added_at", TIME_US),
        Member("removed_us", "removed_at", TIME_US),
    ],
    {
        "state": "`listening` or `removed`",
        "types": "Only notices of these types; empty: of all",
        "org": "Only notices about this organization; null: about all",
    },
)
ENDPOINTS = Resource(
    "endpoints",
    "an endpoint that is told of what happens",
    Source(
        ENDPOINT,
        f"(SELECT e.*, CASE WHEN e.removed THEN 'removed' ELSE 'listening' END AS state FROM {LIVE}.endpoints e) t",
        {},
        ("t.added_us", "t.id"),
        lambda caller: [],
        newest_first=True,
    ),
    filters=(choice("state", "In this state", STATES), equal("org", "For this organization alone")),
    offers_org=False,
    account_beside=False,
    words="endpoints that are told of what happens",
)
endpoints = published(ENDPOINTS, "Endpoints: who is told of what happens")
