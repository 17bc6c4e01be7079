"""The history of an entitlement: every change has a cause, and the last one is how it is now."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from api_world import SELLER, World, empty_world, shop
from histories import Link, Override, built, ingest, link, project, rows_of
from samples import Delivery, T, customer, event, price, product, subscription

from api.postgres import EmbeddedPostgres
from ledger.events import AgreementMade, Metadata, NewEvent, PlanPublished
from ledger.store import Appended, Log
from replay.entitlement_history import Change, history
from replay.simulator import Scenario, disturb, encode, simulate
from replay.verify import verify


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        made.tell(
            event(1, "product.created", product("prod_1", "agents", limits={"agents": "5"}), at=T - 90),
            event(2, "price.created", price("price_1"), at=T - 80),
            event(3, "customer.created", customer("cus_1", org="org_a"), at=T - 50),
        )
        made.project()
        made.now_s = 2_000_000_000  # after everything was recorded
        yield made


def told(world: World, feature: str = "agents", query: str = "", **who: Any) -> Any:
    return world.read(f"/v1/orgs/org_a/entitlements/{feature}/history{query}", world.key(**who))["data"]


def override(world: World, said: Override) -> None:
    link(world.log, said)
    world.project()


def test_every_change_names_its_cause_newest_first(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    override(world, Override("org_a", "agents", True, limit=50))
    override(world, Override("org_a", "agents", None))
    over = subscription("sub_1", status="canceled", canceled_at=T + 50, ended_at=T + 50)
    world.happens("customer.subscription.deleted", over, at=T + 50)
    found = told(world)
    assert [(c["was"], c["state"], c["limit"], c["cause"]["event"], c["cause"]["type"]) for c in found] == [
        ("active", "revoked", 0, "stripe.event_received", "customer.subscription.deleted"),
        ("active", "active", 5, "override.ended", None),
        ("active", "active", 50, "override.granted", None),
        ("none", "active", 5, "stripe.event_received", "customer.subscription.created"),
    ]
    granted = found[2]["cause"]
    assert (granted["actor"], granted["reason"], granted["version"]) == ("ops@example.com", "a promise", 1)
    assert [s["by"] for s in found[2]["sources"] if s["decides"]] == ["override"]
    assert found[0]["cause"]["id"].startswith("evt_")


def test_what_changes_nothing_is_not_told(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    before = told(world)
    world.happens("customer.updated", customer("cus_1", org="org_a", name="Grace"), at=T + 5)
    world.happens("product.created", product("prod_7", "teleport"), at=T + 5)
    override(world, Override("org_a", "sso", True))
    override(world, Override("org_b", "agents", False))
    assert told(world) == before and len(before) == 1


def test_a_catalogue_edit_is_a_cause_too(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    world.happens("product.updated", product("prod_1", "agents", limits={"agents": "9"}), at=T + 5)
    newest = told(world)[0]
    assert (newest["limit"], newest["cause"]["type"]) == (9, "product.updated")


def test_what_passes_with_time_alone_is_told_when_it_did(world: World) -> None:
    world.happens("customer.subscription.created", subscription("sub_1"), at=T)
    soon = 1_999_999_000
    override(world, Override("org_a", "agents", True, limit=50, from_s=soon, until_s=soon + 100))
    found = told(world)
    assert [(c["cause"]["kind"], c["limit"], c["at"]) for c in found[:2]] == [
        ("time", 5, "2033-05-18T03:18:20Z"),
        ("time", 50, "2033-05-18T03:16:40Z"),
    ]
    assert [c["cause"]["kind"] for c in found[2:]] == ["event", "event"]
    world.now_s = soon + 99.9
    assert told(world) == found[1:]


def test_pages_go_on_in_the_history_as_the_first_one_found_it(world: World) -> None:
    for n in range(5):
        override(world, Override("org_a", "agents", True, limit=n))
    whole = told(world)
    first = world.read("/v1/orgs/org_a/entitlements/agents/history?limit=2")
    override(world, Override("org_a", "agents", True, limit=99))
    rest, cursor = list(first["data"]), first["next_cursor"]
    while cursor is not None:
        page = world.read(f"/v1/orgs/org_a/entitlements/agents/history?limit=2&cursor={cursor}")
        rest += page["data"]
        cursor = page["next_cursor"]
    assert rest == whole and len(whole) == 5


def test_a_feature_that_nobody_spoke_of_has_no_history(world: World) -> None:
    assert told(world, "teleport") == []


def test_a_seller_sees_the_history_as_if_nobody_else_sold(server: EmbeddedPostgres, template: str) -> None:
    with shop(server, template) as world:
        link(world.log, Override("org_a", "hosting", False), Override("org_a", "agents", True))
        world.project()
        whole, theirs = told(world, "hosting"), told(world, "hosting", account=SELLER)
        assert [c["state"] for c in whole] == ["revoked", "active"] and [c["state"] for c in theirs] == ["active"]
        assert {s["account"] for c in theirs for s in c["sources"]} == {SELLER}
        assert told(world, "agents", account=SELLER) == []


# ---- laws ----------------------------------------------------------------------------------------


def whole_history(conninfo: str, key: tuple[str, ...], upto: int) -> list[Change]:
    mode, org, feature = key
    with psycopg.connect(conninfo, autocommit=True) as conn:
        return list(history(conn, mode, org, feature, upto, 0.0))


def decide(log: Log, prices: list[str]) -> None:
    """Sell all of these prices under one plan, which then changes, and agree something with somebody."""
    for version in (1, 2):
        definition = {
            "prices": [{"price": p} for p in prices],
            "features": ["sso"],
            "quotas": {"tokens": {"limit": 100 * version, "period": "month", "reset": "calendar"}},
        }
        said = PlanPublished(
            mode="test", catalogue="shop", plan="pro", version=version, effective_s=version, definition=definition
        )
        assert isinstance(log.append(NewEvent("plan/test/pro", version, said, META)), Appended)
    made = AgreementMade(
        mode="test", id="agr_1", org="org_agreed", plan="pro", version=1, from_s=None, until_s=None, reference=None,
        by="ada", why="agreed by mail",
    )  # fmt: skip
    assert isinstance(log.append(NewEvent("agreement/test/agr_1", 1, made, META)), Appended)


META = Metadata(occurred_at_s=T, actor="ada")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_last_change_leaves_the_row_as_it_is_and_every_one_has_a_cause(database: str, seed: int) -> None:
    # given a simulated history on a bad day, with operators' words in between
    rnd = random.Random(seed)
    events = [
        msgspec.json.decode(encode(e))
        for e in simulate(Scenario(orgs=4, months=2, seed=seed, connected_accounts=1, toggles=0.02))
    ]
    told = [
        Delivery(e, "connect" if "account" in e else "platform")
        for e in disturb(events, seed=seed, shuffle=True, duplicate=0.3)
    ]
    built(database)
    log = Log(database)
    ingest(log, told[: len(told) // 2])
    project(database)
    known = rows_of(database)
    sold = sorted({p for s in known["subscriptions"].values() for p in s["price_ids"] or ()})
    decide(log, sold)
    for mode, org, feature in rnd.sample(sorted(known["entitlements"]), k=4):
        link(log, Override(org, feature, rnd.random() < 0.5, mode=mode), Link("cus_nobody", org, mode=mode))
    ingest(log, told[len(told) // 2 :])
    head = log.head()
    log.close()
    project(database)
    # then
    rows = rows_of(database)["entitlements"]
    assert {"plan", "override", "subscription"} <= {s["by"] for r in rows.values() for s in r["sources"]}
    assert [v.differences for v in verify(database)] == [(), ()]
    agreed = [key for key in rows if key[1] == "org_agreed"]
    assert {key[2] for key in agreed} == {"sso", "tokens"}
    for key in [*agreed, *rnd.sample(sorted(rows), k=min(12, len(rows)))]:
        changes = whole_history(database, key, head)
        assert changes, key
        last = changes[-1].row
        assert last is not None, key
        assert (last.segments, last.sources) == (rows[key]["segments"], rows[key]["sources"]), key
        assert all(c.cause is not None and c.cause.position == c.position for c in changes)
        assert [c.position for c in changes] == sorted({c.position for c in changes})
        # and a shorter history is the beginning of a longer one
        middle = changes[len(changes) // 2].position
        assert whole_history(database, key, middle) == [c for c in changes if c.position <= middle]
