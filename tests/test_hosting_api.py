"""Hosting over HTTP: who may, what is answered, and what is answered twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, empty_world
from hosting import DAY, at

from api.hosting import accruing, closing
from api.postgres import EmbeddedPostgres

JAN_1 = at("2028-01-01")


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    """A card of rates, an environment of acme's, its usage of a day, accrued; the clock stands in February."""
    with empty_world(server, template) as it:
        it.now_s = at("2028-02-10")
        card = {"card": "standard", "currency": "eur", "effective_s": 0, "rates": {"cpu": "100"}, "reason": "new"}
        assert act(it, "publish_rate_card", card).status_code == 200
        made = act(it, "create_environment", {"org": "acme", "name": "production", "reason": "they asked"}, "make-1")
        environment = made.json["events"][0]["environment"]
        place = {"kind": "project", "id": "web", "environment": environment, "at_s": 0, "reason": "they asked"}
        assert act(it, "place", place).status_code == 200
        assert post(it, [cost("c1", "shop", "3"), cost("c2", "blog", "1.5")]).status_code == 200
        it.project()
        accruing.accrue(it.log, it.context.database.conninfo, "test", it.now_s, lambda _: it.project())
        it.project()
        it.environment = environment  # type: ignore[attr-defined]
        yield it


def act(world: World, name: str, body: Any, once: str | None = None) -> Any:
    return world.post(f"/v1/acts/{name}", body, world.key("operator"), once)


def cost(id: str, namespace: str, quantity: str, **more: Any) -> dict[str, Any]:
    period = {"from_s": JAN_1 + 3_600, "until_s": JAN_1 + 7_200}
    return {
        "id": id,
        "namespace": namespace,
        "resource": "cpu",
        "quantity": quantity,
        "project": "web",
        **period,
        **more,
    }


def post(world: World, events: list[dict[str, Any]], role: str = "service", **key: Any) -> Any:
    return world.post("/v1/cost-events", {"events": events}, world.key(role, **key))


def test_an_environment_has_an_id_of_its_own_and_asking_again_finds_it(world: World) -> None:
    again = act(world, "create_environment", {"org": "acme", "name": "production", "reason": "they asked"}, "make-1")
    assert again.json["events"][0]["environment"] == world.environment  # type: ignore[attr-defined]
    told = world.read(f"/v1/environments/{world.environment}")  # type: ignore[attr-defined]
    assert (told["org"], told["name"], told["state"], told["is_default"]) == ("acme", "production", "active", False)
    assert [e["id"] for e in world.read("/v1/orgs/acme/environments")["data"]] == [told["id"]]


def test_an_environment_says_how_the_service_of_its_owner_stands(world: World) -> None:
    # given
    path = f"/v1/environments/{world.environment}"  # type: ignore[attr-defined]
    assert world.read(path)["service"] == "active"
    # when
    for name, state in (("pause_service", "paused"), ("resume_service", "active")):
        assert act(world, name, {"org": "acme", "service": "postpaid", "reason": "they asked"}).status_code == 200
        world.project()
        # then
        assert world.read(path)["service"] == state


def test_a_key_sees_its_own_organizations_environments_and_no_other_exists_for_it(world: World) -> None:
    mine, theirs = world.key("service", org="acme"), world.key("service", org="globex")
    assert len(world.read("/v1/environments", mine)["data"]) == 1
    assert world.read("/v1/environments", theirs)["data"] == []
    for path in ("environments", "hosting-invoices", "environments/accruals", "environments/spending-limit"):
        assert world.ask(f"/v1/orgs/acme/{path}", mine).status_code == 200
        assert world.ask(f"/v1/orgs/acme/{path}", theirs).status_code == 404
        assert world.ask(f"/v1/orgs/nobody/{path}", world.key()).status_code == 404


