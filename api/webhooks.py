"""Stripe's deliveries in: verified, sealed, appended, and only then answered.

Nothing else happens in the request: no translation, no projection, no call. Every type is kept and acknowledged.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import cache

import structlog
from prometheus_client import Counter

from api.metrics import APPEND_SECONDS, WEBHOOKS
from api.settings import Settings, WebhookSecret
from api.signature import verify
from ledger.errors import StoreUnavailable
from ledger.events import NewEvent
from ledger.inbox import Endpoint, Envelope, after_conflict, open_envelope, receive
from ledger.keys import KeyStore
from ledger.loop_writer import LoopWriter
from ledger.store import Appended, Conflict, Log, Unit

log = structlog.get_logger("recount.webhooks")

#: Tries to find a free version for a rendering that races with another.
_ATTEMPTS = 5


class Receiver:
    """Takes deliveries for one process. Its methods run on the event loop; what blocks runs on `executor`."""

    def __init__(
        self,
        ledger: Log,
        keys: KeyStore,
        settings: Settings,
        executor: Executor,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = ledger
        self._keys = keys
        self._executor = executor
        self._clock = clock
        self._secrets: dict[Endpoint, tuple[WebhookSecret, ...]] = {
            "platform": settings.platform_secrets,
            "connect": settings.connect_secrets,
        }
        self._writer = LoopWriter(ledger)

    async def take(self, endpoint: Endpoint, signature: str | None, body: bytes) -> str:
        """Store one delivery durably. Returns the outcome: `stored`, `duplicate`, `rendering`, `conflict`,
        `misrouted`. Raises Invalid (nothing stored), StoreUnavailable (nothing acknowledged)."""
        secret = verify(signature, body, self._secrets[endpoint], int(self._clock()))
        envelope = open_envelope(body)
        key = self._keys.cached(envelope.subject)
        if key is None or (envelope.email and not self._keys.knows_email(envelope.subject, envelope.email)):
            key = await asyncio.get_running_loop().run_in_executor(self._executor, self._prepare, envelope)
        new = receive(envelope, key, endpoint, secrets.token_bytes, secret.mode)
        began = time.perf_counter()
        outcome = await self._writer.append(Unit((new,)))
        APPEND_SECONDS.observe(time.perf_counter() - began)
        if isinstance(outcome, Appended):
            return "misrouted" if new.stream.startswith("misrouted/") else "stored"
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._again, new, envelope)

    async def close(self) -> None:
        """Finish the appends under way."""
        await self._writer.close()

    def _prepare(self, envelope: Envelope) -> bytes:
        key = self._keys.ensure([envelope.subject])[envelope.subject]
        if envelope.email:
            self._keys.index_email(envelope.subject, envelope.email)
        return key

    def _again(self, new: NewEvent, envelope: Envelope) -> str:
        """The stream exists: a redelivery, another rendering, or a conflict."""
        for _ in range(_ATTEMPTS):
            lost = self._keys.open([envelope.subject])[envelope.subject] is None
            nextly = after_conflict(new, self._log.read_stream(new.stream), key_is_lost=lost)
            if nextly is None:
                return "duplicate"
            if isinstance(self._log.append(nextly), Conflict):
                continue
            if nextly.event.NAME == "stripe.event_conflicted":
                log.error("conflict", stream=new.stream, detail="the same id came again with other content")
                return "conflict"
            return "rendering"
        raise StoreUnavailable("the event's stream kept moving")


@cache
def _counter(endpoint: Endpoint, outcome: str) -> Counter:
    return WEBHOOKS.labels(endpoint, outcome)  # looking a label up costs more than counting


def count(endpoint: Endpoint, outcome: str) -> None:
    """Count a delivery by what became of it."""
    _counter(endpoint, outcome).inc()
