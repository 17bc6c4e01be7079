"""Webhooks over HTTP, at the real service: acknowledged is durable, refused is coded, slow senders wait alone."""

import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import samples
from service import CONNECT_SECRET, SECRET, Answer, Service

from api.signature import MAX_HEADER_BYTES, sign
from api.web import BODY_TIMEOUT_S, MAX_BODY_BYTES

pytestmark = pytest.mark.service

PATH = "/webhooks/stripe"
BOUND = "whsec_live_only"
#: Deeper by one level than what is taken.
DEEP = json.dumps(samples.event(1, "x", {"a": "X"})).replace('"X"', '{"a":' * 62 + "7" + "}" * 62).encode()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("webhooks")
    os.chmod(folder, 0o755)
    with Service(folder / "var", STRIPE_WEBHOOK_SECRET=f"{SECRET},live:{BOUND}") as it:
        yield it


def fresh(**fields: Any) -> dict[str, Any]:
    """An event that was never sent before."""
    return samples.event(f"evt_{uuid4().hex}", "customer.created", samples.customer(**fields))


def stored(service: Service, event: dict[str, Any]) -> list[tuple[str, int, str]]:
    with psycopg.connect(service.conninfo) as conn:
        return conn.execute(
            "SELECT originator_id, originator_version, topic FROM ledger.events WHERE originator_id LIKE %s",
            [f"%/{event['id']}"],
        ).fetchall()


def signed(body: bytes, **change: Any) -> dict[str, str]:
    return {
        "Stripe-Signature": sign(body, change.get("secret", SECRET).encode(), int(time.time()) + change.get("at", 0))
    }


