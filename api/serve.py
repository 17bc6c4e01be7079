"""`recount serve`: one supervisor that owns the embedded database, the web processes and one worker.

It restarts whatever dies, and stops in the order in which nothing is lost: first the web processes answer what they
have taken, then the worker finishes its step, then the database is shut down.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from api.database import Database, owned
from api.postgres import EmbeddedPostgres, PostgresFailed
from api.process import log_setup
from api.settings import Settings, load

log = structlog.get_logger("recount.serve")

_DRAIN_S = 25.0
_LOOK_S = 0.1
_BACKOFF_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
#: A process that ran for this long starts with a clean sheet.
_STEADY_S = 30.0


class Child:
    """A process of ours that is started again when it dies."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._started = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def look(self) -> None:
        """Start it if it does not run, not too often."""
        if self._process is not None and self._process.poll() is None:
            return
        now = time.monotonic()
        if self._process is not None:
            self._deaths = 1 if now - self._started > _STEADY_S else self._deaths + 1
            wait = _BACKOFF_S[min(self._deaths, len(_BACKOFF_S) - 1)]
            log.warning("restarting", process=self.name, exit_code=self._process.returncode, in_s=wait)
            self._process = None
            self._not_before = now + wait
        if now >= self._not_before:
            self._started = now
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the others in order
            )

    def stop(self, timeout_s: float = _DRAIN_S) -> None:
        """Ask it to finish; kill it when it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            log.error("killed", process=self.name, after_s=timeout_s)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 2,
    *,
    on_ready: Callable[[Database, threading.Event], None] | None = None,
) -> None:
    """Run the whole service until SIGTERM or SIGINT. `on_ready` is called in a thread of its own once all is
    started, with the event that is set when the service stops.

    Raises what `api.database.owned` raises.
    """
    settings = load()
    log_setup(settings.log_level)
    settings.master()  # a missing master key is said before anything starts
    stopping = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    with owned(settings) as database:
        environment = _environment(settings)
        web = Child("web", ["api.web", host, str(port), str(workers)], environment)
        worker = Child("worker", ["api.worker"], environment)
        children = [web, worker]
        if not settings.platform_secrets and not settings.connect_secrets:
            log.warning("no_webhook_secret", detail="set STRIPE_WEBHOOK_SECRET; until then every webhook is refused")
        log.info("serving", url=f"http://{host}:{port}", database="embedded" if settings.embedded else "external")
        if on_ready is not None:
            for child in children:
                child.look()
            threading.Thread(target=on_ready, args=(database, stopping), name="on-ready", daemon=True).start()
        try:
            while not stopping.wait(_LOOK_S):
                if database.server is not None and not database.server.running():
                    log.error("database_died")
                    _restart(database.server)
                for child in children:
                    child.look()
        finally:
            log.info("stopping")
            for child in children:
                child.stop()


def _restart(server: EmbeddedPostgres) -> None:
    """Start the database again; when it does not start, say so, and the next look tries again."""
    try:
        server.start()
    except PostgresFailed as error:
        log.error("database_not_started", error=str(error))


def _environment(settings: Settings) -> dict[str, str]:
    """The children's environment; their metrics are counted together in a folder that starts empty."""
    folder = Path(settings.data_dir) / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "RECOUNT_DATA_DIR": str(settings.data_dir)}


def worker() -> None:
    """`recount worker`: a worker alone, for a database that `DATABASE_URL` names or a service that runs already."""
    from api.worker import run  # here: the supervisor does nothing that a worker does

    run()
