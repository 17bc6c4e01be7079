"""The sandbox as one object: a request in, an answer out. Refuses to know sockets.

One request at a time; each is all or nothing.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from api.sandbox import idempotency
from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid, missing
from api.sandbox.idempotency import Answer
from api.sandbox.jobs import advance, run_due
from api.sandbox.parameters import checked
from api.sandbox.rendering import rendered
from api.sandbox.routes import Route, matching
from api.sandbox.state import Object, State
from api.sandbox.subjects import ROUTES
from api.sandbox.versions import NEWEST, OLDEST

_REMEMBERED = 10_000
_PAGES = tuple(f"https://{name}.stripe.com" for name in ("checkout", "billing", "buy", "invoice", "pay", "hooks"))
PLATFORM_ACCOUNT = "acct_1RecountSandbox0"
"""The account that every secret key belongs to."""


class Request(NamedTuple):
    """What is asked: of which account, by which kind of key."""

    method: str
    path: str
    params: dict[str, Any]
    key: str | None
    """The API key."""
    account: str | None = None
    """`Stripe-Account`."""
    version: str | None = None
    """`Stripe-Version`; None: the account's own."""
    idempotency_key: str | None = None
    spoiled: StripeError | None = None
    """Carry it out, and answer this nevertheless, as Stripe may: the same key gets it again."""


