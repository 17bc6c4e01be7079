"""Answers: pages, filters, freshness, ETags, personal fields, problems."""

import base64
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from api_world import SELLER, World, dumped, empty_world, shop
from samples import T, customer, event, invoice, price, product, subscription

from api.postgres import EmbeddedPostgres
from api.schemas import iso


@pytest.fixture(scope="module")
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with shop(server, template) as made:
        yield made


@pytest.fixture
def fresh_world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def ids(content: Any) -> list[str]:
    return [entry["id"] for entry in content["data"]]


def refused(world: World, path: str, status: int, code: str, key: str | None = None) -> Any:
    response = world.ask(path, key or world.key())
    assert (response.status_code, response.json["code"]) == (status, code), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(response.json) <= {"type", "title", "status", "code", "detail", "errors"}
    assert response.json["type"] == f"/docs#problem-{code}" and response.json["status"] == status
    return response


# ---- pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_pages_visit_every_row_once_while_rows_are_inserted(fresh_world: World, limit: int) -> None:
    """Given ten customers, when others appear between the pages, then each of the ten is seen once."""
    world = fresh_world
    first = [f"cus_{n:02}" for n in range(0, 20, 2)]
    world.tell(*(event(n, "customer.created", customer(id)) for n, id in enumerate(first)))
    world.project()
    seen: list[str] = []
    cursor, inserted = None, 1
    while True:
        page = world.read(f"/v1/customers?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        seen += ids(page)
        assert len(page["data"]) <= limit
        cursor = page["next_cursor"]
        if cursor is None:
            break
        if inserted < 20:
            world.happens("customer.created", customer(f"cus_{inserted:02}"))
            inserted += 6
    assert len(seen) == len(set(seen))
    assert set(first) <= set(seen)
    assert seen == sorted(seen)


def test_stripe_events_come_newest_first_and_page_alike(world: World) -> None:
    whole = world.read("/v1/stripe-events?limit=100")["data"]
    assert [(e["created"], e["id"]) for e in whole] == sorted(((e["created"], e["id"]) for e in whole), reverse=True)
    paged, cursor = [], ""
    while cursor is not None:
        page = world.read("/v1/stripe-events?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        paged += page["data"]
        cursor = page["next_cursor"]
    assert paged == whole


def test_an_altered_or_moved_cursor_is_refused(world: World) -> None:
    cursor = world.read("/v1/customers?limit=1")["next_cursor"]
    altered = ("A" if cursor[3] != "A" else "B").join((cursor[:3], cursor[4:]))
    forged = base64.urlsafe_b64encode(b"\0" * 16 + b'["platform","cus_1"]').decode()
    for other in (altered, cursor + "A", cursor[:-2], forged, "é", "", "x" * 1000):
        refused(world, f"/v1/customers?cursor={quote(other)}", 400, "invalid_cursor")
    refused(world, f"/v1/subscriptions?cursor={cursor}", 400, "invalid_cursor")
    refused(world, f"/v1/customers?unlinked=true&cursor={cursor}", 400, "invalid_cursor")
    refused(world, f"/v1/customers?cursor={cursor}", 400, "invalid_cursor", world.key(org="org_a"))
    assert world.ask(f"/v1/customers?limit=3&cursor={cursor}", world.key()).status_code == 200


# ---- filters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/customers?unlinked=true", ["cus_3"]),
        ("/v1/customers?org=org_a", ["cus_1", "cus_1"]),
        ("/v1/customers?org=org_a&account=platform", ["cus_1"]),
        ("/v1/customers?email=CUS_2@example.com", ["cus_2"]),
        ("/v1/customers?email=nobody@example.com", []),
        ("/v1/customers?delinquent=true", ["cus_3"]),
        (f"/v1/customers?account={SELLER}", ["cus_1"]),
        ("/v1/subscriptions?status=trialing", ["sub_2"]),
        ("/v1/subscriptions?customer=cus_5", ["sub_5"]),
        ("/v1/subscriptions?price=price_1&account=platform", ["sub_1", "sub_2"]),
        ("/v1/subscriptions?product=prod_9", ["sub_1"]),
        ("/v1/subscriptions?org=org_b", ["sub_5", "sub_2"]),
        ("/v1/orgs/org_b/subscriptions?status=trialing", ["sub_2"]),
        ("/v1/orgs/org_b/subscriptions?account=acct_other", ["sub_5"]),
        ("/v1/invoices?status=paid", ["in_2"]),
        ("/v1/invoices?customer=cus_5", ["in_5"]),
        ("/v1/invoices?subscription=sub_1&account=acct_seller", ["in_9"]),
        ("/v1/invoices?currency=usd", []),
        (f"/v1/invoices?created_after={iso(T + 50)}", ["in_2"]),
        (f"/v1/invoices?created_before={iso(T + 50)}&account=platform", ["in_1"]),
        ("/v1/invoices?created_after=2025-10-09T10:54:10%2B02:00", ["in_2"]),
        ("/v1/orgs/org_b/invoices?status=paid", ["in_2"]),
        ("/v1/stripe-events?type=customer.subscription.*&account=platform", ["evt_0021", "evt_0020"]),
        ("/v1/stripe-events?type=order.created", ["evt_0032"]),
        ("/v1/stripe-events?state=quarantined", ["evt_0033"]),
        ("/v1/stripe-events?state=stored_only", ["evt_0032"]),
        ("/v1/stripe-events?object_id=in_5", ["evt_0052"]),
        ("/v1/stripe-events?customer=cus_2", ["evt_0032", "evt_0031", "evt_0021", "evt_0011"]),
    ],
)  # fmt: skip
def test_filters_select(world: World, path: str, found: list[str]) -> None:
    assert ids(world.read(path)) == found


