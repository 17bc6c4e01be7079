"""The web server's application: requests are read whole before anybody works on them.

It speaks RSGI, granian's own protocol, and not WSGI: under WSGI a body is read by the worker thread, so a few slow
senders occupy all threads that others need. Here a slow body costs a coroutine and ends after five seconds; webhooks
are handled on the event loop, and everything else is Flask's, on threads (docs/decisions/0004-rsgi.md).
"""

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import structlog

from api import metrics
from api.app import create_app
from api.database import Database, running
from api.process import defer_stops_in_children, die_with_parent, hear_stops, log_setup, spare_collecting
from api.settings import Settings, load
from api.webhooks import Receiver, count
from ledger.errors import Invalid, StoreUnavailable
from ledger.inbox import Endpoint
from ledger.keys import KeyStore
from ledger.store import Log, as_role

log = structlog.get_logger("recount.web")

MAX_BODY_BYTES = 512 * 1024
BODY_TIMEOUT_S = 5.0
#: A database that stands still answers nothing at all, not even an error. Stripe waits for 20 s at least.
TAKE_TIMEOUT_S = 9.0
THREADS = 8
_ENDPOINTS: dict[str, Endpoint] = {"/webhooks/stripe": "platform", "/webhooks/stripe/connect": "connect"}
_TAKEN = b'{"received":true}'
_JSON = ("content-type", "application/json")
_PROBLEM = ("content-type", "application/problem+json")


class _TooSlow(Exception):
    """A body did not arrive in time."""


class Web:
    """The application of one web process."""

    def __init__(self) -> None:
        self._settings: Settings | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        die_with_parent(signal.SIGTERM)
        settings = load()
        log_setup(settings.log_level)
        self.open(settings, running(settings), loop)
        loop.call_soon(hear_stops)  # only a loop that runs can act on them

    def open(self, settings: Settings, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        """Make everything that lives as long as the process."""
        self._settings = settings
        self._loop = loop
        self._executor = ThreadPoolExecutor(THREADS, "web")
        self._log = Log(database.conninfo)
        self._keys: KeyStore = database.key_store(settings, max_connections=THREADS)
        self._receiver = Receiver(self._log, self._keys, settings, self._executor)
        app = create_app(database._replace(kept=self._log), settings, self._keys)
        self._wsgi: Callable[..., Any] = app.wsgi_app
        spare_collecting()
        self._reader = as_role(database.conninfo, "recount_reader", statement_timeout="5000")

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._settings is not None:
            loop.run_until_complete(self._receiver.close())
        self.close()

    def close(self) -> None:
        """Write what is waiting, then let go of everything."""
        if self._settings is not None:
            self._executor.shutdown(wait=True)  # what is being asked still uses both
            self._log.close()
            self._keys.close()
            self._settings = None

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        endpoint = _ENDPOINTS.get(scope.path)
        if endpoint is not None and scope.method == "POST":
            await self._webhook(endpoint, scope, protocol)
        elif scope.path == "/healthz":
            protocol.response_bytes(200, [_JSON], b'{"status":"ok"}')
        elif scope.path == "/metrics" and scope.method == "GET":
            text = await self._loop.run_in_executor(self._executor, self._metrics)
            protocol.response_bytes(200, [("content-type", "text/plain; version=0.0.4; charset=utf-8")], text)
        else:
            await self._flask(scope, protocol)

    async def _webhook(self, endpoint: Endpoint, scope: Any, protocol: Any) -> None:
        headers = scope.headers
        status, code, retry = 200, "", False
        try:
            body = await _body(headers, protocol, required=True)
            async with asyncio.timeout(TAKE_TIMEOUT_S):
                code = await self._receiver.take(endpoint, headers.get("stripe-signature"), body)
        except Invalid as error:
            status, code = _STATUS.get(error.code, 400), error.code
        except _TooSlow:
            status, code = 408, "body_too_slow"
        except (StoreUnavailable, TimeoutError):
            status, code, retry = 503, "store_unavailable", True
        except Exception as error:
            log.error("webhook_failed", error=type(error).__name__)
            status, code, retry = 503, "internal_error", True
        count(endpoint, code)
        if status == 200:
            protocol.response_bytes(200, [_JSON], _TAKEN)
        else:
            protocol.response_bytes(
                status, [_PROBLEM, *([("retry-after", "5")] if retry else [])], problem(status, code)
            )

    async def _flask(self, scope: Any, protocol: Any) -> None:
        try:
            body = await _body(scope.headers, protocol, required=False)
        except Invalid as error:
            status = _STATUS.get(error.code, 400)
            protocol.response_bytes(status, [_PROBLEM], problem(status, error.code))
            return
        except _TooSlow:
            protocol.response_bytes(408, [_PROBLEM], problem(408, "body_too_slow"))
            return
        status, headers, answer = await self._loop.run_in_executor(
            self._executor, _call_wsgi, self._wsgi, _environ(scope, body)
        )
        protocol.response_bytes(status, headers, answer)

    def _metrics(self) -> bytes:
        @contextlib.contextmanager
        def connect() -> Any:
            with psycopg.connect(self._reader, autocommit=True, connect_timeout=2) as conn:
                yield conn

        return metrics.exposition(connect)


_STATUS = {"length_required": 411, "body_too_large": 413}


def problem(status: int, code: str) -> bytes:
    """An RFC 9457 problem that echoes nothing of the request."""
    title = code.replace("_", " ")
    return json.dumps({"type": f"/docs#problem-{code}", "title": title, "status": status, "code": code}).encode()


async def _body(headers: Any, protocol: Any, *, required: bool) -> bytes:
    """The whole body. Raises Invalid: `length_required`, `body_too_large`, `bad_length`; _TooSlow."""
    given = headers.get("content-length")
    if given is None:
        if required or headers.get("transfer-encoding") is not None:
            raise Invalid("say Content-Length", code="length_required")
        return b""
    if not (given.isascii() and given.isdigit()):
        raise Invalid("Content-Length is no number", code="bad_length")
    length = int(given)
    if length > MAX_BODY_BYTES:
        raise Invalid("the body is too large", code="body_too_large")
    if length == 0:
        return b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body: bytes = await protocol()
    except TimeoutError as error:
        raise _TooSlow from error
    if len(body) != length:
        raise Invalid("the body is not as long as Content-Length says", code="bad_length")
    return body


def _environ(scope: Any, body: bytes) -> dict[str, Any]:
    host, _, port = (scope.authority or scope.server or "localhost").rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host or port,
        "SERVER_PORT": port if host else "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ.setdefault("HTTP_HOST", scope.authority or "localhost")
    return environ


def _call_wsgi(app: Callable[..., Any], environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
        started[:] = [int(status[:3]), [(k.lower(), v) for k, v in headers]]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return started[0], started[1], body


app = Web()


def serve(host: str, port: int, workers: int) -> None:
    """Run the web processes until SIGTERM; requests under way are answered first."""
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    die_with_parent(signal.SIGTERM)
    defer_stops_in_children()
    Server(
        "api.web:app",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        loop=Loops.uvloop if _has_uvloop() else Loops.asyncio,
        backlog=1024,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=20,
        log_level="warning",  # type: ignore[arg-type] # an enum of strings
        process_name=None,
    ).serve()


def _has_uvloop() -> bool:
    import importlib.util

    return importlib.util.find_spec("uvloop") is not None


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    os._exit(0)
