"""Keys to the API: they expire, rotate with an overlap, end within a second everywhere, and tell of their last use."""

import http.client
import json
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from api_world import MASTER, World, dumped, empty_world
from click.testing import CliRunner, Result
from service import Service

from api.key_uses import KeyUses
from api.postgres import EmbeddedPostgres
from commands.acts import Asked, carry_out
from commands.api_keys import API_KEYS, ROTATE_KEY, IssueKey, RevokeKey, RotateKey
from ledger.errors import Invalid, NotFound, RecountError, Refused
from ledger.events import ApiKeyIssued, ApiKeyRevoked, ApiKeyRotated, Event, Metadata, NewEvent
from ledger.ids import key_stream
from ledger.store import Log, as_role
from projections import MODELS
from projections.base import Entry
from replay.cli import recount
from replay.refold import refold
from replay.verify import verify

DAY = 86_400
ISSUED = ApiKeyIssued(
    key_id="key_1", digest="d1", mode="test", role="admin", org=None, account="acct_1", label="shop", person="ada",
    lasts_s=90 * DAY,
)  # fmt: skip
ROTATE = RotateKey(key_id="key_1", digest="d2", overlap_s=DAY)
ROTATED = (
    ApiKeyRotated(key_id="key_1", successor="key_1.2", overlap_s=DAY),
    ApiKeyIssued(
        key_id="key_1.2", digest="d2", mode="test", role="admin", org=None, account="acct_1", label="shop",
        person="ada", lasts_s=90 * DAY,
    ),
)  # fmt: skip


def decided(given: Sequence[Event], command: Any) -> tuple[Event, ...]:
    return API_KEYS.decide(command, API_KEYS.fold(given))


def refused(given: Sequence[Event], command: Any) -> RecountError:
    with pytest.raises(RecountError) as caught:
        decided(given, command)
    return caught.value


# ---- deciding ---------------------------------------------------------------------------------------------


def test_a_rotation_is_a_new_key_of_the_same_scope():
    assert decided([ISSUED], ROTATE) == ROTATED


def test_a_rotated_key_lasts_as_long_as_is_said():
    _, issued = decided([ISSUED], RotateKey(key_id="key_1", digest="d2", overlap_s=0, lasts_s=DAY))
    assert isinstance(issued, ApiKeyIssued) and issued.lasts_s == DAY


def test_the_successor_is_rotated_in_its_turn_and_ends_by_itself():
    third = decided([ISSUED, *ROTATED], RotateKey(key_id="key_1.2", digest="d3", overlap_s=0))
    assert third[0] == ApiKeyRotated(key_id="key_1.2", successor="key_1.3", overlap_s=0)
    assert decided([ISSUED, *ROTATED], RevokeKey(key_id="key_1.2")) == (ApiKeyRevoked(key_id="key_1.2"),)
    assert key_stream("key_1.3") == key_stream("key_1")


def test_a_key_is_rotated_once():
    error = refused([ISSUED, *ROTATED], ROTATE)
    assert isinstance(error, Refused) and error.code == "already_rotated"


def test_a_revoked_key_is_not_rotated():
    assert refused([ISSUED, ApiKeyRevoked(key_id="key_1")], ROTATE).code == "key_revoked"


@pytest.mark.parametrize("command", [ROTATE, RevokeKey(key_id="key_1"), RevokeKey(key_id="key_1.2", mode="live")])
def test_a_key_that_is_none_or_of_another_mode_is_not_found(command: Any):
    given = [ISSUED, *ROTATED] if getattr(command, "mode", None) == "live" else []
    assert isinstance(refused(given, command), NotFound)


@pytest.mark.parametrize(("overlap_s", "lasts_s"), [(-1, None), (2**40, None), (0, 0), (0, 2**40)])
def test_a_duration_that_is_none_is_invalid(overlap_s: int, lasts_s: int | None):
    error = refused([ISSUED], RotateKey(key_id="key_1", digest="d2", overlap_s=overlap_s, lasts_s=lasts_s))
    assert isinstance(error, Invalid) and error.code == "bad_duration"
    if lasts_s is not None:
        issue = IssueKey(key_id="key_2", digest="d", mode="test", role="admin", lasts_s=lasts_s)
        assert refused([], issue).code == "bad_duration"


def test_of_two_who_rotate_one_key_at_once_one_does(log: Log):
    log.append(NewEvent(key_stream("key_1"), 1, ISSUED, Metadata(occurred_at_s=0, actor="ada")))

    def rotate(n: int) -> str:
        asked = Asked(person="ada", reason="leaked", idempotency_key=f"k{n}", now_s=1, origin="cli")
        try:
            return carry_out(log, ROTATE_KEY, RotateKey(key_id="key_1", digest=f"d{n}", overlap_s=0), asked).act
        except Refused as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(rotate, range(8)))
    assert sorted(outcomes) == ["already_rotated"] * 7 + ["rotate_key"]
    assert len(log.read_stream(key_stream("key_1"))) == 3


