"""Lag: from an acknowledged webhook to its row in the read API; catching up; and a catalogue edit that touches many."""

import http.client
import json
import random
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from api.bench.hot_read import KEY, issue_key
from api.bench.stage import SECRET, Figure, Stage, history
from api.signature import sign
from ledger.inbox import open_envelope, receive
from ledger.store import Appended, Log
from projections import BILLING
from replay.live import Projector
from replay.rebuild import ensure_built, rebuild

_RATE = 500
_SAMPLES_A_SECOND = 20
#: Between two looks. Looking without a pause would be a load of its own.
_LOOK_S = 0.001


def run(stage: Stage) -> Iterator[Figure]:
    """At 500 events a second; after a stop; beside an edit of the catalogue."""
    yield from _lag(stage)
    yield from _catching_up(stage)
    yield from _edit(stage)


def _lag(stage: Stage) -> Iterator[Figure]:
    seconds = stage.seconds
    bodies = list(history(stage.past_events + _RATE * (seconds + 3)))
    past, bodies = bodies[: stage.past_events], bodies[stage.past_events :]
    with stage.database("lag") as conninfo, stage.web(conninfo) as url:
        stage.past(conninfo, past)
        issue_key(stage, conninfo)
        yield from _under_load(stage, conninfo, url, bodies)


def _under_load(stage: Stage, conninfo: str, url: str, bodies: list[bytes]) -> Iterator[Figure]:
    seconds = stage.seconds
    with stage.worker(conninfo):
        requests = stage.folder / "paced.txt"
        requests.write_bytes(b"\n".join(bodies))
        with stage.process(
            ["-c", "from api.bench.lag import pace; pace()", url, str(requests), str(_RATE)],
            stage.environment(conninfo),
        ):
            time.sleep(1)
            lags = _sample(url, seconds)
    lags.sort()
    at = f"{len(lags)} samples at {_RATE} events/s, seen by polling the read API"
    yield Figure("lag, acknowledged to visible, p50", _percentile(lags, 0.5), "ms", None, at)
    yield Figure("lag, acknowledged to visible, p99", _percentile(lags, 0.99), "ms", None, f"worst {lags[-1]:.1f} ms")


def _sample(url: str, seconds: int) -> list[float]:
    template = next(e for e in map(json.loads, history(500)) if e["type"] == "customer.created")
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    lags = []
    for n in range(seconds * _SAMPLES_A_SECOND):
        began = time.perf_counter()
        template["id"], template["data"]["object"]["id"] = f"evt_lag_{n}", f"cus_lag_{n}"
        _post(connection, json.dumps(template).encode())
        acknowledged = time.perf_counter()
        while _get(connection, f"/v1/customers/cus_lag_{n}") != 200:
            if time.perf_counter() - acknowledged > 10:
                break
            time.sleep(_LOOK_S)
        lags.append((time.perf_counter() - acknowledged) * 1e3)
        time.sleep(max(0.0, 1 / _SAMPLES_A_SECOND - (time.perf_counter() - began)))
    return lags


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    headers = {"Stripe-Signature": sign(body, SECRET, int(time.time())), "Content-Type": "application/json"}
    connection.request("POST", "/webhooks/stripe", body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]


def _catching_up(stage: Stage) -> Iterator[Figure]:
    events = 5_000 if stage.quick else 60_000
    with stage.database("catching_up") as conninfo:
        loaded = stage.load(conninfo, history(events))
        projector = Projector(conninfo, BILLING)
        began = time.perf_counter()
        ensure_built(conninfo)  # as the worker begins
        projector.lead()
        projector.catch_up()
        took = time.perf_counter() - began
        projector.close()
    yield Figure(
        "catching up after a stop", loaded / took, "events/s", None, f"{loaded:,} events, derivations included"
    )


def _edit(stage: Stage) -> Iterator[Figure]:
    orgs = 1_000 if stage.quick else 20_000
    with stage.database("edit") as conninfo:
        product = _many_buyers(stage, conninfo, orgs)
        rebuild(conninfo)
        stop = threading.Event()
        projector = Projector(conninfo, BILLING)
        follower = threading.Thread(target=_follow, args=(projector, stop), daemon=True)
        follower.start()
        quiet = _others(stage, conninfo, orgs, lambda n: n >= 100)
        _append(stage, conninfo, [product])
        began = time.perf_counter()
        beside = _others(stage, conninfo, orgs, lambda n: n >= 5 and _spread(conninfo))
        took = time.perf_counter() - began
        stop.set()
        follower.join()
        projector.close()
    note = f"worst beside it {max(beside):.0f} ms, worst in quiet {max(quiet):.0f} ms; spread in {took:.1f} s"
    yield Figure(
        f"a catalogue edit that touches {orgs:,} organizations delays another by",
        max(0.0, max(beside) - max(quiet)), "ms", None, note,
    )  # fmt: skip


