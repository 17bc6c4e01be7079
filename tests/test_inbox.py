"""The inbox: each delivery once, whatever repeats, races, conflicts or is cut off; never a fault but a code."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from ledger import inbox, store
from ledger.codec import decode_metadata
from ledger.errors import Invalid, StoreUnavailable
from ledger.events import NewEvent
from ledger.keys import KeyStore, MasterKey
from ledger.loop_writer import LoopWriter
from ledger.store import Appended, Conflict, Log, Unit

MASTER = MasterKey(b"m" * 32)
KEY = b"k" * 32


class Inbox:
    """What the webhook endpoint does with a delivery, without the web."""

    def __init__(self, log: Log, keys: KeyStore) -> None:
        self.log, self.keys = log, keys

    def take(self, event: dict[str, Any] | bytes, **kwargs: Any) -> str:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        envelope = inbox.open_envelope(body)
        key = self.keys.ensure([envelope.subject])[envelope.subject]
        new = inbox.receive(envelope, key, kwargs.pop("endpoint", "platform"), secrets.token_bytes, **kwargs)
        while isinstance(self.log.append(new), Conflict):
            lost = self.keys.open([envelope.subject])[envelope.subject] is None
            further = inbox.after_conflict(new, self.log.read_stream(new.stream), key_is_lost=lost)
            if further is None:
                return "duplicate"
            new = further
        return new.event.NAME.removeprefix("stripe.event_") if new.version == 1 else f"{new.event.NAME} {new.version}"


@pytest.fixture
def box(log: Log, database: str) -> Iterator[Inbox]:
    keys = KeyStore(database, MASTER, max_connections=8)
    yield Inbox(log, keys)
    keys.close()


def created(**fields: Any) -> dict[str, Any]:
    return samples.event(1, "customer.created", samples.customer(**fields))


def names(log: Log) -> list[tuple[str, int, str]]:
    return [(e.stream, e.version, e.event.NAME) for e in log.read(0, 100)]


STREAM = "stripe/test/platform/evt_0001"


def test_a_redelivery_appends_nothing(box: Inbox):
    assert box.take(created()) == "received"
    assert box.take(created()) == "duplicate"
    assert box.take({**created(), "pending_webhooks": 3, "request": {"id": "req_2"}}) == "duplicate"
    assert box.take({**created(), "request": "req_old_style"}) == "duplicate"
    assert box.take(dict(reversed(created().items()))) == "duplicate"
    assert names(box.log) == [(STREAM, 1, "stripe.event_received")]


def test_an_event_through_both_endpoints_is_one(box: Inbox):
    box.take(created())
    assert box.take(created(), endpoint="connect") == "duplicate"


def test_another_api_version_is_a_further_rendering(box: Inbox):
    box.take(created())
    other = {**created(), "api_version": samples.ACACIA}
    assert box.take(other) == "stripe.event_received 2"
    assert box.take(other) == "duplicate"
    assert box.take(created()) == "duplicate"
    assert [e.event.api_version for e in box.log.read_stream(STREAM)] == [samples.BASIL, samples.ACACIA]


def test_the_same_version_with_other_content_is_a_conflict(box: Inbox):
    box.take(created())
    assert box.take(created(balance=7)) == "stripe.event_conflicted 2"
    assert box.take(created(balance=7)) == "duplicate"
    assert box.take(created(name="Grace")) == "stripe.event_conflicted 3"
    assert box.take(created()) == "duplicate"
    assert len(box.log.read(0, 100)) == 3


def test_the_wrong_mode_for_its_secret_goes_aside_and_blocks_nobody(box: Inbox):
    assert box.take(created(), secret_mode="live") == "misrouted"
    assert box.take(created(), secret_mode="live") == "duplicate"
    assert box.take(created(), secret_mode="test") == "received"
    assert box.take(created(name="x"), secret_mode="live") == "stripe.event_misrouted 2"
    assert names(box.log) == [
        ("misrouted/live/platform/evt_0001", 1, "stripe.event_misrouted"),
        (STREAM, 1, "stripe.event_received"),
        ("misrouted/live/platform/evt_0001", 2, "stripe.event_misrouted"),
    ]


def test_one_id_in_each_mode_and_account_is_that_many_events(box: Inbox):
    for live in (True, False):
        for account in (None, "acct_1", "acct_2"):
            event = samples.event(1, "customer.created", samples.customer(), live=live, account=account)
            assert box.take(event) == "received"
    assert len({e.stream for e in box.log.read(0, 100)}) == 6


def test_every_type_is_kept(box: Inbox):
    assert box.take(samples.event(5, "never.heard.of.it", {"object": "novelty"})) == "received"
    assert box.take({**samples.event(6, "x.y", {}), "data": None, "api_version": None}) == "received"


def test_thin_events_are_kept_in_the_account_and_second_that_they_name(box: Inbox):
    thin = {
        "id": "evt_test_65R", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
        "livemode": False, "created": "2024-09-17T06:20:52.246Z", "context": "acct_1", "related_object": None,
    }  # fmt: skip
    assert box.take(thin) == "received"
    assert box.take({**thin, "context": None, "created": "2024-09-17T08:20:52.999+02:00"}) == "received"
    one, other = (e.event for e in box.log.read(0, 10))
    assert (one.account, other.account) == ("acct_1", "platform")
    assert one.created_s == other.created_s == 1_726_554_052


def refusal(body: bytes) -> str:
    """The code that a body is refused with; `stored` when it is not. Any other exception fails the test."""
    try:
        inbox.receive(inbox.open_envelope(body), KEY, "platform", secrets.token_bytes)
    except Invalid as error:
        return error.code
    return "stored"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[1,]",
        b'"\\ud800"',
        b'{"a":1e99999999999999999999}',
        b"9" * 5000,
    ],
)
def test_what_is_no_json_is_refused(body: bytes):
    assert refusal(body) == "malformed_json"


@pytest.mark.parametrize(
    "change",
    [
        {"object": "customer"}, {"object": None}, {"object": ["event"]},
        {"id": None}, {"id": ""}, {"id": 7}, {"id": "x" * 256}, {"id": "evt\0"}, {"id": "a/b"}, {"id": "a\nb"},
        {"type": None}, {"type": "x" * 256}, {"type": "a\0"},
        {"livemode": None}, {"livemode": "true"}, {"livemode": 1},
        {"created": None}, {"created": -1}, {"created": 1.5}, {"created": True}, {"created": 2**40},
        {"created": "yesterday"}, {"created": "2024-09-17T06:20:52"}, {"created": "0001-01-01T00:00:00+00:00"},
        {"created": "9999-12-31T23:59:59-23:59"},
        {"account": 7}, {"account": "acct\0"}, {"account": "a" * 256},
        {"api_version": 7}, {"api_version": ""}, {"api_version": "2020\0"}, {"api_version": "v" * 256},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_stripe_event_is_refused(change: dict[str, Any]):
    accepted = change == {"created": "9999-12-31T23:59:59-23:59"}  # far, and a time all the same
    assert refusal(json.dumps({**created(), **change}).encode()) == ("stored" if accepted else "not_an_event")


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"event"', b"{}", b'{"object":"event"}'])
def test_json_that_is_no_object_of_stripes_is_refused(body: bytes):
    assert refusal(body) == "not_an_event"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("event"),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(st.sampled_from([*created(), "context", "object", "customer"]), below, max_size=6)
        ),
        max_leaves=12,
    ).map(lambda v: json.dumps({**created(), **v} if isinstance(v, dict) else v).encode())
    | st.binary(max_size=40)
)
def test_any_body_at_all_is_stored_or_refused_with_a_code(body: bytes):
    assert refusal(body) in ("stored", "malformed_json", "not_an_event", "too_deep")


@pytest.mark.parametrize("bad", ["\0", "x" * 300, "", 7, None, {"id": "\0"}, {}, []], ids=repr)
def test_a_strange_owner_is_no_subject(bad: Any, box: Inbox):
    event = samples.event(1, "invoice.paid", {"object": "invoice", "id": "in_1", "customer": bad, "name": "canary"})
    assert inbox.open_envelope(json.dumps(event).encode()).subject == "test/platform/in_1"
    event["data"]["object"]["id"] = bad
    assert inbox.open_envelope(json.dumps(event).encode()).subject == "test/platform/evt_0001"
    assert box.take(event) == "received"


def test_concurrent_duplicates_are_one_row(box: Inbox, database: str):
    others = [Inbox(Log(database), box.keys) for _ in range(3)]
    boxes = [box, *others]
    events = [samples.event(n, "customer.created", samples.customer()) for n in range(4)]
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda i: boxes[i % 4].take(events[i // 4 % 4]), range(320)))
    for other in others:
        other.log.close()
    assert sorted(set(outcomes)) == ["duplicate", "received"]
    assert outcomes.count("received") == 4
    assert len(box.log.read(0, 100)) == 4


def test_concurrent_renderings_all_find_a_place(box: Inbox):
    versions = [f"2025-01-{day:02}" for day in range(1, 17)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda v: box.take({**created(), "api_version": v}), versions * 2))
    kept = box.log.read_stream(STREAM)
    assert [e.version for e in kept] == list(range(1, 17))
    assert sorted(e.event.api_version for e in kept) == versions


def test_an_erased_subjects_redelivery_is_a_duplicate(box: Inbox, database: str):
    box.take(created())
    box.keys.destroy("test/platform/cus_1")
    assert box.take(created()) == "duplicate"
    elsewhere = KeyStore(database, MASTER)  # a process that seals under a key which nobody keeps
    assert Inbox(box.log, elsewhere).take(created()) == "duplicate"
    assert Inbox(box.log, elsewhere).take({**created(), "api_version": samples.ACACIA}) == "stripe.event_received 2"
    elsewhere.close()


def test_metadata_says_who_when_and_about_whom(box: Inbox):
    box.take(created())
    (event,) = box.log.read(0, 10)
    meta = decode_metadata(event.metadata)
    assert (meta.actor, meta.mode, meta.account, meta.occurred_at_s) == ("stripe", "test", "platform", samples.T)
    assert meta.subjects == ("test/platform/cus_1",)


# ---- faults of the connection ------------------------------------------------------------------------------------


def received(number: int = 1) -> NewEvent:
    body = json.dumps(samples.event(number, "customer.created", samples.customer())).encode()
    return inbox.receive(inbox.open_envelope(body), KEY, "platform", secrets.token_bytes)


class CutAfterCommit:
    """A connection that is lost after the server has committed and before it could say so."""

    closed = False

    def __init__(self, inner: psycopg.Connection[Any]) -> None:
        self.inner = inner

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self.inner.execute(*args, **kwargs).fetchall()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("size", [1, 3])
def test_an_acknowledgement_lost_after_the_commit_is_a_success_and_one_row(log: Log, size: int):
    log._conn = CutAfterCommit(log._connection())  # type: ignore[assignment]
    unit = [received(n) for n in range(size)]
    outcome = log.append(*unit)
    assert isinstance(outcome, Appended)
    assert [e.position for e in log.read(0, 10)] == list(outcome.positions)
    assert len(outcome.positions) == size


def test_when_the_retry_meets_anothers_row_it_is_a_conflict(log: Log):
    log.append(received())
    log._conn = CutAfterCommit(log._connection())  # type: ignore[assignment]
    assert isinstance(log.append(received()), Conflict)  # sealed anew: other bytes
    assert len(log.read(0, 10)) == 1


def test_a_held_lock_makes_the_store_unavailable_and_nobody_hangs(log: Log, database: str):
    with psycopg.connect(database) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(x'5EC00002'::int)")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            log.append(received())
        assert time.monotonic() - began < 3.5
    assert isinstance(log.append(received()), Appended)
    assert len(log.read(0, 10)) == 1


def test_a_frozen_writer_is_ended_and_the_next_one_goes_on(log: Log, database: str):
    with psycopg.connect(store.writer_conninfo(database)) as frozen:
        frozen.execute("SELECT pg_advisory_xact_lock(x'5EC00002'::int)")
        time.sleep(0.3)  # it stands idle in its transaction, as a stopped process would
        began = time.monotonic()
        assert isinstance(log.append(received()), Appended)
        assert 1 < time.monotonic() - began < 3
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            frozen.execute("SELECT 1")


def test_a_caller_is_told_when_the_connection_cannot_be_had(log: Log):
    log.writer_conninfo = "host=/nonexistent dbname=none"
    with pytest.raises(StoreUnavailable):
        log.append(received())


def test_a_log_that_is_closed_has_written_what_it_took_and_takes_no_more(database: str):
    log = Log(database)

    def append(n: int) -> type:
        try:
            return type(log.append(received(n)))
        except StoreUnavailable:
            return StoreUnavailable

    with ThreadPoolExecutor(16) as pool:
        outcomes = [pool.submit(append, n) for n in range(400)]
        while not any(f.done() for f in outcomes):
            time.sleep(0.001)
        log.close()
        found = [f.result() for f in outcomes]
    other = Log(database)
    assert len(other.read(0, 1000)) == found.count(Appended)
    assert set(found) == {Appended, StoreUnavailable}
    other.close()


def test_appends_do_not_pile_up_without_bound(log: Log, database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "MAX_WAITING", 3)
    log.append(received(99))
    with psycopg.connect(database) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(x'5EC00002'::int)")
        outcomes: list[Any] = []
        log.submit(Unit((received(0),)), outcomes.append)
        time.sleep(0.2)  # the writer waits for the lock with the first
        for n in range(1, 4):
            log.submit(Unit((received(n),)), outcomes.append)
        with pytest.raises(StoreUnavailable, match="too many"):
            log.submit(Unit((received(4),)), outcomes.append)
    while len(outcomes) < 4:
        time.sleep(0.01)
    assert {type(o) for o in outcomes} == {Appended}


def test_a_caller_that_is_gone_does_not_end_the_writer(log: Log):
    def gone(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    log.submit(Unit((received(1),)), gone)
    assert isinstance(log.append(received(2)), Appended)
    assert len(log.read(0, 10)) == 2


# ---- the same from an event loop, as the webhook endpoint does it ------------------------------------------------


class CutAfterCommitOnLoop(CutAfterCommit):
    """The same fault for a connection of an event loop."""

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        await (await self.inner.execute(*args, **kwargs)).fetchall()  # type: ignore[misc]
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    async def close(self) -> None:  # type: ignore[override]
        await self.inner.close()  # type: ignore[func-returns-value]


def on_loop(log: Log, act: Callable[[LoopWriter], Awaitable[Any]]) -> Any:
    """What `act` returns, on an event loop of its own."""

    async def run() -> Any:
        writer = LoopWriter(log)
        try:
            return await asyncio.wait_for(act(writer), 8)
        finally:
            await writer.close()

    return asyncio.run(run())


def test_a_loops_callers_are_told_their_own_outcome_and_one_of_equals_wins(log: Log):
    def act(writer: LoopWriter) -> Awaitable[Any]:
        return asyncio.gather(*(writer.append(Unit((received(n % 10),))) for n in range(100)))

    outcomes = on_loop(log, act)
    assert sorted(type(o).__name__ for o in outcomes) == ["Appended"] * 10 + ["Conflict"] * 90
    kept = log.read(0, 100)
    assert [e.position for e in kept] == sorted(p for o in outcomes if isinstance(o, Appended) for p in o.positions)


def test_an_acknowledgement_lost_on_a_loop_is_a_success_and_one_row(log: Log):
    async def act(writer: LoopWriter) -> Any:
        await writer.append(Unit((received(0),)))
        writer._conn = CutAfterCommitOnLoop(writer._conn)  # type: ignore[arg-type, assignment]
        return await asyncio.gather(*(writer.append(Unit((received(n),))) for n in range(4)))

    outcomes = on_loop(log, act)
    assert [type(o) for o in outcomes] == [Conflict, Appended, Appended, Appended]
    assert [e.event.event_id for e in log.read(0, 10)] == ["evt_0000", "evt_0001", "evt_0002", "evt_0003"]


@pytest.mark.parametrize("fault", ["no database", "unsafe"])
def test_a_loops_callers_are_told_at_once_when_the_database_is_away_or_unsafe(log: Log, database: str, fault: str):
    unsafe = make_conninfo(database, options="-c synchronous_commit=off")
    safe = log.writer_conninfo
    log.writer_conninfo = "host=/nonexistent dbname=none" if fault == "no database" else unsafe
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        on_loop(log, lambda writer: writer.append(Unit((received(1),))))
    assert time.monotonic() - began < 5
    log.writer_conninfo = safe
    assert log.head() == 0


def test_a_log_that_cannot_be_opened_says_unavailable():
    with pytest.raises(StoreUnavailable):
        Log("host=/nonexistent dbname=none")


def test_a_lock_held_elsewhere_makes_the_store_unavailable_on_a_loop_too(log: Log, database: str):
    with psycopg.connect(database) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(x'5EC00002'::int)")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            on_loop(log, lambda writer: writer.append(Unit((received(1),))))
        assert time.monotonic() - began < 6
    assert isinstance(on_loop(log, lambda writer: writer.append(Unit((received(1),)))), Appended)


def test_a_loops_writer_that_is_closed_has_written_what_waited(log: Log):
    async def act(writer: LoopWriter) -> list[Any]:
        waiting = [asyncio.create_task(writer.append(Unit((received(n),)))) for n in range(300)]
        await asyncio.sleep(0)
        await writer.close()
        return await asyncio.gather(*waiting)

    assert {type(o) for o in on_loop(log, act)} == {Appended}
    assert len(log.read(0, 1000)) == 300