# ---- the read model ---------------------------------------------------------------------------------------


def expiry(*events: tuple[int, Event]) -> dict[str, int | None]:
    """When each key expires, after events recorded at these seconds."""
    model: Any = MODELS["api_keys"]
    states: dict[Any, bytes | None] = {}
    for n, (at_s, event) in enumerate(events, 1):
        entry = Entry(n, "api_key/key_1", n, at_s * 1_000_000 + 999_999, event, None)
        for key in model.keys(entry):
            states[key] = model.apply(states.get(key), entry)
    return {key[0]: model.to_row(key, state).expires_s for key, state in states.items() if state is not None}


def test_a_key_expires_when_it_was_said_to_since_it_was_recorded():
    assert expiry((1000, ISSUED)) == {"key_1": 1000 + 90 * DAY}


def test_the_old_key_expires_after_the_overlap_and_never_later_than_it_would_have():
    assert expiry((1000, ISSUED), (5000, ROTATED[0]), (5000, ROTATED[1])) == {
        "key_1": 5000 + DAY,
        "key_1.2": 5000 + 90 * DAY,
    }
    late = 1000 + 89 * DAY + 5
    assert expiry((1000, ISSUED), (late, ROTATED[0]))["key_1"] == 1000 + 90 * DAY


# ---- the API ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def act(world: World, path: str = "", *, key: str | None = None, once: str | None = None, **given: Any) -> Any:
    """An admin's act, folded."""
    response = world.post(f"/v1/keys{path}", {"reason": "asked by mail", **given}, key, once)
    world.project()
    return response