class Sandbox:
    """A Stripe of one's own."""

    def __init__(self, file: Path | None = None, version: str = NEWEST, wall: Callable[[], float] = time.time) -> None:
        """`file` keeps it over a restart. `version`: of the account, for requests and endpoints that name none."""
        self.state = State(file)
        self.version = version
        self._wall = wall
        self._ahead_s = 0
        self.lock = threading.RLock()
        self.public_url: str | None = None
        """Where its pages are, once it is served."""
        self.listeners: list[Callable[[str, list[Object]], None]] = []
        """Told of each commit's new events, by the account (with its mode)."""
        self.asked: deque[Object] = deque(maxlen=_REMEMBERED)
        """The latest requests and what they were answered, newest last."""

    @property
    def wall_s(self) -> int:
        """The sandbox's time, for whatever has no test clock."""
        return int(self._wall()) + self._ahead_s

    def turn(self, ahead_s: int) -> None:
        """Set the sandbox's time ahead of (or behind) the real one, and do what falls due until then."""
        with self.lock:
            self._ahead_s = ahead_s
            self.tick()

    def tick(self) -> None:
        """Do what is due by now."""
        with self.lock:
            first = self.state.counter
            run_due(self.state, self.wall_s)
            self._tell(first)

    @contextmanager
    def desk_of(self, kind: str, id: str) -> Iterator[Desk]:
        """A desk at the account that holds an object, for what happens on a page. Raises StripeError: no such."""
        with self.lock:
            self.tick()
            first = self.state.counter
            account = next((a for a in self.state.accounts() if (a, kind, id) in self.state.objects), None)
            if account is None:
                raise missing(kind, id)
            desk = Desk(self.state, account, self.wall_s)
            desk.version = self.version
            desk.get(kind, id)
            try:
                yield desk
            except StripeError as error:
                if error.keeps:
                    desk.work.commit()
                raise
            else:
                desk.work.commit()
            finally:
                self._tell(first)

    def addressed(self, body: str) -> str:
        """With the addresses of Stripe's own pages replaced by those of the sandbox's."""
        if self.public_url is not None:
            for host in _PAGES:
                body = body.replace(f'"{host}/', f'"{self.public_url}/')
        return body

    def ask(self, request: Request) -> tuple[Answer, bool]:
        """Answer a request; True when the answer is one given before, for the same idempotency key."""
        with self.lock:
            self.tick()
            first = self.state.counter
            try:
                answer = self._answer(request)
            finally:
                self._tell(first)
            self._remember(request, *answer)
            return answer

    def _remember(self, request: Request, answer: Answer, replayed: bool) -> None:
        self.asked.append(
            {
                "method": request.method,
                "path": request.path,
                "idempotency_key": request.idempotency_key,
                "status": answer.status,
                "replayed": replayed,
                "request_id": answer.request_id,
            }
        )

    def _answer(self, request: Request) -> tuple[Answer, bool]:
        request_id = _request_id(self.state)
        try:
            account = self._account(request)
            version = _version(request.version or self.version)
            route, ids = _route(request)
            params = checked(route.params, _without_expand(route, request.params), version)
            expand = _expand(request.params)
            asked = idempotency.fingerprint(request.method, request.path, request.params)
            key = request.idempotency_key if request.method == "POST" else None
            if key is not None:
                given = idempotency.replayed(self.state, account, key, asked, self.wall_s)
                if given is not None:
                    return given, True
        except StripeError as error:
            return Answer(error.status, {"error": error.body}, request_id), False
        desk = Desk(self.state, account, self.wall_s, {"id": request_id, "idempotency_key": key})
        desk.version = version
        answer = self._carried_out(desk, route, params, ids, expand)
        if request.spoiled is not None:
            answer = Answer(request.spoiled.status, {"error": request.spoiled.body}, request_id)
        if key is not None:
            idempotency.keep(self.state, account, key, asked, answer, self.wall_s)
        return answer, False

    def _carried_out(
        self, desk: Desk, route: Route, params: dict[str, Any], ids: tuple[str, ...], expand: list[str]
    ) -> Answer:
        request_id = str(desk.request["id"])
        try:
            object = route.handle(desk, params, *ids)
            body = rendered(desk, object, expand)
        except StripeError as error:
            desk.work.commit() if error.keeps else desk.work.drop()
            return Answer(error.status, {"error": error.body}, request_id)
        except Exception:
            desk.work.drop()
            raise
        desk.work.commit()
        self._advance_clocks(desk)
        return Answer(200, body, request_id)

    def _advance_clocks(self, desk: Desk) -> None:
        """A test clock that was told to advance does so once the request is committed."""
        for clock in list(desk.scan("test_helpers.test_clock", status="advancing")):
            advance(self.state, desk.account, clock["id"], clock["_to_s"], self.wall_s)
            ready = Desk(self.state, desk.account, self.wall_s)
            ready.clock = clock["id"]
            done = {"status": "ready", "frozen_time": clock["_to_s"]}
            ready.change(ready.get("test_helpers.test_clock", clock["id"]), done, "test_helpers.test_clock.ready")
            ready.work.commit()

    def _account(self, request: Request) -> str:
        key = request.key or ""
        mode = next((m for m in ("test", "live") if key.startswith((f"sk_{m}_", f"rk_{m}_", f"pk_{m}_"))), None)
        if mode is None or len(key) < len("sk_test_") + 3:
            said = f"Invalid API Key provided: {key[:8]}{'*' * 8}" if key else "You did not provide an API key."
            raise StripeError(401, "invalid_request_error", said)
        account = f"{request.account or PLATFORM_ACCOUNT}/{mode}"
        known = request.account in (None, PLATFORM_ACCOUNT)
        if not known and (f"{PLATFORM_ACCOUNT}/{mode}", "account", request.account) not in self.state.objects:
            raise StripeError(
                403,
                "invalid_request_error",
                f"The provided key '{key[:8]}***' does not have access to account '{request.account}' (or that account"
                " does not exist). Application access may have been revoked.",
                code="account_invalid",
            )
        return account

    def _tell(self, first: int) -> None:
        """Hand the events that were kept since then to whoever listens, by account."""
        if self.state.counter == first or not self.listeners:
            return
        for account in self.state.accounts():
            new = []
            for id in reversed(self.state.ids(account, "event")):
                event = self.state.objects[account, "event", id]
                if event["_seq"] <= first:
                    break
                new.append(event)
            if new:
                for listener in self.listeners:
                    listener(account, new[::-1])


def _request_id(state: State) -> str:
    return Desk(state, "requests/", 0).new_id("req", 14)


def _version(said: str) -> str:
    if said[:10] < OLDEST or len(said) < 10 or said[:10] > NEWEST[:10]:
        raise invalid(f"Invalid Stripe API version: {said[:40]}; the sandbox speaks acacia ({OLDEST}) to {NEWEST}")
    return said


def _route(request: Request) -> tuple[Route, tuple[str, ...]]:
    found = matching(ROUTES, request.method, request.path)
    if found is None:
        raise StripeError(
            404,
            "invalid_request_error",
            f"Unrecognized request URL ({request.method}: {request.path}). If this is a path of Stripe's, the sandbox"
            " does not have it: docs/reference/sandbox.md lists what it has.",
        )
    return found


def _without_expand(route: Route, params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "expand"}


def _expand(params: dict[str, Any]) -> list[str]:
    said = params.get("expand", [])
    if not isinstance(said, list) or not all(isinstance(path, str) for path in said):
        raise invalid("Invalid array", "expand")
    return said
