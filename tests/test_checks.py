"""Checks: may so much be used now? Over HTTP, by the hot way and through Flask alike."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from api_world import World, empty_world
from samples import T, customer, event, price, product, subscription

from api.last_known import KEPT_S, Known, LastKnown
from api.postgres import EmbeddedPostgres
from api.resources import answers
from api.resources.answers import Fresh
from api.resources.checks import CHECK
from api.resources.entitlements import Stored
from api.resources.publish import answered
from api.schemas import iso
from ledger.errors import StoreUnavailable
from ledger.events import Metadata, NewEvent, PlanPublished
from replay.tables import projector_conninfo

PATH = "/v1/orgs/org_a/checks"


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        made.tell(
            event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
            event(2, "price.created", price("price_1"), at=T - 80),
            event(3, "customer.created", customer("cus_1", org="org_a"), at=T - 50),
            event(4, "customer.subscription.created", subscription("sub_1", cancel_at=T + 900), at=T),
        )
        made.project()
        made.key("service")  # is an event too
        yield made


def ask(world: World, body: Any, path: str = PATH, key: str | None = None) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key or world.key('service')}", "Content-Type": "application/json"}
    return world.app.test_client().post(path, data=data, headers=headers)


def test_what_is_granted_is_allowed_up_to_its_limit(world: World) -> None:
    answers = {n: ask(world, {"feature": "agents", "quantity": n}).json for n in (0, 1, 5, 6)}
    assert {n: (a["allowed"], a["reason"]) for n, a in answers.items()} == {
        0: (True, "granted"), 1: (True, "granted"), 5: (True, "granted"), 6: (False, "over_limit")
    }  # fmt: skip
    assert (answers[1]["limit"], answers[1]["unlimited"], answers[1]["until"]) == (5, False, iso(T + 900))
    assert [s["subscription"] for s in answers[1]["because"]] == ["sub_1"]


def test_one_is_meant_where_no_quantity_is_given(world: World) -> None:
    told = ask(world, {"feature": "sso"}).json
    assert (told["quantity"], told["allowed"], told["unlimited"], told["remaining"]) == (1, True, True, None)


def test_what_nobody_granted_is_denied_with_nothing_left(world: World) -> None:
    told = ask(world, {"feature": "teleport"}).json
    assert (told["allowed"], told["reason"], told["remaining"], told["because"]) == (False, "not_granted", 0, [])


def test_the_clock_alone_ends_what_is_allowed(world: World) -> None:
    found = []
    for world.now_s in (T - 1, T, T + 899.9, T + 900):
        told = ask(world, {"feature": "agents"}).json
        found.append((told["allowed"], told["reason"]))
    assert found == [(False, "not_granted"), (True, "granted"), (True, "granted"), (False, "revoked")]


def test_what_may_be_out_of_date_is_denied(world: World) -> None:
    with psycopg.connect(projector_conninfo(world.conninfo), autocommit=True) as conn:
        conn.execute(
            "INSERT INTO read_models.parked (model, key, position, error) VALUES ('entitlements', %s, 0, 'ValueError')",
            [["test", "org_a"]],
        )
    told = ask(world, {"feature": "agents"}).json
    assert (told["allowed"], told["reason"]) == (False, "uncertain")


def test_a_check_waits_for_a_position_that_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WAIT_S", 0.1)  # how long it is: tests/test_api_answers.py
    position = world.read("/v1/orgs/org_a", world.key("service"))["position"]
    assert ask(world, {"feature": "agents", "min_position": position}).json["position"] == position
    late = ask(world, {"feature": "agents", "min_position": position + 1})
    assert (late.status_code, late.json["code"]) == (409, "not_yet")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "bad_request", None),
        (b"{", 400, "bad_request", None),
        (b"\xff", 400, "bad_request", None),
        ([], 422, "invalid", "body"),
        ({}, 422, "invalid", "body"),
        ({"feature": ""}, 422, "invalid", "feature"),
        ({"feature": 1}, 422, "invalid", "feature"),
        ({"feature": "a\0"}, 422, "invalid", "feature"),
        ({"feature": "agents", "quantity": -1}, 422, "invalid", "quantity"),
        ({"feature": "agents", "quantity": 1.5}, 422, "invalid", "quantity"),
        ({"feature": "agents", "quantity": 2**53}, 422, "invalid", "quantity"),
        ({"feature": "agents", "bogus": 1}, 422, "invalid", "body"),
    ],
)
def test_a_mistake_is_told(world: World, body: Any, status: int, code: str, field: str | None) -> None:
    answer = ask(world, body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert [e["field"] for e in answer.json.get("errors", [])] == ([field] if field else [])


def test_an_answer_is_as_the_document_says(world: World) -> None:
    for feature in ("agents", "teleport"):
        told = ask(world, {"feature": feature}).json
        assert set(told) == set(answered(CHECK)._declared_fields)
        assert answered(CHECK)().validate({k: v for k, v in told.items() if k != "as_of"} | {"as_of": iso(T)}) == {}


def test_the_hot_way_answers_as_flask_does(world: World) -> None:
    bodies = [{"feature": "agents"}, {"feature": "teleport", "quantity": 7}, {}, b"{", {"feature": "\0"}]
    paths = [
        *(PATH, "/v1/orgs/org_none/checks", "/v1/orgs/a/b/checks", "/v1/orgs//checks", PATH + "?x=1"),
        *("/v1/orgs/a//checks", "/v1/orgs/checks/checks", "/v1/orgs/a/entitlements/checks", "/v1/orgs/checks"),
    ]
    keys = [world.key("service"), world.key("service", org="org_b"), "rk_test_unknown"]
    hot = world.app.wsgi_app

    def answers() -> list[Any]:
        found = [ask(world, body, path, key) for body in bodies for path in paths for key in keys]
        return [(a.status_code, a.data, sorted(a.headers)) for a in found]

    around = answers()
    world.app.wsgi_app = hot.flask  # type: ignore[attr-defined,method-assign]
    try:
        through = answers()
    finally:
        world.app.wsgi_app = hot  # type: ignore[method-assign]
    assert around == through
    assert {status for status, *_ in around} == {200, 400, 401, 404, 405, 422}


def test_nothing_is_recorded(world: World) -> None:
    before = world.log.head()
    ask(world, {"feature": "agents"})
    assert world.log.head() == before


# ---- while the database cannot be asked -----------------------------------------------------------


@pytest.fixture
def away(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes the database away from the readers, and gives it back. Keys are believed for no time."""
    monkeypatch.setattr("api.auth.BELIEVED_S", 0.0)
    asked = world.context.readers.rows

    def rows(*args: Any) -> Any:
        raise StoreUnavailable()

    def take(gone: bool) -> None:
        monkeypatch.setattr(world.context.readers, "rows", rows if gone else asked)

    return take