def listed(world: World, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.read(f"/v1/keys{query}")["data"]
    return found


def one(world: World, key_id: str) -> dict[str, Any]:
    found: dict[str, Any] = world.read(f"/v1/keys/{key_id}")
    return found


def answers(world: World, key: str) -> Any:
    """All that an asker learns from one read with this key."""
    response = world.ask("/v1/orgs", key)
    return response.status_code, response.data, sorted(response.headers)


def settles(world: World, key: str, status: int, within_s: float = 1.0) -> None:
    """Until reads with this key are answered so."""
    began = time.monotonic()
    while world.ask("/v1/orgs", key).status_code != status:
        assert time.monotonic() - began < within_s
        time.sleep(0.02)


def test_an_issued_key_is_let_in_and_listed_without_itself_or_its_digest(world: World):
    made = act(world, role="service", org="org_a", label="shop", expires_in_s=DAY)
    assert made.status_code == 200 and made.json["changed"] and made.json["waiting"] is None
    key, key_id = made.json["key"], made.json["key_id"]
    settles(world, key, 200)
    found = one(world, key_id)
    assert (found["role"], found["org"], found["label"], found["state"]) == ("service", "org_a", "shop", "valid")
    assert found["expires_at"] is not None and not found["revoked"]
    digest = world._digest(key)
    for told in (made.json["events"], listed(world), found):
        assert digest not in dumped(told) and key not in dumped(told) and "digest" not in dumped(told)


def test_the_same_idempotency_key_issues_once_and_the_key_is_told_once(world: World):
    first, again = (act(world, role="service", once="k1") for _ in range(2))
    assert first.json["key"] is not None and again.json["key"] is None
    assert again.headers["Idempotent-Replayed"] == "true"
    assert {**first.json, "key": None} == again.json
    assert len([k for k in listed(world) if k["role"] == "service"]) == 1
    other = act(world, role="auditor", once="k1")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_dry_run_issues_nothing(world: World):
    response = world.post("/v1/keys?dry_run=true", {"reason": "trying", "role": "service"})
    world.project()
    assert (response.json["key"], response.json["position"]) == (None, None)
    assert [e["event"] for e in response.json["events"]] == ["api_key.issued"]
    assert [k for k in listed(world) if k["role"] == "service"] == []


def test_an_expired_key_is_answered_exactly_like_an_unknown_one_within_a_second(world: World):
    made = act(world, role="service", expires_in_s=3).json
    settles(world, made["key"], 200, 2.0)
    settles(world, made["key"], 401, 4.5)
    assert answers(world, made["key"]) == answers(world, "rk_test_unknown")
    assert one(world, made["key_id"])["state"] == "expired"
    assert [k["key_id"] for k in listed(world, "?state=expired")] == [made["key_id"]]


def test_a_rotation_lets_both_keys_in_until_the_overlap_is_over(world: World):
    old = act(world, role="service", account="acct_1").json
    settles(world, old["key"], 200)
    new = act(world, f"/{old['key_id']}/rotate", overlap_s=4).json
    assert new["key_id"] == f"{old['key_id']}.2"
    settles(world, new["key"], 200)
    assert world.ask("/v1/orgs", old["key"]).status_code == 200
    settles(world, old["key"], 401, 6.0)
    assert world.ask("/v1/orgs", new["key"]).status_code == 200
    found, before = one(world, new["key_id"]), one(world, old["key_id"])
    assert (found["role"], found["account"], found["state"]) == ("service", "acct_1", "valid")
    assert (before["successor"], before["state"]) == (new["key_id"], "expired")
    again = act(world, f"/{old['key_id']}/rotate")
    assert (again.status_code, again.json["code"]) == (409, "already_rotated")


def test_a_revoked_key_is_answered_like_an_unknown_one_and_stays_on_the_list(world: World):
    made = act(world, role="service").json
    settles(world, made["key"], 200)
    assert act(world, f"/{made['key_id']}/revoke").json["changed"] is True
    settles(world, made["key"], 401)
    assert answers(world, made["key"]) == answers(world, "rk_test_unknown")
    assert act(world, f"/{made['key_id']}/revoke").json["changed"] is False
    assert one(world, made["key_id"])["state"] == "revoked"


def test_a_key_of_another_mode_is_answered_like_an_unknown_one(world: World):
    made = act(world, role="service", key=world.key("admin", mode="live")).json
    assert made["key"].startswith("rk_live_")
    for path, body in (("revoke", {}), ("rotate", {})):
        foreign, unknown = (act(world, f"/{k}/{path}", **body) for k in (made["key_id"], "key_none"))
        assert (foreign.status_code, foreign.data) == (unknown.status_code, unknown.data)
        assert foreign.status_code == 404
    assert world.ask(f"/v1/keys/{made['key_id']}", world.key()).data == world.ask("/v1/keys/x", world.key()).data
    assert made["key_id"] not in [k["key_id"] for k in listed(world)]


@pytest.mark.parametrize(
    "given",
    [
        {"role": "root"},
        {},
        {"role": "service", "org": "acme", "account": "acct_1"},
        {"role": "service", "expires_in_s": 0},
        {"role": "service", "expires_in_s": "90d"},
        {"role": "service", "digest": "d"},
        {"role": "service", "account": "seller"},
        {"role": "service", "reason": ""},
    ],
)
def test_a_key_for_what_there_is_not_is_invalid(world: World, given: dict[str, Any]):
    response = act(world, **given)
    code = "not_an_account" if given.get("account") == "seller" else "invalid"
    assert (response.status_code, response.json["code"]) == (422, code)


def test_a_key_that_acts_as_somebody_else_waits_for_a_second_person(world: World):
    made = act(world, role="admin", person="bob").json
    assert made["waiting"] is not None and made["key"] is not None
    assert "digest" not in dumped(made)
    assert world.ask("/v1/orgs", made["key"]).status_code == 401
    assert act(world, role="admin", person="ada").json["waiting"] is None
    bobs = world.issue("admin", None, None, "test", "bob")[1]
    assert act(world, f"/{bobs}/rotate").json["waiting"] is not None
    assert one(world, bobs)["successor"] is None


# ---- last use ---------------------------------------------------------------------------------------------


def uses(world: World) -> dict[str, tuple[Any, str]]:
    with psycopg.connect(world.conninfo) as conn:
        return {k: (at, by) for k, at, by in conn.execute("SELECT key_id, used_at, process FROM ledger.key_uses")}


def test_last_use_is_listed_with_the_process_that_answered(world: World):
    key, key_id = world.issue("service", None, None, "test")
    assert one(world, key_id)["last_used_at"] is None
    world.ask("/v1/orgs/org_a/entitlements/agents", key)
    deadline = time.monotonic() + 5
    while one(world, key_id)["last_used_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "/" in one(world, key_id)["last_used_by"]


def test_last_use_is_written_once_a_minute_whichever_process_notes_it(world: World):
    now = [1_000_000.0]
    first, second = (KeyUses(world.conninfo, clock=lambda: now[0]) for _ in range(2))

    def used(by: KeyUses, at: float) -> float:
        now[0] = at
        by.used("key_1")
        by.settle()
        return float(uses(world)["key_1"][0].timestamp())

    assert used(first, 1_000_000) == 1_000_000
    assert used(first, 1_000_059) == 1_000_000
    assert used(second, 1_000_059) == 1_000_000
    assert used(first, 1_000_060) == 1_000_060


def test_no_request_fails_because_last_use_cannot_be_noted(world: World):
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute("DROP TABLE ledger.key_uses")
    noting = KeyUses(world.conninfo)
    noting.used("key_1")
    noting.settle()
    assert world.ask("/v1/orgs", world.key("service")).status_code == 200


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.key_uses",
        "SELECT FROM ledger.events",
        "INSERT INTO ledger.events DEFAULT VALUES",
        "SELECT FROM read_models.api_keys",
        "CREATE TABLE ledger.more ()",
    ],
)
def test_who_notes_uses_may_do_only_that(world: World, statement: str):
    with (
        psycopg.connect(as_role(world.conninfo, "recount_key_uses")) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(statement)


# ---- the command line, and everything at once ------------------------------------------------------------


def cli(world: World, *words: str, code: int = 0) -> Result:
    environment = {"DATABASE_URL": world.conninfo, "RECOUNT_MASTER_KEY": b64encode(MASTER).decode()}
    result = CliRunner().invoke(recount, words, env=environment)
    assert result.exit_code == code, (words, result.output, result.exception)
    world.project()
    return result


def test_the_command_line_issues_rotates_and_shows_what_became_of_keys(world: World):
    issued = json.loads(
        cli(world, "keys", "issue", "--role", "operator", "--person", "bob", "--expires-in", "90d", "--json").stdout
    )
    settles(world, issued["key"], 200)
    rotated = json.loads(cli(world, "keys", "rotate", issued["key_id"], "--overlap", "24h", "--json").stdout)
    settles(world, rotated["key"], 200)
    assert rotated["key_id"] == f"{issued['key_id']}.2" and rotated["rotated"] == issued["key_id"]
    old, new = json.loads(cli(world, "keys", "list", "--json").stdout)["data"]
    assert (old["successor"], old["state"], new["person"], new["role"]) == (new["key_id"], "valid", "bob", "operator")
    assert old["expires_at"] < new["expires_at"]
    cli(world, "keys", "revoke", rotated["key_id"])
    assert "revoked" in cli(world, "keys", "list").stdout
    assert "already" in cli(world, "keys", "rotate", issued["key_id"], code=2).stderr


def test_the_command_line_shows_a_dry_run_and_what_was_done_before(world: World):
    assert "would append" in cli(world, "keys", "issue", "--role", "service", "--dry-run").stdout
    for said in ("rk_test_", "issued before"):
        assert said in cli(world, "keys", "issue", "--role", "service", "--idempotency-key", "k", "--actor", "a").stdout


@pytest.mark.parametrize("given", ["", "d", "90", "-1d", "1.5h", "٣d", "1y"])
def test_a_duration_has_a_number_and_a_unit(world: World, given: str):
    assert "is no duration" in cli(world, "keys", "issue", "--role", "admin", "--expires-in", given, code=2).stderr


def test_each_key_of_a_stream_is_made_anew_from_its_own_events(world: World):
    old = act(world, role="service").json
    new = act(world, f"/{old['key_id']}/rotate").json
    act(world, f"/{new['key_id']}/revoke")
    assert refold(world.conninfo, [("api_keys", (k["key_id"],)) for k in (old, new)]).changed == 0
    (verified,) = verify(world.conninfo, ["api_keys"])
    assert not verified.differences


@pytest.mark.service
def test_a_revocation_counts_within_a_second_in_every_web_process(tmp_path: Path):
    os.chmod(tmp_path, 0o755)
    with Service(tmp_path / "var", workers=2) as service:
        # given a key that both processes believe, asked over connections that stay open
        admin, made = (
            json.loads(service.cli("keys", "issue", "--role", "admin", "--person", who, "--json").stdout)
            for who in ("ada", "bob")
        )
        path = "/v1/orgs/org_a/entitlements/agents"
        connections = [service.connection() for _ in range(12)]

        def ask(connection: http.client.HTTPConnection, key: str) -> tuple[int, bytes]:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            return answer.status, answer.read()

        def statuses(key: str) -> set[int]:
            return {ask(connection, key)[0] for connection in connections}

        deadline = time.monotonic() + 5
        while statuses(made["key"]) != {404}:
            assert time.monotonic() < deadline
        # when somebody revokes it
        headers = {
            "Authorization": f"Bearer {admin['key']}", "Idempotency-Key": "k1", "Content-Type": "application/json",
        }  # fmt: skip
        body = b'{"reason":"leaked"}'
        headers["Content-Length"] = str(len(body))
        assert service.request("POST", f"/v1/keys/{made['key_id']}/revoke", body, headers).status == 200
        revoked_at = time.monotonic()
        # then within a second every connection is answered as if it had never been
        while statuses(made["key"]) != {401}:
            assert time.monotonic() - revoked_at < 1.0
        assert {ask(c, made["key"]) for c in connections} == {ask(c, "rk_test_unknown") for c in connections}
        for connection in connections:
            connection.close()
