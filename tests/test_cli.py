"""The `recount` command: what it prints for people, what for programs, and how it fails."""

import json
import os
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator

import psycopg
import pytest
from click.testing import CliRunner, Result
from databases import fresh_database

from api.postgres import EmbeddedPostgres
from ledger import inbox
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from projections import BILLING, GROUPS, MODELS
from replay.cli import recount
from replay.live import Projector
from replay.rebuild import ensure_built
from replay.simulator import Scenario, encode, simulate
from replay.tables import projector_conninfo

MASTER = b"m" * 32
NAME = "Ada Canary Lovelace"
BROKEN = {
    "id": "evt_broken",
    "object": "event",
    "type": "customer.subscription.created",
    "created": 1_735_689_600,
    "livemode": False,
    "api_version": "2020-08-27",
    "data": {"object": {"object": "subscription", "id": "sub_broken"}},
}
ADA = {
    "id": "evt_ada",
    "object": "event",
    "type": "customer.created",
    "created": 1_735_689_600,
    "livemode": False,
    "api_version": "2020-08-27",
    "data": {
        "object": {
            "id": "cus_ada",
            "object": "customer",
            "created": 1_735_689_600,
            "name": NAME,
            "email": "ada@example.com",
            "livemode": False,
        }
    },
}


def take(database: str, bodies: list[bytes]) -> None:
    """Store events as the webhook endpoint does, and fold them."""
    keys, log = KeyStore(database, MasterKey(MASTER)), Log(database)
    envelopes = [inbox.open_envelope(body) for body in bodies]
    found = keys.ensure(e.subject for e in envelopes)
    log.append_bulk([inbox.receive(e, found[e.subject], "platform", secrets.token_bytes) for e in envelopes])
    keys.close()
    log.close()
    ensure_built(database)
    catch_up(database)


def catch_up(database: str) -> None:
    for group in GROUPS:
        projector = Projector(database, group)
        assert projector.lead()
        projector.catch_up()
        projector.close()


HISTORY = [encode(e) for e in simulate(Scenario(orgs=3, months=2, seed=6))]


def environment(database: str, **more: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "RECOUNT_MASTER_KEY": b64encode(MASTER).decode(),
        "STRIPE_WEBHOOK_SECRET": "",
        "STRIPE_CONNECT_WEBHOOK_SECRET": "",
        "STRIPE_SECRET_KEY": "",
        **more,
    }


