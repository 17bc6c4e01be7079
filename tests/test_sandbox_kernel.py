"""The sandbox is strict where Stripe is strict: keys, versions, parameters, idempotency, pages, expansion."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from sandboxes import ENDIVE, KEY, VERSIONS, Asked, faults_of
from stripe.params.checkout import SessionCreateParams

from api.sandbox.errors import StripeError
from api.sandbox.forms import decode
from api.sandbox.parameters import checked
from api.sandbox.sandbox import Request, Sandbox
from api.sandbox.server import serving


def test_a_customer_is_made_changed_listed_and_deleted() -> None:
    # given
    asked = Asked()
    customer = asked.post("/v1/customers", email="ann@shop.example", metadata={"org_id": "org_1"})
    # when
    changed = asked.post(f"/v1/customers/{customer['id']}", name="Ann", metadata={"org_id": "", "tier": "2"})
    # then
    assert (changed["name"], changed["metadata"]) == ("Ann", {"tier": "2"})
    assert asked.get("/v1/customers", email="ann@shop.example")["data"] == [changed]
    assert asked.delete(f"/v1/customers/{customer['id']}") == {
        "id": customer["id"],
        "object": "customer",
        "deleted": True,
    }
    assert asked.get(f"/v1/customers/{customer['id']}")["deleted"] is True
    assert [e["type"] for e in asked.events()] == ["customer.created", "customer.updated", "customer.deleted"]
    updated = asked.events("customer.updated")[0]["data"]
    assert updated["previous_attributes"] == {"metadata": {"org_id": "org_1", "tier": None}, "name": None}


@pytest.mark.parametrize(
    ("said", "code", "param"),
    [
        ({"emial": "a@b.example"}, "parameter_unknown", "emial"),
        ({"balance": "much"}, "parameter_invalid_integer", "balance"),
        ({"address": {"town": "x"}}, "parameter_unknown", "address[town]"),
        ({"tax_exempt": "maybe"}, None, "tax_exempt"),
        ({"tax_id_data": [{"type": "eu_vat"}]}, "parameter_missing", "tax_id_data[0][value]"),
    ],
)
def test_a_parameter_that_stripe_would_refuse_is_refused(said: dict[str, Any], code: str | None, param: str) -> None:
    # when
    error = Asked().refused("/v1/customers", **said)
    # then
    assert (error["status"], error["type"], error.get("code"), error["param"]) == (
        400,
        "invalid_request_error",
        code,
        param,
    )


def test_a_parameter_of_older_versions_is_taken_in_those_alone() -> None:
    # given
    said = {"mode": "setup", "payment_method_types": ["card"]}
    # then
    with pytest.raises(StripeError, match="unknown parameter: payment_method_types"):
        checked(SessionCreateParams, said, ENDIVE)
    assert checked(SessionCreateParams, said, "2025-10-29.clover") == said


@pytest.mark.parametrize("key", [None, "", "sk_test_", "sk_prod_abcdef"])
def test_without_a_key_of_stripes_form_nothing_is_answered(key: str | None) -> None:
    answer, _ = Sandbox().ask(Request("GET", "/v1/customers", {}, key))
    assert answer.status == 401


def test_live_and_test_never_meet() -> None:
    # given
    asked = Asked()
    customer = asked.post("/v1/customers")
    # when
    answer, _ = asked.sandbox.ask(Request("GET", f"/v1/customers/{customer['id']}", {}, "sk_live_ofthetests"))
    # then
    assert answer.status == 404
    assert answer.body["error"]["code"] == "resource_missing"


def test_an_unknown_version_path_or_account_is_refused() -> None:
    asked = Asked()
    assert asked.speaking("2019-01-01").refused("/v1/customers")["status"] == 400
    assert asked.refused("/v1/nothing")["status"] == 404
    assert asked.on("acct_1Unknown").refused("/v1/customers")["code"] == "account_invalid"


class TestIdempotency:
    """https://docs.stripe.com/api/idempotent_requests."""

    def test_the_same_key_gets_the_same_answer_and_nothing_is_done_again(self) -> None:
        # given
        asked = Asked()
        first = asked.answer("POST", "/v1/customers", {"name": "Ann"}, "key-1")
        # when
        again = asked.answer("POST", "/v1/customers", {"name": "Ann"}, "key-1")
        # then
        assert again == first
        assert len(asked.get("/v1/customers")["data"]) == 1

    def test_a_key_for_something_else_is_an_error(self) -> None:
        asked = Asked()
        asked.answer("POST", "/v1/customers", {"name": "Ann"}, "key-1")
        status, body = asked.answer("POST", "/v1/customers", {"name": "Bob"}, "key-1")
        assert (status, body["error"]["type"]) == (400, "idempotency_error")

    def test_refused_parameters_do_not_take_the_key(self) -> None:
        asked = Asked()
        assert asked.answer("POST", "/v1/customers", {"nmae": "Ann"}, "key-1")[0] == 400
        assert asked.answer("POST", "/v1/customers", {"name": "Ann"}, "key-1")[0] == 200

    def test_after_a_day_a_key_is_new(self) -> None:
        # given
        asked = Asked()
        first = asked.answer("POST", "/v1/customers", {}, "key-1")[1]
        # when
        asked.sandbox.turn(86_401)
        # then
        assert asked.answer("POST", "/v1/customers", {}, "key-1")[1]["id"] != first["id"]


