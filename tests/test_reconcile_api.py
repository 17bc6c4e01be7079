"""What is known by comparing with Stripe, over HTTP and on the command line."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import psycopg
import pytest
from api_world import World, empty_world
from click.testing import CliRunner, Result
from histories import built
from reading import Live
from samples import T, customer
from sandboxes import CLOVER, KEY, Asked
from sightings import Seen

from api import reconciling
from api.metrics import exposition
from api.postgres import EmbeddedPostgres
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from ledger.events import Event, Metadata, NewEvent
from ledger.ids import comparison_stream, drift_stream
from ledger.reconcile_events import DriftFound, EventsReconciled
from replay.cli import recount

_META = Metadata(occurred_at_s=T, actor="system")


# ---- the API ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        for mode in ("test", "live"):
            _tell(made, mode)
        made.project()
        yield made


def _tell(world: World, mode: Any) -> None:
    its: dict[str, Any] = {"mode": mode, "account": "platform"}
    compared = EventsReconciled(
        **its, from_s=T, to_s=T + 86_400, listed=9, held=7, appended=2, unreadable=0, first_missing_s=T + 5,
        last_missing_s=T + 9, request=None,
    )  # fmt: skip
    said: list[tuple[str, Event]] = [(comparison_stream(mode, "platform"), compared)]
    for number, (kind, object) in enumerate((("stale", "customer"), ("unpaid_but_active", "subscription"))):
        id = f"{mode}_{object}_{number}"
        found = DriftFound(
            **its, object=object, object_id=id, kind=kind, fields={"status": ["active", "canceled"]},  # type: ignore[arg-type]
            customer=f"cus_{number}", seen_s=T + number,
        )  # fmt: skip
        said.append((drift_stream(mode, "platform", object, id), found))
    for stream, event in said:
        world._append(NewEvent(stream, 1, event, _META))
    for number in range(3):
        seen = Seen(customer(f"cus_{number}"), T + number, live=mode == "live", why="call" if number else "fetch").new()
        assert seen is not None
        world._append(seen)


def rows(world: World, path: str, mode: str = "test") -> list[Any]:
    found: list[Any] = world.read(path, world.key("operator", mode=mode))["data"]
    return found


def test_coverage_is_answered_by_account_and_mode(world: World) -> None:
    for mode in ("test", "live"):
        (row,) = rows(world, "/v1/event-coverage", mode)
        assert row["account"] == "platform" and (row["listed"], row["held"], row["appended"]) == (9, 7, 2)
        assert row["whole_until"] == "2025-10-10T08:53:20Z"
    assert rows(world, "/v1/event-coverage?account=acct_1") == []


@pytest.mark.parametrize("name", ["account", "kind", "object", "object_id", "customer"])
def test_drift_is_answered_by_each_filter(world: World, name: str) -> None:
    everything = rows(world, "/v1/drift")
    assert [r["object_id"] for r in everything] == ["test_customer_0", "test_subscription_1"]
    for value in {r[name] for r in everything}:
        assert rows(world, f"/v1/drift?{name}={value}") == [r for r in everything if r[name] == value]


@pytest.mark.parametrize("name", ["account", "state", "object", "object_id", "customer"])
def test_observations_are_answered_by_each_filter(world: World, name: str) -> None:
    everything = rows(world, "/v1/observations")
    assert [r["object_id"] for r in everything] == ["cus_2", "cus_1", "cus_0"]
    for value in {r[name] for r in everything} - {None}:
        assert rows(world, f"/v1/observations?{name}={value}") == [r for r in everything if r[name] == value]
    when = everything[1]["seen"]
    assert [r["object_id"] for r in rows(world, f"/v1/observations?created_after={when}")] == ["cus_2", "cus_1"]
    assert [r["object_id"] for r in rows(world, f"/v1/observations?created_before={when}")] == ["cus_0"]


def test_a_comparison_is_asked_for_once_and_answered_with_what_became_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"what": "objects", "repair": True, "reason": "the auditors asked"}
    operator = world.key("operator", person="ada")
    refused = world.post("/v1/acts/reconcile", body, operator)
    assert refused.json["code"] == "stripe_key_missing"
    settings = world.app.extensions["recount"].settings
    with_key = msgspec.structs.replace(settings, stripe_secret_key=KEY)
    monkeypatch.setitem(world.app.extensions, "recount", world.app.extensions["recount"]._replace(settings=with_key))
    done = world.post("/v1/acts/reconcile", body, operator)
    assert done.status_code == 200, done.json
    world.project()
    (row,) = rows(world, "/v1/reconciliations")
    assert (row["what"], row["state"], row["by"], row["why"]) == ("objects", "requested", "ada", "the auditors asked")
    assert rows(world, "/v1/reconciliations?state=done") == rows(world, "/v1/reconciliations?what=events") == []
    assert rows(world, "/v1/reconciliations?state=requested&what=objects&account=x") == []
    live = world.post("/v1/acts/reconcile", body, world.key("operator", mode="live", person="ada"))
    assert live.json["code"] == "other_mode"
    wrong = world.post("/v1/acts/reconcile", {**body, "what": "everything"}, operator)
    assert wrong.status_code == 400 or wrong.status_code == 422


def test_metrics_tell_coverage_drift_and_what_is_wanted(world: World) -> None:
    told = exposition(lambda: psycopg.connect(world.conninfo)).decode()
    assert f'recount_events_whole_until_seconds{{mode="test"}} {(T + 86_400) / 1e9!r}e+09' in told
    assert 'recount_events_gap_seconds{healable="' in told
    assert 'recount_drift{kind="unpaid_but_active",mode="test"} 1.0' in told
    assert 'recount_drift{kind="missing_here",mode="live"} 0.0' in told
    assert 'recount_fetches_wanted{state="given_up"} 0.0' in told


# ---- the command line -----------------------------------------------------------------------


@pytest.fixture
def shop(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asked, Callable[..., Result]]]:
    """A sandbox that sells, and the command line that asks it."""
    sandbox = Sandbox(version=CLOVER)
    built(database)
    with closing(Live(database)) as live, serving(sandbox) as url:
        monkeypatch.setattr(reconciling, "settled", lambda *_: live())
        env = {
            "DATABASE_URL": database, "RECOUNT_MASTER_KEY": "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=",
            "STRIPE_API_BASE": url, "STRIPE_SECRET_KEY": KEY, "RECOUNT_STRIPE_API_VERSION": CLOVER,
        }  # fmt: skip

        def run(*args: str, fails: int = 0) -> Result:
            live()
            result = CliRunner().invoke(recount, ["reconcile", *args], env={**os.environ, **env})
            assert result.exit_code == fails, result.output
            live()
            return result

        yield Asked(sandbox, CLOVER), run


def test_gaps_closed_are_reported_on_the_command_line(shop: tuple[Asked, Callable[..., Result]]) -> None:
    asked, run = shop
    for n in range(3):
        asked.post("/v1/customers", email=f"c{n}@example.com")
    said = run("events").output
    assert "platform: 3 events were missing between" in said and "are in the log now; no gap from" in said
    assert "none was missing" in run("events").output
    told = json.loads(run("coverage", "--json").stdout)["data"][0]
    assert (told["account"], told["appended_ever"], told["gaps"]) == ("platform", 3, [])
    assert "platform: whole" in run("coverage").output


def test_drift_is_reported_and_repaired_on_the_command_line(shop: tuple[Asked, Callable[..., Result]]) -> None:
    asked, run = shop
    asked.post("/v1/customers", email="a@example.com", metadata={"org_id": "org_a"})
    # not a single event came, and none was fetched
    said = run("objects", fails=1).output
    assert "compared 1 customer: 1 missing here" in said and "recount reconcile drift" in said
    assert "missing_here" in run("drift", "--kind", "missing_here").output
    assert json.loads(run("drift", "--json").stdout)["data"][0]["object"] == "customer"
    refused = run("objects", "--repair", fails=2)
    assert "--reason" in refused.output
    assert "1 mended" in run("objects", "--repair", "--reason", "no webhook came", "--actor", "ada").output
    assert json.loads(run("drift", "--json").stdout)["data"] == []
    assert "all agree" in run("objects").output
    plan = run("events", "--dry-run", "--json")
    assert json.loads(plan.stdout)["compared"] == []


def test_what_is_wanted_is_listed_on_the_command_line(shop: tuple[Asked, Callable[..., Result]]) -> None:
    _, run = shop
    assert json.loads(run("wanted", "--json").stdout)["data"] == []
    run("wanted")
    assert "No events were compared yet" in run("coverage").output


def test_another_mode_than_the_keys_is_refused(shop: tuple[Asked, Callable[..., Result]]) -> None:
    _, run = shop
    assert "not of live mode" in run("events", "--mode", "live", fails=2).output
