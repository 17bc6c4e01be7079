"""Entitlements by the clock, and organizations as they stood."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, empty_world
from samples import T, customer, event, price, product, subscription

from api.postgres import EmbeddedPostgres
from api.resources import past
from api.resources.entitlements import evaluated
from api.schemas import iso


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        made.tell(
            event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
            event(2, "price.created", price("price_1"), at=T - 80),
            event(3, "customer.created", customer("cus_1", org="org_a"), at=T - 50),
        )
        made.project()
        yield made


def asked(world: World, feature: str = "agents") -> Any:
    return world.read(f"/v1/orgs/org_a/entitlements/{feature}", world.key("service", org="org_a"))


def at(world: World, now_s: float) -> tuple[bool, str, str | None]:
    world.now_s = now_s
    answer = asked(world)
    return answer["granted"], answer["state"], answer["until"]


def test_a_trial_passes_into_grace_and_then_ends_by_the_clock_alone(world: World) -> None:
    """Given a trial that ends at T+700 and a cancellation at T+900, then the answer changes with no event at all."""
    trial = subscription("sub_1", status="trialing", trial_start=T, trial_end=T + 700, cancel_at=T + 900)
    world.happens("customer.subscription.created", trial, at=T)
    assert at(world, T - 1) == (False, "none", iso(T))
    assert at(world, T) == (True, "trialing", iso(T + 700))
    assert at(world, T + 699.9) == (True, "trialing", iso(T + 700))
    assert at(world, T + 700) == (True, "grace", iso(T + 900))
    assert at(world, T + 899.9) == (True, "grace", iso(T + 900))
    assert at(world, T + 900) == (False, "revoked", None)


def test_what_follows_with_time_is_told_beforehand(world: World) -> None:
    trial = subscription("sub_1", status="trialing", trial_start=T, trial_end=T + 700, cancel_at=T + 900)
    world.happens("customer.subscription.created", trial, at=T)
    world.now_s = T + 10
    answer = asked(world)
    assert (answer["limit"], answer["unlimited"], answer["from"]) == (5, False, iso(T))
    assert [(s["state"], s["granted"], s["from"]) for s in answer["next"]] == [
        ("grace", True, iso(T + 700)),
        ("revoked", False, iso(T + 900)),
    ]
    assert [s["subscription"] for s in answer["sources"]] == ["sub_1"]


def test_a_paid_subscription_is_open_ended(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    assert at(world, T + 10**9) == (True, "active", None)
    assert asked(world, "sso")["unlimited"] is True


def test_a_feature_that_nobody_granted_is_answered_with_no(world: World) -> None:
    answer = asked(world, "teleport")
    assert (answer["granted"], answer["state"], answer["limit"], answer["unlimited"]) == (False, "none", 0, False)
    assert (answer["from"], answer["until"], answer["next"], answer["sources"]) == (None, None, [], [])


def test_a_feature_may_hold_a_slash(world: World) -> None:
    world.happens("product.updated", product("prod_1", "models/large"), at=T)
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    assert asked(world, "models/large")["granted"] is True
    assert asked(world, "models%2Flarge")["granted"] is True


def test_the_list_and_the_single_answer_agree(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    listed = world.read("/v1/orgs/org_a/entitlements")["data"]
    assert [e["feature"] for e in listed] == ["agents", "sso"]
    for entry in listed:
        single = asked(world, entry["feature"])
        assert entry == {k: v for k, v in single.items() if k not in ("position", "as_of")}
    first = world.read("/v1/orgs/org_a/entitlements?limit=1")
    rest = world.read(f"/v1/orgs/org_a/entitlements?limit=1&cursor={first['next_cursor']}")
    assert [*first["data"], *rest["data"]] == listed and rest["next_cursor"] is None


def test_between_two_segments_there_is_nothing() -> None:
    def segment(start: int | None, end: int | None) -> dict[str, Any]:
        held = {"state": "active", "granted": True, "limit": None, "unlimited": True}
        return {**held, "from_s": start, "until_s": end}

    schedule = [segment(None, 10), segment(20, 30)]
    states = [evaluated("f", schedule, [], now, False) for now in (5, 10, 19.5, 20, 30)]
    assert [s["state"] for s in states] == ["active", "none", "none", "active", "none"]
    assert (states[1]["from"], states[1]["until"]) == (iso(10), iso(20))
    assert (states[4]["from"], states[4]["until"], states[4]["next"]) == (iso(30), None, [])


# ---- as of -----------------------------------------------------------------------------------


def history(world: World) -> tuple[int, int, int]:
    """A subscription that began and was canceled. The positions before it, with it and after it."""
    before = world.read("/v1/orgs/org_a")["position"]
    began = world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    over = subscription("sub_1", status="canceled", canceled_at=T + 50, ended_at=T + 50)
    return before, began, world.happens("customer.subscription.deleted", over, at=T + 50)


def test_an_organization_as_of_a_position_is_what_was_known_then(world: World) -> None:
    before, began, ended = history(world)

    def known(position: int) -> tuple[Any, list[str], list[bool]]:
        org = world.read(f"/v1/orgs/org_a?as_of={position}")
        held = world.read(f"/v1/orgs/org_a/subscriptions?as_of={position}")
        may = world.read(f"/v1/orgs/org_a/entitlements?as_of={position}")
        assert {org["position"], held["position"], may["position"]} == {position}
        return org["subscriptions"], [s["status"] for s in held["data"]], [e["granted"] for e in may["data"]]

    assert known(before) == ({}, [], [])
    assert known(began) == ({"active": 1}, ["active"], [True, True])
    assert known(ended) == ({"canceled": 1}, ["canceled"], [False, False])


def test_as_of_now_is_what_is_answered_without_it(world: World) -> None:
    _, _, ended = history(world)
    for path in ("/v1/orgs/org_a", "/v1/orgs/org_a/subscriptions", "/v1/orgs/org_a/entitlements"):
        now, then = world.read(path), world.read(f"{path}?as_of={ended}")
        for answer in (now, then):
            del answer["as_of"]
        assert now == then


def test_a_time_names_what_was_recorded_by_then(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    time.sleep(0.02)
    between = iso(time.time())
    time.sleep(0.02)
    over = subscription("sub_1", status="canceled", canceled_at=T + 50, ended_at=T + 50)
    world.happens("customer.subscription.deleted", over, at=T + 50)
    world.now_s = time.time()
    assert between is not None
    then = world.read(f"/v1/orgs/org_a?as_of={between}")
    assert then["subscriptions"] == {"active": 1}
    assert then["as_of"][:19] == between[:19]


def test_as_of_before_an_organization_existed_it_is_not_found(world: World) -> None:
    for path in ("/v1/orgs/org_a?as_of=1", "/v1/orgs/org_a?as_of=0", "/v1/orgs/org_a?as_of=1999-01-01T00:00:00Z"):
        response = world.ask(path, world.key())
        assert (response.status_code, response.json["code"]) == (404, "not_found")


def test_the_past_is_scoped_like_the_present(world: World) -> None:
    _, began, _ = history(world)
    stranger = world.key("service", org="org_b")
    for end in ("", "/subscriptions", "/entitlements"):
        foreign = world.ask(f"/v1/orgs/org_a{end}?as_of={began}", stranger)
        unknown = world.ask(f"/v1/orgs/org_none{end}?as_of={began}", stranger)
        assert (foreign.status_code, foreign.data) == (unknown.status_code, unknown.data)
        assert foreign.status_code == 404
        seller = world.ask(f"/v1/orgs/org_a{end}?as_of={began}", world.key("operator", account="acct_x"))
        assert (seller.status_code, seller.data) == (unknown.status_code, unknown.data)


def test_a_position_that_is_not_there_yet_is_not_answered_with_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "WAIT_S", 0.1)
    response = world.ask("/v1/orgs/org_a?as_of=999999", world.key())
    assert (response.status_code, response.json["code"]) == (409, "not_yet")
