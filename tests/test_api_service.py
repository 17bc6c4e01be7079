"""The service around the reads: the OpenAPI document, the docs page, readiness, and what happens when things fail."""

import re
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import psycopg
import pytest
from api_world import World, empty_world, shop
from prometheus_client import CollectorRegistry
from samples import customer, event

from api import problems
from api.app import create_app
from api.database import Database
from api.postgres import EmbeddedPostgres
from api.problems import KINDS, Problem, of_error
from api.resources import answers
from api.settings import Settings
from ledger.errors import Invalid, NotFound, RecountError, Refused, StoreUnavailable, StreamMoved
from replay import rebuild

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        yield made


@pytest.fixture
def fresh_world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_is_sound_openapi(world: World) -> None:
    document = world.ask("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version", "description"}
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    ids = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            ids.append(operation["operationId"])
            assert operation["summary"]
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            inside = {p["name"] for p in parameters if p["in"] == "path"}
            assert inside == set(re.findall(r"{(\w+)}", path)) and all("schema" in p for p in parameters)
            assert "200" in operation["responses"]
            assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
    assert len(ids) == len(set(ids))


def test_the_document_lists_every_route(world: World) -> None:
    rules = {r.rule for r in world.app.url_map.iter_rules()} - {"/openapi.json", "/docs"}
    listed = set(world.document["paths"])
    assert {re.sub(r"<\w+:(\w+)>", r"{\1}", r) for r in rules} == listed


def test_every_keyed_operation_asks_for_a_key_and_names_its_problems(world: World) -> None:
    assert world.document["security"] == [{"bearer": []}, {"basic": []}]
    assert set(world.document["components"]["securitySchemes"]) == {"bearer", "basic"}
    for path, item in world.document["paths"].items():
        for method in {"get", "post"} & item.keys():
            operation = item[method]
            if path.startswith("/v1/"):
                assert "security" not in operation
                assert {"200", "401", "403", "409", "422", "503"} <= set(operation["responses"])
                # an act may name in its body what is not there
                may_lack = "404" in operation["responses"]
                assert may_lack if "{" in path else method == "post" or not may_lack
            else:
                assert operation["security"] == []


