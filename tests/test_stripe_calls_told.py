"""What is known of calls is told: to operators, who settle what nobody knows; to endpoints; in metrics and status."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from billing_world import Counter, counter
from outgoing import Installation
from samples import T
from test_api_acts import problem

from api import metrics
from commands.stripe_calls import CALLS, BeginCall, FailCall, LoseCall, RequestCall
from commands.stripe_stops import STOPS, ResumeCalls, StopCalls
from ledger.ids import call_stream, calls_stream
from ledger.stripe_call_events import StripeCallUnknown
from replay.outgoing import CallsStatus, outgoing


@pytest.fixture
def world(database: str) -> Iterator[Counter]:
    with counter(database) as found:
        yield found


def happen(append: Any, id: str, *commands: Any, **fields: Any) -> None:
    """A call, and what became of it."""
    given = {"mode": "test", "account": "platform", "operation": "refunds.create", "params": {"amount": 5}, **fields}
    call = CALLS.initial
    for command in (RequestCall(call_id=id, **given), *commands):
        for event in CALLS.decide(command, call):
            append(call_stream("test", id), event)
            call = CALLS.evolve(call, event)


def told(world: Counter) -> Any:
    """How events get into a world's log."""
    from api_world import _META

    from ledger.events import NewEvent

    def append(stream: str, event: Any) -> None:
        world._append(NewEvent(stream, len(world.log.read_stream(stream)) + 1, event, _META))

    return append


LOST = (BeginCall(at_s=T, api_version="2026-10-28.endive"), LoseCall(why="no_answer", at_s=T + 90_000))
FAILED = (BeginCall(at_s=T, api_version="2026-10-28.endive"), FailCall(type="card_error", code="card_declined"))


def test_an_operator_says_what_became_of_an_unknown_call_and_whoever_asks_is_told(world: Counter):
    happen(told(world), "call_1", *LOST, org="acme")
    world.project()
    operator = world.key("operator")
    (call,) = world.read("/v1/calls?state=unknown", operator)["data"]
    assert (call["id"], call["moves_money"], call["why"]) == ("call_1", True, "no_answer")
    body = {"call_id": "call_1", "found": "re_1", "reason": "seen in the dashboard"}
    assert world.post("/v1/acts/resolve_call", body, operator).status_code == 200
    world.project()
    call = world.read("/v1/calls/call_1", operator)
    assert (call["state"], call["object_id"], call["known_by"]) == ("succeeded", "re_1", "person")
    assert problem(world.post("/v1/acts/resolve_call", {**body, "found": "re_2"}, operator)) == (409, "not_unknown")
    assert problem(world.post("/v1/acts/retry_call", {"call_id": "call_1", "reason": "x"}, operator)) == (
        409,
        "not_failed",
    )
    assert problem(world.post("/v1/acts/resolve_call", {"call_id": "call_9", "reason": "x"}, operator)) == (
        404,
        "not_found",
    )


def test_a_failed_call_is_asked_again_as_a_new_one_once(world: Counter):
    happen(told(world), "call_1", *FAILED, org="acme")
    world.project()
    operator = world.key("operator")
    for number in range(2):
        again = world.post("/v1/acts/retry_call", {"call_id": "call_1", "reason": "a new card"}, operator, f"k{number}")
        assert again.status_code == 200
    world.project()
    found = {c["id"]: (c["state"], c["instead_of"]) for c in world.read("/v1/calls?org=acme", operator)["data"]}
    assert found == {"call_1": ("failed", None), "call_1.2": ("waiting", "call_1")}


@pytest.mark.parametrize(("role", "bound"), [("service", {}), ("dashboard", {}), ("operator", {"org": "acme"})])
def test_calls_are_for_staff(world: Counter, role: str, bound: dict[str, str]):
    assert problem(world.ask("/v1/calls", world.key(role, **bound))) == (403, "forbidden")


def test_calls_are_listed_by_their_filters(world: Counter):
    happen(told(world), "call_1", *LOST, org="acme")
    happen(told(world), "call_2", org="globex", account="acct_seller")
    happen(told(world), "call_3", operation="customers.create", params={})
    world.project()
    operator = world.key("operator")
    world.post("/v1/acts/resolve_call", {"call_id": "call_1", "found": "re_1", "reason": "seen"}, operator)
    world.project()
    for query, ids in (
        ("state=waiting", ["call_3", "call_2"]), ("account=acct_seller", ["call_2"]), ("org=acme", ["call_1"]),
        ("operation=customers.create", ["call_3"]), ("object_id=re_1", ["call_1"]),
        ("moves_money=true", ["call_2", "call_1"]), ("moves_money=false", ["call_3"]), ("state=begun", []),
    ):  # fmt: skip
        assert [c["id"] for c in world.read(f"/v1/calls?{query}", operator)["data"]] == ids, query


# ---- told without being asked -----------------------------------------------------------------


def test_endpoints_are_told_of_an_unknown_call_and_of_a_refused_key(database: str):
    with closing(Installation(database, T)) as here:
        here.listen()
        here.react()
        happen(here.append, "call_1", *LOST, org="acme")
        stop = StopCalls(mode="test", status=401, code="api_key_expired", request_id="req_1", at_s=T)
        (stopped,) = STOPS.decide(stop, STOPS.initial)
        here.append(calls_stream("test"), stopped)
        here.react()
        raised = {n.type: (n.org, n.said) for n in here.notices()}
    assert raised["stripe.call_unknown"] == (
        "acme",
        {"call": "call_1", "account": "platform", "operation": "refunds.create", "why": "no_answer"},
    )
    assert raised["stripe.calls_stopped"] == (
        None,
        {"status": 401, "code": "api_key_expired", "request_id": "req_1"},
    )


def test_status_and_metrics_count_what_is_open(database: str):
    with closing(Installation(database, T)) as here:
        happen(here.append, "call_1", *LOST)
        happen(here.append, "call_2")
        happen(here.append, "call_3", LOST[0])
        happen(here.append, "call_4", *FAILED)
        stop = StopCalls(mode="test", status=401, code=None, request_id=None, at_s=T)
        here.append(calls_stream("test"), *STOPS.decide(stop, False))
        here.project()
        with psycopg.connect(database) as conn:
            assert outgoing(conn).calls == CallsStatus(1, 1, 1, ("test",))

        @contextmanager
        def connect() -> Any:
            with psycopg.connect(database) as conn:
                yield conn

        said = metrics.exposition(connect).decode()
        assert 'recount_stripe_calls_open{state="unknown"} 1.0' in said
        assert "recount_stripe_key_refused 1.0" in said
        here.append(calls_stream("test"), *STOPS.decide(ResumeCalls(mode="test", at_s=T), True))
        here.project()
        with psycopg.connect(database) as conn:
            assert outgoing(conn).calls.stopped == ()


def test_stopping_and_resuming_are_said_once():
    stop = StopCalls(mode="test", status=401, code=None, request_id=None, at_s=T)
    assert len(STOPS.decide(stop, False)) == 1
    assert STOPS.decide(stop, True) == ()
    assert STOPS.decide(ResumeCalls(mode="test", at_s=T), False) == ()


def test_what_is_unknown_says_whose_it_is():
    (asked,) = CALLS.decide(
        RequestCall(call_id="c", mode="test", account="acct_1", operation="refunds.create", org="acme"), CALLS.initial
    )
    call = CALLS.fold([asked, *CALLS.decide(LOST[0], CALLS.fold([asked]))])
    (lost,) = CALLS.decide(LOST[1], call)
    assert isinstance(lost, StripeCallUnknown)
    assert (lost.org, lost.account) == ("acme", "acct_1")