def test_the_catalogue_and_organizations_filter_too(world: World) -> None:
    def products(path: str) -> list[str]:
        return [p["product"] for p in world.read(path)["data"]]

    assert products("/v1/catalog?lookup_key=basic") == ["prod_1"]
    assert products("/v1/catalog?active=false") == ["prod_2"]
    assert products(f"/v1/catalog?account={SELLER}") == ["prod_9"]
    assert [o["org"] for o in world.read(f"/v1/orgs?account={SELLER}")["data"]] == ["org_a"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/customers?bogus=1", ["bogus"]),
        ("/v1/customers?bogus=1&limit=0&also=2", ["also", "bogus", "limit"]),
        ("/v1/customers?limit=101", ["limit"]),
        ("/v1/customers?unlinked=perhaps", ["unlinked"]),
        ("/v1/customers?org=a%00b", ["org"]),
        ("/v1/invoices?created_after=yesterday", ["created_after"]),
        ("/v1/invoices?created_after=2025-10-09T10:54:10", ["created_after"]),
        ("/v1/orgs/org_a?min_position=-1", ["min_position"]),
        ("/v1/orgs/org_a/entitlements/agents?bogus=1", ["bogus"]),
        ("/v1/orgs/org_a/entitlements/agents?min_position=x", ["min_position"]),
        ("/v1/stripe-events?state=lost", ["state"]),
        ("/v1/orgs/org_a/subscriptions?org=org_b", ["org"]),
        ("/v1/projections?limit=5", ["limit"]),
        ("/v1/orgs/org_a?as_of=then", ["as_of"]),
        ("/v1/orgs/org_a?as_of=2999-01-01T00:00:00Z", ["as_of"]),
        ("/v1/orgs/org_a/subscriptions?as_of=5&status=active", ["status"]),
    ],
)
def test_what_a_query_may_not_say_is_refused_by_name(world: World, path: str, named: list[str]) -> None:
    problem = refused(world, path, 422, "invalid_query").json
    assert [e["parameter"] for e in problem["errors"]] == named


