"""Endpoints and notices as operators see them: acts, the API and the command line; secrets that are shown once."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from api_world import MASTER, World, empty_world
from click.testing import CliRunner
from samples import T, customer, event, price, product, subscription

from api.deliveries import Deliverer, secret_of
from api.outgoing import acting_on
from api.postgres import EmbeddedPostgres
from api.posting import Answer, Poster
from commands import reactions
from commands.endpoints import ENDPOINTS, AddEndpoint, RemoveEndpoint, require_url
from commands.notices import TYPES
from ledger.errors import Invalid, NotFound
from ledger.events import Metadata, NewEvent, NoticeRaised, SubscriptionPlanMoved
from ledger.ids import endpoint_subject
from ledger.store import read_own
from replay.cli import recount
from replay.reacting import Reactor

URL = "https://app.example.com/hooks"
ADD = {"url": URL, "reason": "the product listens"}


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def act(world: World, name: str, body: dict[str, Any], key: str | None = None, once: str | None = None) -> Any:
    return world.post(f"/v1/acts/{name}", {"reason": "a test", **body}, key or world.key("operator"), once)


def added(world: World, **more: Any) -> tuple[str, str]:
    """A new endpoint's id and secret."""
    response = act(world, "add_endpoint", {**ADD, **more})
    assert response.status_code == 200, response.text
    world.project()
    return response.json["endpoint_id"], response.json["secret"]


