"""The worker of calls, over a real log and with Stripe's own SDK: order, pace, who leads, and no call by replay."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
import stripe as sdk
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from outgoing import MASTER, Installation
from stripe_fake import FakeStripe, serving
from test_engine import eventually

from api.calls.asking import ask
from api.calls.client import NoAnswer, Request, Stripe
from api.calls.making import Maker
from api.calls.pace import Pace
from api.calls.worker import AT_ONCE, AWAITED_S, FOR_LIVE, PROBE_S, CallWorker, pause_s
from api.observing import Observer
from commands.stripe_calls import RequestCall
from commands.stripe_operations import KEY_KEPT_S, MARK
from ledger.errors import StoreUnavailable
from ledger.events import Metadata
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from ledger.stripe_call_events import StripeCallsResumed, StripeCallsStopped
from replay import rebuild, verify

META = Metadata(occurred_at_s=0, actor="ada", mode="test")


class NoPace:
    def wait(self, urgency: str) -> None: ...


class Bench:
    """An installation, a Stripe over HTTP, and the worker between them, which runs when it is told to."""

    def __init__(self, conninfo: str, base: str, stripe: FakeStripe) -> None:
        self.here = Installation(conninfo, time.time())
        self.stripe = stripe
        stripe.clock = lambda: self.here.now_s
        self.base = base
        self._workers: list[CallWorker] = []

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self.here.close()

    def clock(self) -> float:
        return self.here.now_s

    def client(self, key: str = "sk_test_1") -> Stripe:
        return Stripe(key, base=self.base, api_version="2026-10-28.endive", pace=NoPace(), clock=self.clock, read_s=5.0)

    def maker(self) -> Maker:
        here = self.here
        return Maker(here.log, here.keys, Observer(here.log, here.keys), self.client(), self.clock)

    def worker(self) -> CallWorker:
        worker = CallWorker(self.here.conninfo, self.here.log, self.maker(), clock=self.clock, chance=lambda: 0.0)
        self._workers.append(worker)
        return worker

    def ask(self, id: str, operation: str = "payment_intents.create", *path: str, **fields: Any) -> None:
        given = {"mode": "test", "account": "platform", "urgency": "background", **fields}
        request = RequestCall(call_id=id, operation=operation, path=path, **given)  # type: ignore[arg-type]
        ask(self.here.log, self.here.keys, request, META)

    def run(self, worker: CallWorker) -> int:
        """Fold, and let a worker take up what waits, once."""
        self.here.project()
        assert worker.lead()
        taken = worker.step()
        worker.settle()
        self.here.project()
        return taken

    def states(self) -> dict[str, str]:
        self.here.project()
        return dict(self.here.rows("SELECT id, state FROM {r}.stripe_calls ORDER BY id"))

    @property
    def made(self) -> list[str]:
        """The calls in the order in which Stripe heard of them."""
        return [r[3]["idempotency-key"] for r in self.stripe.requests if r[0] == "POST"]


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    stripe = FakeStripe()
    with serving(stripe) as base, closing(Bench(database, base, stripe)) as found:
        yield found


def test_what_waits_is_made_and_what_was_made_is_not_made_again(bench: Bench):
    bench.ask("call_1", params={"amount": 1200, "currency": "eur", "metadata": {"mine": "1"}})
    worker = bench.worker()
    assert bench.run(worker) == 1
    (intent,) = bench.stripe.made("payment_intent")
    assert intent["metadata"] == {"mine": "1", MARK: "call_1"}
    assert bench.states() == {"call_1": "succeeded"}
    ((object, id, status, by),) = bench.here.rows("SELECT object, object_id, status, known_by FROM {r}.stripe_calls")
    assert (object, id, status, by) == ("payment_intent", intent["id"], 200, "answer")
    bench.here.now_s += 5
    assert bench.run(worker) == 0
    assert bench.run(bench_other(bench, worker)) == 0
    assert bench.made == ["call_1"]


def bench_other(bench: Bench, worker: CallWorker) -> CallWorker:
    """The next worker, after this one is gone."""
    worker.close()
    bench._workers.remove(worker)
    other = bench.worker()
    assert eventually(other.lead)
    return other


def test_what_was_made_is_a_row_of_its_own_before_any_webhook(bench: Bench):
    bench.ask("call_1", "customers.create", params={"name": "Ada"}, org="acme")
    bench.run(bench.worker())
    ((id, call),) = bench.here.rows("SELECT id, metadata->>'recount_call' FROM {r}.customers")
    assert (id, call) == (bench.stripe.made("customer")[0]["id"], "call_1")
    assert bench.here.rows("SELECT id, object, org FROM {r}.stripe_made") == [(id, "customer", "acme")]


def test_live_calls_go_before_background_ones_and_have_room_of_their_own(bench: Bench):
    for number in range(AT_ONCE + 4):
        bench.ask(f"call_b{number:02d}", params={"amount": number})
    bench.ask("call_live", params={"amount": 1}, urgency="live")
    bench.stripe.delay_s = 1.5
    bench.here.project()
    worker = bench.worker()
    assert worker.lead()
    assert worker.step() == 1 + AT_ONCE - FOR_LIVE - 1
    assert "call_live" in bench_sent(bench, AT_ONCE - FOR_LIVE)
    bench.ask("call_live2", params={"amount": 1}, urgency="live")
    bench.here.project()
    assert worker.step() == 1  # background ones have no room left, and live ones do
    worker.settle()


def bench_sent(bench: Bench, many: int) -> list[str]:
    assert eventually(lambda: len(bench.made) >= many)
    return bench.made


def test_calls_about_one_object_are_made_one_after_the_other(bench: Bench):
    bench.stripe.objects["platform/cus_1"] = {"id": "cus_1", "object": "customer", "created": 1}
    bench.stripe.objects["platform/cus_2"] = {"id": "cus_2", "object": "customer", "created": 1}
    for id, customer in (("call_a", "cus_1"), ("call_b", "cus_1"), ("call_c", "cus_2")):
        bench.ask(id, "customers.update", customer, params={"balance": 5})
    bench.stripe.faults.extend(["503"])
    worker = bench.worker()
    assert bench.run(worker) == 2
    assert sorted(bench.made) == ["call_a", "call_c"]
    for _ in range(4):
        bench.here.now_s += 400
        bench.run(worker)
    mine = [m for m in bench.made if m != "call_c"]
    assert mine[-1] == "call_b"
    assert mine.count("call_b") == 1


def test_what_was_not_answered_is_made_again_later_and_later(bench: Bench):
    bench.stripe.faults.extend(["503", "429", "lost"])
    bench.ask("call_1")
    worker = bench.worker()
    waited = []
    for second in range(12):
        if bench.run(worker):
            waited.append(second)
        bench.here.now_s += 1
    assert waited == [0, 1, 3, 7]
    assert bench.states() == {"call_1": "succeeded"}
    assert bench.stripe.done["call_1"] == 1


def test_one_makes_calls_and_the_others_stand_by(bench: Bench):
    first, second = bench.worker(), bench.worker()
    assert first.lead()
    assert not second.lead()


def test_a_call_that_somebody_waits_for_is_left_to_them_for_a_while(bench: Bench):
    bench.ask("call_1", awaited=True, urgency="live")
    worker = bench.worker()
    bench.here.now_s = time.time()
    assert bench.run(worker) == 0
    bench.here.now_s += AWAITED_S + 1
    assert bench.run(worker) == 1


def test_a_refused_key_stops_all_calls_until_one_finds_that_it_is_taken_again(bench: Bench):
    bench.stripe.faults.extend(["401"])
    bench.ask("call_1")
    worker = bench.worker()
    assert bench.run(worker) == 1
    assert [r[1:3] for r in bench.here.rows("SELECT mode, status, code FROM {r}.stripe_calls_stopped")] == [
        (401, "api_key_expired")
    ]
    bench.ask("call_2")
    bench.ask("call_3")
    assert bench.run(worker) == 0
    bench.stripe.faults.extend(["401"])
    bench.here.now_s += PROBE_S
    assert bench.run(worker) == 1  # one of them tries
    assert len(bench.here.logged(StripeCallsStopped.NAME)) == 1
    bench.here.now_s += PROBE_S
    assert bench.run(worker) == 1
    assert bench.here.rows("SELECT mode FROM {r}.stripe_calls_stopped") == []
    assert len(bench.here.logged(StripeCallsResumed.NAME)) == 1
    assert bench.run(worker) == 2
    assert set(bench.states().values()) == {"succeeded"}


def test_a_new_worker_tries_a_refused_key_at_once(bench: Bench):
    bench.stripe.faults.extend(["401"])
    bench.ask("call_1")
    worker = bench.worker()
    bench.run(worker)
    assert bench.run(bench_other(bench, worker)) == 1
    assert bench.states() == {"call_1": "succeeded"}


def test_what_is_unknown_is_looked_up_by_the_worker(bench: Bench):
    bench.stripe.faults.extend(["lost done"])
    bench.ask("call_1")
    worker = bench.worker()
    bench.run(worker)
    bench.here.now_s += KEY_KEPT_S
    bench.run(worker)
    assert bench.states() == {"call_1": "unknown"}
    bench.run(worker)
    assert bench.states() == {"call_1": "succeeded"}
    assert bench.stripe.done["call_1"] == 1
    assert bench.made == ["call_1"]


@examples(50)
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_between_attempts_is_within_its_bounds(attempt: int, chance: float):
    assert 0.5 <= pause_s(attempt, chance) <= 300
    assert pause_s(attempt, 0.0) <= pause_s(attempt + 1, 0.0)


def test_what_is_wrong_with_one_call_keeps_no_other_from_being_made(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    bench.ask("call_1")
    bench.ask("call_2")
    whole = Maker.attempt

    def attempt(self: Maker, call_id: str, **how: Any) -> Any:
        if call_id == "call_1":
            raise KeyError("of a newer release")
        return whole(self, call_id, **how)

    monkeypatch.setattr(Maker, "attempt", attempt)
    worker = bench.worker()
    for _ in range(3):
        bench.run(worker)
    assert bench.states() == {"call_1": "waiting", "call_2": "succeeded"}
    monkeypatch.undo()
    bench.here.now_s += 301
    bench.run(worker)
    assert bench.states()["call_1"] == "succeeded"


# ---- the client -------------------------------------------------------------------------------


def test_the_sdk_sends_the_key_the_version_and_the_account_and_repeats_nothing(bench: Bench):
    bench.stripe.faults.extend(["503"])
    request = Request(
        "POST", "/v1/customers", "acct_1", {"name": "Ada", "metadata": {"a": "b"}, "list": [1, 2]},
        idempotency_key="call_9", api_version="2025-03-31.basil",
    )  # fmt: skip
    assert bench.client().send(request).status == 503
    reply = bench.client().send(request)
    assert reply.status == 200
    assert reply.request_id is not None
    assert len(bench.stripe.requests) == 2
    _, _, params, headers = bench.stripe.requests[0]
    assert params == {"name": "Ada", "metadata": {"a": "b"}, "list": ["1", "2"]}
    assert headers["idempotency-key"] == "call_9"
    assert headers["stripe-version"] == "2025-03-31.basil"
    assert headers["stripe-account"] == "acct_1"
    assert headers["authorization"] == "Bearer sk_test_1"


def test_a_lost_connection_is_no_answer(bench: Bench):
    bench.stripe.faults.extend(["lost"])
    with pytest.raises(NoAnswer):
        bench.client().send(Request("POST", "/v1/customers", "platform"))
    nowhere = Stripe("sk_test_1", base="http://127.0.0.1:1", api_version="x", pace=NoPace(), clock=time.time)
    with pytest.raises(NoAnswer):
        nowhere.send(Request("GET", "/v1/customers", "platform"))


def test_what_is_too_late_for_its_key_is_not_sent(bench: Bench):
    with pytest.raises(NoAnswer):
        bench.client().send(Request("POST", "/v1/customers", "platform", until_s=bench.here.now_s))
    assert bench.stripe.requests == []


# ---- the pace ---------------------------------------------------------------------------------


def test_all_together_keep_to_the_rate(database: str):
    took: list[float] = []
    with closing(Pace(database, "test", 50)) as one, closing(Pace(database, "test", 50)) as two:

        def go(pace: Pace) -> None:
            for _ in range(10):
                pace.wait("live")
                took.append(time.monotonic())

        threads = [threading.Thread(target=go, args=(p,)) for p in (one, two) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took.sort()
    assert len(took) == 40
    for first, after in zip(took, took[20:], strict=False):  # 20 turns take 0.4 s
        assert after - first > 0.36


def test_a_background_request_never_stands_before_a_live_one(database: str):
    with closing(Pace(database, "test", 10)) as pace:
        for _ in range(3):
            pace._ask(_reserved())  # three moments are reserved by those who wait
        began = time.monotonic()
        pace.wait("background")
        assert time.monotonic() - began > 0.25


def _reserved() -> str:
    from api.calls import pace

    return pace._RESERVE


def test_who_would_wait_too_long_is_told(database: str):
    with closing(Pace(database, "test", 1, longest_s=0.5)) as pace:
        pace.wait("live")
        pace._ask(_reserved())
        with pytest.raises(StoreUnavailable):
            pace.wait("live")
    with closing(Pace("host=127.0.0.1 port=1 dbname=x user=x", "test", 1)) as pace, pytest.raises(StoreUnavailable):
        pace.wait("live")


def test_a_row_that_a_crash_took_is_made_anew(database: str):
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("TRUNCATE ledger.stripe_pace")
    with closing(Pace(database, "test", 1000)) as pace:
        pace.wait("background")
        pace.wait("live")


# ---- replay, and death ------------------------------------------------------------------------


def test_a_rebuild_a_replay_and_a_verification_make_no_call(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    bench.ask("call_1", "customers.create", params={"name": "Ada"}, org="acme")
    worker = bench.worker()
    bench.run(worker)
    bench.ask("call_2")
    bench.here.project()
    heard, head = len(bench.stripe.requests), bench.here.log.head()

    tried: list[str] = []

    def sent(*args: Any, **more: Any) -> Any:
        tried.append("something was sent")
        raise AssertionError(tried[-1])

    monkeypatch.setattr(Stripe, "send", sent)
    monkeypatch.setattr(sdk.StripeClient, "raw_request", sent)
    monkeypatch.setattr("socket.create_connection", sent)
    monkeypatch.setattr("socket.getaddrinfo", sent)
    rebuild.rebuild(bench.here.conninfo)
    assert [found.differences for found in verify.verify(bench.here.conninfo)] == [()] * 2
    assert len(bench.stripe.requests) == heard
    assert bench.here.log.head() == head
    assert tried == []
    bench.here.now_s += 5
    bench.run(worker)
    assert tried  # and what would send is caught by the same means


def _make_calls(conninfo: str, base: str) -> None:
    """A process that makes calls until it is killed."""
    log, keys = Log(conninfo), KeyStore(conninfo, MasterKey(MASTER))
    client = Stripe("sk_test_1", base=base, api_version="2026-10-28.endive", pace=NoPace(), clock=time.time)
    maker = Maker(log, keys, Observer(log, keys), client, time.time)
    worker = CallWorker(conninfo, log, maker, clock=time.time, chance=lambda: 1.0)
    while True:
        if worker.lead():
            worker.step()
        time.sleep(0.005)


def test_a_worker_that_is_killed_at_any_moment_leaves_each_call_made_once(bench: Bench):
    calls = [f"call_{n:02d}" for n in range(24)]
    bench.stripe.clock = time.time
    bench.stripe.delay_s = 0.02
    for id in calls:
        bench.ask(id, params={"amount": 1})
    bench.here.project()
    context = multiprocessing.get_context("spawn")
    for pause_s_before in (0.0, 0.01, 0.02, 0.03, 0.05):
        process = context.Process(target=_make_calls, args=(bench.here.conninfo, bench.base), daemon=True)
        process.start()
        assert process.pid is not None
        heard = len(bench.stripe.requests)
        eventually(lambda before=heard: len(bench.stripe.requests) > before, 5.0)
        time.sleep(pause_s_before)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        bench.here.project()
    bench.here.now_s = time.time()
    worker = bench.worker()
    assert eventually(worker.lead)
    for _ in range(40):
        bench.run(worker)
        bench.here.now_s += 10
        if set(bench.states().values()) == {"succeeded"}:
            break
    assert set(bench.states().values()) == {"succeeded"}
    assert {bench.stripe.done[id] for id in calls} == {1}
    assert len(bench.stripe.made("payment_intent")) == len(calls)