@given(st.integers(1, 25), st.integers(1, 9))
def test_pages_in_either_direction_are_the_whole_list(count: int, limit: int) -> None:
    # given
    asked = Asked()
    made = [asked.post("/v1/customers")["id"] for _ in range(count)]
    # when
    forward, backward = [], []
    after: dict[str, Any] = {}
    while True:
        page = asked.get("/v1/customers", limit=limit, **after)
        forward += [c["id"] for c in page["data"]]
        if not page["has_more"]:
            break
        after = {"starting_after": forward[-1]}
    before: dict[str, Any] = {"ending_before": made[0]}
    while True:
        page = asked.get("/v1/customers", limit=limit, **before)
        backward = [c["id"] for c in page["data"]] + backward
        if not page["has_more"]:
            break
        before = {"ending_before": backward[0]}
    # then
    assert forward == made[::-1]
    assert backward == made[:0:-1]


def test_a_request_that_fails_leaves_nothing() -> None:
    # given
    asked = Asked()
    before = dict(asked.sandbox.state.objects)
    # when
    asked.refused("/v1/customers", test_clock="clock_unknown")
    # then
    assert asked.sandbox.state.objects == before


def test_what_it_holds_outlives_it_in_its_file(tmp_path: Path) -> None:
    # given
    file = tmp_path / "sandbox.sqlite3"
    customer = Asked(Sandbox(file)).post("/v1/customers", name="Ann")
    # when
    again = Asked(Sandbox(file))
    # then
    assert again.get(f"/v1/customers/{customer['id']}") == customer
    assert again.post("/v1/customers")["id"] != customer["id"]


def test_a_test_clock_gives_its_customers_their_time() -> None:
    # given
    asked = Asked()
    clock = asked.post("/v1/test_helpers/test_clocks", frozen_time=1_700_000_000)
    customer = asked.post("/v1/customers", test_clock=clock["id"])
    # when
    advancing = asked.post(f"/v1/test_helpers/test_clocks/{clock['id']}/advance", frozen_time=1_700_086_400)
    asked.post(f"/v1/customers/{customer['id']}", name="Ann")
    # then
    assert (customer["created"], advancing["status"]) == (1_700_000_000, "advancing")
    assert asked.get(f"/v1/test_helpers/test_clocks/{clock['id']}")["status"] == "ready"
    assert asked.events("customer.updated")[0]["created"] == 1_700_086_400
    back = asked.refused(f"/v1/test_helpers/test_clocks/{clock['id']}/advance", frozen_time=1_600_000_000)
    assert back["param"] == "frozen_time"


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_its_answers_satisfy_stripes_own_types(version: str) -> None:
    asked = Asked(version=version)
    clock = asked.post("/v1/test_helpers/test_clocks", frozen_time=1_700_000_000)
    endpoint = asked.post("/v1/webhook_endpoints", url="https://shop.example/hooks", enabled_events=["*"])
    for found in (clock, endpoint, asked.post("/v1/customers", name="Ann", test_clock=clock["id"])):
        assert faults_of(found, version) == [], found["object"]


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.text("xyz", max_size=3), max_size=4), max_size=3))
def test_a_form_says_what_the_sdk_wrote(said: dict[str, list[str]]) -> None:
    pairs = [(f"{key}[{i}]", value) for key, values in said.items() for i, value in enumerate(values)]
    assert decode(pairs) == {key: values for key, values in said.items() if values}
    unnumbered = [(f"{key}[]", value) for key, values in said.items() for value in values]
    assert decode(unnumbered) == {key: values for key, values in said.items() if values}