def counted(service: Service, outcome: str, endpoint: str = "platform") -> float:
    text = service.get("/metrics").body.decode()
    found = re.search(
        rf'^recount_webhooks_total{{endpoint="{endpoint}",outcome="{outcome}"}} ([0-9.e+]+)$', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert b"canary" not in answer.body


# ---- taken -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connect", [False, True])
def test_what_is_acknowledged_is_in_the_log(service: Service, connect: bool):
    event = fresh()
    endpoint = "connect" if connect else "platform"
    before = counted(service, "stored", endpoint)
    answer = service.deliver(event, connect=connect)
    assert (answer.status, answer.json) == (200, {"received": True})
    assert stored(service, event) == [(f"stripe/test/platform/{event['id']}", 1, "stripe.event_received/1")]
    assert counted(service, "stored", endpoint) == before + 1


def test_an_unknown_type_is_taken(service: Service):
    event = {**fresh(), "type": "never.heard.of"}
    assert service.deliver(event).status == 200
    assert len(stored(service, event)) == 1


def test_a_repeated_delivery_is_acknowledged_and_kept_once(service: Service):
    event = fresh()
    before = counted(service, "duplicate")
    answers = [service.deliver({**event, "pending_webhooks": n}).status for n in range(3)]
    while len(answers) < 10 and answers.count(200) < 3:  # a busy machine may say so (503): Stripe delivers again
        answers.append(service.deliver(event).status)
    assert answers.count(200) == 3 and set(answers) <= {200, 503}
    assert len(stored(service, event)) == 1
    assert counted(service, "duplicate") >= before + 2


def test_renderings_and_conflicts_are_acknowledged_counted_and_kept(service: Service):
    event = fresh()
    before = {o: counted(service, o) for o in ("rendering", "conflict")}
    for change in ({}, {"api_version": samples.ACACIA}, {"created": event["created"] + 1}):
        assert service.deliver({**event, **change}).status == 200
    assert [(v, t) for _, v, t in stored(service, event)] == [
        (1, "stripe.event_received/1"), (2, "stripe.event_received/1"), (3, "stripe.event_conflicted/1"),
    ]  # fmt: skip
    assert {o: counted(service, o) - n for o, n in before.items()} == {"rendering": 1, "conflict": 1}


def test_the_wrong_mode_for_its_secret_is_acknowledged_and_put_aside(service: Service):
    event = fresh()
    assert service.deliver(event, secret=BOUND).status == 200
    assert service.deliver(event).status == 200
    assert {s for s, _, _ in stored(service, event)} == {
        f"misrouted/live/platform/{event['id']}",
        f"stripe/test/platform/{event['id']}",
    }


def test_five_hundred_deliveries_at_once_are_all_stored_once(service: Service):
    events = [fresh(id=f"cus_{n % 50}") for n in range(400)]
    wanted = [json.dumps(e).encode() for e in (*events, *events[:100])]

    def send(bodies: list[bytes]) -> list[int]:
        connection = service.connection()
        answers = []
        for body in bodies:
            connection.request("POST", PATH, body, signed(body))
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
        connection.close()
        return answers

    with ThreadPoolExecutor(16) as pool:
        statuses = [s for found in pool.map(send, [wanted[i::16] for i in range(16)]) for s in found]
    assert statuses == [200] * 500
    with psycopg.connect(service.conninfo) as conn:
        row = conn.execute(
            "SELECT count(*), max(originator_version) FROM ledger.events WHERE originator_id = ANY(%s)",
            [[f"stripe/test/platform/{e['id']}" for e in events]],
        ).fetchone()
    assert row == (400, 1)


# ---- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (lambda b: {}, "signature_missing"),
        (lambda b: {"Stripe-Signature": ""}, "signature_missing"),
        (lambda b: {"Stripe-Signature": "canary"}, "signature_malformed"),
        (lambda b: {"Stripe-Signature": "t=1,v1=é".encode()}, "signature_missing"),  # the server shows no such header
        (lambda b: {k: v + "," + "x" * MAX_HEADER_BYTES for k, v in signed(b).items()}, "signature_malformed"),
        (lambda b: signed(b, secret="whsec_other"), "signature_mismatch"),
        (lambda b: signed(b, secret=CONNECT_SECRET), "signature_mismatch"),
        (lambda b: signed(b + b" "), "signature_mismatch"),
        (lambda b: signed(b, at=-310), "timestamp_expired"),
        (lambda b: signed(b, at=310), "timestamp_in_future"),
    ],
)  # fmt: skip
def test_what_is_not_rightly_signed_is_refused_with_a_code_and_not_stored(service: Service, headers: Any, code: str):
    event = fresh(name="canary")
    body = json.dumps(event).encode()
    before = counted(service, code)
    refused(service.request("POST", PATH, body, headers(body)), 400, code)
    assert stored(service, event) == []
    assert counted(service, code) == before + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b'{"canary"', "malformed_json"),
        (b'{"object":"canary"}', "not_an_event"),
        (b"[" * 50_000, "too_deep"),
        (DEEP, "too_deep"),
    ],
    ids=["empty", "cut", "no-event", "very-deep", "deep"],
)  # fmt: skip
def test_a_signed_body_that_is_no_event_is_refused_with_a_code(service: Service, body: bytes, code: str):
    before = counted(service, code)
    refused(service.deliver(body), 400, code)
    assert counted(service, code) == before + 1


def test_header_bytes_that_are_no_text_are_refused(service: Service):
    body = b"{}"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nStripe-Signature: t=1,v1=".encode()
    assert raw(service, head + b"\xff\xfe\r\n\r\n" + body).startswith(b"HTTP/1.1 400")


