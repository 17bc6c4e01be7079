"""A small Stripe for tests of calls: objects, lists, idempotency keys that are pruned, and faults on request.

Knows Stripe's rules of idempotency, and little else: https://docs.stripe.com/api/idempotent_requests. Spoken to in
memory (`FakeClient`, with a clock that tests move) or over HTTP by the SDK itself (`serving`).
"""

import http.server
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from api.calls.client import NoAnswer, Reply, Request
from ledger.ids import Mode

Json = dict[str, Any]
#: A day after its first use, Stripe may forget a key.
KEPT_S = 24 * 3600
_PREFIXES = {
    "customers": ("customer", "cus_"),
    "setup_intents": ("setup_intent", "seti_"),
    "payment_intents": ("payment_intent", "pi_"),
    "payment_methods": ("payment_method", "pm_"),
    "refunds": ("refund", "re_"),
    "checkout/sessions": ("checkout.session", "cs_test_"),
    "billing_portal/sessions": ("billing_portal.session", "bps_"),
    "payment_links": ("payment_link", "plink_"),
    "products": ("product", "prod_"),
    "prices": ("price", "price_"),
    "charges": ("charge", "ch_"),
    "invoices": ("invoice", "in_"),
    "invoiceitems": ("invoiceitem", "ii_"),
    "credit_notes": ("credit_note", "cn_"),
    "subscriptions": ("subscription", "sub_"),
    "subscription_schedules": ("subscription_schedule", "sub_sched_"),
    "entitlements/features": ("entitlements.feature", "feat_"),
    "billing/meters": ("billing.meter", "mtr_"),
    "billing_portal/configurations": ("billing_portal.configuration", "bpc_"),
    "webhook_endpoints": ("webhook_endpoint", "we_"),
}
_STATUSES = {"customers": None, "setup_intents": "requires_payment_method", "checkout/sessions": "open"}

#: What the next request that changes something meets: what it is called, whether it is done, and what is answered.
FAULTS = ("429", "409", "500", "500 done", "503", "lost", "lost done", "401", "402", "400", "mismatch")


class Lost(Exception):
    """The answer never comes."""


class Done(NamedTuple):
    """What Stripe keeps under a key."""

    at_s: float
    what: tuple[str, str, str, str]
    status: int
    body: Json


