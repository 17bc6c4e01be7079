"""Overrides: decided, recorded, carried out over HTTP and by command, and what an organization may use then."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, empty_world
from samples import T, customer, event, price, product, subscription

from api.operations import approve, asked_by
from api.postgres import EmbeddedPostgres
from api.schemas import iso
from commands.overrides import OVERRIDES, DenyOverride, EndOverride, GrantOverride
from commands.registry import ACTS
from ledger.errors import Invalid, Refused
from ledger.events import OverrideDenied, OverrideEnded, OverrideGranted, ReceiptKept
from ledger.ids import override_stream

WHICH = {"mode": "test", "org": "org_a", "feature": "agents"}
GRANT = GrantOverride(**WHICH, limit=50, until_s=T + 900, reason="a promise")
GRANTED = OverrideGranted(**WHICH, limit=50, from_s=None, until_s=T + 900, reason="a promise")
DENIED = OverrideDenied(**WHICH, from_s=None, until_s=None, reason="abuse")


def decided(command: Any, *history: Any) -> tuple[Any, ...]:
    return OVERRIDES.decide(command, OVERRIDES.fold(history))


def test_the_last_word_on_a_feature_counts() -> None:
    deny = DenyOverride(**WHICH, reason="abuse")
    assert decided(GRANT) == (GRANTED,)
    assert decided(deny, GRANTED) == (DENIED,)
    assert decided(GRANT, GRANTED, DENIED) == (GRANTED,)
    assert decided(EndOverride(**WHICH), DENIED) == (OverrideEnded(**WHICH),)


def test_what_is_so_already_is_no_event() -> None:
    assert decided(GRANT, GRANTED) == ()
    assert decided(GRANT, GRANTED, OverrideEnded(**WHICH)) == (GRANTED,)


def test_what_does_not_stand_cannot_be_ended() -> None:
    for history in ((), (GRANTED, OverrideEnded(**WHICH))):
        with pytest.raises(Refused) as caught:
            decided(EndOverride(**WHICH), *history)
        assert caught.value.code == "not_overridden"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"mode": "demo"}, "unknown_mode"),
        ({"org": " acme"}, "not_an_organization"),
        ({"feature": ""}, "not_a_feature"),
        ({"feature": "a\0b"}, "not_a_feature"),
        ({"limit": -1}, "bad_limit"),
        ({"limit": 2**53}, "bad_limit"),
        ({"from_s": T, "until_s": T}, "bad_period"),
        ({"from_s": T + 1, "until_s": T}, "bad_period"),
        ({"until_s": -1}, "bad_period"),
        ({"reason": " "}, "reason_required"),
        ({"reason": "x" * 501}, "reason_required"),
    ],
)
def test_an_override_that_cannot_be_meant_is_refused(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        decided(GrantOverride(**{**WHICH, "reason": "a promise", **wrong}))
    assert caught.value.code == code


def test_no_two_features_share_a_stream() -> None:
    streams = {override_stream("test", *pair) for pair in (("a", "b:c"), ("a:b", "c"), ("a/b", "c"), ("a", "b/c"))}
    assert len(streams) == 4 and all(s.count("/") == 2 for s in streams)


def test_every_override_waits_for_a_second_person() -> None:
    assert {ACTS[name].weight for name in ("grant_override", "deny_override", "end_override")} == {50}


# ---- over HTTP --------------------------------------------------------------------------------


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        made.tell(
            event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
            event(2, "price.created", price("price_1"), at=T - 80),
            event(3, "customer.created", customer("cus_1", org="org_a"), at=T - 50),
            event(4, "customer.subscription.created", subscription("sub_1"), at=T),
        )
        made.project()
        yield made


def act(world: World, name: str, key: str = "k1", *, query: str = "", **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {world.key('operator')}", "Idempotency-Key": key}
    told = {"org": "org_a", "feature": "agents", "reason": "a promise", **body}
    return world.app.test_client().post(f"/v1/acts/{name}_override{query}", json=told, headers=headers)


def approved(world: World, answer: Any) -> None:
    """What waits, carried out by a second person."""
    assert answer.status_code == 202, answer.text
    here = world.context
    approve(here.database, here.settings, id=answer.json["waiting"], asked=asked_by("bob", "she may"))
    world.project()


def agents(world: World) -> Any:
    world.project()
    return world.read("/v1/orgs/org_a/entitlements/agents")


def test_an_override_waits_and_nothing_changes_until_somebody_else_approves(world: World) -> None:
    waiting = act(world, "grant", limit=50)
    assert waiting.status_code == 202 and waiting.json["waiting"].startswith("apr_")
    assert [e["event"] for e in waiting.json["events"]] == ["approval.requested"]
    assert agents(world)["limit"] == 5
    approved(world, waiting)
    assert agents(world)["limit"] == 50


def test_an_override_decides_and_says_so_until_it_is_ended(world: World) -> None:
    approved(world, act(world, "grant", limit=50))
    now = agents(world)
    assert (now["granted"], now["state"], now["limit"]) == (True, "active", 50)
    told = {s["by"]: s for s in now["sources"]}
    assert (told["override"]["decides"], told["subscription"]["decides"]) == (True, False)
    assert (told["override"]["stream"], told["override"]["version"]) == ("override/test/org_a:agents", 1)
    assert told["override"]["reason"] == "a promise"
    approved(world, act(world, "deny", "k2", reason="abuse"))
    now = agents(world)
    assert (now["granted"], now["state"], now["limit"]) == (False, "revoked", 0)
    assert [s["version"] for s in now["sources"] if s["decides"]] == [2]
    approved(world, act(world, "end", "k3"))
    now = agents(world)
    assert (now["granted"], now["limit"], [s["by"] for s in now["sources"]]) == (True, 5, ["subscription"])


def test_an_override_that_runs_out_needs_no_event(world: World) -> None:
    approved(world, act(world, "grant", limit=50, from_s=T + 200, until_s=T + 300))
    found = []
    for world.now_s in (T + 199.9, T + 200, T + 299.9, T + 300):
        now = agents(world)
        found.append((now["limit"], now["until"]))
    assert found == [(5, iso(T + 200)), (50, iso(T + 300)), (50, iso(T + 300)), (5, None)]


def test_an_override_alone_makes_an_organization_known(world: World) -> None:
    assert world.ask("/v1/orgs/team/7/entitlements/sso", world.key()).status_code == 404
    approved(world, act(world, "grant", org="team/7", feature="sso"))
    assert world.read("/v1/orgs/team/7/entitlements/sso")["unlimited"] is True
    assert world.read("/v1/orgs/team/7")["customers"] == []
    position = world.read("/v1/orgs/team/7")["position"]
    assert [e["feature"] for e in world.read(f"/v1/orgs/team/7/entitlements?as_of={position}")["data"]] == ["sso"]


def test_what_stands_is_listed(world: World) -> None:
    approved(world, act(world, "grant", limit=50, until_s=T + 300))
    approved(world, act(world, "deny", "k2", feature="sso", reason="abuse"))
    listed = world.read("/v1/orgs/org_a/overrides")["data"]
    assert [(o["feature"], o["granted"], o["limit"], o["until"]) for o in listed] == [
        ("agents", True, 50, iso(T + 300)),
        ("sso", False, None, None),
    ]
    page = world.read("/v1/orgs/org_a/overrides?limit=1")
    rest = world.read(f"/v1/orgs/org_a/overrides?limit=1&cursor={page['next_cursor']}")
    assert [*page["data"], *rest["data"]] == listed


def test_the_same_key_again_answers_the_same_and_acts_once(world: World) -> None:
    first, again = act(world, "grant", limit=50), act(world, "grant", limit=50)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert act(world, "grant", limit=51).json["code"] == "idempotency_key_reused"


def test_a_dry_run_tells_what_would_be_appended(world: World) -> None:
    tried = act(world, "grant", query="?dry_run=true", limit=50).json
    assert ([e["event"] for e in tried["events"]], tried["position"]) == (["approval.requested"], None)
    assert act(world, "grant", limit=50).headers.get("Idempotent-Replayed") is None


@pytest.mark.parametrize(
    ("end", "body", "status", "code"),
    [
        ("end", {}, 409, "not_overridden"),
        ("grant", {"limit": -1}, 422, "bad_limit"),
        ("grant", {"limit": 1.5}, 422, "invalid_input"),
        ("grant", {"limits": 1}, 422, "invalid_input"),
        ("deny", {"limit": 1}, 422, "invalid_input"),
        ("grant", {"reason": ""}, 422, "reason_required"),
        ("grant", {"feature": " x "}, 422, "not_a_feature"),
        ("grant", {"from_s": T + 2, "until_s": T + 1}, 422, "bad_period"),
        ("grant", {"until_s": "2027-01-01"}, 422, "invalid_input"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_recorded(
    world: World, end: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = act(world, end, **body)
    assert answer.status_code == status, answer.text
    assert answer.json["code"] == code
    assert world.log.read_stream(override_stream("test", "org_a", "agents")) == []


def test_the_receipt_finds_the_feature(world: World) -> None:
    act(world, "grant", limit=50)
    (receipt,) = world.log.read_stream("receipt/ada:k1")
    assert isinstance(receipt.event, ReceiptKept)
    assert (receipt.event.subject, receipt.event.org) == ("entitlement/org_a:agents", "org_a")
