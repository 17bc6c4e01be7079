"""Crashes on purpose: processes of the real service killed at random moments under load, and what must be true after.

The client keeps what was acknowledged; Stripe's part is played faithfully: what was not acknowledged is sent again,
what was may come again too. Afterwards the log, the projections and a fresh database are asked.
"""

import hashlib
import http.client
import os
import random
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from service import CONNECT_SECRET, MASTER_BYTES, SECRET, Service

from api.signature import sign
from ledger import codec, store
from ledger.events import NewEvent, StripeEventReceived
from ledger.inbox import open_envelope, receive
from ledger.keys import KeyStore, MasterKey
from ledger.sealing import content_digest
from ledger.store import Appended, Log
from projections import GROUPS
from replay import digest, rebuild
from replay.live import Projector
from replay.simulator import Event, encode
from replay.verify import verify

#: What is killed. `web` is granian's main process, `web-worker` one that answers requests.
TARGETS = ("web-worker", "web", "worker", "postgres", "supervisor")
RECOVERY_LIMIT_S = 30.0


class Sent(NamedTuple):
    """An event as it goes over the wire."""

    body: bytes
    connect: bool
    stream: str


def wire(event: Event) -> Sent:
    """An event ready to be sent."""
    mode = "live" if event["livemode"] else "test"
    return Sent(encode(event), "account" in event, f"stripe/{mode}/{event.get('account', 'platform')}/{event['id']}")


class Client:
    """Delivers a history as Stripe does: several at a time, again what was not acknowledged, sometimes what was."""

    def __init__(
        self, service: Service, history: Sequence[Event], *, senders: int, per_second: float, seed: int
    ) -> None:
        self.acknowledged: dict[str, str] = {}
        """Stream -> SHA-256 of the body that was answered with 200."""
        self.acknowledgements = 0
        self.other_answers: Counter[int] = Counter()
        self.failures: list[str] = []
        self._service = service
        self._waiting = deque(wire(e) for e in history)
        self._done: list[Sent] = []
        self._pause_s = senders / per_second
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self._under_way = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def wait_for_another(self, timeout_s: float) -> float:
        """Seconds until something that is sent from now on is acknowledged."""
        began = time.monotonic()
        sent_at_least = self.acknowledgements + len(self._threads)  # those under way do not count
        while self.acknowledgements <= sent_at_least:
            assert time.monotonic() - began < timeout_s, f"nothing acknowledged for {timeout_s} s"
            time.sleep(0.005)
        return time.monotonic() - began

    def drop_rest(self) -> None:
        """Begin no new event; what was begun is still repeated until it is acknowledged."""
        with self._lock:
            self._waiting.clear()

    def wait_until_idle(self, timeout_s: float) -> None:
        """Until all that was begun is acknowledged."""
        deadline = time.monotonic() + timeout_s
        while self._waiting or self._under_way:
            assert time.monotonic() < deadline, "some events were never acknowledged"
            time.sleep(0.01)

    def _next(self) -> Sent | None:
        with self._lock:
            if self._done and (not self._waiting or self._random.random() < 0.15):
                return self._random.choice(self._done)
            if not self._waiting:
                return None
            self._under_way += 1
            return self._waiting.popleft()

    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stopping.is_set():
            sent = self._next()
            again = sent is not None and sent.stream in self.acknowledged
            while sent is not None and not self._stopping.is_set():
                connection, status = self._post(connection, sent)
                if status == 200:
                    self._acknowledge(sent, again)
                    break
                if status is not None:
                    self.other_answers[status] += 1
                    if status not in (502, 503, 408):
                        self.failures.append(f"{status} for {sent.stream}")
                        break
                time.sleep(0.02)
            time.sleep(self._pause_s)
        if connection is not None:
            connection.close()

    def _acknowledge(self, sent: Sent, again: bool) -> None:
        with self._lock:
            self.acknowledged[sent.stream] = hashlib.sha256(sent.body).hexdigest()
            self.acknowledgements += 1
            if not again:
                self._done.append(sent)
                self._under_way -= 1

    def _post(
        self, connection: http.client.HTTPConnection | None, sent: Sent
    ) -> tuple[http.client.HTTPConnection | None, int | None]:
        """The status of one try; None when no answer came."""
        connection = connection or self._service.connection(timeout_s=20)
        secret = CONNECT_SECRET if sent.connect else SECRET
        headers = {"Stripe-Signature": sign(sent.body, secret.encode(), int(time.time()))}
        try:
            connection.request(
                "POST", "/webhooks/stripe/connect" if sent.connect else "/webhooks/stripe", sent.body, headers
            )
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None, None
        return connection, answer.status