class FakeStripe:
    """Its state, and how it answers."""

    def __init__(self, clock: Callable[[], float] = time.time, mode: Mode = "test") -> None:
        self.clock = clock
        self.mode = mode
        self.objects: dict[str, Json] = {}
        self.collections: dict[str, list[str]] = {}
        self.faults: deque[str] = deque()
        self.kept: dict[tuple[str, str], Done] = {}
        self.requests: list[tuple[str, str, Json, dict[str, str]]] = []
        self.done: Counter[str] = Counter()
        """Call -> how often what it asks for was really done."""
        self.delay_s = 0.0
        self._lock = threading.RLock()
        self._number = 0

    # ---- answering ----------------------------------------------------------------------

    def handle(self, method: str, path: str, params: Json, headers: Mapping[str, str]) -> tuple[int, Json, Json]:
        """(status, headers, body). Raises Lost."""
        named = {k.lower(): v for k, v in headers.items()}
        with self._lock:
            self.requests.append((method, path, params, dict(named)))
            status, body, replayed, lost = self._answer(method, path, params, named)
        if self.delay_s:
            time.sleep(self.delay_s)
        if lost:
            raise Lost
        self._number += 1
        told = {"Date": formatdate(self.clock(), usegmt=True), "Request-Id": f"req_{self._number}"}
        if replayed:
            told["Idempotent-Replayed"] = "true"
        return status, told, body

    def _answer(self, method: str, path: str, params: Json, headers: Mapping[str, str]) -> tuple[int, Json, bool, bool]:
        account = headers.get("stripe-account", "platform")
        if method == "GET":
            return (*self._read(path, params, account), False, False)
        key = (account, headers.get("idempotency-key", ""))
        known = self.kept.get(key)
        if known is not None and self.clock() - known.at_s >= KEPT_S:
            del self.kept[key]
            known = None
        fault = self.faults.popleft() if self.faults else ""
        if fault == "401":
            return 401, _error("invalid_request_error", "api_key_expired"), False, False
        if fault in ("429", "409"):
            code = "rate_limit" if fault == "429" else "idempotency_key_in_use"
            return (
                int(fault),
                _error("idempotency_error" if fault == "409" else "invalid_request_error", code),
                False,
                False,
            )
        if fault == "503":
            return 503, _error("api_error", None), False, False
        if fault == "lost":
            return 0, {}, False, True
        what = (method, path, account, json.dumps(params, sort_keys=True))
        if known is not None:
            if known.what != what or fault == "mismatch":
                return 400, _error("idempotency_error", None), False, False
            return known.status, known.body, True, fault == "lost done"
        if fault == "500":
            status, body = 500, _error("api_error", None)
        elif fault == "402":
            status, body = 402, _declined()
        elif fault == "400":
            status, body = 400, {"error": {"type": "invalid_request_error", "code": "parameter_invalid", "param": "x"}}
        else:
            status, body = self._change(method, path, params, account, key[1])
            if fault == "500 done":
                status, body = 500, _error("api_error", None)
        self.kept[key] = Done(self.clock(), what, status, body)
        return status, body, False, fault == "lost done"

    # ---- what it does -------------------------------------------------------------------

    def _change(self, method: str, path: str, params: Json, account: str, key: str) -> tuple[int, Json]:
        collection = path.removeprefix("/v1/")
        if collection in _PREFIXES:
            self.done[key] += 1
            return 200, self._make(collection, params, account)
        rest = next(collection.removeprefix(f"{c}/") for c in _PREFIXES if collection.startswith(f"{c}/"))
        id, _, verb = rest.partition("/")
        found = self.objects.get(f"{account}/{id}")
        if found is None:
            return 404, _error("invalid_request_error", "resource_missing")
        self.done[key] += 1
        if method == "DELETE" and found["object"] != "subscription":
            del self.objects[f"{account}/{id}"]
            return 200, {"id": id, "object": found["object"], "deleted": True}
        verb = "cancel" if method == "DELETE" else verb
        changes = {
            "attach": {"customer": params.get("customer")},
            "detach": {"customer": None},
            "expire": {"status": "expired", "url": None},
            "cancel": {"status": "canceled"},
            "capture": {"status": "succeeded"},
            "finalize": {"status": "open"},
            "pay": {"status": "paid"},
            "void": {"status": "void"},
            "mark_uncollectible": {"status": "uncollectible"},
            "resume": {"status": "active"},
            "release": {"status": "released"},
        }.get(verb, {k: v for k, v in params.items() if k != "metadata"})
        found |= changes
        found["metadata"] = {**found.get("metadata", {}), **params.get("metadata", {})}
        return 200, json.loads(json.dumps(found))

    def _make(self, collection: str, params: Json, account: str) -> Json:
        kind, prefix = _PREFIXES[collection]
        self._number += 1
        id = f"{prefix}{self._number:06d}"
        made: Json = {
            "id": id,
            "object": kind,
            "created": int(self.clock()),
            "livemode": self.mode == "live",
            "metadata": {},
            **({"status": _STATUSES[collection]} if _STATUSES.get(collection) else {}),
            **params,
        }
        if kind in ("setup_intent", "payment_intent"):
            made["client_secret"] = f"{id}_secret_abc"
        if kind in ("checkout.session", "billing_portal.session", "payment_link"):
            made["url"] = f"https://stripe.example/{id}#secret"
        self.objects[f"{account}/{id}"] = made
        self.collections.setdefault(f"{account}/{collection}", []).append(id)
        return json.loads(json.dumps(made))  # type: ignore[no-any-return]

    def _read(self, path: str, params: Json, account: str) -> tuple[int, Json]:
        collection = path.removeprefix("/v1/")
        if collection in _PREFIXES:
            return 200, self._list(collection, params, account)
        found = self.objects.get(f"{account}/{collection.rpartition('/')[2]}")
        return (200, json.loads(json.dumps(found))) if found else (404, _error("invalid_request_error", "missing"))

    def _list(self, collection: str, params: Json, account: str) -> Json:
        ids = self.collections.get(f"{account}/{collection}", [])
        found = [self.objects[f"{account}/{id}"] for id in reversed(ids)]
        created = params.get("created") or {}
        low, high = int(created.get("gte", 0)), int(created.get("lte", 2**62))
        kept = [o for o in found if low <= o["created"] <= high]
        if "customer" in params:
            kept = [o for o in kept if o.get("customer") == params["customer"]]
        after = params.get("starting_after")
        if after is not None:
            kept = kept[[o["id"] for o in kept].index(after) + 1 :]
        limit = int(params.get("limit", 10))
        page = {"object": "list", "url": f"/v1/{collection}", "has_more": len(kept) > limit, "data": kept[:limit]}
        return json.loads(json.dumps(page))  # type: ignore[no-any-return]

    # ---- looking ------------------------------------------------------------------------

    def made(self, kind: str) -> list[Json]:
        """Every object of this type."""
        return [o for o in self.objects.values() if o["object"] == kind]


