"""The review queue: whatever waits for a person is on it once, with the command that settles it, and then is gone."""

import time
from typing import Any

import pytest
from billing_world import Counter, counter
from histories import different
from samples import customer, event, subscription
from test_entitlements_laws import expected
from test_setups import ORDER, Case, approving, bought, rows_of
from test_setups import agents as agents_plan
from test_stripe_checkout import publish

from commands.plan_definition import PlanDefinition, Price, SetupStep
from replay import review_queue
from replay.verify import verify

AGENTS = PlanDefinition(
    key="agents",
    name="Agents",
    model="subscription",
    prices=(Price(interval="month", currency="eur", price="price_a"),),
    features=("agent",),
    setup_steps=(SetupStep(key="scope", title="Scope"), SetupStep(key="qa", title="QA")),
)


def waiting(done: int) -> list[Any]:
    acts = [agents_plan(), *Case().does(*map(approving, ORDER[:done])).said()]
    rows, theirs = rows_of(bought(), acts), expected(bought(), acts)
    assert (
        different({"operator_reviews": rows["operator_reviews"]}, {"operator_reviews": theirs["operator_reviews"]})
        == []
    )
    return [(r["kind"], r["owner"], r["settles"]) for r in rows["operator_reviews"].values()]


def test_a_case_waits_for_one_step_at_a_time_until_it_is_live() -> None:
    assert [waiting(n) for n in range(4)] == [
        [("setup_step", "customer", "recount setup approve sub_1 scope")],
        [("setup_step", "operator", "recount setup approve sub_1 qa")],
        [("setup_step", "operator", "recount setup approve sub_1 go_live")],
        [],
    ]


@pytest.fixture
def world(database: str) -> Any:
    with counter(database) as found:
        yield found


def act(world: Counter, name: str, person: str = "ada", **body: Any) -> Any:
    response = world.post(f"/v1/acts/{name}", {"reason": "agreed", **body}, world.key("operator", person=person))
    assert response.status_code in (200, 202), response.text
    world.project()
    return response.json


def queue(world: Counter) -> dict[str, Any]:
    """What waits, of which the API and the command line say the same."""
    found = world.read("/v1/reviews", world.key("operator"))["data"]
    with world.context.readers.connection() as conn:
        same = review_queue.queue(conn, "test", time.time())
        counted = review_queue.counts(conn, time.time())
    assert [(r["kind"], r["item"]) for r in same] == [(r["kind"], r["item"]) for r in found]
    assert sum(n for (mode, _), n in counted.items() if mode == "test") == len(found)
    return {r["kind"]: r for r in found}


def test_a_purchase_is_set_up_and_the_queue_says_what_is_next(world: Counter) -> None:
    # given a plan with steps, and who bought it
    publish(world, AGENTS)
    world.tell(
        event(1, "customer.created", customer("cus_1", org="org_a")),
        event(2, "customer.subscription.created", subscription("sub_1", price_id="price_a")),
    )
    world.project()
    key = world.key("operator")
    assert queue(world)["setup_step"]["settles"] == "recount setup approve sub_1 scope"
    early = {"placement": "sub_1", "step": "go_live", "artefact": "a", "authorizes": "b", "reason": "now"}
    refused = world.post("/v1/acts/approve_setup_step", early, key)
    assert (refused.status_code, refused.json["code"]) == (409, "setup_steps_open")
    # when every step is approved
    for step in ("scope", "qa", "go_live"):
        (case,) = world.read("/v1/orgs/org_a/setups", key)["data"]
        assert case["live"] is None and case["next_step"] == step
        assert not world.read("/v1/orgs/org_a/entitlements", key)["data"][0]["granted"]
        act(world, "approve_setup_step", placement="sub_1", step=step, artefact=f"doc {step}", authorizes="going on")
    # then it is live, and nobody waits
    (case,) = world.read("/v1/orgs/org_a/setups", key)["data"]
    assert case["state"] == "live" and case["steps"][-1]["approved"]["artefact"] == "doc go_live"
    assert world.read("/v1/orgs/org_a/entitlements", key)["data"][0]["granted"]
    assert "setup_step" not in queue(world)
    told = world.read("/v1/incidents?org=org_a", key)["data"]
    assert {line["type"] for line in told} >= {"customer.created", "approve_setup_step", "setup.step_approved"}
    assert [v.differences for v in verify(world.conninfo)] == [(), ()]


def test_what_is_set_aside_is_in_the_queue_too(world: Counter) -> None:
    publish(world, AGENTS)
    broken = subscription("sub_9")
    del broken["status"]
    world.tell(event(9, "customer.subscription.updated", broken))
    world.project()
    assert queue(world)["quarantined"]["settles"].startswith("recount quarantine show ")
