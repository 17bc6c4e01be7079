"""The work list over HTTP: what is set aside, for staff; released and dismissed by operators, under their names."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from api_world import SELLER, World, empty_world
from samples import T, customer, event

from api.postgres import EmbeddedPostgres
from ledger.facts import Quarantined
from replay import fold

ITEM = "/v1/quarantine/platform:evt_0002"


@pytest.fixture
def world(server: EmbeddedPostgres, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One event that an earlier release could not read, one that nobody can, and one with two contents."""
    with empty_world(server, template) as made:
        right = fold.translate
        with monkeypatch.context() as old:
            old.setattr(fold, "translate", lambda e: Quarantined("lacks x") if e.event_id == "evt_0002" else right(e))
            made.tell(
                event(1, "customer.created", customer("cus_1", balance=1), at=T),
                event(2, "customer.updated", customer("cus_1", balance=2), at=T + 1),
                event(3, "customer.created", {"object": "customer", "id": "cus_3"}, at=T + 2),
                event(4, "customer.created", {"object": "customer", "id": "cus_4"}, account=SELLER, at=T + 3),
            )
            made.project()
        yield made


def post(world: World, path: str, key: str | None = None, **given: Any) -> Any:
    body = given.pop("json", {"reason": "0.4 reads it"})
    headers = {"Authorization": f"Bearer {key or world.key('operator')}"} | given.pop("headers", {})
    headers.setdefault("Idempotency-Key", uuid4().hex)
    return world.app.test_client().post(path, headers=headers, json=body, **given)