def _error(type: str, code: str | None) -> Json:
    return {"error": {"type": type, "code": code, "message": "as the test asked for"}}


def _declined() -> Json:
    return {"error": {
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "param": None, "message": "Your card has insufficient funds.",
    }}  # fmt: skip


class FakeClient:
    """As `api.calls.client.Stripe`, in memory."""

    def __init__(self, stripe: FakeStripe, api_version: str = "2026-10-28.endive") -> None:
        self.stripe = stripe
        self.mode: Mode = stripe.mode
        self.api_version = api_version

    def send(self, request: Request) -> Reply:
        if request.until_s is not None and self.stripe.clock() >= request.until_s:
            raise NoAnswer("too late")
        headers = {"idempotency-key": request.idempotency_key or ""}
        if request.account != "platform":
            headers["stripe-account"] = request.account
        try:
            status, told, body = self.stripe.handle(
                request.method, request.path, json.loads(json.dumps(request.params)), headers
            )
        except Lost as lost:
            raise NoAnswer("lost") from lost
        return Reply(status, {k.lower(): v for k, v in told.items()}, json.dumps(body))


# ---- over HTTP -------------------------------------------------------------------------------


def parsed(form: str) -> Json:
    """A form as Stripe reads it: `a[b]=1` is an object, `a[0]=1` a list."""
    found: Json = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        here = found
        for part, following in zip([first, *rest][:-1], rest, strict=True):
            here = here.setdefault(part, {})
            assert following is not None
        here[[first, *rest][-1]] = value
    return _lists(found)  # type: ignore[no-any-return]


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(k.isdecimal() for k in node):
        return [_lists(node[k]) for k in sorted(node, key=int)]
    return {k: _lists(v) for k, v in node.items()}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        stripe: FakeStripe = self.server.stripe  # type: ignore[attr-defined]
        where = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length).decode()
        if len(sent.encode()) < length:  # whoever sent it died over it: nobody asked for the half that came
            self.close_connection = True
            return
        try:
            status, told, body = stripe.handle(
                self.command, where.path, parsed(where.query or sent), dict(self.headers.items())
            )
        except Lost:
            self.close_connection = True
            self.connection.close()
            return
        answer = json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {**told, "Content-Length": str(len(answer)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 # as the library has it

    def log_message(self, *args: Any) -> None: ...


@contextmanager
def serving(stripe: FakeStripe) -> Iterator[str]:
    """The fake over HTTP. Gives its base address."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None: ...

    with Server(("127.0.0.1", 0), _Handler) as server:
        server.stripe = stripe  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