class Figures(NamedTuple):
    """What a run of crashes came to."""

    kills: Counter[str]
    acknowledged: int
    stored: int
    not_acknowledged: int
    repeated: int
    recovery_s: list[float]
    seconds: float

    def __str__(self) -> str:
        times = sorted(self.recovery_s)
        return (
            f"{sum(self.kills.values())} kills ({', '.join(f'{n} {k}' for k, n in sorted(self.kills.items()))}) in"
            f" {self.seconds:.0f} s; {self.acknowledged} events acknowledged, {self.repeated} deliveries repeated;"
            f" lost 0, twice 0; to the next acknowledgement p50 {times[len(times) // 2]:.2f} s, max {times[-1]:.2f} s"
        )


def crash(service: Service, history: Sequence[Event], *, kills: int, seed: int, per_second: float = 200) -> Figures:
    """Kill processes of `service` under load, let it recover each time, and check all promises at the end.

    `service` runs before and after. Raises AssertionError naming the seed.
    """
    dice = random.Random(seed)
    targets = [TARGETS[i % len(TARGETS)] for i in range(kills)]
    dice.shuffle(targets)
    client = Client(service, history, senders=6, per_second=per_second, seed=seed)
    killed: Counter[str] = Counter()
    recovery = []
    began = time.monotonic()
    try:
        for target in targets:
            time.sleep(dice.uniform(0.05, 0.5))
            _kill(service, target, dice)
            killed[target] += 1
            recovery.append(client.wait_for_another(RECOVERY_LIMIT_S))
        client.drop_rest()
        client.wait_until_idle(60)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, after {dict(killed)}: {error}; {service.said()[-2000:]}") from error
    finally:
        client.stop()
    seconds = time.monotonic() - began
    service.wait_ready()
    assert client.failures == [], f"seed {seed}"
    assert killed.total() == kills
    stored = check_log(service, client.acknowledged, history)
    check_projections(service)
    repeated = client.acknowledgements - len(client.acknowledged)
    return Figures(killed, len(client.acknowledged), stored, client.other_answers.total(), repeated, recovery, seconds)


def _kill(service: Service, target: str, dice: random.Random) -> None:
    deadline = time.monotonic() + RECOVERY_LIMIT_S
    while True:
        found = [pid for pid, what in service.processes() if what == target]
        if found:
            break
        assert time.monotonic() < deadline, f"no {target} came back"
        time.sleep(0.02)
    os.kill(dice.choice(found), signal.SIGKILL)
    if target == "supervisor":
        assert service.process is not None
        service.process.wait()
        service.start()


