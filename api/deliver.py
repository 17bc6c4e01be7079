"""Delivering events as Stripe does: signed, over HTTP, several at a time, again when the receiver asks for it.

Works against any handler of Stripe's webhooks. Knows nothing of what the events say.
"""

import http.client
import queue
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from api.signature import sign
from ledger.errors import Invalid, RecountError

TIMEOUT_S = 30.0
#: Tries an event gets in all, and the longest pause between two.
ATTEMPTS = 10
_LONGEST_PAUSE_S = 5.0
#: Answers that ask for another try later.
_AGAIN = frozenset({429, 502, 503, 504})
_TELL_EVERY_S = 0.1
#: What stands for the status where no answer came at all.
NO_ANSWER = "no answer"


class ReceiverUnavailable(RecountError):
    """Nothing answers where the events should go; start the receiver, or mend the URL."""

    code = "receiver_unavailable"


class Delivery(NamedTuple):
    """One event on its way."""

    body: bytes
    connected: bool
    """Whether it happened on a connected account: such events go to the Connect endpoint."""


class Delivered(NamedTuple):
    """What became of all of them."""

    events: int
    statuses: dict[str, int]
    """Final HTTP status (or `no answer`) -> how many events."""
    retries: int
    seconds: float

    @property
    def accepted(self) -> int:
        """How many were acknowledged with a 2xx."""
        return sum(n for status, n in self.statuses.items() if status.startswith("2"))


class _Endpoint(NamedTuple):
    url: SplitResult
    secret: bytes

    @property
    def path(self) -> str:
        return (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else "")


def deliver(
    events: Iterable[Delivery],
    url: str,
    secret: bytes,
    *,
    connect_url: str | None = None,
    connect_secret: bytes | None = None,
    connections: int = 8,
    progress: Callable[[int], None] | None = None,
) -> Delivered:
    """Send every event, each signed at the moment it is sent, over `connections` connections that stay open.

    Connected accounts' events go to `connect_url` (None: `url` with `/connect` after it), signed with `connect_secret`
    (None: `secret`). `progress` is called with the number done. Order is kept by a single connection alone. When an
    event gets no answer at all however often it is tried, the rest is not sent.
    Raises Invalid("bad_url"), ReceiverUnavailable when nothing listens there to begin with.
    """
    platform = _Endpoint(_split(url), secret)
    connect = _Endpoint(_split(connect_url or f"{url.rstrip('/')}/connect"), connect_secret or secret)
    _knock(platform.url)
    waiting: queue.Queue[Delivery | None] = queue.Queue(maxsize=connections * 4)
    given_up = threading.Event()
    senders = [_Sender(platform, connect, waiting, given_up) for _ in range(connections)]
    began = told = time.monotonic()
    for sender in senders:
        sender.start()
    try:
        for event in events:
            if given_up.is_set():
                break
            waiting.put(event)
            if progress and time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                progress(sum(s.done for s in senders))
    except BaseException:  # an interrupted delivery must not wait for its retries
        given_up.set()
        raise
    finally:
        for _ in senders:
            waiting.put(None)
    for sender in senders:
        sender.join()
    statuses: Counter[str] = sum((s.statuses for s in senders), Counter())
    done = sum(s.done for s in senders)
    if progress:
        progress(done)
    return Delivered(done, dict(sorted(statuses.items())), sum(s.retries for s in senders), time.monotonic() - began)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid(f"{url!r} is no URL to deliver to, such as http://127.0.0.1:8080/webhooks/stripe", code="bad_url")
    return parts


def _knock(url: SplitResult) -> None:
    """Whether anybody listens: said at once, and not after the retries of the first events."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=TIMEOUT_S).close()
    except OSError as error:
        raise ReceiverUnavailable(
            f"nothing answers at {url.scheme}://{url.netloc} ({error}); start the receiver (`recount serve`), or mend"
            " the URL"
        ) from error


class _Sender(threading.Thread):
    """One connection's worth of deliveries."""

    def __init__(
        self,
        platform: _Endpoint,
        connect: _Endpoint,
        waiting: "queue.Queue[Delivery | None]",
        given_up: threading.Event,
    ) -> None:
        super().__init__(name="deliver", daemon=True)
        self.statuses: Counter[str] = Counter()
        self.retries = 0
        self.done = 0
        self._given_up = given_up
        self._endpoints = (platform, connect)
        self._waiting = waiting
        self._open: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def run(self) -> None:
        while (event := self._waiting.get()) is not None:
            if self._given_up.is_set():
                continue
            status = self._deliver(event)
            self.statuses[status] += 1
            self.done += 1
            if status == NO_ANSWER:
                self._given_up.set()
        for connection in self._open.values():
            connection.close()

    def _deliver(self, event: Delivery) -> str:
        endpoint = self._endpoints[event.connected]
        status = NO_ANSWER
        for attempt in range(ATTEMPTS):
            if attempt:
                self.retries += 1
                pause = min(_LONGEST_PAUSE_S, 0.1 * 2 ** (attempt - 1))
                if self._given_up.wait(pause * random.uniform(0.5, 1)):
                    break
            answered = self._post(endpoint, event.body)
            status = NO_ANSWER if answered is None else str(answered)
            if answered is not None and answered not in _AGAIN:
                break
        return status

    def _post(self, endpoint: _Endpoint, body: bytes) -> int | None:
        """The status of one try; None when no answer came."""
        place = (endpoint.url.scheme, endpoint.url.netloc)
        connection = self._open.get(place)
        if connection is None:
            make = http.client.HTTPSConnection if endpoint.url.scheme == "https" else http.client.HTTPConnection
            assert endpoint.url.hostname is not None
            connection = self._open[place] = make(endpoint.url.hostname, endpoint.url.port, timeout=TIMEOUT_S)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Recount-Simulator/1.0",
            "Stripe-Signature": sign(body, endpoint.secret, int(time.time())),
        }
        try:
            connection.request("POST", endpoint.path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            del self._open[place]
            return None
        return answer.status
