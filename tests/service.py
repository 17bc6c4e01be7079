"""The real service as a process of its own, for tests: started on a free port over a data folder, watched, stopped.

Knows processes, ports and settings. Refuses to know what is asked of the service.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from api.postgres import EmbeddedPostgres
from api.signature import sign

SECRET = "whsec_test_platform"
CONNECT_SECRET = "whsec_test_connect"
MASTER_BYTES = b"m" * 32
MASTER = b64encode(MASTER_BYTES).decode()
START_TIMEOUT_S = 40.0


class Answer(NamedTuple):
    """What an HTTP request was answered with."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a service over `folder`: nothing of the caller's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RECOUNT_", "STRIPE_", "DATABASE_", "PROMETHEUS"))}
    return {
        **kept,
        "RECOUNT_DATA_DIR": str(folder),
        "RECOUNT_MASTER_KEY": MASTER,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET,
        **more,
    }


class Service:
    """`recount serve` over a data folder. Its output is kept, to be searched for what must not be in it."""

    def __init__(self, folder: Path, *, workers: int = 1, port: int | None = None, **settings: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.workers = workers
        self.output = folder.parent / f"{folder.name}.out"
        self._environment = environment(folder, **settings)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        self.start()
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- the processes --------------------------------------------------------------------

    def start(self) -> None:
        """Start it; it is not ready yet."""
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(self.port), str(self.workers)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Until webhooks are taken and projections run. Raises AssertionError with what it said."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            assert self.process is None or self.process.poll() is None, self.said()[-3000:]
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/readyz").status == 200:
                    return
            time.sleep(0.03)
        raise AssertionError(f"not ready after {timeout_s} s: {self.said()[-3000:]}")

    def stop(self, timeout_s: float = 30.0, sign: int = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit code. Kills everything when it does not stop in time, and says so."""
        assert self.process is not None
        mine = self.pids()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            for pid in mine:
                kill(pid)
            raise AssertionError(f"did not stop within {timeout_s} s: {self.said()[-3000:]}") from None

    def kill_all(self) -> None:
        """End every process of it at once, as a power cut would."""
        for pid in self.pids():
            kill(pid)
        if self.process is not None:
            self.process.wait()

    def pids(self) -> list[int]:
        """Every live process of this service, orphans too: those that carry its data folder."""
        return [pid for pid, _ in self.processes()]

    def processes(self) -> list[tuple[int, str]]:
        """Every live process of this service with what it is: `supervisor`, `web`, `web-worker`, `worker`, `postgres`.

        PostgreSQL's own children are not listed: they go with their parent.
        """
        found: dict[int, tuple[int, str]] = {}
        mark = f"RECOUNT_DATA_DIR={self.folder}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                ours = mark in (entry / "environ").read_bytes().split(b"\0")
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if ours and state != "Z" and (what := _what(command)):
                found[int(entry.name)] = int(parent), what
        webs = {pid for pid, (_, what) in found.items() if what == "web"}
        return [(pid, "web-worker" if parent in webs else what) for pid, (parent, what) in found.items()]

    def said(self) -> str:
        """All that it wrote to stdout and stderr."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    # ---- asking it ------------------------------------------------------------------------

    def connection(self, timeout_s: float = 15.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request over a connection of its own."""
        connection = self.connection()
        try:
            with suppress(BrokenPipeError):  # a refused body need not be taken whole; the answer is there all the same
                connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, key: str | None = None) -> Answer:
        return self.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})

    def deliver(self, body: bytes | dict[str, Any], *, connect: bool = False, secret: str | None = None) -> Answer:
        """A webhook, signed now as Stripe does."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        secret = secret or (CONNECT_SECRET if connect else SECRET)
        path = "/webhooks/stripe/connect" if connect else "/webhooks/stripe"
        return self.request("POST", path, body, {"Stripe-Signature": sign(body, secret.encode(), int(time.time()))})

    @property
    def conninfo(self) -> str:
        """How to connect to its embedded database as the owner."""
        return EmbeddedPostgres(self.folder).conninfo

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """The `recount` command beside it."""
        return subprocess.run(
            [sys.executable, "-c", "from replay.cli import main; main()", *arguments],
            env=self._environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )


_SERVE = "import sys; from api.serve import serve; serve(port=int(sys.argv[1]), workers=int(sys.argv[2]))"


def _what(command: list[bytes]) -> str | None:
    if _SERVE.encode() in command:
        return "supervisor"
    if b"api.worker" in command:
        return "worker"
    if b"api.web" in command:
        return "web"
    if command[0].endswith(b"/bin/postgres"):
        return "postgres"
    return None


def kill(pid: int) -> None:
    """SIGKILL, if it still lives."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