def test_cost_events_are_taken_once_and_another_of_the_same_id_is_refused(world: World) -> None:
    again = post(world, [cost("c1", "shop", "3")])
    assert again.json == {"accepted": 0, "repeated": 1, "position": None}
    other = post(world, [cost("c1", "shop", "4")])
    assert (other.status_code, other.json["code"]) == (409, "cost_event_conflict")
    for wrong, code in (
        ([cost("x", "shop", "-1")], "invalid_cost_event"),
        ([cost("x", "shop", "1", resource="gold")], "invalid_cost_event"),
        ([cost("x", "shop", "1", until_s=JAN_1)], "invalid_cost_event"),
        ([cost("x", "shop", "1", more="?")], "invalid_cost_event"),
        ([cost("x", "shop", "1e-10")], "invalid_cost_event"),
        ([cost("x", "shop", "-1", corrects="nothing")], "nothing_to_correct"),
        ([], "too_many_records"),
    ):
        refused = post(world, wrong)
        assert (refused.status_code, refused.json["code"]) == (422, code)


def test_only_those_who_report_for_everybody_may_report(world: World) -> None:
    assert post(world, [cost("y", "shop", "1")], "dashboard").status_code == 403
    assert post(world, [cost("y", "shop", "1")], org="acme").status_code == 403


def test_shares_of_a_breakdown_sum_to_its_total(world: World) -> None:
    (told,) = world.read("/v1/orgs/acme/environments/breakdown?by=namespace&month=2028-01")["data"]
    assert (told["total"], told["total_minor"]) == ("450", 450)
    assert [(s["key"], s["amount_minor"], s["share_percent"]) for s in told["shares"]] == [
        ("shop", 300, "66.67"),
        ("blog", 150, "33.33"),
    ]
    (top,) = world.read("/v1/orgs/acme/environments/breakdown?by=namespace&top=1")["data"]
    assert [(s["key"], s["others"]) for s in top["shares"]] == [("shop", 0), (None, 1)]


def test_the_open_month_is_told_as_it_would_be_closed_and_then_is(world: World) -> None:
    (preview,) = world.read("/v1/orgs/acme/environments/invoice?month=2028-01")["data"]
    assert preview["total_minor"] == 450
    database = world.context.database.conninfo
    closing.close_what_is_over(world.log, database, "test", world.now_s, 1, 50, lambda _: world.project())
    world.project()
    (closed,) = world.read("/v1/orgs/acme/hosting-invoices")["data"]
    assert {name: closed[name] for name in preview} == preview
    assert closed["state"] == "closed"
    assert sum(line["amount_minor"] for line in closed["lines"]) == closed["total_minor"]
    assert world.read(f"/v1/hosting-invoices/{closed['id']}")["total_minor"] == 450
    accruals = world.read("/v1/orgs/acme/environments/accruals")["data"]
    assert [(a["day"], a["number"], a["amount"]) for a in accruals] == [("2028-01-01", 0, "450")]


def test_a_limit_is_read_and_put_and_null_is_explicitly_none(world: World) -> None:
    path = "/v1/orgs/acme/environments/spending-limit"
    assert world.read(path)["set"] is False
    key = world.key("operator")

    def put(body: dict[str, Any], once: str) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": once}
        return world.app.test_client().put(path, json=body, headers=headers)

    done = put({"limit_minor": 1_000, "currency": "eur", "hard_stop": True}, "put-1")
    assert (done.status_code, done.json["changed"]) == (200, True)
    world.project()
    told = world.read(path)
    assert (told["limit_minor"], told["currency"], told["hard_stop"], told["set"]) == (1_000, "eur", True, True)
    assert put({"limit_minor": None}, "put-2").status_code == 200
    world.project()
    told = world.read(path)
    assert (told["limit_minor"], told["set"]) == (None, True)
    wrong = put({"limit_minor": -1, "currency": "eur"}, "put-3")
    assert (wrong.status_code, wrong.json["code"]) == (422, "bad_limit")


def test_an_act_on_no_environment_is_refused_as_unknown(world: World) -> None:
    for name, more in (
        ("archive_environment", {}),
        ("move_environment", {"org": "globex", "at_s": JAN_1 + DAY}),
    ):
        refused = act(world, name, {"environment": "env_none", "reason": "?", **more})
        assert refused.status_code == 404
    placed = act(world, "place", {"kind": "namespace", "id": "n", "environment": "env_none", "at_s": 0, "reason": "?"})
    assert placed.status_code == 404
