"""The one worker that sends notices to endpoints, by the Standard Webhooks specification, and notes what came of each.

What is due is a read model; only this sends, so folding, replaying and rebuilding cannot. Of the notices about one
organization an endpoint gets each after the one before was taken or given up; another organization's do not wait for
it. An endpoint may get a notice twice (the answer was lost): its `webhook-id` is the same.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import msgspec
import psycopg
import structlog
from standardwebhooks.webhooks import Webhook

from api.metrics import DELIVERIES_MADE
from api.posting import Answer, Poster
from commands.deliveries import DELIVERIES, RecordAttempt
from commands.reactions import SYSTEM
from ledger.events import Metadata, NewEvent
from ledger.ids import Mode, delivery_stream, endpoint_subject
from ledger.keys import KeyStore
from ledger.store import Appended, Log, as_role
from replay.leading import try_to_lead
from replay.tables import LIVE

log = structlog.get_logger("recount.deliveries")

#: Deliveries under way at once.
AT_ONCE = 16
#: Pauses between attempts: 5 s, 20 s, 80 s … at most 6 h, each shortened by up to a half by chance.
_FIRST_S, _FACTOR, _LONGEST_S = 5.0, 4.0, 21_600.0
#: The endpoint says that it will never take anything again.
_GONE = 410
_LEADER = "deliveries"

#: The first of each organization at each endpoint that was neither taken nor given up, where its time has come.
_DUE = f"""
SELECT * FROM (
    SELECT DISTINCT ON (d.mode, d.endpoint, d.org)
           d.mode, d.endpoint, d.notice, e.url, d.type, d.org, n.said, d.at_s, d.version, d.next_s
    FROM {LIVE}.deliveries d
    JOIN {LIVE}.endpoints e ON (e.mode, e.id) = (d.mode, d.endpoint) AND NOT e.removed
    JOIN {LIVE}.notices n ON (n.mode, n.id) = (d.mode, d.notice)
    WHERE d.state = 'due'
    ORDER BY d.mode, d.endpoint, d.org, d.position
) AS first WHERE next_s <= %s ORDER BY next_s, notice LIMIT %s
"""


class Due(NamedTuple):
    """A delivery whose time has come."""

    mode: Mode
    endpoint: str
    notice: str
    url: str
    type: str
    org: str | None
    said: dict[str, Any]
    at_s: int
    version: int
    """Of its stream, as the read model knows it."""
    next_s: int


class Chance(Protocol):
    """As much of `random` as pauses need."""

    def __call__(self) -> float:
        """In [0, 1)."""


class Deliverer:
    """Sends what is due. The one that leads is the only one that does."""

    def __init__(
        self,
        conninfo: str,
        journal: Log,
        keys: KeyStore,
        poster: Poster,
        *,
        attempts: int,
        clock: Callable[[], float],
        chance: Chance,
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._poster = poster
        self._attempts = attempts
        self._clock = clock
        self._chance = chance
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver")
        self._leads = False

    def close(self) -> None:
        """Finish what is under way, and give up the lead."""
        self._pool.shutdown()
        self._conn.close()

    def lead(self) -> bool:
        """Try to become the one that sends. The lead is lost with the connection."""
        if not self._leads:
            self._leads = try_to_lead(self._conn, _LEADER)
        return self._leads

    def step(self) -> int:
        """Try what is due, each once. Returns how many were tried. Raises psycopg's errors, StoreUnavailable."""
        due = [Due(*row) for row in self._conn.execute(_DUE, [int(self._clock()), AT_ONCE])]
        return sum(self._pool.map(self._try, due))

    def _try(self, due: Due) -> bool:
        stream = delivery_stream(due.endpoint, due.notice)
        history = self._journal.read_stream(stream)
        if len(history) != due.version:  # what came of it is in the log, and is folded in a moment
            return False
        state = DELIVERIES.fold(r.event for r in history)
        answer = self._send(due)
        now_s = int(self._clock())
        told = RecordAttempt(
            mode=due.mode,
            endpoint_id=due.endpoint,
            notice_id=due.notice,
            status=answer.status,
            fault=answer.fault,
            at_s=now_s,
            next_s=self._next_s(state.attempts + 1, answer, now_s),
        )
        metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=due.mode)
        events = DELIVERIES.decide(told, state)
        unit = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
        outcome = "delivered" if answer.fault is None else "failed" if told.next_s is not None else "dead"
        DELIVERIES_MADE.labels(outcome).inc()
        if answer.fault is not None:
            log.warning("not_delivered", endpoint=due.endpoint, notice=due.notice, fault=answer.fault, then=outcome)
        return bool(unit) and isinstance(self._journal.append(*unit), Appended)

    def _next_s(self, attempt: int, answer: Answer, now_s: int) -> int | None:
        """When to try again after this attempt; None: no more."""
        if answer.fault is None or attempt >= self._attempts or answer.status == _GONE:
            return None
        return now_s + max(1, round(pause_s(attempt, self._chance())))

    def _send(self, due: Due) -> Answer:
        subject = endpoint_subject(due.endpoint)
        key = self._keys.open([subject])[subject]
        if key is None:
            return Answer(None, "secret_lost")
        body = payload(due)
        return self._poster.post(due.url, body, signed_headers(due.notice, body, key, self._clock()))


def pause_s(attempt: int, chance: float) -> float:
    """How long to wait after this failed attempt (1 is the first), in seconds; `chance` in [0, 1)."""
    # the exponent is bounded: a float has no more than 1e308
    return float(min(_LONGEST_S, _FIRST_S * _FACTOR ** min(attempt - 1, 20))) * (1 - chance / 2)


def payload(due: Due) -> bytes:
    """What is posted: the same bytes at every attempt."""
    when = datetime.fromtimestamp(due.at_s, UTC).isoformat().replace("+00:00", "Z")
    said = {"mode": due.mode, "org": due.org, **due.said}
    return msgspec.json.encode({"type": due.type, "timestamp": when, "data": said})


def signed_headers(notice_id: str, body: bytes, key: bytes, now_s: float) -> dict[str, str]:
    """The headers of an attempt made now."""
    at = datetime.fromtimestamp(int(now_s), UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Recount/{version('recount')}",
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": Webhook(key).sign(notice_id, at, body.decode()),
    }


def secret_of(key: bytes) -> str:
    """An endpoint's key as it is shown, once."""
    return "whsec_" + base64.b64encode(key).decode()