def check_log(service: Service, acknowledged: dict[str, str], history: Sequence[Event]) -> int:
    """Every acknowledged event is in the log exactly once, with the content that was acknowledged. Returns how many."""
    bodies = {sent.stream: sent.body for sent in map(wire, history)}
    keys = KeyStore(service.conninfo, MasterKey(MASTER_BYTES))
    with psycopg.connect(service.conninfo) as conn:
        rows: list[Any] = conn.execute(
            "SELECT originator_id, originator_version, topic, metadata FROM ledger.events"
            " WHERE originator_id = ANY(%s)",
            [list(bodies)],
        ).fetchall()
        others = conn.execute(
            "SELECT topic, count(*) FROM ledger.events"
            " WHERE originator_id <> ALL (%s) AND topic LIKE 'stripe.event%%' GROUP BY 1",
            [list(bodies)],
        ).fetchall()
    assert others == [], "the log holds what nobody sent"
    stored = {stream: codec.decode_metadata(bytes(meta)) for stream, _, _, meta in rows}
    assert len(stored) == len(rows), "an event is in the log twice"
    assert {(version, topic) for _, version, topic, _ in rows} <= {(1, "stripe.event_received/1")}
    lost = acknowledged.keys() - stored.keys()
    assert not lost, f"{len(lost)} acknowledged events are lost, such as {sorted(lost)[:3]}"
    opened = keys.open({subject for meta in stored.values() for subject in meta.subjects})
    keys.close()
    for stream, sha256 in acknowledged.items():
        assert hashlib.sha256(bodies[stream]).hexdigest() == sha256
        key = opened[stored[stream].subjects[0]]
        assert key is not None, "an event was sealed under a key that was lost"
        assert stored[stream].digest == content_digest(open_envelope(bodies[stream]).content, key)
    return len(rows)


def check_projections(service: Service) -> None:
    """The projections reach the head of the log, nothing is parked, and a rebuild from the log gives the same.

    The service appends what follows from events by itself: compared is what nothing came in between.
    """
    for _ in range(20):
        with psycopg.connect(service.conninfo, autocommit=True) as conn:
            digest.wait_until_caught_up(conn, 60)
            assert conn.execute("SELECT count(*) FROM read_models.parked").fetchone() == (0,)
            head, live = store.head(conn), digest.digests(conn)
        assert [d for found in verify(service.conninfo) for d in found.differences] == []
        rebuild.rebuild(service.conninfo)
        with psycopg.connect(service.conninfo, autocommit=True) as conn:
            digest.wait_until_caught_up(conn, 60)
            rebuilt = digest.digests(conn)
            if store.head(conn) == head:
                assert rebuilt.models == live.models
                return
    raise AssertionError("the log is never quiet")


class Held(NamedTuple):
    """What a service's log holds."""

    streams: set[str]
    """Of Stripe's events."""
    own: list[NewEvent]
    """What the service appended by itself: what followed from them."""


def in_order(database: str, history: Sequence[Event], held: Held) -> dict[str, digest.Digest]:
    """The digests of a fresh database that got what a log holds once, in order, undisturbed."""
    log = Log(database)
    new = []
    for event in history:
        sent = wire(event)
        if sent.stream in held.streams:
            new.append(
                receive(open_envelope(sent.body), b"k" * 32, "connect" if sent.connect else "platform", os.urandom)
            )
    assert len(new) == len(held.streams)
    assert log.append_bulk(new) == len(new)
    for event in held.own:
        assert isinstance(log.append(event), Appended)
    log.close()
    rebuild.ensure_built(database)
    for group in GROUPS:
        projector = Projector(database, group)
        assert projector.lead()
        projector.catch_up()
        projector.close()
    with psycopg.connect(database, autocommit=True) as conn:
        return digest.digests(conn).models


def held_in(service: Service) -> Held:
    """What the service's log holds."""
    with psycopg.connect(service.conninfo) as conn:
        everything = store.read(conn, 0, 1_000_000)
    own = [r for r in everything if not isinstance(r.event, StripeEventReceived)]
    return Held(
        {r.stream for r in everything} - {r.stream for r in own},
        [NewEvent(r.stream, r.version, r.event, codec.decode_metadata(r.metadata)) for r in own],
    )


def live_digests(service: Service) -> dict[str, digest.Digest]:
    """The digests of the service's read models."""
    with psycopg.connect(service.conninfo, autocommit=True) as conn:
        return digest.digests(conn).models