def test_a_body_without_a_length_is_refused(service: Service):
    body = json.dumps(fresh()).encode()
    connection = service.connection()
    with suppress(BrokenPipeError):  # refused before the body is taken; the answer is there all the same
        connection.request("POST", PATH, iter([body]), signed(body), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 411
    assert json.loads(answer.read())["code"] == "length_required"
    connection.close()


@pytest.mark.parametrize("length", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
def test_a_body_over_512_kib_is_refused(service: Service, length: int):
    event = fresh()
    body = json.dumps(event).encode()
    body += b" " * (length - len(body))
    answer = service.deliver(body)
    if length <= MAX_BODY_BYTES:
        assert answer.status == 200
    else:
        refused(answer, 413, "body_too_large")
    assert len(stored(service, event)) == (length <= MAX_BODY_BYTES)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_delivers(service: Service, method: str):
    assert service.request(method, PATH).status in (401, 404, 405)


def raw(service: Service, sent: bytes) -> bytes:
    """What the service answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as conn:
        conn.sendall(sent)
        return conn.recv(65_536)


# ---- slow and broken senders -------------------------------------------------------------------------------------


def test_slow_senders_are_ended_after_five_seconds_and_hold_up_nobody(service: Service):
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
    before = counted(service, "body_too_slow")
    began = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", service.port), timeout=15) for _ in range(60)]
    for conn in slow:
        conn.sendall(head + b"{")
    reads = [socket.create_connection(("127.0.0.1", service.port), timeout=15) for _ in range(10)]
    for conn in reads:
        conn.sendall(b"POST /v1/orgs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")

    taken = []
    for conn in slow:  # they go on dripping, so that none is idle
        conn.sendall(b" ")
    for _ in range(5):
        at = time.monotonic()
        assert service.deliver(fresh()).status == 200
        assert service.get("/healthz").status == 200
        assert service.get("/readyz").status == 200
        taken.append(time.monotonic() - at)
    assert max(taken) < 2  # three requests, each well within one second

    for conn in (*slow, *reads):
        assert conn.recv(65_536).startswith(b"HTTP/1.1 408")
        conn.close()
    assert BODY_TIMEOUT_S - 0.5 < time.monotonic() - began < BODY_TIMEOUT_S + 3
    assert counted(service, "body_too_slow") == before + 60


def test_a_sender_that_goes_away_is_nobodys_trouble(service: Service):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as conn:
            conn.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    for line in (b"garbage\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\0" * 100):
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as conn:
            conn.sendall(line)
            conn.recv(1000)
    assert service.deliver(fresh()).status == 200
    assert "Traceback" not in service.said()


# ---- the database is away ----------------------------------------------------------------------------------------


def database_processes(service: Service) -> list[int]:
    """PostgreSQL and its children, which the service's own list leaves out."""
    parent = next(pid for pid, what in service.processes() if what == "postgres")
    children = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(entry) == parent
    ]  # fmt: skip
    return [parent, *children]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def test_while_the_database_stands_still_nothing_is_acknowledged(service: Service):
    assert service.deliver(fresh(id="cus_known")).status == 200
    before = counted(service, "store_unavailable")
    known, unknown = fresh(id="cus_known"), fresh(id=f"cus_{uuid4().hex}")
    frozen = database_processes(service)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(3) as pool:
            began = time.monotonic()
            waiting = [pool.submit(service.deliver, e) for e in (known, unknown)]
            assert service.get("/healthz").status == 200
            assert time.monotonic() - began < 1
            for answer in (w.result() for w in waiting):
                refused(answer, 503, "store_unavailable")
                assert int(answer.headers["retry-after"]) > 0
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    for event in (known, unknown):
        assert _until_taken(service, event) < 5
        assert len(stored(service, event)) == 1
    assert counted(service, "store_unavailable") == before + 2


def test_a_killed_database_comes_back_by_itself_and_loses_nothing(service: Service):
    event = fresh()
    assert service.deliver(event).status == 200
    (postmaster,) = (pid for pid, what in service.processes() if what == "postgres")
    os.kill(postmaster, signal.SIGKILL)
    other = fresh()
    answers = [service.deliver(other)]
    if answers[0].status != 200:
        refused(answers[0], 503, "store_unavailable")
        assert answers[0].headers["retry-after"]
    assert _until_taken(service, other) < 10
    service.wait_ready()
    assert len(stored(service, event)) == len(stored(service, other)) == 1


def _until_taken(service: Service, event: dict[str, Any]) -> float:
    """Seconds until a delivery, repeated as Stripe does, is acknowledged."""
    began = time.monotonic()
    while time.monotonic() - began < 20:
        try:
            if service.deliver(event).status == 200:
                return time.monotonic() - began
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise AssertionError("never taken again")
