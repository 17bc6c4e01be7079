"""Signed webhooks to the endpoints that want them, tried again for three days: https://docs.stripe.com/webhooks.

No order is promised, as Stripe promises none. Signatures carry the real time, whatever the sandbox's clock says, as a
receiver compares them with its own.
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from api.posting import Poster
from api.sandbox.events import shown
from api.sandbox.faults import matches
from api.sandbox.resources.webhook_endpoints import KIND as ENDPOINT
from api.sandbox.sandbox import PLATFORM_ACCOUNT, Sandbox
from api.sandbox.state import Object

_KIND = "_delivery"
#: Seconds after a failed try, of the sandbox's time; three days in all.
_AGAIN_S = (2, 10, 60, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
_THREADS = 4
_LOOK_S = 0.05


class _Post(NamedTuple):
    account: str
    id: str
    url: str
    body: bytes
    secret: str


class Deliveries:
    """What is to be delivered: kept in the sandbox's state, so that a restart goes on with it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._poster = Poster(allow_private=True)
        self._awake = threading.Event()
        self._in_hand: set[str] = set()
        sandbox.listeners.append(self.note)

    def note(self, account: str, events: list[Object]) -> None:
        """Keep a delivery for each endpoint that wants an event."""
        kept: dict[tuple[str, str, str], Object | None] = {}
        for event in events:
            for owner, endpoint in self._endpoints(account):
                if not any(matches(event["type"], pattern) for pattern in endpoint["enabled_events"]):
                    continue
                fault = self._sandbox.state.faults.of_event(
                    event["type"], "webhook_drop", "webhook_duplicate", "webhook_late"
                )
                if fault is not None and fault.kind == "webhook_drop":
                    continue
                late_s = fault.seconds if fault is not None and fault.kind == "webhook_late" else 0
                copies = 2 if fault is not None and fault.kind == "webhook_duplicate" else 1
                for copy in range(copies):
                    id = f"{event['id']}/{endpoint['id']}/{copy}"
                    kept[owner, _KIND, id] = {
                        "id": id,
                        "event": event["id"],
                        "of": account,
                        "endpoint": endpoint["id"],
                        "at_s": self._sandbox.wall_s + late_s,
                        "tries": 0,
                    }
        if kept:
            self._sandbox.state.commit(kept)
            self._awake.set()

    def _endpoints(self, account: str) -> Iterator[tuple[str, Object]]:
        """Endpoints that hear of an account: its own, and the platform's for connected accounts."""
        state = self._sandbox.state
        platform = f"{PLATFORM_ACCOUNT}/{account.rpartition('/')[2]}"
        for owner, connect in ((account, False), (platform, True)):
            if connect and account == platform:
                continue
            for id in state.ids(owner, ENDPOINT):
                endpoint = state.objects[owner, ENDPOINT, id]
                if endpoint["status"] == "enabled" and endpoint["_connect"] is connect:
                    yield owner, endpoint

    @contextmanager
    def running(self) -> Iterator[None]:
        """Deliver until the end of the block."""
        stopping = threading.Event()
        with ThreadPoolExecutor(_THREADS, "sandbox-webhook") as pool:
            thread = threading.Thread(target=self._run, args=(pool, stopping), name="sandbox-webhooks", daemon=True)
            thread.start()
            try:
                yield
            finally:
                stopping.set()
                self._awake.set()
                thread.join()

    def waiting(self) -> int:
        """How many deliveries have not been taken yet."""
        with self._sandbox.lock:
            return sum(len(self._sandbox.state.ids(a, _KIND)) for a in self._sandbox.state.accounts())

    def _run(self, pool: ThreadPoolExecutor, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._awake.wait(_LOOK_S)
            self._awake.clear()
            for post in self._due():
                pool.submit(self._deliver, post)

    def _due(self) -> list[_Post]:
        posts = []
        with self._sandbox.lock:
            state, now_s = self._sandbox.state, self._sandbox.wall_s
            for account in state.accounts():
                for id in state.ids(account, _KIND):
                    delivery = state.objects[account, _KIND, id]
                    if delivery["at_s"] <= now_s and id not in self._in_hand:
                        post = self._made(account, delivery)
                        if post is None:
                            state.commit({(account, _KIND, id): None})
                        else:
                            self._in_hand.add(id)
                            posts.append(post)
        return posts

    def _made(self, account: str, delivery: Object) -> _Post | None:
        """The request to be made; None when its endpoint is gone."""
        state = self._sandbox.state
        endpoint = state.objects.get((account, ENDPOINT, delivery["endpoint"]))
        event = state.objects.get((delivery["of"], "event", delivery["event"]))
        if endpoint is None or event is None or endpoint["status"] != "enabled":
            return None
        connected = delivery["of"].partition("/")[0] if endpoint["_connect"] else None
        version = endpoint["api_version"] or self._sandbox.version
        rendered = shown(event, version, account=connected, pending=1)
        body = self._sandbox.addressed(json.dumps(rendered, indent=2)).encode()
        return _Post(account, delivery["id"], endpoint["url"], body, endpoint["_secret"])

    def _deliver(self, post: _Post) -> None:
        at_s = int(time.time())
        signed = hmac.new(post.secret.encode(), f"{at_s}.".encode() + post.body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={at_s},v1={signed}",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        taken = self._poster.post(post.url, post.body, headers).fault is None
        with self._sandbox.lock:
            state = self._sandbox.state
            key = (post.account, _KIND, post.id)
            delivery = state.objects.get(key)
            self._in_hand.discard(post.id)
            if delivery is not None:
                state.commit({key: None if taken else self._tried(delivery)})

    def _tried(self, delivery: Object) -> Object | None:
        """The delivery after a failed try; None when it was the last."""
        tries = delivery["tries"] + 1
        if tries > len(_AGAIN_S):
            return None
        return {**delivery, "tries": tries, "at_s": self._sandbox.wall_s + _AGAIN_S[tries - 1]}
