"""Where benches play: a PostgreSQL of their own, databases, the real processes of the service, and sample events."""

import base64
import contextlib
import itertools
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psycopg
from psycopg.conninfo import make_conninfo

from api.postgres import EmbeddedPostgres
from ledger import migrations
from ledger.events import NewEvent
from ledger.inbox import open_envelope, receive
from ledger.keys import KeyStore, MasterKey
from ledger.store import Log
from projections import BILLING
from replay.rebuild import ensure_built, rebuild
from replay.simulator import Scenario, encode, simulate
from replay.status import is_led

SECRET = b"whsec_of_the_bench_only"
_MASTER = base64.b64encode(b"bench master key, 32 bytes long!").decode()
#: One version, so that the figures do not depend on a mix.
VERSION = "2025-10-29.clover"
_CHUNK = 2_000


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    measured: float
    unit: str
    bound: float | None = None
    note: str = ""
    """What the bound is, and under which conditions."""

    @property
    def ratio(self) -> float | None:
        """Measured over bound."""
        return self.measured / self.bound if self.bound else None


class Stage:
    """The machine as benches see it."""

    def __init__(self, folder: Path, quick: bool, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.quick = quick
        self.say = say
        self._server = EmbeddedPostgres(folder / "data")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: "type[BaseException] | BaseException | TracebackType | None") -> None:
        self._server.stop()

    @property
    def seconds(self) -> int:
        """How long a load lasts."""
        return 2 if self.quick else 8

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A fresh, migrated database with its read models built; gone afterwards."""
        with psycopg.connect(make_conninfo(self._server.conninfo, dbname="postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}")
            conninfo = make_conninfo(self._server.conninfo, dbname=name)
            migrations.migrate(conninfo)
            migrations.migrate(conninfo, migrations.KEYS, "subject_keys")
            ensure_built(conninfo)
            try:
                yield conninfo
            finally:
                conn.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def environment(self, conninfo: str) -> dict[str, str]:
        """What the service's processes are started with."""
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("STRIPE_", "RECOUNT_", "DATABASE_"))},
            "DATABASE_URL": conninfo,
            "RECOUNT_MASTER_KEY": _MASTER,
            "RECOUNT_DATA_DIR": str(self.folder / "service"),
            "RECOUNT_LOG_LEVEL": "error",
            "RECOUNT_RATE_LIMIT": "1000000/second",  # counted as ever, and never reached
            "STRIPE_WEBHOOK_SECRET": SECRET.decode(),
            "STRIPE_CONNECT_WEBHOOK_SECRET": SECRET.decode(),
        }

    @contextlib.contextmanager
    def web(self, conninfo: str) -> Iterator[str]:
        """The web processes as they are served. Yields their URL."""
        port = free_port()
        with self.process(["-m", "api.web", "127.0.0.1", str(port), "2"], self.environment(conninfo)):
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/healthz")
            yield url

    @contextlib.contextmanager
    def worker(self, conninfo: str) -> Iterator[None]:
        """The background worker as it is served."""
        with self.process(["-m", "api.worker"], self.environment(conninfo)):
            with psycopg.connect(conninfo, autocommit=True) as conn:
                deadline = time.monotonic() + 30
                while time.monotonic() < deadline and not is_led(conn, BILLING):
                    time.sleep(0.05)
            yield

    @contextlib.contextmanager
    def process(self, arguments: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
        """A Python process that is ended afterwards."""
        it = subprocess.Popen([sys.executable, *arguments], env=environment, stdin=subprocess.DEVNULL)
        try:
            yield it
        finally:
            it.terminate()
            try:
                it.wait(20)
            except subprocess.TimeoutExpired:
                it.kill()
                it.wait()

    def key_store(self, conninfo: str) -> KeyStore:
        """The subjects' keys of a database."""
        return KeyStore(conninfo, self.master)

    @property
    def master(self) -> MasterKey:
        """The root secret that the processes are started with."""
        return MasterKey(base64.b64decode(_MASTER))

    def load(self, conninfo: str, bodies: Iterable[bytes]) -> int:
        """Put events into the log as an import does, sealed under their subjects' keys. Returns how many."""
        log, keys, loaded = Log(conninfo), self.key_store(conninfo), 0
        try:
            bodies = iter(bodies)
            while chunk := [open_envelope(b) for b in itertools.islice(bodies, _CHUNK)]:
                found = keys.ensure({e.subject for e in chunk})
                events: list[NewEvent] = [receive(e, found[e.subject], "platform", secrets.token_bytes) for e in chunk]
                loaded += log.append_bulk(events)
        finally:
            log.close()
            keys.close()
        return loaded

    def past(self, conninfo: str, bodies: Sequence[bytes]) -> None:
        """Give a database a past, so that what follows meets a running system and not its first day."""
        self.load(conninfo, bodies)
        rebuild(conninfo)

    @property
    def past_events(self) -> int:
        """How many events a past has."""
        return 2_000 if self.quick else 20_000


def history(events: int, seed: int = 7) -> Iterator[bytes]:
    """Simulated events, encoded, about 50 an organization."""
    months = 12
    scenario = Scenario(orgs=max(20, events // 110), months=months, seed=seed, api_versions=(VERSION,))
    return (encode(e) for e in itertools.islice(simulate(scenario), events))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])


def wait_for(url: str, timeout_s: float = 30) -> None:
    """Return when `url` answers 200."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


__all__ = ["SECRET", "VERSION", "Figure", "Stage", "free_port", "history", "wait_for"]
