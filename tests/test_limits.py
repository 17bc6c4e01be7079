"""Rate limits: a key that asks too often is told when to ask again, whichever way it asks, and no other key is."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from api_world import MASTER, World, shop
from flask import Flask

from api import limits
from api.app import create_app
from api.database import Database
from api.limits import Windows
from api.postgres import EmbeddedPostgres
from api.settings import RATE_LIMIT, BadSetting, Settings, load

HOT, FLASK = "/v1/orgs/org_a/entitlements/agents", "/v1/orgs"


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        yield made


@contextmanager
def limited(world: World, limit: str | None) -> Iterator[Flask]:
    """The API over the same database with another limit."""
    settings = Settings(
        database_url=world.conninfo, keys_database_url=None, data_dir=Path("var"), master_key=MASTER,
        platform_secrets=(), connect_secrets=(), stripe_secret_key=None,
        stripe_api_base="https://api.stripe.com", log_level="info",
        rate_limit=limit,
    )  # fmt: skip
    app = create_app(Database(world.conninfo, world.conninfo, None), settings, world.keys)
    try:
        yield app
    finally:
        app.extensions["recount"].readers.close()


def ask(app: Flask, path: str, key: str | None) -> Any:
    return app.test_client().get(path, headers={"Authorization": f"Bearer {key}"} if key is not None else {})


def told(response: Any) -> tuple[str, ...]:
    return tuple(response.headers[f"RateLimit-{what}"] for what in ("Limit", "Remaining", "Reset"))


@pytest.mark.parametrize("path", [HOT, FLASK])
def test_every_answer_says_how_often_the_key_may_still_ask(world: World, path: str):
    with limited(world, "3/minute") as app:
        answers = [ask(app, path, world.key("service")) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert [told(a)[:2] for a in answers] == [("3", "2"), ("3", "1"), ("3", "0")]
    assert all(0 < int(told(a)[2]) <= 60 for a in answers)


@pytest.mark.parametrize("path", [HOT, FLASK])
def test_beyond_the_limit_the_answer_is_when_to_ask_again(world: World, path: str):
    with limited(world, "1/minute") as app:
        ask(app, path, world.key("service"))
        refused = ask(app, path, world.key("service"))
    assert (refused.status_code, refused.json["code"]) == (429, "rate_limited")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert told(refused)[:2] == ("1", "0")
    assert refused.headers["Cache-Control"] == "no-store"


def test_both_ways_answer_alike_and_count_together(world: World):
    with limited(world, "2/minute") as app:
        key = world.key("service")
        for path in (HOT, FLASK):
            assert ask(app, path, key).status_code == 200
        hot, flask = ask(app, HOT, key), ask(app, FLASK, key)
    assert hot.status_code == flask.status_code == 429
    assert hot.data == flask.data
    assert sorted(h for h, _ in hot.headers) == sorted(h for h, _ in flask.headers)


def test_a_key_that_asks_too_often_takes_nothing_from_another(world: World):
    with limited(world, "1/minute") as app:
        assert [ask(app, HOT, world.key("service")).status_code for _ in range(3)] == [200, 429, 429]
        assert ask(app, HOT, world.key("dashboard")).status_code == 200


def test_what_is_refused_counts_too(world: World):
    with limited(world, "2/minute") as app:
        key = world.key("service")
        assert ask(app, "/v1/projections", key).status_code == 403
        assert ask(app, "/v1/orgs/org_none", key).status_code == 404
        assert ask(app, "/v1/projections", key).status_code == 429


def test_without_a_valid_key_nothing_is_counted_or_told(world: World):
    with limited(world, "1/minute") as app:
        for path in (HOT, FLASK):
            for key in (None, "rk_test_unknown", "rk_test_unknown"):
                response = ask(app, path, key)
                assert response.status_code == 401
                assert not [h for h, _ in response.headers if h.startswith("RateLimit")]
        assert [ask(app, "/healthz", None).status_code for _ in range(3)] == [200, 200, 200]


def test_a_window_that_is_over_begins_anew(world: World):
    with limited(world, "1/second") as app:
        key = world.key("service")
        statuses = [ask(app, HOT, key).status_code for _ in range(2)]
        time.sleep(1.05)
        statuses.append(ask(app, HOT, key).status_code)
    assert statuses == [200, 429, 200]


def test_off_is_off(world: World):
    with limited(world, None) as app:
        answers = [ask(app, path, world.key("service")) for path in (HOT, FLASK) for _ in range(3)]
    assert {a.status_code for a in answers} == {200}
    assert not [h for a in answers for h, _ in a.headers if h.startswith("RateLimit")]


def test_threads_lose_no_count():
    windows = Windows()
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: windows.count("key", 60)[0], range(2000)))
    assert sorted(counts) == list(range(1, 2001))
    assert windows.get("key") == 2000


def test_counts_whose_window_is_over_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "_FORGET_FROM", 3)
    windows = Windows()
    for n in range(3):
        windows.count(f"gone_{n}", -1)
    windows.count("stays", 60)
    assert windows.reset() == 1


def test_the_limit_is_5000_a_second_unless_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RECOUNT_RATE_LIMIT", raising=False)
    assert load().rate_limit == RATE_LIMIT == "5000/second"
    monkeypatch.setenv("RECOUNT_RATE_LIMIT", " 30 / minute")
    assert load().rate_limit == "30/minute"
    monkeypatch.setenv("RECOUNT_RATE_LIMIT", "off")
    assert load().rate_limit is None


@pytest.mark.parametrize(
    "given", ["", "0/second", "-1/second", "many", "10", "10/fortnight", "٣/second", "1/second;2/hour"]
)
def test_a_limit_that_is_none_is_said_so_at_start(monkeypatch: pytest.MonkeyPatch, given: str):
    monkeypatch.setenv("RECOUNT_RATE_LIMIT", given)
    with pytest.raises(BadSetting, match="RECOUNT_RATE_LIMIT"):
        load()
