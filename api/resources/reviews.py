"""The review queue: whatever waits for a person, across subjects."""

from typing import Any

from flask import Response

from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.filters import choice, equal
from api.resources.lists import Condition, Page, Source, list_of
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas import INT, TEXT, TIME, Member, Shape
from replay.review_queue import KINDS, QUEUE

reviews = section("reviews", "Reviews: what waits for a person, and what settles it")

REVIEW = Shape(
    "Review",
    [
        *(Member(name, name, TEXT) for name in ("kind", "item", "org")),
        Member("weight", "weight", INT),
        *(Member(name, name, TEXT) for name in ("owner", "said", "settles")),
        Member("since_s", "since", TIME),
        Member("age_s", "age_s", INT),
    ],
    {
        "kind": f"One of {', '.join(f'`{k}`' for k in KINDS)}",
        "item": "What waits; unique within its kind",
        "weight": "The more, the sooner: 80 is a call of which nobody knows whether Stripe did it",
        "owner": "`operator`, `customer` or `system`",
        "said": "Why it waits",
        "settles": "The command that settles it, or shows what to decide",
        "since": "Since when it waits",
        "age_s": "For how many seconds",
    },
)
_ORDER = ("(-t.weight)", "t.since_s", "t.kind", "t.item")
_SOURCE = Source(REVIEW, f"{QUEUE} t", {"age_s": "t.since_s"}, _ORDER, lambda asks: [], (Concern("operator_reviews"),))
_FILTERS = (
    choice("kind", "Of this kind", KINDS),
    equal("org", "About this organization"),
    equal("owner", "Whose it is"),
)


@read(
    reviews,
    "/v1/reviews",
    "reviews",
    listed(REVIEW.schema),
    query=query_of(_FILTERS, "review_filters"),
    problems=("invalid_cursor",),
)
def list_reviews(given: dict[str, Any]) -> Response:
    """List what waits for a person.

    The weightiest first, and of these the oldest. What is over by time alone is left out.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    now_s = int(here.clock())
    conditions.append(Condition(f"(t.until_s IS NULL OR t.until_s > {now_s})"))  # no parameter: a cursor holds these

    def aged(page: Page) -> list[dict[str, Any]]:
        return [REVIEW.of_values([*told, max(0, now_s - since_s)]) for *told, since_s in page.rows]

    return send_list(list_of(here, asks, _SOURCE, given, conditions, present=aged), REVIEW.schema)