def _follow(projector: Projector, stop: threading.Event) -> None:
    projector.lead()
    while not stop.is_set():
        folded = projector.step()
        while projector.drain(bulk=False):
            pass
        if not folded and not projector.drain():
            time.sleep(0.001)


def _many_buyers(stage: Stage, conninfo: str, orgs: int) -> bytes:
    """Load `orgs` organizations that all buy one product. Returns an event that edits it."""
    events = list(map(json.loads, history(2_000)))
    customer = next(e for e in events if e["type"] == "customer.created")
    subscription = next(e for e in events if e["type"] == "customer.subscription.created")
    item = subscription["data"]["object"]["items"]["data"][0]
    sold = item["price"]["product"]
    catalog = [e for e in events if "data" in e and e["data"]["object"].get("id") in (sold, item["price"]["id"])]

    def bodies() -> Iterator[bytes]:
        yield from (json.dumps(e).encode() for e in catalog)
        for n in range(orgs):
            for event in (customer, subscription):
                about = event["data"]["object"]
                event["id"] = f"evt_{about['object']}_{n}"
                about["metadata"] = {"org_id": f"org_{n}"}
                about["id"] = f"cus_{n}" if event is customer else f"sub_{n}"
            subscription["data"]["object"]["customer"] = f"cus_{n}"
            yield json.dumps(customer).encode()
            yield json.dumps(subscription).encode()

    stage.load(conninfo, bodies())
    product = next(e for e in catalog if e["type"] == "product.created")
    product |= {"id": "evt_edit", "type": "product.updated", "created": product["created"] + 100_000_000}
    product["data"]["object"]["metadata"] = {"features": "edited,sso", "limit_edited": "7"}
    stage.say(f"{orgs:,} organizations buy one product")
    return json.dumps(product).encode()


def _append(stage: Stage, conninfo: str, bodies: list[bytes]) -> int:
    log, keys = Log(conninfo), stage.key_store(conninfo)
    try:
        position = 0
        for body in bodies:
            envelope = open_envelope(body)
            key = keys.ensure([envelope.subject])[envelope.subject]
            outcome = log.append(receive(envelope, key, "platform", secrets.token_bytes))
            assert isinstance(outcome, Appended)
            position = outcome.positions[0]
        return position
    finally:
        log.close()
        keys.close()


def _others(stage: Stage, conninfo: str, orgs: int, enough: "object") -> list[float]:
    """How long other organizations' changes take to become visible, one after another, until `enough`. ms."""
    assert callable(enough)
    picker = random.Random(1)
    template = next(e for e in map(json.loads, history(500)) if e["type"] == "customer.created")
    log, keys = Log(conninfo), stage.key_store(conninfo)
    lags: list[float] = []
    with psycopg.connect(conninfo, autocommit=True) as conn:
        while not enough(len(lags)):
            n = picker.randrange(orgs)
            template |= {"id": f"evt_{secrets.token_hex(8)}", "type": "customer.updated"}
            template["created"] += 1
            template["data"]["object"] |= {"id": f"cus_{n}", "metadata": {"org_id": f"org_{n}"}}
            envelope = open_envelope(json.dumps(template).encode())
            key = keys.ensure([envelope.subject])[envelope.subject]
            outcome = log.append(receive(envelope, key, "platform", secrets.token_bytes))
            assert isinstance(outcome, Appended)
            began = time.perf_counter()
            while not _visible(conn, outcome.positions[0], f"org_{n}"):
                time.sleep(0.0005)
            lags.append((time.perf_counter() - began) * 1e3)
    log.close()
    keys.close()
    return lags


def _visible(conn: "psycopg.Connection[tuple[object, ...]]", position: int, org: str) -> bool:
    row = conn.execute(
        "SELECT (SELECT position FROM read_models.checkpoints WHERE name = 'billing') >= %b AND NOT EXISTS"
        " (SELECT FROM read_models.dirty WHERE derivation = 'organizations' AND key = ARRAY['test', %b])",
        [position, org],
        prepare=True,
    ).fetchone()
    return bool(row and row[0])


def _spread(conninfo: str) -> bool:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        row = conn.execute(
            "SELECT NOT EXISTS (SELECT FROM read_models.dirty) AND NOT EXISTS (SELECT FROM read_models.spreading)"
        ).fetchone()
    return bool(row and row[0])


def pace() -> None:
    """Deliver the bodies of a file at a steady rate over a few connections, in a process of its own."""
    url, requests, rate = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    bodies = requests.read_bytes().split(b"\n")
    began = time.perf_counter()
    lock = threading.Lock()
    following = iter(enumerate(bodies))

    def send() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        while True:
            with lock:
                n, body = next(following, (0, b""))
            if not body:
                return
            time.sleep(max(0.0, began + n / rate - time.perf_counter()))
            _post(connection, body)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
