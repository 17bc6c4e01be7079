"""Acts, approvals and the audit over HTTP: carried out once, by persons, for reasons; told to whom it concerns."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from api_world import SELLER, World, shop

from api import database
from api.postgres import EmbeddedPostgres
from api.resources.acts import _KEY_ACTS, BILLING_ACTS, SERVED
from api.schemas.meanings import EVERYWHERE, notes
from commands.registry import ACTS
from replay.verify import verify

LINK = {"account": "platform", "customer": "cus_3", "org": "org_c", "reason": "contract 17"}
UNLINK = {"account": "platform", "customer": "cus_3", "reason": "it ended"}
DENY = {"org": "org_a", "feature": "sso", "reason": "they asked for it"}
ROLES = ("service", "dashboard", "operator", "auditor", "admin")
STAFF = ("operator", "auditor", "admin")
#: What the deployment system does with a key of its own.
OF_SERVICES = {"acknowledge_enforcement"}
ADMINS_ALONE = {"issue_key", "rotate_key", "revoke_key"}


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        yield made


@pytest.fixture(scope="module")
def shared(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    """One for all that is refused, and so changes nothing."""
    with shop(server, template) as made:
        yield made


def act(world: World, name: str, body: Any, key: str | None = None, once: str | None = None, query: str = "") -> Any:
    response = world.post(f"/v1/acts/{name}{query}", body, key or world.key("operator"), once)
    if response.status_code in (200, 202):
        schema = world.document["paths"][f"/v1/acts/{name}"]["post"]["responses"][str(response.status_code)]
        jsonschema.validate(
            response.json,
            {**schema["content"]["application/json"]["schema"], "components": world.document["components"]},
        )
    return response


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    return response.status_code, response.json["code"]


def names(world: World, after: int) -> list[str]:
    return [e.event.NAME for e in world.log.read(after, 1000)]


def entries(world: World, query: str = "", key: str | None = None) -> list[dict[str, Any]]:
    world.project()
    return world.read(f"/v1/audit{query}", key)["data"]  # type: ignore[no-any-return]


def ask_to_deny(world: World, key: str | None = None, feature: str = "sso") -> str:
    response = act(world, "deny_override", {**DENY, "feature": feature}, key)
    assert response.status_code == 202
    return str(response.json["waiting"])


def bob(world: World, role: str = "operator", **more: Any) -> str:
    return world.key(role, person="bob", **more)


def test_acts_use_the_log_that_is_kept_and_open_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "Log", None)
    assert act(world, "link_organization", LINK).status_code == 200
    assert act(world, "link_organization", LINK, world.key("service")).status_code == 403  # recorded, too


# ---- once -----------------------------------------------------------------------------------------


def test_an_act_is_carried_out_and_tells_what_was_appended(world: World) -> None:
    key, head = world.key("operator"), world.log.head()
    done = act(world, "link_organization", LINK, key)
    assert done.status_code == 200 and "Idempotent-Replayed" not in done.headers
    said = {"mode": "test", "account": "platform", "customer": "cus_3", "org": "org_c"}
    assert done.json == {
        "act": "link_organization",
        "changed": True,
        "events": [{"event": "organization.linked", **said}],
        "waiting": None,
        "position": head + 2,
    }
    world.project()
    assert world.read(f"/v1/customers/cus_3?min_position={head + 2}")["org"] == "org_c"
    again = act(world, "link_organization", LINK)  # under another key: it is so already
    assert (again.status_code, again.json["changed"], again.json["events"]) == (200, False, [])


def test_the_same_key_gets_the_stored_answer_and_acts_once(world: World) -> None:
    first = act(world, "link_organization", LINK, once="k1")
    head = world.log.head()
    again = act(world, "link_organization", LINK, once="k1")
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true" and world.log.head() == head
    # whatever happened meanwhile, and however the same is written
    act(world, "unlink_organization", UNLINK)
    assert act(world, "link_organization", {**LINK, "mode": "test"}, once="k1").data == first.data


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("link_organization", {**LINK, "org": "org_d"}),
        ("link_organization", {**LINK, "reason": "another"}),
        ("unlink_organization", UNLINK),
    ],
)
def test_the_same_key_with_something_else_is_refused(world: World, name: str, body: Any) -> None:
    act(world, "link_organization", LINK, once="k1")
    head = world.log.head()
    assert problem(act(world, name, body, once="k1")) == (422, "idempotency_key_reused")
    assert world.log.head() == head


def test_another_persons_key_of_the_same_name_is_another_key(world: World) -> None:
    act(world, "link_organization", LINK, once="k1")
    assert act(world, "unlink_organization", UNLINK, bob(world), "k1").json["changed"] is True


@pytest.mark.parametrize("name", ["link_organization", "deny_override"])
def test_of_sixteen_who_come_at_once_with_one_key_one_acts_and_all_get_the_same_answer(world: World, name: str) -> None:
    body = LINK if name == "link_organization" else DENY
    key, head = world.key("operator"), world.log.head()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: act(world, name, body, key, "k1"), range(16)))
    assert {(a.status_code, a.data) for a in answers} == {(answers[0].status_code, answers[0].data)}
    assert answers[0].status_code in (200, 202)
    assert names(world, head) == [answers[0].json["events"][0]["event"], "receipt.kept"]


def test_of_those_who_act_at_once_on_one_subject_one_wins_where_the_second_may_not(world: World) -> None:
    # given a link that each of eight wants to take back
    act(world, "link_organization", LINK)
    key, head = world.key("operator"), world.log.head()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: act(world, "unlink_organization", UNLINK, key, f"k{n}"), range(8)))
    # then one did, and the others were too late
    assert sorted(a.status_code for a in answers) == [200, *[409] * 7]
    assert {problem(a) for a in answers if a.status_code != 200} == {(409, "not_linked")}
    assert names(world, head).count("organization.unlinked") == 1
    assert names(world, head).count("receipt.kept") == 1
    assert names(world, head).count("attempt.denied") == 7


def test_an_approval_at_once_by_many_counts_once(world: World) -> None:
    waiting = ask_to_deny(world)
    keys = [world.key("operator", person=p) for p in ("bob", "eve", "joe", "kim")]
    head = world.log.head()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda k: world.post(f"/v1/approvals/{waiting}/approve", {"reason": "seen"}, k), keys))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    assert {problem(a)[1] for a in answers if a.status_code == 409} == {"already_granted"}
    assert names(world, head).count("override.denied") == 1


def test_a_refusal_is_not_remembered_for_its_key(world: World) -> None:
    refused = act(world, "unlink_organization", UNLINK, once="k1")
    assert problem(refused) == (409, "not_linked")
    assert "no operator linked cus_3" in refused.json["detail"]
    act(world, "link_organization", LINK)
    assert act(world, "unlink_organization", UNLINK, once="k1").json["changed"] is True


def test_a_dry_run_shows_the_events_and_appends_none(world: World) -> None:
    world.key("operator")
    head = world.log.head()
    tried = act(world, "link_organization", LINK, query="?dry_run=true")
    assert (tried.status_code, tried.json["changed"], tried.json["position"]) == (200, True, None)
    assert [e["event"] for e in tried.json["events"]] == ["organization.linked"]
    heavy = act(world, "deny_override", DENY, query="?dry_run=1")
    assert (heavy.status_code, heavy.json["events"][0]["event"]) == (200, "approval.requested")
    assert problem(act(world, "unlink_organization", UNLINK, query="?dry_run=true")) == (409, "not_linked")
    assert world.log.head() == head
    assert problem(act(world, "link_organization", LINK, query="?dry_run=maybe")) == (422, "invalid_query")
    assert problem(act(world, "link_organization", LINK, query="?force=true")) == (422, "invalid_query")


# ---- what is asked for --------------------------------------------------------------------------


def test_without_an_idempotency_key_nothing_is_done(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.key('operator')}"}
    head = world.log.head()
    response = world.app.test_client().post("/v1/acts/link_organization", json=LINK, headers=headers)
    assert problem(response) == (400, "idempotency_key_required")
    assert problem(act(world, "link_organization", LINK, once="x" * 256)) == (400, "bad_idempotency_key")
    assert problem(act(world, "link_organization", LINK, once="clé")) == (400, "bad_idempotency_key")
    assert world.log.head() == head


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": None}, "reason_required"),
        ({"reason": ""}, "reason_required"),
        ({"reason": "  "}, "reason_required"),
        ({"reason": "x" * 501}, "reason_required"),
        ({"reason": 1}, "reason_required"),
        ({"mode": "live"}, "wrong_mode"),
        ({"mode": 1}, "wrong_mode"),
        ({"customer": 3}, "invalid_input"),
        ({"customer": "cus_\0"}, "invalid_input"),
        ({"reason": "\0"}, "invalid_input"),
        ({"customer": "sub_3"}, "not_a_customer"),
        ({"actor": "somebody"}, "invalid_input"),
        ({"person": "somebody"}, "invalid_input"),
    ],
)
def test_what_is_no_input_is_named_under_a_stable_code(shared: World, change: dict[str, Any], code: str) -> None:
    key, head = shared.key("operator"), shared.log.head()
    assert problem(act(shared, "link_organization", {**LINK, **change}, key)) == (422, code)
    missing = {k: v for k, v in LINK.items() if k not in change}
    if len(missing) < len(LINK):
        assert act(shared, "link_organization", missing, key).status_code == 422
    assert shared.log.head() == head


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"", b"[" * 100_000, b'{"reason": "\xff"}'])
def test_what_is_no_object_of_json_is_a_bad_request(shared: World, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {shared.key('operator')}", "Idempotency-Key": "k1"}
    client = shared.app.test_client()
    response = client.post("/v1/acts/link_organization", data=body, headers=headers, content_type="application/json")
    assert problem(response) == (400, "bad_request")


def test_every_act_has_its_input_in_the_document(shared: World) -> None:
    for name, served in SERVED.items():
        operation = shared.document["paths"][f"/v1/acts/{name}"]["post"]
        ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = shared.document["components"]["schemas"][ref.rpartition("/")[2]]
        fields = {*ACTS[name].command.__struct_fields__, "reason"} - {"mode", *served.left_out}
        assert set(schema["properties"]) == fields and "reason" in schema["required"]
        assert "202" in operation["responses"]


def test_every_field_of_an_act_says_what_it_means_and_no_meaning_is_left_over(shared: World) -> None:
    schemas = shared.document["components"]["schemas"]
    inputs = {name: schemas[f"{ACTS[name].command.__name__}Input"]["properties"] for name in SERVED}
    assert [(name, f) for name, fields in inputs.items() for f, told in fields.items() if not told["description"]] == []
    used = {f for name, fields in inputs.items() for f in fields if f not in notes(ACTS[name].command)}
    assert set(EVERYWHERE) == used - {"reason"}


def test_every_act_that_a_person_may_ask_for_is_served() -> None:
    assert set(ACTS) - set(SERVED) == _KEY_ACTS | BILLING_ACTS


def test_nobody_gives_what_is_made_for_an_act(shared: World) -> None:
    key = shared.key("admin")
    for field in ("digest", "key_id"):
        body = {"role": "service", "reason": "x", field: "f" * 64}
        assert problem(act(shared, "issue_key", body, key)) == (422, "invalid_input")


# ---- who ----------------------------------------------------------------------------------------


def test_a_key_that_names_nobody_reads_and_does_not_act(world: World) -> None:
    key = world.key("operator", person=None)
    assert world.ask("/v1/audit", key).status_code == 200
    assert problem(act(world, "link_organization", LINK, key)) == (403, "person_required")
    (entry,) = entries(world)
    assert (entry["outcome"], entry["code"], entry["person"]) == ("denied", "person_required", None)
    assert entry["key_id"].startswith("key_") and entry["origin"] == "api"


@pytest.mark.parametrize("name", SERVED)
def test_an_act_is_for_operators_with_unbound_keys_and_those_on_keys_for_admins(shared: World, name: str) -> None:
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}):
            key, head = shared.key(role, **bounds), shared.log.head()
            response = act(shared, name, {}, key)
            who = ("admin",) if name in ADMINS_ALONE else ("operator", "admin")
            may = role in (("service", *who) if name in OF_SERVICES else who) and not bounds
            assert (response.status_code != 403) is may, (role, bounds)
            if not may:
                assert problem(response) == (403, "forbidden")
                (denied,) = shared.log.read(head, 10)
                assert (denied.event.act, denied.event.code, denied.event.mode) == (name, "forbidden", "test")
                assert (denied.event.person, denied.event.org) == ("ada", bounds.get("org"))


def test_without_a_valid_key_nothing_is_recorded(shared: World) -> None:
    head = shared.log.head()
    assert problem(act(shared, "link_organization", LINK, "rk_test_none")) == (401, "unauthorized")
    assert shared.log.head() == head


def test_a_key_acts_in_its_own_mode_alone(world: World) -> None:
    done = act(world, "link_organization", {**LINK, "customer": "cus_7"}, world.key("operator", mode="live"))
    assert done.json["events"][0]["mode"] == "live"
    assert [e["org"] for e in entries(world, key=world.key("auditor", mode="live"))] == ["org_c"]
    assert entries(world) == []


def foreign_and_unknown(world: World) -> Iterator[tuple[str, str, Any, Any]]:
    """Acts on what another mode has, beside the same on what nobody has."""
    _, key_id = world.issue("service", None, None, "live")
    waiting = act(world, "deny_override", DENY, world.key("operator", mode="live")).json["waiting"]
    why = {"reason": "x"}
    for role in ("operator", "admin"):
        yield role, "/v1/acts/erase_subject", why | {"subject": "live/platform/cus_7"}, why | {"subject": "test/a/b"}
        for end in ("approve", "reject"):
            yield role, f"/v1/approvals/{waiting}/{end}", why, f"/v1/approvals/apr_none/{end}"
    yield "admin", "/v1/acts/revoke_key", why | {"key_id": key_id}, why | {"key_id": "key_none"}
    rotate = why | {"overlap_s": 0}
    yield "admin", "/v1/acts/rotate_key", rotate | {"key_id": key_id}, rotate | {"key_id": "key_none"}


def test_what_is_foreign_is_answered_like_what_is_unknown(world: World) -> None:
    for role, path, body, unknown in list(foreign_and_unknown(world)):
        key, head = world.key(role), world.log.head()
        foreign = world.post(path, body, key)
        other = world.post(unknown, body, key) if isinstance(unknown, str) else world.post(path, unknown, key)
        assert problem(foreign) == (404, "not_found"), path
        assert (foreign.status_code, foreign.data, dict(foreign.headers)) == (
            other.status_code, other.data, dict(other.headers),
        )  # fmt: skip
        assert world.log.head() == head
    waiting = ask_to_deny(world, world.key("operator", mode="live"))
    world.project()
    reads = [world.ask(f"/v1/approvals/{id}", world.key()) for id in (waiting, "apr_none")]
    assert reads[0].status_code == 404
    assert reads[0].data == reads[1].data
    assert world.read("/v1/approvals")["data"] == []


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/approvals", "/v1/approvals/{}"])
def test_approvals_and_the_audit_are_for_staff_with_unbound_keys(shared: World, path: str) -> None:
    path = path.format(ask_to_deny(shared))
    shared.project()
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}):
            response = shared.ask(path, shared.key(role, **bounds))
            may = role in STAFF and not bounds
            assert response.status_code == (200 if may else 403), (role, bounds)
    assert shared.ask(path).status_code == 401


@pytest.mark.parametrize("end", ["approve", "reject"])
def test_approvals_are_settled_by_operators_with_unbound_keys(world: World, end: str) -> None:
    path = f"/v1/approvals/{ask_to_deny(world)}/{end}"
    for role in ROLES:
        for bounds in ({}, {"org": "org_a"}, {"account": SELLER}):
            response = world.post(path, {"reason": "seen"}, bob(world, role, **bounds))
            may = role in ("operator", "admin") and not bounds
            assert (response.status_code != 403) is may, (role, bounds)


# ---- a second person ----------------------------------------------------------------------------


def test_a_heavy_act_waits_and_a_second_person_carries_it_out(world: World) -> None:
    # given an act that waits
    asked = act(world, "deny_override", DENY, once="k1")
    waiting = asked.json["waiting"]
    assert [e["event"] for e in asked.json["events"]] == ["approval.requested"]
    world.project()
    assert world.read("/v1/orgs/org_a/entitlements/sso")["granted"] is True
    (listed,) = world.read("/v1/approvals?state=waiting")["data"]
    assert listed == {k: v for k, v in world.read(f"/v1/approvals/{waiting}").items() if k not in ("position", "as_of")}
    assert (listed["id"], listed["act"], listed["person"], listed["reason"]) == (
        waiting, "deny_override", "ada", "they asked for it",
    )  # fmt: skip
    assert (listed["org"], listed["input"]["feature"], listed["settled_by"]) == ("org_a", "sso", None)
    # when who asked approves, whatever the key, then that is refused
    for role in ("operator", "admin"):
        refused = world.post(f"/v1/approvals/{waiting}/approve", {"reason": "mine"}, world.key(role))
        assert problem(refused) == (409, "second_person")
        assert "somebody else must approve it" in refused.json["detail"]
    # when somebody else does, then it is carried out
    done = world.post(f"/v1/approvals/{waiting}/approve", {"reason": "seen"}, bob(world), "k2")
    assert done.status_code == 200
    assert [e["event"] for e in done.json["events"]] == ["approval.granted", "override.denied"]
    world.project()
    assert world.read("/v1/orgs/org_a/entitlements/sso")["granted"] is False
    settled = world.read(f"/v1/approvals/{waiting}")
    assert (settled["state"], settled["settled_by"]) == ("granted", "bob")
    assert world.read("/v1/approvals?state=waiting")["data"] == []
    # and whoever asks again with the same keys gets the same answers
    assert act(world, "deny_override", DENY, once="k1").data == asked.data
    again = world.post(f"/v1/approvals/{waiting}/approve", {"reason": "seen"}, bob(world), "k2")
    assert again.data == done.data and again.headers["Idempotent-Replayed"] == "true"
    # and the audit tells who, why, what, and on whose approval
    audit = entries(world, "?subject=" + listed["subject"])
    assert [(a["act"], a["outcome"], a["person"], a["reason"], a["approval"]) for a in audit] == [
        ("deny_override", "done", "bob", "seen", waiting),
        ("deny_override", "denied", "ada", None, None),
        ("deny_override", "denied", "ada", None, None),
        ("deny_override", "waiting", "ada", "they asked for it", waiting),
    ]
    assert {(a["org"], a["origin"]) for a in audit} == {("org_a", "api")}


def test_what_was_rejected_is_never_carried_out(world: World) -> None:
    waiting = ask_to_deny(world)
    taken_back = world.post(f"/v1/approvals/{waiting}/reject", {"reason": "a mistake"}, world.key("operator"))
    assert (taken_back.status_code, taken_back.json["act"]) == (200, "reject")
    refused = world.post(f"/v1/approvals/{waiting}/approve", {"reason": "seen"}, bob(world))
    assert problem(refused) == (409, "already_rejected")
    world.project()
    (found,) = world.read("/v1/approvals?state=rejected&org=org_a&person=ada&act=deny_override")["data"]
    assert (found["id"], found["settled_by"]) == (waiting, "ada")
    assert world.read("/v1/approvals?org=org_b")["data"] == []
    assert [a["act"] for a in entries(world, f"?approval={waiting}")] == ["reject", "deny_override"]


def test_a_key_for_somebody_else_waits_and_is_approved_by_an_admin_alone(world: World) -> None:
    body = {"role": "admin", "person": "eve", "reason": "she joins"}
    asked = act(world, "issue_key", body, world.key("admin"), "k1")
    assert asked.status_code == 202
    key, path = asked.json["key"], f"/v1/approvals/{asked.json['waiting']}/approve"
    assert problem(world.post(path, {"reason": "seen"}, bob(world))) == (403, "forbidden")
    assert entries(world, "?outcome=denied")[0]["act"] == "approve"
    assert world.ask("/v1/audit", key).status_code == 401
    assert world.post(path, {"reason": "seen"}, bob(world, "admin")).status_code == 200
    world.project()
    assert world.ask("/v1/audit", key).status_code == 200
    assert "digest" not in world.ask("/v1/approvals", world.key()).text
    assert "digest" not in world.ask("/v1/audit", world.key()).text


# ---- keys ---------------------------------------------------------------------------------------


def test_a_key_is_told_once(world: World) -> None:
    body = {"role": "dashboard", "org": "org_a", "label": "shop", "reason": "a new shop"}
    issued = act(world, "issue_key", body, world.key("admin"), "k1")
    key = issued.json["key"]
    assert key.startswith("rk_test_") and "digest" not in issued.text
    world.project()
    assert [o["org"] for o in world.read("/v1/orgs", key)["data"]] == ["org_a"]
    again = act(world, "issue_key", body, world.key("admin"), "k1")
    assert again.json == {**issued.json, "key": None} and again.headers["Idempotent-Replayed"] == "true"
    revoked = act(world, "revoke_key", {"key_id": issued.json["key_id"], "reason": "closed"}, world.key("admin"))
    assert revoked.json["changed"] is True


# ---- the audit ----------------------------------------------------------------------------------


def test_the_audit_is_found_by_who_what_whom_and_when(world: World) -> None:
    act(world, "link_organization", LINK)
    act(world, "unlink_organization", UNLINK, bob(world))
    act(world, "unlink_organization", UNLINK, bob(world))

    def found(query: str = "") -> list[tuple[str, str]]:
        return [(a["act"], a["outcome"]) for a in entries(world, query)]

    link, unlink, denied = (
        ("link_organization", "done"), ("unlink_organization", "done"), ("unlink_organization", "denied"),
    )  # fmt: skip
    assert found() == [denied, unlink, link]
    assert found("?person=ada") == found("?org=org_c") == found("?act=link_organization") == [link]
    assert found("?outcome=denied") == [denied]
    assert found("?subject=customer/platform/cus_3&person=bob") == [denied, unlink]
    newest, _, oldest = entries(world)
    assert found(f"?after={newest['at']}") == [denied]
    assert found(f"?before={newest['at']}") == [unlink, link]
    assert found(f"?after={oldest['at']}&before={newest['at']}") == [unlink, link]
    assert (oldest["person"], oldest["reason"], oldest["subject"], oldest["origin"], oldest["account"]) == (
        "ada", "contract 17", "customer/platform/cus_3", "api", "platform",
    )  # fmt: skip
    assert [e["event"] for e in oldest["events"]] == ["organization.linked"]
    assert (newest["code"], newest["reason"], newest["events"]) == ("not_linked", None, [])
    page = world.read("/v1/audit?limit=2")
    assert [a["position"] for a in page["data"]] == [newest["position"], newest["position"] - 1]
    assert [a["act"] for a in world.read(f"/v1/audit?limit=2&cursor={page['next_cursor']}")["data"]] == [
        "link_organization"
    ]


def test_the_audit_is_a_spreadsheet_too(world: World) -> None:
    act(world, "link_organization", LINK)
    world.project()
    answer = world.ask("/v1/audit", world.key("auditor"), Accept="text/csv")
    titles, line = answer.text.splitlines()
    assert titles.startswith("position,at,act,outcome,code,person,reason")
    assert "contract 17" in line


def test_after_a_history_of_acts_verify_is_clean(world: World) -> None:
    waiting = ask_to_deny(world)
    act(world, "link_organization", LINK)
    act(world, "unlink_organization", UNLINK, bob(world))
    act(world, "unlink_organization", UNLINK)
    act(world, "issue_key", {"role": "admin", "person": "eve", "reason": "she joins"}, world.key("admin"))
    act(world, "link_organization", LINK, world.key("service"))
    act(world, "link_organization", LINK, world.key("operator", person=None))
    world.post(f"/v1/approvals/{waiting}/approve", {"reason": "mine"}, world.key("operator"))
    world.post(f"/v1/approvals/{waiting}/approve", {"reason": "seen"}, bob(world))
    world.post(f"/v1/approvals/{ask_to_deny(world, feature='agents')}/reject", {"reason": "no"}, bob(world))
    world.project()
    assert [d for v in verify(world.conninfo) for d in v.differences] == []
    for entry in entries(world, "?limit=100"):
        assert entry["act"] and (entry["person"] or entry["key_id"])
        assert (entry["reason"] is None) is (entry["outcome"] == "denied")