class Taking(Poster):
    """Takes everything, or answers as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = Answer(204, None)
        self.posts: list[dict[str, Any]] = []

    def post(self, url: str, body: bytes, headers: Any) -> Answer:
        self.posts.append({"url": url, **headers, **json.loads(body)})
        return self.answer


def deliver(world: World, poster: Taking, now_s: float = 2_000_000_000) -> list[dict[str, Any]]:
    """Fold, deliver what is due, fold."""
    world.project()
    deliverer = Deliverer(
        world.conninfo, world.log, world.keys, poster, attempts=1, clock=lambda: now_s, chance=lambda: 0.0
    )
    try:
        assert deliverer.lead()
        while deliverer.step():
            world.project()
    finally:
        deliverer.close()
    return poster.posts


def react(world: World) -> None:
    acting = acting_on(world.log, lambda: T + 100)
    reactor = Reactor(world.conninfo, reactions.REACTIONS, reactions.WATCHES, acting, hold_from=100)
    try:
        assert reactor.lead()
        for _ in range(10):
            world.project()
            reactor.step()
        world.project()
    finally:
        reactor.close()


def problem(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]


# ---- adding ----------------------------------------------------------------------------------


def test_an_endpoint_is_added_with_a_secret_that_is_shown_once(world: World):
    first = act(world, "add_endpoint", ADD, once="k1")
    again = act(world, "add_endpoint", ADD, once="k1")
    assert first.json["secret"].startswith("whsec_") and len(first.json["secret"]) == 50
    assert again.json == {**first.json, "secret": None}
    assert again.headers["Idempotent-Replayed"] == "true"
    world.project()
    (shown,) = world.read("/v1/endpoints")["data"]
    assert (shown["id"], shown["url"], shown["state"]) == (first.json["endpoint_id"], URL, "listening")


def test_a_secret_stands_nowhere_in_the_clear(world: World):
    id, secret = added(world)
    key = world.keys.open([endpoint_subject(id)])[endpoint_subject(id)]
    assert key is not None and secret_of(key) == secret
    bare = secret.removeprefix("whsec_")
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        tables = conn.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname IN ('ledger', 'read_models', 'subject_keys')"
        ).fetchall()
        for (table,) in tables:
            for (row,) in conn.execute(f"SELECT t::text FROM {table} t"):
                assert bare not in row and key.hex() not in row, table
    assert bare not in "".join(str(r.event) for r in world.log.read(0, 100))


def test_a_dry_run_adds_nothing_and_makes_no_secret(world: World):
    response = world.post("/v1/acts/add_endpoint?dry_run=true", ADD, world.key("operator"))
    assert response.json["secret"] is None and response.json["position"] is None
    id = response.json["endpoint_id"]
    assert world.keys.open([endpoint_subject(id)])[endpoint_subject(id)] is None
    world.project()
    assert world.read("/v1/endpoints")["data"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/", "ftp://app.example.com/", "https://", "https://u:p@app.example.com/",
        "https://app.example.com/#x", "https://app.example.com:0/", "https://app.example.com:99999/", "app.example.com",
        "https://app.example.com/a b", "https://app.example.com/\n", "https://äpp.example.com/", "", "https://[::1",
        "https://a.example.com/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_what_is_no_address_to_be_told_is_refused(url: str):
    with pytest.raises(Invalid) as refused:
        require_url(url, plain=False)
    assert refused.value.code == "bad_url"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "x.localhost", "10.0.0.1", "[::1]", "[fd00::1]", "169.254.169.254", "a.internal"]
)
def test_an_address_in_our_own_network_is_refused_at_once(world: World, host: str):
    assert problem(act(world, "add_endpoint", {"url": f"https://{host}/"})) == (422, "private_address")


def test_an_unknown_type_of_notice_is_refused():
    command = AddEndpoint(endpoint_id="ep_1", mode="test", url=URL, types=("trial.ended",))
    with pytest.raises(Invalid) as refused:
        ENDPOINTS.decide(command, ENDPOINTS.initial)
    assert refused.value.code == "unknown_notice"


# ---- what is told ----------------------------------------------------------------------------


def test_an_endpoint_can_be_tried(world: World):
    id, _ = added(world)
    other, _ = added(world, url="https://other.example.com/")
    assert act(world, "test_endpoint", {"endpoint_id": id}).status_code == 200
    (post,) = deliver(world, Taking())
    assert (post["url"], post["type"]) == (URL, "test")
    (delivery,) = world.read("/v1/deliveries")["data"]
    assert (delivery["endpoint"], delivery["state"], delivery["attempts"]) == (id, "delivered", 1)
    assert other != id


def test_one_key_tries_an_endpoint_once(world: World):
    id, _ = added(world)
    for _ in range(3):
        assert act(world, "test_endpoint", {"endpoint_id": id}, once="k").status_code == 200
    assert len(deliver(world, Taking())) == 1


def test_an_act_of_the_api_is_told_from_end_to_end(world: World):
    _, _ = added(world)
    react(world)
    world.tell(
        event(1, "product.created", product("prod_1", "agents"), at=T),
        event(2, "price.created", price("price_1", "prod_1"), at=T),
        event(3, "customer.created", customer("cus_1"), at=T),
        event(4, "customer.subscription.created", subscription("sub_1", "cus_1"), at=T),
    )
    world.project()
    linked = {"account": "platform", "customer": "cus_1", "org": "acme"}
    assert act(world, "link_organization", linked).status_code == 200
    react(world)
    posts = deliver(world, Taking())
    assert [(p["type"], p["data"]["org"]) for p in posts] == [
        ("organization.linked", "acme"), ("entitlement.changed", "acme")
    ]  # fmt: skip
    assert [s["state"] for s in posts[1]["data"]["now"]] == ["active"]


def test_a_plan_that_is_moved_is_told_to_whom_it_belongs(world: World):
    added(world, types=["plan.moved"])
    react(world)
    world.tell(
        event(1, "customer.created", customer("cus_1", org="acme"), at=T),
        event(2, "customer.subscription.created", subscription("sub_1", "cus_1"), at=T),
    )
    said = SubscriptionPlanMoved(
        mode="test", account="platform", subscription="sub_1", plan="pro", version=2, by="ada", why="a promise"
    )  # fmt: skip
    world.log.append(NewEvent("plan_move/test/platform/sub_1", 1, said, Metadata(occurred_at_s=T, actor="ada")))
    react(world)
    (post,) = deliver(world, Taking())
    assert post["type"] == "plan.moved"
    assert post["data"]["plan"] == "pro" and post["data"]["subscription"] == "sub_1"
    assert "why" not in post["data"] and "by" not in post["data"]


# ---- afterwards ------------------------------------------------------------------------------


def test_what_was_given_up_is_listed_and_asked_for_again(world: World):
    id, _ = added(world)
    act(world, "test_endpoint", {"endpoint_id": id})
    poster = Taking()
    poster.answer = Answer(500, "http_500")
    deliver(world, poster)
    (dead,) = world.read("/v1/deliveries?state=dead")["data"]
    assert (dead["fault"], dead["status"], dead["next_attempt"]) == ("http_500", 500, None)
    again = {"endpoint_id": id, "notice_id": dead["notice"]}
    poster.answer = Answer(200, None)
    assert act(world, "redeliver", again).status_code == 200
    assert len(deliver(world, poster)) == 2
    assert world.read("/v1/deliveries?state=dead")["data"] == []
    assert world.read(f"/v1/deliveries/{dead['id']}")["state"] == "delivered"


def test_what_is_being_tried_is_not_asked_for_again(world: World):
    id, _ = added(world)
    notice = act(world, "test_endpoint", {"endpoint_id": id}).json["events"][0]["notice_id"]
    assert problem(act(world, "redeliver", {"endpoint_id": id, "notice_id": notice}))[0] == 404
    assert problem(act(world, "redeliver", {"endpoint_id": id, "notice_id": "msg_x"}))[0] == 404


def test_a_removed_endpoint_is_told_nothing_more_and_its_secret_is_destroyed(world: World):
    id, _ = added(world)
    act(world, "test_endpoint", {"endpoint_id": id})
    assert act(world, "remove_endpoint", {"endpoint_id": id}).json["changed"]
    assert deliver(world, Taking()) == []
    assert world.keys.open([endpoint_subject(id)])[endpoint_subject(id)] is None
    assert [d["state"] for d in world.read("/v1/deliveries")["data"]] == ["canceled"]
    assert not act(world, "remove_endpoint", {"endpoint_id": id}).json["changed"]
    assert act(world, "test_endpoint", {"endpoint_id": id}).status_code == 409


def test_an_endpoint_of_the_other_mode_is_answered_like_an_unknown_one(world: World):
    id, _ = added(world)
    live = world.key("operator", mode="live")
    for name in ("remove_endpoint", "test_endpoint"):
        foreign = act(world, name, {"endpoint_id": id}, live)
        unknown = act(world, name, {"endpoint_id": "ep_unknown"}, live)
        assert problem(foreign) == problem(unknown) == (404, "not_found")
    assert world.read("/v1/endpoints", live)["data"] == []
    assert world.ask(f"/v1/endpoints/{id}", live).status_code == 404


def test_only_what_is_held_is_released(world: World):
    given = {"reaction": "entitlement_changes", "silent": True}
    assert act(world, "release_differences", given).status_code == 409
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO ledger.reactions (name, mode, position, held) VALUES ('entitlement_changes', 'test', 0, 1)"
        )
    assert act(world, "release_differences", given).status_code == 200


@pytest.mark.parametrize("role", ["service", "dashboard", "auditor"])
def test_who_may_not_act_adds_no_endpoint(world: World, role: str):
    assert problem(act(world, "add_endpoint", ADD, world.key(role))) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/v1/endpoints", "/v1/deliveries"])
def test_staff_with_unbound_keys_look(world: World, path: str):
    added(world)
    for role in ("service", "dashboard", "operator", "auditor", "admin"):
        may = role in ("operator", "auditor", "admin")
        assert world.ask(path, world.key(role)).status_code == (200 if may else 403)
    assert world.ask(path, world.key("operator", org="acme")).status_code == 403


def test_every_type_of_notice_is_explained_where_people_look():
    from tests.docs.sources import ROOT

    page = (ROOT / "docs" / "how-to" / "receive-notices.md").read_text()
    assert [t for t in TYPES if f"`{t}`" not in page] == []


# ---- on the command line -----------------------------------------------------------------------


def command(world: World, *words: str, code: int = 0, **settings: str) -> Any:
    environment = {
        "DATABASE_URL": world.conninfo, "RECOUNT_MASTER_KEY": b64encode(MASTER).decode(),
        "STRIPE_WEBHOOK_SECRET": "", "STRIPE_CONNECT_WEBHOOK_SECRET": "", "STRIPE_SECRET_KEY": "", **settings,
    }  # fmt: skip
    result = CliRunner().invoke(recount, ["endpoints", *words], env=environment)
    assert result.exit_code == code, (words, result.output, result.exception)
    world.project()
    return json.loads(result.stdout) if "--json" in words else result.stdout


def test_endpoints_on_the_command_line(world: World):
    told = command(world, "add", URL, "--type", "trial.ending", "--label", "the product", "--json")
    id = told["endpoint_id"]
    assert told["secret"].startswith("whsec_")
    (listed,) = command(world, "list", "--json")["data"]
    assert (listed["id"], listed["types"], listed["removed"]) == (id, ["trial.ending"], False)
    command(world, "test", id)
    poster = Taking()
    poster.answer = Answer(None, "timeout")
    deliver(world, poster)
    (dead,) = command(world, "deliveries", "--state", "dead", "--json")["data"]
    assert (dead["fault"], dead["attempts"]) == ("timeout", 1)
    command(world, "redeliver", dead["id"])
    assert command(world, "deliveries", "--json")["data"][0]["state"] == "due"
    assert "is removed" in command(world, "remove", id)
    assert "was removed already" in command(world, "remove", id)
    assert command(world, "deliveries", "--json")["data"][0]["state"] == "canceled"


def test_a_private_address_is_for_those_who_allow_it(world: World):
    refused = command(world, "add", "http://app.example.com/", "--json", code=2)
    assert refused["error"]["code"] == "bad_url"
    refused = command(world, "add", "https://127.0.0.1:9000/", "--json", code=2)
    assert refused["error"]["code"] == "private_address"
    allowed = command(world, "add", "http://127.0.0.1:9000/", "--json", RECOUNT_ALLOW_PRIVATE_ENDPOINTS="yes")
    assert allowed["changed"]


def test_an_unknown_endpoint_is_not_found(world: World):
    assert command(world, "test", "ep_x", "--json", code=2)["error"]["code"] == "not_found"
    with pytest.raises(NotFound):
        ENDPOINTS.decide(RemoveEndpoint(endpoint_id="ep_x", mode="test"), ENDPOINTS.initial)


def test_no_notice_is_raised_for_nobody(world: World):
    react(world)
    world.link("platform", "cus_1", "acme")
    react(world)
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        assert read_own(conn, [NoticeRaised.NAME]) == []