@contextmanager
def receiving(statuses: list[int]) -> Iterator[tuple[str, list[tuple[bytes, str]]]]:
    """An endpoint that answers so, then 200; and what came."""
    got: list[tuple[bytes, str]] = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["Stripe-Signature"]))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(count: int, got: list[Any]) -> None:
    for _ in range(200):
        if len(got) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"{len(got)} of {count} came")


def client(url: str) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": url}, stripe_version=ENDIVE, max_network_retries=0)


def test_events_are_delivered_signed_in_the_endpoints_version_and_tried_again() -> None:
    with receiving([500]) as (hook, got), serving(Sandbox()) as url:
        # given
        asked = client(url).v1
        endpoint = asked.webhook_endpoints.create(
            {"url": hook, "enabled_events": ["customer.created"], "api_version": "2025-10-29.clover"}
        )
        assert endpoint.secret is not None
        # when
        customer = asked.customers.create({"name": "Ann"})
        until(2, got)
        # then
        events = [stripe.Webhook.construct_event(body, signed, endpoint.secret) for body, signed in got]
        assert [(e.type, e.api_version, e.id) for e in events] == [
            ("customer.created", "2025-10-29.clover", events[0].id)
        ] * 2
        assert events[0].data.object["id"] == customer.id


@pytest.mark.parametrize("kind", ["429", "500", "401", "409", "lost", "lost_before", "500_after"])
def test_a_fault_befalls_the_next_request_and_no_other(kind: str) -> None:
    with serving(sandbox := Sandbox()) as url:
        # given
        asked = client(url).v1
        sandbox.state.faults.add({"kind": kind, "method": "POST", "path": "/v1/customers"})
        # when
        with pytest.raises(stripe.StripeError):
            asked.customers.create({}, {"idempotency_key": "key-1"})
        # then
        done = 1 if kind in ("lost", "500_after") else 0
        assert len(asked.customers.list().data) == done
        if kind == "500_after":  # Stripe keeps a 500 as the answer of its key
            with pytest.raises(stripe.APIError):
                asked.customers.create({}, {"idempotency_key": "key-1"})
        else:
            asked.customers.create({}, {"idempotency_key": "key-1"})
        assert len(asked.customers.list().data) == 1


def test_webhooks_are_dropped_doubled_or_never_made_on_request() -> None:
    with receiving([]) as (hook, got), serving(sandbox := Sandbox()) as url:
        # given
        asked = client(url).v1
        asked.webhook_endpoints.create({"url": hook, "enabled_events": ["*"]})
        for kind in ("webhook_drop", "webhook_duplicate", "webhook_never"):
            sandbox.state.faults.add({"kind": kind, "types": ["customer.created"]})
        # when: the first event is not made, the second is not delivered, the third is delivered twice
        made = [asked.customers.create({}).id for _ in range(3)]
        until(2, got)
        # then
        assert sorted(e.data.object["id"] for e in asked.events.list().data) == sorted(made[1:])
        assert len(got) == 2
        assert got[0][0] == got[1][0]
