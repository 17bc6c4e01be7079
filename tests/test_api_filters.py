"""Filters: whatever a list can be asked for, it answers with those rows that say so, and with no others."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from api_world import World, market

from api.postgres import EmbeddedPostgres

#: A parameter for a stretch of time -> the member that it is about.
TIMES = {
    "created": "created",
    "arrives": "arrival_date",
    "available": "available_on",
    "expires": "expires",
    "due": "evidence_due_by",
    "ends": "end",
    "": "at",
}
#: A parameter for what a row holds several of -> the member.
HOLDS = {
    "price": "price_ids",
    "product": "product_ids",
    "lookup_key": "lookup_keys",
    "currently_due": "currently_due",
    "anomaly": "anomalies",
}
#: Parameters that do not select by a member alone, and the file in which what they do is tested.
APART = {
    "/v1/orgs": {"account": "test_api_answers"},
    "/v1/customers": {"email": "test_api_answers", "unlinked": "test_api_answers"},
    "/v1/stripe-events": {"type": "test_api_answers", "customer": "test_api_answers"},
    "/v1/credit-balances": {"currency": "test_api_filters"},
    "/v1/quarantine": {"status": "test_api_quarantine"},
    "/v1/incidents": {"since": "test_api_filters", "until": "test_api_filters"},
}
PAGE = {"limit", "cursor", "min_position"}
#: Lists of which nothing is in a market, and the file that asks for them by their filters.
ELSEWHERE = {
    "/v1/endpoints": "test_notices",
    "/v1/deliveries": "test_notices",
    "/v1/calls": "test_stripe_calls_told",
    **dict.fromkeys(
        ("/v1/observations", "/v1/event-coverage", "/v1/drift", "/v1/reconciliations"), "test_reconcile_api"
    ),
}


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with market(server, template) as made:
        denied = {"org": "org_a", "feature": "sso", "reason": "they asked for it"}
        assert made.post("/v1/acts/deny_override", denied, made.key("operator")).status_code == 202
        made.project()
        yield made


def lists(world: World) -> Iterator[tuple[str, list[str]]]:
    """Every list of the document that no other thing is named in, and its own parameters."""
    for path, item in world.document["paths"].items():
        if "get" not in item:
            continue
        answers = item["get"]["responses"]["200"].get("content", {})
        if path in ELSEWHERE:
            continue
        if "text/csv" in answers and "{" not in path and not path.endswith(("/totals", "/projections")):
            named = [p["name"] for p in item["get"]["parameters"] if p["in"] == "query"]
            yield path, [n for n in named if n not in PAGE and n not in APART.get(path, {})]


def asked(world: World, path: str, **given: Any) -> list[Any]:
    query = "&".join(f"{k}={quote(str(v))}" for k, v in {"limit": 100, **given}.items())
    found: list[Any] = world.read(f"{path}?{query}")["data"]
    return found


def made_up(world: World, path: str, name: str) -> str:
    """Something that may be asked for, by what the document says of the parameter."""
    (said,) = (p for p in world.document["paths"][path]["get"]["parameters"] if p["name"] == name)
    schema = said["schema"]
    if "enum" in schema:
        return str(next(v for v in schema["enum"] if v is not None))
    kinds = schema.get("type", "string")
    if "boolean" in kinds:
        return "true"
    if "integer" in kinds:
        return "1"
    return "2026-01-01T00:00:00Z" if name.endswith(("_after", "_before")) else "none"


def values_of(rows: list[Any], member: str) -> set[Any]:
    """What can be asked for: whatever a row holds; of a truth value, the other one too."""
    values = {v for r in rows for v in (r[member] if isinstance(r[member], list) else [r[member]])} - {None}
    return {True, False} if values <= {True, False} and values else values


def as_given(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_filter_answers_with_the_rows_that_say_so(world: World) -> None:
    selected = 0
    for path, named in lists(world):
        rows = asked(world, path)
        if not rows:  # a subject that this world lacks: each of its filters is understood, and finds nothing
            for name in named:
                assert asked(world, path, **{name: made_up(world, path, name)}) == [], (path, name)
            continue
        for name in named:
            member = HOLDS.get(name, name)
            end = name.rpartition("_")[2]
            if end in ("after", "before") and member not in rows[0]:
                continue
            assert member in rows[0], f"{path} is asked for {name}, which is no member of its rows"
            for value in values_of(rows, member):
                wanted = [r for r in rows if r[member] == value or (isinstance(r[member], list) and value in r[member])]
                assert asked(world, path, **{name: as_given(value)}) == wanted, (path, name, value)
                selected += 1
    assert selected > 200


def test_stretches_of_time_are_half_open_and_share_no_row(world: World) -> None:
    split = 0
    for path, named in lists(world):
        rows = asked(world, path)
        for name in named:
            stem, _, end = name.rpartition("_")
            if end not in ("after", "before"):
                continue
            member = TIMES[stem]
            for when in {r[member] for r in rows} - {None}:
                wanted = [
                    r
                    for r in rows
                    if r[member] is not None and (r[member] >= when if end == "after" else r[member] < when)
                ]
                assert asked(world, path, **{name: when}) == wanted, (path, name, when)
                split += 1
    assert split > 20


def test_an_incident_is_what_happened_in_its_span(world: World) -> None:
    rows = asked(world, "/v1/incidents")
    times = sorted({r["at"] for r in rows})
    middle = times[len(times) // 2]
    assert asked(world, "/v1/incidents", since=middle) == [r for r in rows if r["at"] >= middle]
    assert asked(world, "/v1/incidents", until=middle) == [r for r in rows if r["at"] < middle]


def test_credit_is_found_by_the_currencies_that_it_is_in(world: World) -> None:
    everything = asked(world, "/v1/credit-balances")
    assert everything and asked(world, "/v1/credit-balances", currency="eur") == everything
    assert asked(world, "/v1/credit-balances", currency="usd") == []


def test_an_organizations_list_takes_the_same_filters_but_for_the_organization(world: World) -> None:
    compared = 0
    for path in world.document["paths"]:
        # below an organization, `plans` are those that it has, rather than those that are sold; its services are few
        if path.startswith("/v1/orgs/{org}/") and not path.endswith(("/timeline", "/plans", "/service")):
            whole = path.replace("/orgs/{org}", "")
            if whole in world.document["paths"]:
                own, all_of = (
                    {p["name"] for p in world.document["paths"][p]["get"]["parameters"] if p["in"] == "query"}
                    for p in (path, whole)
                )
                assert own - {"as_of"} == all_of - {"org"}
                compared += 1
    assert compared >= 6
