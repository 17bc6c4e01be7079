"""A Stripe of a test's own: objects and events under their addresses, answered as Stripe answers, and what was asked.

Refuses to be strict: that is the sandbox's. Its clock goes one second an answer.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

from samples import BASIL, T

from api.calls.client import NoAnswer, Reply, Request
from projections import BILLING
from replay.live import Projector

Json = dict[str, Any]
SIZE = 3


class OwnStripe:
    """One account or several of one mode."""

    mode: Any = "test"
    api_version = BASIL

    def __init__(self, now_s: int = T + 10_000_000) -> None:
        self.now_s = now_s
        self.asked: list[Request] = []
        self.one: dict[tuple[str, str], Json] = {}
        self.lists: dict[tuple[str, str], list[Json]] = {}
        self.answers_as: Callable[[Request], Reply | None] = lambda request: None

    def put(self, path: str, obj: Json, account: str = "platform") -> None:
        """Something that is read by itself."""
        self.one[account, path] = obj

    def put_list(self, path: str, objects: Iterable[Json], account: str = "platform") -> None:
        """A list, in the order in which it is answered."""
        self.lists[account, path] = list(objects)

    def reply(self, status: int, body: Json, **headers: str) -> Reply:
        """An answer of this second."""
        return Reply(status, {"date": formatdate(self.now_s, usegmt=True), **headers}, json.dumps(body))

    def send(self, request: Request) -> Reply:
        """What Stripe answers."""
        assert request.method == "GET"
        self.asked.append(request)
        self.now_s += 1
        told = self.answers_as(request)
        if told is not None:
            return told
        here = (request.account, unquote(request.path))
        if here in self.lists:
            return self._page(self.lists[here], request.params)
        if here in self.one:
            return self.reply(200, self.one[here])
        return self.reply(404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}})

    def _page(self, objects: list[Json], params: Mapping[str, Any]) -> Reply:
        created = params.get("created", {})
        found = [o for o in objects if o.get("created", 0) >= created.get("gte", 0)]
        found = [o for o in found if o.get("created", 0) < created.get("lt", 2**60)]
        if "customer" in params:
            found = [o for o in found if o.get("customer") == params["customer"]]
        if "starting_after" in params:
            ids = [o["id"] for o in found]
            found = found[ids.index(params["starting_after"]) + 1 :]
        size = min(int(params.get("limit", 10)), SIZE)
        return self.reply(200, {"object": "list", "data": found[:size], "has_more": len(found) > size})


class Live:
    """Read models that follow the log whenever one says so, by one leader: the lead passes on a moment too late."""

    def __init__(self, database: str) -> None:
        self._projector = Projector(database, BILLING)
        assert self._projector.lead()

    def __call__(self) -> None:
        self._projector.catch_up()

    def close(self) -> None:
        self._projector.close()


def silent(request: Request) -> Reply:
    """Nobody answers."""
    raise NoAnswer("ConnectTimeout")