def sell(world: World, *is_open: str) -> None:
    definition = {
        "prices": [{"price": "price_1"}],
        "gauges": {"agents": 5},
        "features": ["sso"],
        "service_policy": {"fail_open": list(is_open)},
    }
    said = PlanPublished(mode="test", catalogue="shop", plan="pro", version=1, effective_s=1, definition=definition)
    world.log.append(NewEvent("plan/test/pro", 1, said, Metadata(occurred_at_s=T, actor="ada")))
    world.project()


def answered_with(world: World, feature: str, **more: Any) -> tuple[int, Any, Any]:
    told = ask(world, {"feature": feature, **more})
    return told.status_code, told.json.get("allowed"), told.json.get("reason") or told.json["code"]


def test_a_feature_that_its_plan_leaves_open_is_allowed_while_nobody_can_tell(
    world: World, away: Callable[[bool], None]
) -> None:
    sell(world, "agents")
    assert [answered_with(world, f) for f in ("agents", "sso")] == [(200, True, "granted")] * 2
    away(True)
    assert answered_with(world, "agents") == (200, True, "fail_open")
    assert answered_with(world, "agents", quantity=6) == (200, False, "over_limit")
    # every other feature is closed: there is no answer that allows it
    assert answered_with(world, "sso") == (503, None, "store_unavailable")
    away(False)
    assert answered_with(world, "agents") == (200, True, "granted")


def test_what_was_never_asked_for_with_the_key_is_closed(world: World, away: Callable[[bool], None]) -> None:
    sell(world, "agents")
    assert ask(world, {"feature": "agents"}, key=world.key("operator")).json["allowed"] is True
    away(True)
    assert answered_with(world, "agents") == (503, None, "store_unavailable")
    assert ask(world, {"feature": "agents"}, "/v1/orgs/org_b/checks", world.key("operator")).status_code == 503


def test_what_is_over_meanwhile_is_not_open(world: World, away: Callable[[bool], None]) -> None:
    sell(world, "agents")
    answered_with(world, "agents")
    away(True)
    world.now_s = T + 900
    assert answered_with(world, "agents") == (200, False, "revoked")


def test_what_was_known_is_gone_by_for_a_quarter_of_an_hour() -> None:
    now_s = 0.0
    kept = LastKnown(lambda: now_s)
    known = Known(Stored((), (), False), Fresh(1, "2025-01-01T00:00:00Z"))
    kept.note("Bearer k", "org_a", "agents", known, is_open=True)
    now_s = KEPT_S - 1
    assert kept.of("Bearer k", "org_a", "agents") == known
    assert kept.of("Bearer x", "org_a", "agents") is None
    now_s = KEPT_S
    assert kept.of("Bearer k", "org_a", "agents") is None
    now_s = 0.0
    kept.note("Bearer k", "org_a", "agents", known, is_open=False)
    assert kept.of("Bearer k", "org_a", "agents") is None
