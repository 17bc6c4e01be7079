"""`recount entitlements`: who may use what and why, for people and for programs."""

import json
from typing import Any

import pytest
from samples import T, customer, event, price, product, subscription
from test_cli import Cli, catch_up, take

ORG = "org_a"


@pytest.fixture
def shop(database: str) -> Cli:
    """One subscription to a product with a limited feature; acts wait for nobody."""
    told: list[dict[str, Any]] = [
        event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
        event(2, "price.created", price("price_1"), at=T - 80),
        event(3, "customer.created", customer("cus_1", org=ORG), at=T - 50),
        event(4, "customer.subscription.created", subscription("sub_1"), at=T),
    ]
    take(database, [json.dumps(e).encode() for e in told])
    return Cli(database, RECOUNT_SECOND_PERSON_FROM="100")


def entitlements(cli: Cli, *words: str, code: int = 0) -> Any:
    return cli.json("entitlements", *words, code=code)


def acted(cli: Cli, *words: str, reason: str = "a promise") -> None:
    cli("entitlements", *words, "--actor", "ada", "--reason", reason)
    catch_up(cli.database)


def test_show_lists_each_feature_with_its_state_limit_and_cause(shop: Cli) -> None:
    lines = [line.split() for line in shop("entitlements", "show", ORG).stdout.splitlines()]
    assert [line[:3] for line in lines] == [["agents", "active", "5"], ["sso", "active", "unlimited"]]
    assert all("sub_1" in line for line in lines)


def test_show_of_one_feature_tells_everything_that_decides(shop: Cli) -> None:
    acted(shop, "grant", ORG, "agents", "--limit", "50", "--until", "2999-01-01")
    text = shop("entitlements", "show", ORG, "agents").stdout
    assert "agents: active until 2999-01-01 00:00:00, 50" in text
    assert "from 2999-01-01 00:00:00: active, 5" in text
    assert "decided by override (a promise)" in text and "beside it sub_1 (active)" in text
    assert "stream override/test/org_a:agents version 1" in text
    later = shop("entitlements", "show", ORG, "agents", "--at", "2999-01-02").stdout
    assert "decided by sub_1 (active)" in later


def test_grant_deny_and_revoke_override(shop: Cli) -> None:
    acted(shop, "grant", ORG, "agents", "--limit", "50")
    assert entitlements(shop, "show", ORG, "agents")["data"][0]["limit"] == 50
    acted(shop, "deny", ORG, "agents", reason="abuse")
    assert entitlements(shop, "check", ORG, "agents", code=1)["reason"] == "denied"
    acted(shop, "revoke-override", ORG, "agents")
    assert entitlements(shop, "show", ORG, "agents")["data"][0]["limit"] == 5


def test_an_override_needs_a_reason(shop: Cli) -> None:
    failed = shop("entitlements", "grant", ORG, "agents", "--actor", "ada", code=2)
    assert "say why" in failed.stderr


def test_check_exits_with_its_answer(shop: Cli) -> None:
    assert shop("entitlements", "check", ORG, "agents").stdout.startswith("allowed: granted")
    assert shop("entitlements", "check", ORG, "agents", "--quantity", "6", code=1).stdout.startswith(
        "denied: over_limit"
    )
    assert entitlements(shop, "check", ORG, "teleport", code=1)["reason"] == "not_granted"


def test_history_tells_every_change_newest_first(shop: Cli) -> None:
    acted(shop, "grant", ORG, "agents", "--limit", "50")
    newest, first = shop("entitlements", "history", ORG, "agents").stdout.splitlines()
    assert "override.granted" in newest and "ada: a promise" in newest
    assert "customer.subscription.created evt_0004" in first
    told = entitlements(shop, "history", ORG, "agents")["data"]
    assert [(c["limit"], c["cause"]["actor"]) for c in told] == [(50, "ada"), (5, "stripe")]
    assert len(entitlements(shop, "history", ORG, "agents", "--limit", "1")["data"]) == 1


@pytest.mark.parametrize("words", [["show", "nobody"], ["check", "nobody", "sso"], ["history", "nobody", "sso"]])
def test_an_unknown_organization_is_an_error_with_the_mend(shop: Cli, words: list[str]) -> None:
    assert "recount orgs list" in shop("entitlements", *words, code=2).stderr
