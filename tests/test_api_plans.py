"""Plans over HTTP: applied and moved by acts, read in versions, and which of them an organization has."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import SELLER, World, shop
from samples import T

from api.postgres import EmbeddedPostgres

PRO = {
    "key": "pro",
    "name": "Pro",
    "model": "subscription",
    "prices": [{"interval": "month", "currency": "eur", "lookup_key": "basic", "amount_minor": 900}],
    "quotas": {"tokens": {"limit": 1000, "period": "month"}},
}


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        yield made


def act(world: World, name: str, body: Any, once: str | None = None, query: str = "") -> Any:
    response = world.post(f"/v1/acts/{name}{query}", {"reason": "as agreed", **body}, world.key("operator"), once)
    world.project()
    return response


def apply(world: World, *plans: Any, **more: Any) -> Any:
    return act(world, "apply_plans", {"catalogue": "shop", "plans": list(plans), **more})


def of_org(world: World, org: str = "org_a", **key: Any) -> dict[str, str]:
    """What each of an organization's holdings is on."""
    found = world.read(f"/v1/orgs/{org}/plans", world.key("service", **key))["data"]
    return {e["subscription"]: f"{e['plan']}@{e['version']}" for e in found}


def test_a_catalogue_is_applied_and_read_in_its_versions(world: World) -> None:
    # given nothing
    assert world.read("/v1/plans")["data"] == []
    # when a catalogue is applied, twice
    assert [e["event"] for e in apply(world, PRO).json["events"]] == ["plan.published"]
    assert apply(world, {**PRO, "tier": 2}).status_code == 200
    assert apply(world, {**PRO, "tier": 2}).json["changed"] is False
    # then the list shows the newest version, and the plan all of them
    (listed,) = world.read("/v1/plans")["data"]
    assert (listed["plan"], listed["version"], listed["tier"], listed["current"]) == ("pro", 2, 2, True)
    assert world.read("/v1/plans/pro")["definition"]["quotas"]["tokens"]["reset"] == "anniversary"
    versions = world.read("/v1/plans/pro/versions")["data"]
    assert [(v["version"], v["current"]) for v in versions] == [(1, False), (2, True)]
    assert world.read("/v1/plans?lookup_key=basic&model=subscription&catalogue=shop")["data"] == [listed]
    assert world.read("/v1/plans?retired=true")["data"] == []
    assert world.ask("/v1/plans/none/versions", world.key()).status_code == 404


def test_a_subscription_is_on_its_plan_and_is_moved(world: World) -> None:
    apply(world, PRO)
    assert of_org(world) == {"sub_1": "pro@1"}
    apply(world, {**PRO, "tier": 2})
    assert of_org(world) == {"sub_1": "pro@1"}
    # when it is moved, once for its key
    move = {"account": "platform", "subscription": "sub_1", "plan": "pro", "version": 2}
    first = act(world, "move_subscription", move, once="k1")
    assert first.json["events"][0]["event"] == "subscription_plan.moved"
    assert act(world, "move_subscription", move, once="k1").json == first.json
    # then it stays there
    assert of_org(world) == {"sub_1": "pro@2"}
    (entry,) = world.read("/v1/orgs/org_a/plans")["data"]
    assert entry["why"] == {"by": "move", "price": None, "name": None, "sold": None}


def test_all_that_are_on_a_version_are_moved_in_one_act(world: World) -> None:
    apply(world, PRO)
    apply(world, {**PRO, "tier": 2})
    all_of_it = {"from_plan": "pro", "from_version": 1, "plan": "pro", "version": 2}
    tried = act(world, "move_subscriptions", all_of_it, query="?dry_run=true").json
    assert sorted(tried["events"][0]["subscriptions"]) == ["platform/sub_1", "platform/sub_2"]
    assert act(world, "move_subscriptions", all_of_it).json["changed"] is True
    assert (of_org(world), of_org(world, "org_b")) == ({"sub_1": "pro@2"}, {"sub_2": "pro@2"})
    assert act(world, "move_subscriptions", all_of_it).json["changed"] is False


def test_an_agreement_without_stripe_is_a_plan_of_the_organizations(world: World) -> None:
    apply(world, {"key": "site", "name": "Site", "model": "postpaid"})
    made = {"org": "org_a", "plan": "site", "version": 1, "from_s": T, "reference": "PO-77"}
    id = act(world, "make_agreement", made).json["events"][0]["id"]
    assert of_org(world) == {id: "site@1"}
    assert act(world, "end_agreement", {"id": id, "at_s": T + 60}).json["changed"] is True
    (entry,) = world.read("/v1/orgs/org_a/plans")["data"]
    assert (entry["from"], entry["until"]) == ("2025-10-09T08:53:20Z", "2025-10-09T08:54:20Z")
    # a key that is bound to a seller does not see what the platform agreed
    assert of_org(world, account=SELLER) == {}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("apply_plans", {"catalogue": "Shop", "plans": []}, 422),
        ("apply_plans", {"catalogue": "shop", "plans": [{**PRO, "model": "hire"}]}, 422),
        ("apply_plans", {"catalogue": "shop", "plans": [PRO], "effective_s": 4_000_000_000}, 422),
        ("apply_plans", {"catalogue": "shop", "plans": [PRO], "mode": "live"}, 422),
        ("move_subscription", {"account": "platform", "subscription": "sub_1", "plan": "none", "version": 1}, 404),
        ("move_subscription", {"account": "platform", "subscription": "sub_1", "plan": "pro", "version": 9}, 404),
        ("move_subscription", {"account": "platform", "subscription": "sub_none", "plan": "pro", "version": 1}, 404),
        ("move_subscription", {"account": "platform", "subscription": "sub_1", "plan": "pro", "version": "1"}, 422),
        ("move_subscription", {"account": "x", "subscription": 1, "plan": "pro", "version": 1, "by": "eve"}, 422),
        ("move_subscriptions", {"from_plan": "none", "plan": "pro", "version": 1}, 404),
        ("make_agreement", {"org": "org_a", "plan": "none", "version": 1}, 404),
        ("make_agreement", {"org": "org_a", "plan": "pro", "version": 1, "from_s": 5, "until_s": 5}, 422),
        ("end_agreement", {"id": "agr_none"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    world: World, name: str, body: dict[str, Any], expected: int
) -> None:
    apply(world, PRO)
    before = len(list(world.log.read(0, 10_000)))
    assert act(world, name, body).status_code == expected
    assert len(list(world.log.read(0, 10_000))) == before
