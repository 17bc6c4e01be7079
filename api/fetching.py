"""The fetcher: looks at those of Stripe's objects that read models leave open, and keeps what it saw.

One leads. A look that shows nothing is kept as well, so that it is tried a bounded number of times, ever less often
(`replay.fetches_wanted`). While Stripe does not answer at all, nothing is kept, and it is asked less and less.
"""

from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from api.calls.client import NoAnswer
from api.observing import Observer
from api.stripe_reading import Absent, StripeReader
from commands.reactions import SYSTEM
from commands.stripe_reads import READS
from ledger.events import Metadata, NewEvent
from ledger.ids import fetch_stream
from ledger.reconcile_events import FetchFailed
from ledger.store import Appended, Log, as_role
from replay.fetches_wanted import Want, fetches_wanted
from replay.leading import try_to_lead
from replay.tables import LIVE

log = structlog.get_logger("recount.fetching")

#: Looks of one step: between two the read models are asked what is still wanted.
_AT_ONCE = 50
_LONGEST_PAUSE_S = 300
_ATTEMPTS = 5

_BEHIND = f"""
SELECT position < %s OR EXISTS (SELECT FROM {LIVE}.dirty WHERE derivation = 'bookings_missing')
FROM {LIVE}.checkpoints WHERE name = 'billing'
"""


class Fetcher:
    """Looks at what is wanted. `clock` says what time it is, in seconds since the epoch."""

    def __init__(
        self, conninfo: str, journal: Log, observer: Observer, reader: StripeReader, clock: Callable[[], float]
    ) -> None:
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._journal = journal
        self._observer = observer
        self._reader = reader
        self._clock = clock
        self._position = 0
        self._silences = 0
        self._not_before_s = 0.0
        self._unanswered: dict[tuple[str, ...], float] = {}
        """Until when others go before one for which Stripe did not answer: it may fail at this one alone."""

    def close(self) -> None:
        """Give up the lead."""
        self._conn.close()

    def lead(self) -> bool:
        """Try to be the one that fetches."""
        return try_to_lead(self._conn, f"fetches/{self._reader.mode}")

    def step(self) -> bool:
        """Look at some of what is wanted now. Returns whether anything was looked at.

        Raises psycopg's errors, StoreUnavailable: then it is looked at next time.
        """
        now_s = self._clock()
        if now_s < self._not_before_s or self._is_behind():
            return False
        wants = fetches_wanted(self._conn, tuple(READS), now_s, self._reader.mode)
        due = [w for w in wants if _is_due(w, now_s) and self._unanswered.get(_key(w), 0) <= now_s]
        looked = False
        for want in due[:_AT_ONCE]:
            try:
                self._look(want)
            except NoAnswer as silence:
                self._silences += 1
                self._not_before_s = self._clock() + min(_LONGEST_PAUSE_S, 2**self._silences)
                self._unanswered = {k: s for k, s in self._unanswered.items() if s > now_s}
                self._unanswered[_key(want)] = self._clock() + _LONGEST_PAUSE_S
                log.warning("stripe_does_not_answer", wanted=len(due), error=str(silence))
                break
            self._silences = 0
            looked = True
        if looked:
            self._position = self._journal.head()
        return looked

    def _is_behind(self) -> bool:
        """Whether read models do not know yet what was seen: then they would want it once more."""
        row = self._conn.execute(_BEHIND, [self._position]).fetchone()
        return row is None or bool(row[0])

    def _look(self, want: Want) -> None:
        seen = self._reader.one(want.account, want.object, want.object_id, "fetch")
        if not isinstance(seen, Absent):
            self._observer.keep([seen])
            return
        failed = FetchFailed(
            mode=want.mode,
            account=want.account,
            object=want.object,
            object_id=want.object_id,
            status=seen.status,
            code=seen.code,
            at_s=int(self._clock()),
        )
        stream = fetch_stream(want.mode, want.account, want.object, want.object_id)
        metadata = Metadata(occurred_at_s=failed.at_s, actor=SYSTEM, mode=want.mode, account=want.account)
        for _ in range(_ATTEMPTS):
            version = len(self._journal.read_stream(stream)) + 1
            if isinstance(self._journal.append(NewEvent(stream, version, failed, metadata)), Appended):
                return


def _key(want: Want) -> tuple[str, ...]:
    return want.account, want.object, want.object_id


def _is_due(want: Want, now_s: float) -> bool:
    return want.next_s is not None and want.next_s <= now_s