def code_of(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json["code"]


def ids(world: World, query: str = "") -> list[str]:
    return [i["id"] for i in world.read(f"/v1/quarantine{query}")["data"]]


def test_the_list_shows_what_is_open_the_oldest_first(world: World) -> None:
    assert ids(world) == ["platform:evt_0002", "platform:evt_0003", f"{SELLER}:evt_0004"]
    assert ids(world, f"?account={SELLER}") == [f"{SELLER}:evt_0004"]
    assert ids(world, "?kind=parked") == ids(world, "?status=released") == []
    page = world.read("/v1/quarantine?limit=2")
    assert [i["id"] for i in world.read(f"/v1/quarantine?limit=2&cursor={page['next_cursor']}")["data"]] == [
        f"{SELLER}:evt_0004"
    ]
    assert world.read("/v1/quarantine", world.key("operator", mode="live"))["data"] == []
    found = world.read(ITEM)
    assert (found["kind"], found["status"], found["state"], found["reason"]) == (
        "quarantined",
        "open",
        "quarantined",
        "lacks x",
    )
    assert found["key"] == ["test", "platform", "evt_0002"] and found["handled"] is None
    counts = world.read("/v1/quarantine/counts")
    assert (counts["quarantined"], counts["conflict"], counts["parked"]) == (3, 0, 0)


def test_a_release_is_recorded_under_the_keys_name_and_seen_at_its_position(world: World) -> None:
    # given an operator's key that names a person
    secret = world.key("operator", person="Ada Lovelace")
    # when they release what can be read now
    done = post(world, f"{ITEM}/release", secret)
    assert done.status_code == 200
    told = done.json
    assert [e["event"] for e in told.pop("events")] == ["stripe_event.released"]
    assert told == {
        "id": "platform:evt_0002",
        "act": "release",
        "changed": True,
        "waiting": None,
        "position": world.log.head(),
    }
    # then it is applied at once
    assert world.read("/v1/customers/cus_1")["balance_minor"] == 2
    # and, once folded, everybody sees who did it and why
    world.project()
    found = world.read(f"{ITEM}?min_position={done.json['position']}")
    assert (found["status"], found["handled"], found["handled_by"]) == ("released", "released", "Ada Lovelace")
    assert found["handled_why"] == "0.4 reads it" and found["handled_at"] is not None
    row = world.read("/v1/stripe-events/evt_0002")
    assert (row["state"], row["handled"], row["handled_by"]) == ("applied", "released", "Ada Lovelace")
    assert ids(world) == ["platform:evt_0003", f"{SELLER}:evt_0004"]
    assert ids(world, "?status=released") == ["platform:evt_0002"]
    # and again is no event of its own
    assert post(world, f"{ITEM}/release").json == {
        "id": "platform:evt_0002",
        "act": "release",
        "changed": False,
        "events": [],
        "waiting": None,
        "position": world.log.head(),
    }


def test_a_release_is_done_once_for_its_idempotency_key(world: World) -> None:
    once = {"Idempotency-Key": "k1"}
    first = post(world, f"{ITEM}/release", headers=once)
    head = world.log.head()
    again = post(world, f"{ITEM}/release", headers=once)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true" and world.log.head() == head
    other = f"/v1/quarantine/{SELLER}:evt_0004/release"
    assert code_of(post(world, other, headers=once)) == (422, "idempotency_key_reused")
    assert code_of(post(world, f"{ITEM}/release", headers={"Idempotency-Key": ""})) == (400, "idempotency_key_required")
    tried = post(world, f"/v1/quarantine/{SELLER}:evt_0004/dismiss?dry_run=true")
    assert (tried.json["events"][0]["event"], tried.json["position"]) == ("stripe_event.dismissed", None)


def test_a_dismissal_takes_it_off_the_list_and_leaves_it_as_it_is(world: World) -> None:
    assert post(world, f"/v1/quarantine/{SELLER}:evt_0004/dismiss", world.key("admin")).json["changed"] is True
    world.project()
    assert ids(world) == ["platform:evt_0002", "platform:evt_0003"]
    found = world.read(f"/v1/quarantine/{SELLER}:evt_0004")
    assert (found["status"], found["state"], found["handled_by"]) == ("dismissed", "quarantined", "ada")
    assert world.read("/v1/quarantine/counts")["quarantined"] == 2


def test_what_cannot_be_done_is_a_problem_with_a_stable_code(world: World) -> None:
    release = f"{ITEM}/release"
    assert code_of(post(world, "/v1/quarantine/platform:evt_0003/release")) == (409, "still_quarantined")
    assert code_of(post(world, "/v1/quarantine/platform:evt_0001/release")) == (409, "not_set_aside")
    assert code_of(post(world, "/v1/quarantine/platform:evt_none/release")) == (404, "not_found")
    assert code_of(post(world, "/v1/quarantine/nothing/dismiss")) == (404, "not_found")
    assert code_of(post(world, release, world.key("operator", mode="live"))) == (404, "not_found")
    world.project()
    denied = world.read("/v1/audit?outcome=denied")["data"]
    assert [(a["act"], a["code"]) for a in denied] == [("release", "not_set_aside"), ("release", "still_quarantined")]
    head = world.log.head()
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "x", "actor": "somebody"}, {"reason": 1}):
        assert code_of(post(world, release, json=body)) == (422, "invalid")
    assert code_of(post(world, release, json={"reason": "  "})) == (422, "reason_required")
    assert code_of(post(world, release, json=None, data=b"{", content_type="application/json")) == (400, "bad_request")
    assert world.ask(release, world.key("operator")).status_code == 405
    assert world.log.head() == head
    assert ids(world)[0] == "platform:evt_0002"


@pytest.mark.parametrize("role", ["service", "dashboard", "auditor", "operator", "admin"])
def test_staff_with_unbound_keys_look_and_operators_act(world: World, role: str) -> None:
    looks, acts = role in ("auditor", "operator", "admin"), role in ("operator", "admin")
    for path in ("/v1/quarantine", "/v1/quarantine/counts", ITEM):
        assert world.ask(path, world.key(role)).status_code == (200 if looks else 403)
        assert world.ask(path, world.key(role, account="acct_seller")).status_code == 403
        assert world.ask(path, world.key(role, org="org_a")).status_code == 403
        assert world.ask(path).status_code == 401
    for act in ("release", "dismiss"):
        assert post(world, f"{ITEM}/{act}", world.key(role, account="acct_seller")).status_code == 403
        assert post(world, f"{ITEM}/{act}", "rk_test_none").status_code == 401
    assert post(world, f"{ITEM}/release", world.key(role)).status_code == (200 if acts else 403)