def test_a_name_that_nothing_can_have_is_not_found(world: World) -> None:
    for path in ("/v1/orgs/a%00b", "/v1/customers/%00", "/v1/nowhere", "/v1/orgs/"):
        refused(world, path, 404, "not_found")


@pytest.mark.parametrize("org", ["acme/emea", "acme//emea", "acme/emea/", "acme/invoices/2026", "a b/ü", "50%2Foff"])
def test_an_organizations_id_may_hold_slashes(fresh_world: World, org: str) -> None:
    """Given such an id, when it stands in a path, its slashes encoded or not, then it is that organization's."""
    world = fresh_world
    world.tell(
        event(1, "product.created", product("prod_1", "invoices")),
        event(2, "price.created", price("price_1", "prod_1")),
        event(3, "customer.created", customer("cus_1", org=org)),
        event(4, "customer.subscription.created", subscription("sub_1")),
        event(5, "customer.created", customer("cus_2", org="acme")),
    )
    world.project()
    for written in (quote(org, safe=""), quote(org)):
        assert world.read(f"/v1/orgs/{written}")["org"] == org
        assert ids(world.read(f"/v1/orgs/{written}/subscriptions")) == ["sub_1"]
        assert world.read(f"/v1/orgs/{written}/timeline")["data"][0]["customer"] == "cus_1"
        assert world.read(f"/v1/orgs/{written}/invoices/totals")["data"] == []
        for asked in ("", "?min_position=0"):  # around Flask, and through it
            assert world.read(f"/v1/orgs/{written}/entitlements/invoices{asked}")["feature"] == "invoices"
            assert world.read(f"/v1/orgs/{written}/entitlements/invoices{asked}")["granted"]
        assert [e["feature"] for e in world.read(f"/v1/orgs/{written}/entitlements")["data"]] == ["invoices"]
    assert world.read("/v1/orgs/acme")["org"] == "acme"
    assert ids(world.read("/v1/orgs/acme/subscriptions")) == []


