"""The sandbox over HTTP, on loopback. Knows headers and bodies; what a request does is `sandbox`'s matter.

One process, a thread a connection: what it holds is in memory, and requests are carried out one at a time.
"""

import base64
import binascii
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from urllib.parse import parse_qsl

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from api.sandbox import faults
from api.sandbox.control import make_control
from api.sandbox.deliveries import Deliveries
from api.sandbox.errors import StripeError
from api.sandbox.forms import decode
from api.sandbox.idempotency import Answer
from api.sandbox.pages import make_pages
from api.sandbox.sandbox import Request, Sandbox

HOST, PORT = "127.0.0.1", 12111
_TICK_S = 1.0
#: How soon it is noticed that the server shall stop.
_STOP_POLL_S = 0.05
_METHODS = ["GET", "POST", "DELETE"]


def make_app(sandbox: Sandbox, deliveries: Deliveries) -> Flask:
    """The WSGI application of a sandbox."""
    app = Flask(__name__, static_folder=None)

    app.register_blueprint(make_control(sandbox, deliveries))
    app.register_blueprint(make_pages(sandbox))

    @app.route("/v1/<path:rest>", methods=_METHODS)
    def ask(rest: str) -> Response:
        rule = sandbox.state.faults.of_request(request.method, request.path)
        kind = None if rule is None else rule.kind
        if rule is not None and kind == "delay":
            time.sleep(rule.seconds)
        if kind == "lost_before":
            return _cut()
        if rule is not None and kind in ("429", "500", "409", "401"):
            return _refused(faults.answer(rule), sandbox)
        try:
            said = decode(parse_qsl(_form(), keep_blank_values=True))
        except StripeError as error:
            return _refused(error, sandbox)
        spoiled = faults.answer(rule) if rule is not None and kind == "500_after" else None
        answer, replayed = sandbox.ask(
            Request(
                request.method,
                f"/v1/{rest}",
                said,
                _key(),
                request.headers.get("Stripe-Account"),
                request.headers.get("Stripe-Version"),
                request.headers.get("Idempotency-Key"),
                spoiled,
            )
        )
        if kind == "lost":
            return _cut()
        return _answered(answer, replayed=replayed, sandbox=sandbox)

    return app


def _cut() -> Response:
    """Close the connection without an answer: what is written from here on goes nowhere."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response()


def _refused(error: StripeError, sandbox: Sandbox) -> Response:
    return _answered(Answer(error.status, {"error": error.body}, "req_refused"), replayed=False, sandbox=sandbox)


def _form() -> str:
    """The parameters as they came: of a GET in the query, else in the body, to which a query adds."""
    query = request.query_string.decode()
    body = request.get_data(as_text=True) if request.method != "GET" else ""
    return "&".join(part for part in (query, body) if part)


def _key() -> str | None:
    """The API key: bearer, or the user of basic authentication: https://docs.stripe.com/api/authentication."""
    kind, _, said = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return said.strip()
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(said, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _answered(answer: Answer, *, replayed: bool, sandbox: Sandbox) -> Response:
    response = Response(
        sandbox.addressed(json.dumps(answer.body, indent=2)), answer.status, mimetype="application/json"
    )
    response.headers["Request-Id"] = answer.request_id
    response.headers["Date"] = formatdate(sandbox.wall_s, usegmt=True)
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version") or sandbox.version
    if request.headers.get("Idempotency-Key"):
        response.headers["Idempotency-Key"] = request.headers["Idempotency-Key"]
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of each request."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer. Its date comes with it, by the sandbox's clock; the real one beside it would be a second."""
        self.send_response_only(code, message)
        self.send_header("Server", self.version_string())


@contextmanager
def serving(sandbox: Sandbox, host: str = HOST, port: int = 0) -> Iterator[str]:
    """Serve until the end of the block; yields the base URL. Port 0: any that is free."""
    deliveries = Deliveries(sandbox)
    server = make_server(host, port, make_app(sandbox, deliveries), threaded=True, request_handler=_Quiet)
    sandbox.public_url = f"http://{host}:{server.server_port}"
    stopping = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, args=(_STOP_POLL_S,), name="sandbox", daemon=True),
        threading.Thread(target=_tick, args=(sandbox, stopping), name="sandbox-clock", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        with deliveries.running():
            yield sandbox.public_url
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


def _tick(sandbox: Sandbox, stopping: threading.Event) -> None:
    while not stopping.wait(_TICK_S):
        sandbox.tick()
