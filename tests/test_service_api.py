"""Service control over HTTP: the work list, policies, an operator's words, and what the deployment system answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, shop
from samples import T, customer, event, invoice

from api.postgres import EmbeddedPostgres
from ledger.events import Metadata, NewEvent
from ledger.ids import enforcement_stream
from ledger.service_events import EnforcementAsked
from ledger.service_policy import BUILT_IN, written

WHY = {"reason": "agreed on the phone"}


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        made.tell(
            event(
                "evt_debtor",
                "customer.created",
                customer("cus_debtor", org="org_debtor", invoice_settings={"default_payment_method": "pm_1"}),
                at=T,
            ),
            event(
                "evt_debt",
                "invoice.payment_failed",
                invoice("in_debt", "cus_debtor", attempt_count=4, attempted=True, parent=None),
                at=T,
            ),
        )
        made.project()
        yield made


def act(world: World, name: str, body: Any, key: str | None = None, once: str | None = None) -> Any:
    response = world.post(f"/v1/acts/{name}", {**WHY, **body}, key or world.key("operator"), once)
    world.project()
    return response


def services(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.read("/v1/orgs/org_debtor/service")["data"]
    return found


def test_a_service_says_how_it_stands_and_what_follows_when(world: World) -> None:
    (found,) = services(world)
    assert (found["service"], found["state"], found["owed"]) == ("postpaid", "active", {"eur": 900})
    assert [s["state"] for s in found["schedule"]] == ["past_due", "grace", "suspended", "cancelled"]
    assert [(d["invoice"], d["failed"], d["policy"]) for d in found["debts"]] == [("in_debt", 4, "standard")]
    debts = world.read("/v1/debts?org=org_debtor")["data"]
    assert [(d["id"], d["owed_minor"], d["why"]) for d in debts] == [("in_debt", 900, "retries")]


def test_an_operators_word_is_on_the_work_list_at_once(world: World) -> None:
    done = act(world, "pause_service", {"org": "org_debtor"})
    assert (done.status_code, done.json["events"][0]["event"]) == (200, "service.paused")
    listed = world.read("/v1/service?state=paused")["data"]
    assert [(s["org"], s["by"], s["why"]) for s in listed] == [("org_debtor", "operator", WHY)]
    assert act(world, "resume_service", {"org": "org_debtor"}).status_code == 200
    assert services(world)[0]["state"] == "active"
    refused = act(world, "resume_service", {"org": "org_debtor"})
    assert (refused.status_code, refused.json["code"]) == (409, "not_paused")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("suspend_service", {"org": "org_debtor"}),
        ("cancel_service", {"org": "org_debtor"}),
        ("write_off_debt", {"invoice": "in_debt"}),
        ("enforce_policy", {"policy": "standard"}),
    ],
)
def test_what_hurts_waits_for_a_second_person(world: World, name: str, body: Any) -> None:
    done = act(world, name, body)
    assert done.status_code == 202
    assert services(world)[0]["state"] == "active"
    approved = world.post(f"/v1/approvals/{done.json['waiting']}/approve", WHY, world.key("operator", person="grace"))
    world.project()
    assert (approved.status_code, approved.json["changed"]) == (200, True)


def test_policies_are_listed_before_any_is_published_and_replaced_by_what_is(world: World) -> None:
    before = world.read("/v1/service-policies", world.key("auditor"))["data"]
    assert [(p["policy"], p["version"], p["enforced"]) for p in before] == [
        ("pause-at-first-failure", 0, False), ("standard", 0, False)
    ]  # fmt: skip
    mine = {**written(BUILT_IN["standard"]), "failed_retries": 1}
    asked = act(world, "apply_policies", {"policies": [mine]})
    world.post(f"/v1/approvals/{asked.json['waiting']}/approve", WHY, world.key("operator", person="grace"))
    world.project()
    after = world.read("/v1/service-policies", world.key("auditor"))["data"]
    assert [(p["policy"], p["version"], p["definition"]["failed_retries"]) for p in after] == [
        ("pause-at-first-failure", 0, 0), ("standard", 1, 1)
    ]  # fmt: skip
    wrong = act(world, "apply_policies", {"policies": [{**mine, "stages": [{"state": "active"}]}]})
    assert (wrong.status_code, wrong.json["code"]) == (422, "invalid_policies")


def test_the_deployment_system_acknowledges_with_a_key_of_a_service(world: World) -> None:
    said = EnforcementAsked(
        mode="test", org="org_debtor", environment="default", request="enf_2", wanted="zero", attempt=1, at_s=T,
        due_s=T + 600, because={"service": "postpaid", "state": "suspended"},
    )  # fmt: skip
    stream = enforcement_stream("test", "org_debtor", "default")
    world.log.append(NewEvent(stream, 1, said, Metadata(occurred_at_s=T, actor="system")))
    world.project()
    key = world.key("service", person="deployer")
    which = {"org": "org_debtor", "environment": "default"}
    stale = act(world, "acknowledge_enforcement", {**which, "request": "enf_1"}, key)
    assert (stale.status_code, stale.json["code"]) == (409, "stale_request")
    assert [e["state"] for e in world.read("/v1/enforcements")["data"]] == ["asked"]
    done = act(world, "acknowledge_enforcement", {**which, "request": "enf_2"}, key)
    assert (done.status_code, done.json["changed"]) == (200, True)
    assert [e["request"] for e in world.read("/v1/enforcements?state=acknowledged")["data"]] == ["enf_2"]
    # and who is bound to another organization sees none of it
    assert world.read("/v1/enforcements", world.key("service", org="org_b"))["data"] == []
    other = act(world, "acknowledge_enforcement", {**which, "environment": "none", "request": "enf_2"}, key)
    assert other.status_code == 404