def test_only_reading_is_offered(world: World) -> None:
    response = world.app.test_client().post("/v1/orgs", headers={"Authorization": f"Bearer {world.key()}"})
    assert (response.status_code, response.get_json()["code"]) == (405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


# ---- freshness -------------------------------------------------------------------------------


def test_an_unchanged_answer_is_not_sent_again(fresh_world: World) -> None:
    world = fresh_world
    world.happens("customer.created", customer("cus_1", org="org_a"))
    path = "/v1/customers/cus_1"
    first = world.ask(path, world.key())
    tag = first.headers["ETag"]
    world.happens("product.created", product("prod_8"))
    again = world.ask(path, world.key(), If_None_Match=f'"other", W/{tag}')
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    assert int(again.headers["Recount-Position"]) > first.json["position"]
    world.happens("customer.updated", customer("cus_1", org="org_a", balance=5), at=T + 10)
    changed = world.ask(path, world.key(), If_None_Match=tag)
    assert changed.status_code == 200 and changed.json["balance_minor"] == 5
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("path", ["/v1/customers/cus_9", "/v1/orgs/org_9", "/v1/orgs/org_9/entitlements/agents"])
def test_a_caller_may_wait_for_its_own_write(fresh_world: World, path: str) -> None:
    """Given an event not yet projected, when asked for by its position, then the answer comes once it is there."""
    world = fresh_world
    key = world.key()
    position = world.tell(event(900, "customer.created", customer("cus_9", org="org_9")))
    assert world.ask(path, key).status_code == 404
    later = threading.Timer(0.2, world.project)
    later.start()
    response = world.ask(f"{path}?min_position={position}", key)
    later.join()
    assert response.status_code == 200
    assert response.json["position"] >= position


def test_a_position_that_is_not_reached_in_two_seconds_answers_not_yet(world: World) -> None:
    started = time.monotonic()
    response = refused(world, "/v1/customers?min_position=999999", 409, "not_yet")
    assert 1.9 < time.monotonic() - started < 5
    assert response.headers["Retry-After"] == "1"


def test_what_waits_to_be_derived_lowers_the_position_of_answers_that_it_concerns(fresh_world: World) -> None:
    """Given a changed price whose reach is still being found, then entitlements say so and customers do not."""
    world = fresh_world
    world.key()
    world.happens("customer.created", customer("cus_1", org="org_a"))
    at = world.happens("product.created", product("prod_1"))
    one, listed = "/v1/orgs/org_a/entitlements/agents", "/v1/orgs/org_a/entitlements"

    def waits(table: str, columns: str, values: str) -> None:
        with psycopg.connect(world.conninfo, autocommit=True) as conn:
            conn.execute("DELETE FROM read_models.dirty")
            conn.execute("DELETE FROM read_models.spreading")
            conn.execute(f"INSERT INTO read_models.{table} ({columns}) VALUES ({values})")

    def positions() -> list[int]:
        paths = (one, listed, "/v1/orgs/org_a", "/v1/customers/cus_1", "/v1/catalog/prod_1")
        return [world.read(path)["position"] for path in paths]

    assert positions() == [at] * 5
    waits("spreading", "derivation, source, lookup, key, position", f"'entitlements', 'prices', 0, '{{}}', {at}")
    assert positions() == [at - 1, at - 1, at, at, at]
    waits("dirty", "derivation, key, position, bulk", f"'entitlements', '{{test,org_a}}', {at}, true")
    assert positions() == [at - 1, at - 1, at, at, at]
    waits("dirty", "derivation, key, position, bulk", f"'entitlements', '{{test,org_b}}', {at}, true")
    assert positions() == [at] * 5
    waits("dirty", "derivation, key, position, bulk", f"'organizations', '{{test,org_a}}', {at}, false")
    assert positions() == [at - 1, at - 1, at - 1, at, at]
    waits("dirty", "derivation, key, position, bulk", f"'org_links', '{{test,platform,cus_2}}', {at}, false")
    assert positions() == [at - 1, at - 1, at - 1, at - 1, at]
    waits("dirty", "derivation, key, position, bulk", f"'catalog', '{{test,platform,prod_1}}', {at}, false")
    assert positions() == [at, at, at, at, at - 1]


def test_a_parked_key_is_shown_as_stale(fresh_world: World) -> None:
    world = fresh_world
    world.happens("customer.created", customer("cus_1", org="org_a"))
    assert world.read("/v1/customers/cus_1")["stale"] is False
    with psycopg.connect(world.conninfo, autocommit=True) as conn:
        conn.execute("UPDATE read_models.customers SET stale = true")
        conn.execute(
            "INSERT INTO read_models.parked (model, key, position, error) VALUES"
            " ('entitlements', '{test,org_a}', 1, 'ValueError: x'), ('customers', '{live,platform,cus_l}', 1, 'y')"
        )
    assert world.read("/v1/customers/cus_1")["stale"] is True
    assert world.read("/v1/orgs/org_a/entitlements/agents")["stale"] is True
    models = {m["name"]: m for m in world.read("/v1/projections")["data"]}
    assert [p["key"] for p in models["entitlements"]["parked"]] == [["test", "org_a"]]
    assert models["customers"]["parked"] == []  # the other mode's


def test_read_models_say_how_far_they_lag(fresh_world: World) -> None:
    world = fresh_world
    key = world.key()

    def lag() -> dict[str, tuple[int, bool]]:
        listed = world.read("/v1/projections", key)["data"]
        return {m["group"]: (m["lag_events"], m["lag_seconds"] > 0) for m in listed}

    world.project()
    assert lag() == {"billing": (0, False), "access": (0, False)}
    world.tell(*(event(n, "customer.created", customer(f"cus_{n}")) for n in range(3)))
    time.sleep(0.01)
    assert lag() == {"billing": (3, True), "access": (0, False)}


# ---- personal fields -------------------------------------------------------------------------


def test_personal_fields_open_for_those_who_may_see_them(world: World) -> None:
    opens = {
        "operator": world.key("operator"),
        "admin": world.key("admin"),
        "own service": world.key("service", org="org_a"),
    }
    closed = {role: world.key(role) for role in ("service", "dashboard", "auditor")}
    closed["own dashboard"] = world.key("dashboard", org="org_a")
    for who, key in opens.items():
        answer = world.read("/v1/customers/cus_1", key)
        assert (answer["name"], answer["phone"], answer["sealed"]) == ("Ada Lovelace", "+44 20 7946 0000", []), who
    for who, key in closed.items():
        for path in ("/v1/customers/cus_1", "/v1/customers?org=org_a&account=platform"):
            content = world.read(path, key)
            answer = content["data"][0] if "data" in content else content
            assert (answer["name"], answer["email"], answer["phone"]) == (None, None, None), who
            assert answer["sealed"] == ["name", "email", "phone"]
            assert answer["country"] == "GB"
            assert "Ada" not in dumped(content) and "sealed:1:" not in dumped(content)


def test_whoever_may_not_see_an_address_may_not_look_one_up(world: World) -> None:
    for role in ("service", "dashboard", "auditor"):
        refused(world, "/v1/customers?email=cus_1@example.com", 403, "forbidden", world.key(role))
    own = world.key("service", org="org_a")
    assert ids(world.read("/v1/customers?email=cus_1@example.com", own)) == ["cus_1", "cus_1"]
    assert ids(world.read("/v1/customers?email=cus_2@example.com", own)) == []


def test_an_erased_subject_has_no_personal_fields_left(fresh_world: World) -> None:
    world = fresh_world
    world.happens("customer.created", customer("cus_1"))
    assert world.read("/v1/customers/cus_1")["name"] == "Ada Lovelace"
    assert ids(world.read("/v1/customers?email=cus_1@example.com")) == ["cus_1"]
    world.keys.destroy("test/platform/cus_1")
    erased = world.read("/v1/customers/cus_1")
    assert (erased["name"], erased["email"], erased["sealed"]) == (None, None, [])
    assert erased["country"] == "GB" and erased["balance_minor"] == 0
    assert ids(world.read("/v1/customers?email=cus_1@example.com")) == []


def test_no_answer_holds_a_sealed_token(world: World) -> None:
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/") or rule.arguments:
            continue
        for key in (world.key("admin"), world.key("auditor")):
            assert "sealed:1:" not in world.ask(f"{rule.rule}", key).text


# ---- what values look like -------------------------------------------------------------------


def test_times_are_iso_and_money_is_minor_units(fresh_world: World) -> None:
    world = fresh_world
    world.tell(
        event(1, "price.created", price("price_1", lookup_key="basic")),
        event(2, "customer.created", customer("cus_1", org="org_a")),
        event(3, "customer.subscription.created", subscription("sub_1", metadata={"renews_at_s": "12"})),
        event(4, "invoice.finalized", invoice("in_1")),
    )
    world.project()
    sub = world.read("/v1/subscriptions/sub_1")
    assert sub["start_date"] == "2025-10-09T08:53:20Z"
    assert sub["items"][0]["current_period_end"] == "2025-11-08T08:53:20Z"
    assert (sub["items"][0]["unit_amount_minor"], sub["items"][0]["currency"]) == (900, "eur")
    assert sub["metadata"] == {"renews_at_s": "12"}
    bill = world.read("/v1/invoices/in_1")
    assert (bill["total_minor"], bill["currency"], bill["finalized_at"]) == (900, "eur", "2025-10-09T08:53:20Z")
    sold = world.read("/v1/catalog/prod_1")
    assert (sold["known"], sold["prices"][0]["unit_amount_minor"]) == (False, 900)
    seen = world.read("/v1/stripe-events/evt_0004")
    assert seen["state"] == "applied" and seen["received"].endswith("Z") and len(seen["positions"]) == 1


def test_a_time_that_no_calendar_holds_is_null() -> None:
    assert iso(10**15) is None
    assert iso(0) == "1970-01-01T00:00:00Z"