class Cli:
    """Runs commands against one database."""

    def __init__(self, database: str, **settings: str) -> None:
        self.database = database
        self.environment = environment(database, **settings)

    def __call__(self, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(recount, words, env=self.environment)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result

    def json(self, *words: str, code: int = 0) -> dict:
        return json.loads(self(*words, "--json", code=code).stdout)

    def lines(self, *words: str) -> list[dict]:
        return [json.loads(line) for line in self(*words).stdout.splitlines()]


@pytest.fixture(scope="module")
def history(server: EmbeddedPostgres, template: str) -> Iterator[Cli]:
    """A database with a simulated history, for commands that change nothing."""
    with fresh_database(server, template) as database:
        take(database, [*HISTORY, json.dumps(ADA).encode(), json.dumps(BROKEN).encode()])
        yield Cli(database)


@pytest.fixture
def empty(bare_database: str) -> Cli:
    """A database in which nothing happened and nothing is built."""
    return Cli(bare_database)


@pytest.fixture
def small(database: str) -> Cli:
    """A database of its own with two customers."""
    second = json.loads(json.dumps(ADA).replace("evt_ada", "evt_bob").replace("cus_ada", "cus_bob"))
    take(database, [json.dumps(e).encode() for e in (ADA, second)])
    return Cli(database)


# ---- errors -------------------------------------------------------------------------------


def test_an_error_is_one_line_with_the_mend(history: Cli):
    result = history("replay", "rebuild", "nonsense", code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("recount: there is no read model 'nonsense'; there are ")
    assert all(name in line for name in MODELS)


def test_an_error_is_json_where_json_was_asked_for(history: Cli):
    said = history.json("replay", "verify", "nonsense", code=2)
    assert said["error"]["code"] == "unknown_model"
    assert set(said) == {"error"}


def test_a_database_that_is_not_there_is_named_with_the_mend():
    absent = Cli("host=127.0.0.1 port=1 dbname=none user=nobody connect_timeout=2")
    assert "recount serve" in absent("status", code=2).stderr
    assert absent.json("status", code=2)["error"]["code"] == "store_unavailable"


def test_a_bad_setting_is_named():
    result = CliRunner().invoke(recount, ["status"], env={"RECOUNT_MASTER_KEY": "short"})
    assert result.exit_code == 2
    assert "RECOUNT_MASTER_KEY" in result.stderr


def test_read_models_that_are_not_built_are_said_to_be_so(empty: Cli):
    for command in (["replay", "digest"], ["replay", "verify"], ["keys", "list"], ["orgs", "list"]):
        assert empty.json(*command, code=2)["error"]["code"] == "not_built"
    assert empty.json("replay", "digest", "--wait", code=2)["error"]["code"] == "not_built"


def test_the_version_is_printed():
    assert CliRunner().invoke(recount, ["--version"]).stdout == "recount 0.1.0\n"


# ---- status -------------------------------------------------------------------------------


def test_status_tells_what_is_there(history: Cli):
    found = history.json("status")
    assert found["position"] == found["head"] == len(HISTORY) + 2
    assert found["lag"] == {"events": 0, "seconds": 0}
    assert found["groups"]["billing"]["leader"] is False
    assert found["stripe_events"]["quarantined"] == 1
    assert found["models"]["organizations"] == {"version": MODELS["organizations"].version, "rows": 3}
    assert (found["dirty"], found["spreading"], found["parked"]["count"]) == (0, 0, 0)
    text = history("status").stdout
    assert found["open"] == {"quarantined": 1, "conflict": 0, "parked": 0}
    assert "Set aside, and asking for a person: 1 quarantined." in text
    assert "recount quarantine list" in text
    assert "none: start `recount worker`" in text
    assert ["model", "version", "rows"] in [line.split() for line in text.splitlines()]


def test_status_of_an_empty_database_is_no_error(empty: Cli):
    found = empty.json("status")
    assert (found["position"], found["head"]) == (None, 0)
    assert found["models"]["customers"] == {"version": None, "rows": 0}
    assert "not built yet" in empty("status").stdout


def test_status_tells_lag_leader_and_parked_keys(small: Cli):
    small("orgs", "link", "acme", "cus_ada")
    leader = Projector(small.database, BILLING)
    assert leader.lead()
    with psycopg.connect(projector_conninfo(small.database), autocommit=True) as conn:
        conn.execute(
            "INSERT INTO read_models.parked (model, key, position, error) VALUES ('customers', %s, 1, 'KeyError: x')",
            [["test", "platform", "cus_ada"]],
        )
    found = small.json("status")
    assert found["groups"]["billing"]["leader"] is True
    assert found["groups"]["access"]["leader"] is False
    assert found["lag"]["events"] == 2  # the link, and the receipt of whoever made it
    assert found["lag"]["seconds"] > 0
    assert found["parked"]["keys"][0]["error"] == "KeyError: x"
    assert "customers test/platform/cus_ada at 1: KeyError: x" in small("status").stdout
    leader.close()


# ---- events -------------------------------------------------------------------------------


def test_the_newest_events_are_listed_in_order(history: Cli):
    positions = [e["position"] for e in history.json("events", "list", "--limit", "3")["data"]]
    head = len(HISTORY) + 2
    assert positions == [head - 2, head - 1, head]
    assert [e["position"] for e in history.json("events", "list", "--after", "5", "--limit", "2")["data"]] == [6, 7]


def test_events_are_found_by_what_they_are(history: Cli):
    def found(*words: str) -> list[dict]:
        return history.json("events", "list", "--limit", "1000", *words)["data"]

    created = sum(1 for b in HISTORY if json.loads(b)["type"] == "customer.created") + 1
    assert len(found("--type", "customer.created")) == created > 1
    kinds = {e["type"] for e in found("--type", "customer.subscription.*")}
    assert kinds
    assert all(k.startswith("customer.subscription.") for k in kinds)
    assert len(found("--type", "stripe.event_received")) == len(HISTORY) + 2
    assert [e["stream"] for e in found("--customer", "cus_ada")] == ["stripe/test/platform/evt_ada"]
    assert [e["stream"] for e in found("--stream", "stripe/test/platform/evt_ada")] == ["stripe/test/platform/evt_ada"]
    (broken,) = found("--state", "quarantined")
    assert broken["stream"].endswith("/evt_broken")
    assert broken["why"]
    assert found("--mode", "live") == []
    assert len(found("--mode", "test")) == len(HISTORY) + 2


def test_a_plain_listing_has_one_line_an_event(history: Cli):
    lines = history("events", "list", "--limit", "4").stdout.splitlines()
    assert len(lines) == 4
    assert lines[-1].split()[0] == str(len(HISTORY) + 2)


def test_operators_acts_are_found_too(small: Cli):
    small("orgs", "link", "acme", "cus_ada", "--actor", "grace", "--reason", "moved")
    (event,) = small.json("events", "list", "--type", "organization.linked")["data"]
    assert event["actor"] == "grace"
    assert event["stream"] in {e["stream"] for e in small.json("events", "list", "--customer", "cus_ada")["data"]}
    (whole,) = small.json("events", "show", event["stream"])["data"]
    assert whole["metadata"]["reason"] == "moved"


def test_an_event_is_shown_by_id_position_and_stream(history: Cli):
    (by_id,) = history.json("events", "show", "evt_ada")["data"]
    assert history.json("events", "show", str(by_id["position"]))["data"] == [by_id]
    assert history.json("events", "show", by_id["stream"])["data"] == [by_id]
    assert by_id["event"]["payload"]["data"]["object"]["id"] == "cus_ada"
    connected = next(e for e in map(json.loads, HISTORY) if "account" in e)
    (theirs,) = history.json("events", "show", connected["id"])["data"]
    assert theirs["event"]["account"] == connected["account"]
    assert history.json("events", "show", "evt_none", code=2)["error"]["code"] == "not_found"


def test_personal_fields_stay_sealed_unless_opened(history: Cli):
    assert NAME not in history("events", "show", "evt_ada").stdout
    assert NAME not in history("events", "show", "evt_ada", "--json").stdout
    assert NAME in history("events", "show", "evt_ada", "--open").stdout
    (opened,) = history.json("events", "show", "evt_ada", "--open")["data"]
    assert opened["event"]["payload"]["data"]["object"]["name"] == NAME


def test_an_export_has_every_event_once_and_in_order(history: Cli):
    lines = history.lines("events", "export")
    assert [e["position"] for e in lines] == list(range(1, len(HISTORY) + 3))
    assert set(lines[0]) == {"position", "stream", "version", "name", "recorded_at", "metadata", "event"}
    assert NAME not in history("events", "export").stdout
    assert [e["position"] for e in history.lines("events", "export", "--after", "2", "--upto", "4")] == [3, 4]


def test_an_export_into_a_closed_pipe_ends_quietly(history: Cli):
    command = f"{sys.executable} -c 'from replay.cli import main; main()' events export | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], env={**os.environ, **environment(history.database)}, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["position"] == 1
    assert done.stderr == b""


def test_tail_prints_the_newest_events(history: Cli):
    lines = history.lines("events", "tail", "-n", "2")
    assert [e["position"] for e in lines] == [len(HISTORY) + 1, len(HISTORY) + 2]


def test_following_prints_what_is_appended_meanwhile(small: Cli):
    words = [sys.executable, "-c", "from replay.cli import main; main()", "events", "tail", "-f", "-n", "1"]
    with subprocess.Popen(words, env={**os.environ, **environment(small.database)}, stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        first = json.loads(tail.stdout.readline())
        small("orgs", "link", "acme", "cus_ada")
        then = json.loads(tail.stdout.readline())
        receipt = json.loads(tail.stdout.readline())
        tail.send_signal(2)
        assert tail.wait(10) == 0
    assert (first["position"], then["position"], then["name"]) == (2, 3, "organization.linked")
    assert receipt["name"] == "receipt.kept"


# ---- replay -------------------------------------------------------------------------------


def test_a_digest_has_one_line_a_model(history: Cli):
    found = history.json("replay", "digest", "--wait")
    assert set(found) == {"position", "models"}
    assert found["position"] == len(HISTORY) + 2
    access = {"api_keys", "approvals", "audit_log"}  # ids and keys are random: no content to agree on
    assert list(found["models"]) == [m for m in MODELS if m not in access]
    lines = [line.split() for line in history("replay", "digest").stdout.splitlines()]
    assert lines == [[name, str(m["rows"]), m["sha256"]] for name, m in found["models"].items()]


def test_a_rebuild_changes_no_digest_and_says_who_asked_for_it(small: Cli):
    before = small.json("replay", "digest")["models"]
    built = small.json("replay", "rebuild", "--all", "--actor", "grace", "--reason", "0.4 translates otherwise")
    assert built["events"] >= 2
    assert {m for g in built["groups"] for m in g["models"]} == set(MODELS)
    rows = {m: n for g in built["groups"] for m, n in g["rows"].items()}
    assert {m: rows[m] for m in before} == {m: d["rows"] for m, d in before.items()}
    assert small.json("replay", "digest")["models"] == before
    text = small("replay", "rebuild", "catalog").stdout
    assert "events/s" in text
    assert small.json("replay", "digest")["models"] == before
    catch_up(small.database)
    asked = small.lines("audit", "log", "--act", "rebuild", "--json")
    assert [(a["reason"], a["events"][0]["models"], a["mode"]) for a in asked] == [
        ("no reason was given", ["catalog"], "both"),
        ("0.4 translates otherwise", [], "both"),
    ]
    assert asked[1]["person"] == "grace"


def test_a_rebuild_that_is_only_tried_rebuilds_nothing_and_records_nothing(small: Cli):
    head = small.json("status")["head"]
    said = small("replay", "rebuild", "catalog", "--dry-run").stdout
    assert '"event": "read_models.rebuild_requested"' in said
    assert small.json("status")["head"] == head


def test_models_and_all_exclude_each_other(history: Cli):
    assert history.json("replay", "rebuild", "catalog", "--all", code=2)["error"]["code"] == "models_and_all"


def test_verify_finds_nothing_where_nothing_was_changed(history: Cli):
    found = history.json("replay", "verify")
    assert found["ok"] is True
    assert found["differences"] == []
    assert history("replay", "verify", "customers").stdout.startswith("clean: ")


def test_verify_names_every_row_that_was_tampered_with(small: Cli):
    with psycopg.connect(small.database, autocommit=True) as conn:
        conn.execute("UPDATE read_models.customers SET delinquent = true WHERE id = 'cus_ada'")
        conn.execute("DELETE FROM read_models.customers WHERE id = 'cus_bob'")
    found = small.json("replay", "verify", code=1)
    assert found["ok"] is False
    assert found["differences"] == [
        {"model": "customers", "key": ["test", "platform", "cus_ada"], "kind": "differs", "columns": ["delinquent"]},
        {"model": "customers", "key": ["test", "platform", "cus_bob"], "kind": "missing", "columns": []},
    ]
    text = small("replay", "verify", code=1).stdout
    assert "customers test/platform/cus_ada differs in delinquent\n" in text
    small("replay", "rebuild")
    assert small.json("replay", "verify")["ok"] is True


def test_waiting_folds_where_no_worker_does(small: Cli):
    small("orgs", "link", "acme", "cus_ada")
    assert small.json("replay", "digest")["position"] == 2
    assert small.json("replay", "digest", "--wait")["position"] == 4


def test_waiting_ends_when_the_leader_does_not_move(small: Cli):
    small("orgs", "link", "acme", "cus_ada")
    leader = Projector(small.database, BILLING)
    assert leader.lead()
    said = small.json("replay", "digest", "--wait", "--timeout", "0.1", code=2)
    assert said["error"]["code"] == "not_caught_up"
    leader.close()


def test_an_organization_is_shown_as_it_stood(history: Cli):
    org = history.json("orgs", "list")["data"][0]["org"]
    now = history.json("replay", "as-of", "--org", org, "--position", "1000000")
    assert now["position"] == len(HISTORY) + 2
    assert now["entitlements"]
    assert now["subscriptions"]
    assert {link["org"] for link in now["org_links"]} == {org}
    assert history.json("replay", "as-of", "--org", org, "--at", "2999-01-01")["entitlements"][0]["feature"]
    first = history.json("replay", "as-of", "--org", org, "--position", "0")
    assert (first["entitlements"], first["subscriptions"], first["org_links"]) == ([], [], [])
    assert history.json("replay", "as-of", "--org", org, "--true-at", "2025-01-01T00:00:00Z")["subscriptions"] == []
    text = history("replay", "as-of", "--org", org, "--at", "2999-01-01T00:00:00+02:00").stdout
    assert text.startswith(f"{org} (test) as of 2998-12-31 22:00:00 UTC")
    assert now["subscriptions"][0]["id"] in text


@pytest.mark.parametrize(
    ("words", "code"),
    [([], "no_time"), (["--at", "yesterday"], "not_a_time"), (["--at", "2025-01-01", "--position", "1"], "no_time")],
)
def test_a_time_must_be_said_once_and_rightly(history: Cli, words: list[str], code: str):
    assert history.json("replay", "as-of", "--org", "acme", *words, code=2)["error"]["code"] == code


# ---- acting -------------------------------------------------------------------------------


def test_an_issued_key_is_kept_as_a_digest_only(small: Cli):
    issued = small.json("keys", "issue", "--role", "service", "--org", "acme", "--mode", "live", "--label", "shop")
    assert issued["key"].startswith("rk_live_")
    assert len(issued["key"]) == len("rk_live_") + 43
    assert issued["key"][8:].isalnum()
    assert issued["key"] not in small("events", "export").stdout
    catch_up(small.database)
    (known,) = small.json("keys", "list")["data"]
    assert (known["key_id"], known["role"], known["org"], known["revoked"]) == (
        issued["key_id"], "service", "acme", False,
    )  # fmt: skip
    with psycopg.connect(small.database) as conn:
        (digest,) = conn.execute("SELECT digest FROM read_models.api_keys").fetchone()
    assert digest == MasterKey(MASTER).digest_of_api_key(issued["key"])


def test_a_key_is_printed_alone_on_stdout(small: Cli):
    result = small("keys", "issue", "--role", "operator")
    assert result.stdout.startswith("rk_test_")
    assert len(result.stdout.split()) == 1
    assert "recount keys revoke key_" in result.stderr


def test_a_key_is_revoked_for_ever(small: Cli):
    key_id = small.json("keys", "issue", "--role", "auditor")["key_id"]
    assert small.json("keys", "revoke", key_id)["changed"] is True
    assert small.json("keys", "revoke", key_id)["changed"] is False
    catch_up(small.database)
    assert small("keys", "list").stdout.split()[4] == "revoked"
    assert small.json("keys", "list", "--mode", "live")["data"] == []
    assert small.json("keys", "revoke", "key_none", code=2)["error"]["code"] == "not_found"


def test_a_role_that_is_none_lists_the_roles(small: Cli):
    assert "service, dashboard, operator, auditor, admin" in small("keys", "issue", "--role", "root", code=2).stderr


def test_links_of_organizations_are_made_and_taken_back(small: Cli):
    assert small.json("orgs", "link", "acme", "cus_ada")["changed"] is True
    assert "was already linked" in small("orgs", "link", "acme", "cus_ada").stdout
    catch_up(small.database)
    assert [o["org"] for o in small.json("orgs", "list")["data"]] == ["acme"]
    assert small("orgs", "list").stdout.split()[0] == "acme"
    assert "no operator" in small("orgs", "unlink", "cus_ada").stdout
    catch_up(small.database)
    assert small.json("orgs", "list")["data"] == []
    assert small.json("orgs", "unlink", "cus_ada", code=2)["error"]["code"] == "not_linked"
    assert small.json("orgs", "link", "cus_ada", "acme", code=2)["error"]["code"] == "not_a_customer"


def test_who_acted_and_why_is_recorded(small: Cli):
    position = small.json("keys", "issue", "--role", "admin", "--actor", "grace", "--reason", "audit")["position"]
    metadata = small.json("events", "show", str(position))["data"][0]["metadata"]
    assert (metadata["actor"], metadata["reason"], metadata["mode"]) == ("grace", "audit", "test")
    assert metadata["occurred_at_s"] > 1_700_000_000


# ---- a second person ----------------------------------------------------------------------


def ask_to_erase(cli: Cli) -> str:
    return cli.json("subjects", "erase", "cus_ada", "--yes", "--actor", "grace", "--reason", "her request")["waiting"]


def test_what_waits_for_a_second_person_is_listed_and_shown(small: Cli):
    asked = ask_to_erase(small)
    said = small("subjects", "erase", "cus_bob", "--yes", "--actor", "grace", "--idempotency-key", "k1").stdout
    assert said.startswith("waits for a second person: recount approvals approve apr_")
    assert small("subjects", "erase", "cus_bob", "--yes", "--actor", "grace", "--idempotency-key", "k1").stdout == said
    catch_up(small.database)
    lines = [line.split() for line in small("approvals", "list").stdout.splitlines()]
    assert [line[1:4] for line in lines] == [
        ["erase_subject", "test/platform/cus_bob", "grace"],
        ["erase_subject", "test/platform/cus_ada", "grace"],
    ]
    assert [a["id"] for a in small.json("approvals", "list", "--mode", "live")["data"]] == []
    shown = small.json("approvals", "show", asked)
    assert (shown["act"], shown["input"]) == ("erase_subject", {"subject": "test/platform/cus_ada"})
    assert (shown["person"], shown["reason"], shown["settled_by"]) == ("grace", "her request", None)
    assert "why         her request" in small("approvals", "show", asked).stdout
    assert small.json("approvals", "show", "apr_none", code=2)["error"]["code"] == "not_found"
    assert small.json("approvals", "approve", "apr_none", code=2)["error"]["code"] == "not_found"


def test_what_was_rejected_is_never_carried_out(small: Cli):
    asked = ask_to_erase(small)
    assert "is rejected" in small("approvals", "reject", asked, "--actor", "alan", "--reason", "an open claim").stdout
    assert "was already rejected" in small("approvals", "reject", asked, "--actor", "alan").stdout
    assert small.json("approvals", "approve", asked, "--actor", "alan", code=2)["error"]["code"] == "already_rejected"
    assert NAME in small("events", "show", "evt_ada", "--open").stdout
    catch_up(small.database)
    (known,) = small.json("approvals", "list", "--state", "rejected")["data"]
    assert (known["id"], known["settled_by"]) == (asked, "alan")
    assert "rejected" in small("approvals", "list", "--state", "all").stdout
    acts = [(a["act"], a["outcome"], a["subject"]) for a in small.lines("audit", "log", "--json")]
    whom = "test/platform/cus_ada"
    assert acts[:3] == [
        ("erase_subject", "denied", whom),
        ("reject", "unchanged", whom),
        ("reject", "done", whom),
    ]


def test_an_approval_that_is_only_tried_grants_nothing(small: Cli):
    asked = ask_to_erase(small)
    said = small("approvals", "approve", asked, "--actor", "alan", "--dry-run").stdout
    assert '"event": "subject.erased"' in said
    assert NAME in small("events", "show", "evt_ada", "--open").stdout
    assert small("approvals", "approve", asked, "--actor", "alan").stdout == (
        f"{asked} is approved, and erase_subject carried out\n"
    )


# ---- the audit ----------------------------------------------------------------------------


def test_the_audit_tells_who_did_what_when_and_why(small: Cli):
    small("orgs", "link", "acme", "cus_ada", "--actor", "grace", "--reason", "contract 17")
    small("orgs", "unlink", "cus_ada", "--actor", "alan", "--reason", "it ended")
    small("orgs", "unlink", "cus_ada", "--actor", "alan", "--reason", "it ended", code=2)
    small("orgs", "link", "globex", "cus_bob", "--mode", "live", "--actor", "grace", "--reason", "new")
    catch_up(small.database)

    def found(*words: str) -> list[tuple[str, str, str | None]]:
        return [(a["act"], a["outcome"], a["org"]) for a in small.lines("audit", "log", *words, "--json")]

    link, unlink, again = (
        ("link_organization", "done", "acme"), ("unlink_organization", "done", None),
        ("unlink_organization", "denied", None),
    )  # fmt: skip
    assert found() == [again, unlink, link]
    assert found("--person", "grace") == found("--org", "acme") == found("--act", "link_organization") == [link]
    assert found("--outcome", "denied") == [again]
    assert found("--subject", "customer/platform/cus_ada") == [again, unlink, link]
    assert found("--mode", "live") == [("link_organization", "done", "globex")]
    assert found("--before", "2001-01-01") == found("--after", "2999-01-01") == []
    assert found("--after", "2001-01-01", "--before", "2999-01-01", "--limit", "1") == [again]
    assert small.json("audit", "log", "--after", "soon", code=2)["error"]["code"] == "not_a_time"
    (first,) = small.lines("audit", "log", "--person", "grace", "--json")
    assert (first["reason"], first["origin"], first["events"][0]["event"]) == (
        "contract 17",
        "cli",
        "organization.linked",
    )
    plain = small("audit", "log").stdout.splitlines()
    assert plain[0].split()[1:5] == ["alan", "unlink_organization", "denied:", "not_linked"]
    assert plain[2].split()[1:4] == ["grace", "link_organization", "done"]


# ---- erasing ------------------------------------------------------------------------------


def heap_of_keys(database: str) -> bytes:
    """The key table as it lies on disk."""
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("CHECKPOINT")
        row = conn.execute("SELECT pg_relation_filepath('subject_keys.keys')").fetchone()
        return conn.execute("SELECT pg_read_binary_file(%s)", [row[0]]).fetchone()[0]


def test_an_erased_subject_can_never_be_read_again(small: Cli):
    before = small.json("replay", "digest")["models"]
    with psycopg.connect(small.database) as conn:
        wrapped = conn.execute(
            "SELECT wrapped_key FROM subject_keys.keys WHERE subject = 'test/platform/cus_ada'"
        ).fetchone()[0]
    assert wrapped in heap_of_keys(small.database)
    # when one person asks for it, then nothing happens
    asked = small.json("subjects", "erase", "cus_ada", "--yes", "--actor", "grace", "--reason", "her request")
    assert (asked["subject"], asked["position"]) == ("test/platform/cus_ada", 4)
    assert NAME in small("events", "show", "evt_ada", "--open").stdout
    assert small.json("approvals", "approve", asked["waiting"], "--actor", "grace", code=2)["error"]["code"] == (
        "second_person"
    )
    assert NAME in small("events", "show", "evt_ada", "--open").stdout
    # when another approves, then it is done
    done = small.json("approvals", "approve", asked["waiting"], "--actor", "alan", "--reason", "seen the letter")
    assert [e["event"] for e in done["events"]] == ["approval.granted", "subject.erased"]
    (shown,) = small.json("events", "show", "evt_ada", "--open")["data"]
    assert shown["event"]["payload"]["data"]["object"]["name"] is None
    assert wrapped not in heap_of_keys(small.database)
    assert NAME in small("events", "show", "evt_bob", "--open").stdout
    assert small.json("replay", "digest", "--wait")["models"] == before
    # and the audit tells all of it
    audit = small.lines("audit", "log", "--subject", "test/platform/cus_ada", "--json")
    assert [(a["act"], a["outcome"], a["code"], a["person"]) for a in audit] == [
        ("erase_subject", "done", None, "alan"),
        ("erase_subject", "denied", "second_person", "grace"),
        ("erase_subject", "waiting", None, "grace"),
    ]
    assert [a["approval"] for a in audit] == [asked["waiting"], None, asked["waiting"]]
    assert [a["reason"] for a in audit] == ["seen the letter", None, "her request"]


@pytest.fixture
def alone(small: Cli) -> Cli:
    """The same where no act waits for a second person, since there is none."""
    return Cli(small.database, RECOUNT_SECOND_PERSON_FROM="100")


def test_erasing_again_heals_what_a_crash_left_undone(alone: Cli):
    small = alone
    keys = KeyStore(small.database, MasterKey(MASTER))
    assert keys.destroy("test/platform/cus_ada")  # and then the process died
    keys.close()
    healed = small.json("subjects", "erase", "test/platform/cus_ada", "--yes")
    assert (healed["changed"], healed["waiting"]) == (True, None)
    assert small.json("subjects", "erase", "cus_ada", "--yes")["changed"] is False
    assert "was already erased" in small("subjects", "erase", "cus_ada", "--yes").stdout


def test_no_key_is_left_in_the_free_space_of_a_page(alone: Cli):
    small = alone
    with psycopg.connect(small.database) as conn:
        wrapped = [key for (key,) in conn.execute("SELECT wrapped_key FROM subject_keys.keys")]
    keys = KeyStore(small.database, MasterKey(MASTER))
    for customer in ("cus_ada", "cus_bob"):
        assert keys.destroy(f"test/platform/{customer}")
    keys.close()
    small("subjects", "erase", "cus_bob", "--yes")
    heap = heap_of_keys(small.database)
    assert len(wrapped) == 2
    assert [key for key in wrapped if key[:24] in heap] == []


def test_erasing_asks_first(small: Cli):
    result = CliRunner().invoke(recount, ["subjects", "erase", "cus_ada"], input="n\n", env=environment(small.database))
    assert result.exit_code == 1
    assert NAME in small("events", "show", "evt_ada", "--open").stdout


def test_erasing_whom_nobody_knows_is_an_error(small: Cli):
    assert small.json("subjects", "erase", "cus_adda", "--yes", code=2)["error"]["code"] == "not_found"
    assert small.json("subjects", "erase", "cus_ada", "--mode", "live", "--yes", code=2)["error"]["code"] == "not_found"


def run_alone(code: str) -> subprocess.CompletedProcess[str]:
    """A Python process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_a_short_command_reads_no_code_but_its_own():
    # when
    done = run_alone(
        "import sys; from replay.cli import recount; from replay.cli.service import service\n"
        "recount.get_command(None, 'keys')\n"
        "for door in ('settings', 'database', 'asked_by', 'carry_out', 'issue_key'): service(door)\n"
        "print(*(m for m in ('flask', 'marshmallow', 'replay.simulator', 'rich', 'stripe', 'structlog')"
        " if m in sys.modules))"
    )
    # then
    assert done.stdout.split() == []


def test_what_the_engine_says_meanwhile_is_no_part_of_the_answer():
    done = run_alone("from replay.lines import Lines; Lines('recount.tested').warning('held', model='orgs')")
    assert done.stdout == ""
    assert "held" in done.stderr and "orgs" in done.stderr
