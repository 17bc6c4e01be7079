"""Pass-through over HTTP: acts of two persons, what product back ends ask before they spend, and who sees what."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import SELLER, World, empty_world
from samples import T, customer, event

from api.postgres import EmbeddedPostgres
from ledger.passthrough import period_of

ROUTE = "/v1/orgs/org_a/pass-through"
NOW = int(time.time())
PERIOD = period_of(NOW)
WHICH = {"org": "org_a", "category": "inference"}
POLICY = {
    **WHICH, "billing_owner": "cus_1", "currency": "usd", "stop_rule": "block_new", "cap_minor": 1_000,
    "warn_percent": 50, "markup_bps": 1_000, "from_s": NOW - 86_400 * 40,
}  # fmt: skip


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        made.tell(
            event(1, "customer.created", customer("cus_1", org="org_a"), at=T),
            event(2, "customer.created", customer("cus_2", org="org_b"), at=T),
        )
        made.project()
        yield made


def act(world: World, name: str, person: str = "ada", **body: Any) -> Any:
    key = world.key("operator", person=person)
    return world.post(f"/v1/acts/{name}", {"reason": "as agreed", **body}, key)


def done(response: Any) -> Any:
    assert response.status_code == 200, response.text
    return response.json


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]


def policy(world: World, **more: Any) -> None:
    done(act(world, "propose_cost_policy", **{**POLICY, **more}))
    done(act(world, "approve_cost_policy", "bob", **WHICH, version=1))
    world.project()


def post(world: World, end: str, body: Any, **key: Any) -> Any:
    return world.post(f"{ROUTE}/{end}", body, world.key("service", **({"org": "org_a"} | key)))


def charge(reference: str, cost: Any = "100", **more: Any) -> dict[str, Any]:
    return {
        "reference": reference, "category": "inference", "occurred_s": NOW - 60, "currency": "usd",
        "cost_minor": cost, **more,
    }  # fmt: skip


def charged(world: World, *charges: dict[str, Any]) -> Any:
    told = done(post(world, "charges", {"provider": "openai", "charges": charges}))
    world.project()
    return told


def test_a_policy_is_proposed_by_one_and_approved_by_another(world: World) -> None:
    done(act(world, "propose_cost_policy", **POLICY))
    assert refused(act(world, "approve_cost_policy", **WHICH, version=1)) == (409, "second_person")
    assert refused(post(world, "reservations", RESERVE)) == (409, "no_policy")
    done(act(world, "approve_cost_policy", "bob", **WHICH, version=1))
    world.project()
    (listed,) = world.read(f"{ROUTE}/policies")["data"]
    assert (listed["id"], listed["status"], listed["proposed_by"], listed["settled_by"], listed["cap_minor"]) == (
        "inference@1", "approved", "ada", "bob", 1_000,
    )  # fmt: skip
    denied = [e for e in world.read("/v1/audit")["data"] if e["outcome"] == "denied"]
    assert [(e["act"], e["code"], e["org"]) for e in denied] == [("approve_cost_policy", "second_person", "org_a")]


RESERVE = {"id": "r1", "category": "inference", "currency": "usd", "estimate_minor": "400.5"}


def test_what_a_back_end_asks_before_it_spends(world: World) -> None:
    policy(world)
    first = done(post(world, "reservations", RESERVE))
    assert (first["status"], first["estimate_minor"], first["changed"], first["period"]) == (
        "open", "400.5", True, PERIOD,
    )  # fmt: skip
    again = done(post(world, "reservations", RESERVE))
    assert (again["changed"], again["until"]) == (False, first["until"])
    assert refused(post(world, "reservations", {**RESERVE, "id": "r2", "estimate_minor": 600})) == (409, "above_cap")
    settled = done(post(world, "reservations/r1/settle", {"cost_minor": "600"}))
    assert (settled["status"], settled["cost_minor"]) == ("settled", "600")
    done(post(world, "reservations", {**RESERVE, "id": "r2", "estimate_minor": 300}))
    assert done(post(world, "reservations/r2/release", {}))["status"] == "released"
    world.project()
    listed = world.read(f"{ROUTE}/reservations?status=settled")["data"]
    assert [(r["id"], r["over_minor"], r["late"]) for r in listed] == [("r1", "199.5", False)]
    (budget,) = world.read(f"{ROUTE}/budgets")["data"]
    assert (budget["settled_minor"], budget["holds"], budget["warned"], budget["stopped"]) == ("600", [], ["500"], None)


def test_a_stop_is_acknowledged(world: World) -> None:
    policy(world)
    which = {"category": "inference", "period": PERIOD, "currency": "usd"}
    assert refused(post(world, "budgets/acknowledge", which)) == (404, "not_found")
    charged(world, charge("c1", "1000"))
    assert refused(post(world, "reservations", RESERVE)) == (409, "budget_stopped")
    assert [done(post(world, "budgets/acknowledge", which))["changed"] for _ in range(2)] == [True, False]
    world.project()
    (budget,) = world.read(f"{ROUTE}/budgets")["data"]
    assert budget["stop_rule"] == "block_new" and budget["acknowledged_by"] == "ada"


def test_charges_are_recorded_once_and_told_when_they_are_not(world: World) -> None:
    told = charged(world, charge("c1"), charge("c2", 5), charge("c3", "1e-9"), charge("c1", "7"))
    assert (told["recorded"], told["known"]) == (2, 0)
    assert {r["reference"]: r["code"] for r in told["refused"]} == {"c3": "bad_amount", "c1": "charge_conflict"}
    assert charged(world, charge("c1"))["known"] == 1
    listed = world.read(f"{ROUTE}/charges")["data"]
    assert [(c["reference"], c["status"], c["held"]) for c in listed] == [
        ("c1", "held", "no_policy"), ("c2", "held", "no_policy"),
    ]  # fmt: skip
    policy(world)
    assert [c["status"] for c in world.read(f"{ROUTE}/charges")["data"]] == ["matched", "matched"]
    assert world.read(f"{ROUTE}/charges?status=held")["data"] == []


def test_a_batch_goes_from_charges_to_an_invoice_that_is_ready(world: World) -> None:
    policy(world)
    charged(world, charge("c1", "100"), charge("c2", "50"), charge("c3", "25.5"))
    batch = {"org": "org_a", "period": PERIOD, "number": 1}
    opened = done(act(world, "open_batch", org="org_a", period=PERIOD, currency="usd"))
    assert [e["event"].partition(".")[2] for e in opened["events"]] == ["opened", "lines_collected"]
    assert "collected" not in opened["events"][1] and opened["events"][1]["count"] == 3
    done(act(world, "start_review", **batch, statements={"openai": "175.5"}))
    done(act(world, "review_charges", **batch, decision="reject", charges=["openai/c2"]))
    done(act(world, "review_charges", **batch, decision="accept"))
    approve = {**batch, "policy_versions": ["inference@1"]}
    assert refused(act(world, "approve_batch", **approve)) == (409, "second_person")
    assert refused(act(world, "approve_batch", "eve", **{**approve, "policy_versions": []})) == (
        409,
        "policy_not_named",
    )
    done(act(world, "approve_batch", "eve", **approve))
    world.project()
    told = world.read(f"{ROUTE}/batches/{PERIOD}.1")
    assert (told["state"], told["approved_by"], told["billing_owner"], told["total_minor"]) == (
        "invoice_ready", "eve", "cus_1", 138,  # 125.5 and a tenth
    )  # fmt: skip
    assert told["total_minor"] == sum(line["amount_minor"] for line in told["lines"])
    lines = world.read(f"{ROUTE}/batches/{PERIOD}.1/charges")["data"]
    assert [(c["reference"], c["decision"], c["by"]) for c in lines] == [
        ("c1", "accept", "ada"), ("c2", "reject", "ada"), ("c3", "accept", "ada"),
    ]  # fmt: skip
    assert [b["batch"] for b in world.read(f"{ROUTE}/batches?state=invoice_ready")["data"]] == [f"{PERIOD}.1"]
    assert world.ask(f"{ROUTE}/batches/{PERIOD}.2", world.key()).status_code == 404


def test_the_same_act_again_answers_the_same(world: World) -> None:
    policy(world)
    charged(world, charge("c1"))
    body = {"org": "org_a", "period": PERIOD, "currency": "usd", "reason": "October"}
    key = world.key("operator")
    first = world.post("/v1/acts/open_batch", body, key, "k1")
    charged(world, charge("c2"))  # what is found out meanwhile is no part of what was asked
    again = world.post("/v1/acts/open_batch", body, key, "k1")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("open_batch", {"org": "org_a", "period": "2025-1", "currency": "usd"}, "bad_period"),
        ("open_batch", {"org": "org_a", "currency": "usd"}, "invalid_input"),
        ("open_batch", {"org": "org_a", "period": "2025-10", "currency": "usd", "found": []}, "invalid_input"),
        ("review_charges", {"org": "org_a", "period": "2025-10", "number": "x", "decision": "accept"}, "invalid_input"),
        ("propose_cost_policy", {**POLICY, "cap_minor": None}, "bad_cap"),
        ("propose_cost_policy", {**POLICY, "by": "eve"}, "invalid_input"),
    ],
)
def test_a_mistake_is_told_under_a_stable_code(world: World, name: str, body: dict[str, Any], code: str) -> None:
    assert refused(act(world, name, **body)) == (422, code)


@pytest.mark.parametrize(
    ("end", "body", "status", "code"),
    [
        ("reservations", b"{", 400, "bad_request"),
        ("reservations", b'{"id": "r1"}', 422, "invalid_input"),
        ("reservations", b'{"id":"r","category":"c","currency":"usd","estimate_minor":"x"}', 422, "invalid_input"),
        ("reservations", b'{"id":"r","category":"c","currency":"usd","estimate_minor":"1e-9"}', 409, "no_policy"),
        ("reservations/none/settle", b'{"cost_minor": 1}', 404, "not_found"),
        ("reservations/none/release", b"", 404, "not_found"),
        ("charges", b'{"provider":"openai","charges":[]}', 422, "too_many_charges"),
        ("charges", b'{"provider":"Open AI","charges":[]}', 422, "too_many_charges"),
    ],
)
def test_a_body_that_cannot_be_meant_is_told_so(world: World, end: str, body: bytes, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {world.key('service')}"}
    response = world.app.test_client().post(f"{ROUTE}/{end}", data=body, headers=headers)
    assert refused(response) == (status, code)


WRITES = ("reservations", "reservations/r1/settle", "reservations/r1/release", "budgets/acknowledge", "charges")


@pytest.mark.parametrize("end", WRITES)
def test_who_spends_is_a_service_or_an_operator_for_its_own_organization(world: World, end: str) -> None:
    for role in ("service", "dashboard", "operator", "auditor", "admin"):
        may = role in ("service", "operator", "admin")
        for bounds, sees in (
            ({}, True),
            ({"org": "org_a"}, True),
            ({"org": "org_b"}, False),
            ({"account": SELLER}, False),
        ):
            response = world.post(f"{ROUTE}/{end}", {}, world.key(role, **bounds))
            if not may:
                assert refused(response) == (403, "forbidden")
            elif not sees:
                assert refused(response) == (404, "not_found")
            else:
                assert response.json["code"] in ("invalid_input", "not_found")


def test_an_organization_sees_its_own_and_a_seller_nothing(world: World) -> None:
    policy(world)
    charged(world, charge("c1"))
    for end in ("policies", "charges", "budgets"):
        assert len(world.read(f"{ROUTE}/{end}", world.key("dashboard", org="org_a"))["data"]) == 1
        assert world.ask(f"{ROUTE}/{end}", world.key("dashboard", org="org_b")).status_code == 404
        assert world.ask(f"{ROUTE}/{end}", world.key("dashboard", account=SELLER)).status_code == 404
        assert world.ask(f"{ROUTE}/{end}", world.key("dashboard", mode="live")).status_code == 404