class Links(HTMLParser):
    """Every address that a page makes a browser fetch or offers to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [v for k, v in given.items() if k in ("href", "src", "action") and v]
        if given.get("id"):
            self.anchors.add(str(given["id"]))


def test_the_docs_page_works_without_a_network(world: World) -> None:
    response = world.ask("/docs")
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("text/html")
    page = Links()
    page.feed(response.text)
    assert all(a.startswith(("#", "/")) for a in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= page.anchors
    for path, item in world.document["paths"].items():
        assert "curl -s " in response.text and path in response.text
        assert {item[m]["operationId"] for m in ("get", "post") if m in item} <= page.anchors
    assert {f"problem-{code}" for code in KINDS} <= page.anchors
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_answers_carry_the_headers_that_keep_them_private(world: World) -> None:
    key = world.key()
    varies = "Authorization"
    assert world.ask("/v1/orgs", key).headers["Vary"] == f"{varies}, Accept"
    for path in ("/v1/customers/cus_1", "/v1/orgs/org_a/entitlements/agents", "/v1/orgs/org_none", "/v1/orgs?bogus=1"):
        headers = world.ask(path, key).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Vary"] == varies


def test_it_is_ready_once_a_worker_leads_and_models_are_built(fresh_world: World) -> None:
    world = fresh_world

    def checks() -> list[str]:
        response = world.ask("/readyz")
        if response.status_code == 200:
            return []
        assert (response.status_code, response.json["code"]) == (503, "not_ready")
        return sorted({e["check"] for e in response.json["errors"]})

    assert world.ask("/healthz").json == {"status": "ok"}
    assert checks() == ["worker"]  # nobody leads
    world.project()
    assert checks() == []
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute("UPDATE read_models.models SET version = 0 WHERE name = 'customers'")
        assert checks() == ["read_models"]
        conn.execute("UPDATE read_models.models SET version = 1 WHERE name = 'customers'")
    world.projectors[0].close()
    deadline = time.monotonic() + 5
    while not checks() and time.monotonic() < deadline:  # the server lets go of the lock when it notices
        time.sleep(0.02)
    assert checks() == ["worker"]


def test_a_worker_that_stands_still_with_events_to_read_is_not_ready(fresh_world: World) -> None:
    world = fresh_world
    world.project()
    world.tell(event(1, "customer.created", customer()))
    assert world.ask("/readyz").status_code == 200  # it has just come
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        conn.execute("UPDATE ledger.events SET recorded_at = now() - interval '1 hour'")
        conn.execute("UPDATE read_models.checkpoints SET moved_at = now()")
        assert world.ask("/readyz").status_code == 200  # old, and it may be working its way up to it
        conn.execute("UPDATE read_models.checkpoints SET moved_at = now() - interval '1 hour'")
    response = world.ask("/readyz")
    assert response.status_code == 503 and "stands still" in response.text


def test_before_read_models_are_built_reads_say_so(fresh_world: World) -> None:
    world = fresh_world
    key = world.key()
    assert world.ask("/v1/orgs", key).status_code == 200
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute("DROP TABLE read_models.organizations")
    for path in ("/v1/orgs", "/v1/orgs/org_a/entitlements/agents"):
        response = world.ask(path, key)
        assert (response.status_code, response.json["code"]) == (503, "not_built")
        assert response.headers["Retry-After"] == "1"


def test_a_rebuild_swaps_read_models_under_readers_who_notice_nothing(fresh_world: World) -> None:
    """Given readers with prepared statements, when every table is replaced, then all answers stay the same."""
    world = fresh_world
    key = world.key()
    world.happens("customer.created", customer("cus_1", org="org_a"))
    paths = ("/v1/orgs/org_a/entitlements/agents", "/v1/orgs?limit=1", "/v1/customers/cus_1", "/v1/catalog")
    before = [world.ask(path, key).headers["ETag"] for path in paths]
    done = threading.Event()

    def rebuild_all() -> None:
        rebuild.rebuild(world.conninfo)
        done.set()

    thread = threading.Thread(target=rebuild_all)
    thread.start()
    rounds = 0
    while not done.is_set() or rounds < 3:
        after = [world.ask(path, key) for path in paths]
        assert [r.status_code for r in after] == [200] * 4
        assert [r.headers["ETag"] for r in after] == before
        rounds += 1
    thread.join()


def test_a_restarted_database_costs_no_error(world: World) -> None:
    """Given connections that the server cut, when somebody asks, then a new one is opened for them."""
    path, key = "/v1/orgs/org_a/entitlements/agents", world.key()
    assert world.ask(path, key).status_code == 200
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%entitlements e%%'"
        )
    assert world.ask(path, key).status_code == 200


def test_without_a_database_reads_are_unavailable_and_the_process_lives(world: World, tmp_path: Any) -> None:
    nowhere = f"host={tmp_path} user=postgres dbname=none"
    settings = Settings(
        database_url=nowhere, keys_database_url=None, data_dir=tmp_path, master_key=b"m" * 32,
        platform_secrets=(), connect_secrets=(), stripe_secret_key=None,
        stripe_api_base="https://api.stripe.com", log_level="info",
    )  # fmt: skip
    app = create_app(Database(nowhere, nowhere, None), settings, world.keys)
    app.extensions["recount"].readers._pool.timeout = 0.2
    client = app.test_client()
    try:
        for path in ("/v1/orgs", "/v1/orgs/org_a/entitlements/agents"):
            response = client.get(path, headers={"Authorization": "Bearer rk_test_x"})
            assert (response.status_code, response.get_json()["code"]) == (503, "store_unavailable")
            assert response.headers["Retry-After"] == "1"
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").get_json()["errors"] == [{"check": "database", "message": "store_unavailable"}]
    finally:
        app.extensions["recount"].readers.close()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound(), 404, "not_found"),
        (Refused(code="of_its_own"), 409, "refused"),
        (StreamMoved(), 409, "stream_moved"),
        (Invalid("secret"), 422, "invalid"),
        (StoreUnavailable("secret"), 503, "store_unavailable"),
        (RecountError("secret"), 500, "internal_error"),
        (ValueError("secret"), 500, "internal_error"),
    ],
)
def test_each_error_has_its_problem_and_tells_nothing_else(error: Exception, status: int, code: str) -> None:
    problem = of_error(error)
    assert (problem.kind.status, problem.code) == (status, code)
    assert b"secret" not in problem.body()


def test_an_unexpected_error_shows_nothing_and_is_logged_without_its_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[Any] = []
    monkeypatch.setattr(problems.log, "error", lambda *a, **k: logged.append((a, k)))

    def fail(*_: Any) -> None:
        raise ValueError("ada@example.com")

    monkeypatch.setattr(world.context.cursors, "make", fail)
    response = world.ask("/v1/customers?limit=1", world.key())
    assert (response.status_code, response.json["code"]) == (500, "internal_error")
    assert "ada" not in response.text and "ada" not in str(logged)
    assert logged[0][1]["error"] == "ValueError"


def test_no_problem_repeats_what_was_asked(world: World) -> None:
    for path in ("/v1/customers/canary", "/v1/orgs/canary/entitlements/canary", "/canary", "/v1/orgs?limit=canary"):
        assert "canary" not in world.ask(path, world.key()).text


def test_every_code_that_can_be_raised_is_known() -> None:
    for code, kind in KINDS.items():
        assert Problem(code).kind is kind
        assert Problem(code).code == code
    assert answers.WAIT_S == 2.0


def test_reads_are_counted_where_a_registry_is_given(world: World) -> None:
    registry = CollectorRegistry()
    settings = Settings(
        database_url=world.conninfo, keys_database_url=None, data_dir=world.app.root_path, master_key=b"m" * 32,  # type: ignore[arg-type]
        platform_secrets=(), connect_secrets=(), stripe_secret_key=None,
        stripe_api_base="https://api.stripe.com", log_level="info",
    )  # fmt: skip
    database = Database(world.conninfo, world.conninfo, None)
    app = create_app(database, settings, world.keys, registry=registry)
    headers = {"Authorization": f"Bearer {world.key()}"}
    try:
        for path in ("/v1/orgs/org_a/entitlements/agents", "/v1/orgs/org_none/entitlements/x", "/v1/orgs"):
            app.test_client().get(path, headers=headers)
        hot = "/v1/orgs/<org:org>/entitlements/<path:feature>"
        for route, status in ((hot, "200"), (hot, "404"), ("/v1/orgs", "200")):
            assert registry.get_sample_value("recount_reads_total", {"route": route, "status": status}) == 1
    finally:
        app.extensions["recount"].readers.close()
