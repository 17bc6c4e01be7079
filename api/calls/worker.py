"""The one worker that makes the calls nobody waits for, and finds out what became of those that are unknown.

What is unanswered is a read model; only this and whoever waits make calls, so folding, replaying and rebuilding cannot.
Live calls go before background ones, and calls about one object one after the other. How often a call was tried is kept
in memory alone: a Stripe that is down for hours fills no log, and a new worker tries at once.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any, NamedTuple

import psycopg
import structlog

from api.calls.client import NoAnswer
from api.calls.looking_up import SETTLED_S, look_up
from api.calls.making import Made, Maker
from api.calls.verdict import Again, Stopped
from api.metrics import CALLS_MADE, FAULTS
from commands.base import Journal
from commands.reactions import SYSTEM
from commands.stripe_operations import OPERATIONS
from commands.stripe_stops import STOPS, ResumeCalls
from ledger.errors import StoreUnavailable
from ledger.events import Metadata, NewEvent
from ledger.ids import calls_stream
from ledger.store import as_role
from replay.leading import try_to_lead
from replay.tables import LIVE

log = structlog.get_logger("recount.calls")

#: Calls under way at once; the last few are for live ones.
AT_ONCE, FOR_LIVE = 16, 4
#: Pauses between attempts: 1 s, 2 s, 4 s … at most 5 min, each shortened by up to a half by chance.
_FIRST_S, _LONGEST_S = 1.0, 300.0
#: While Stripe refuses our key, one call tries so often whether it takes it again.
PROBE_S = 30.0
#: A call that somebody waits for is left to them for so long.
AWAITED_S = 60.0
#: Between two looks at a call that is unknown; and since it began, until it is left to a person.
_LOOK_S, _LOOK_FOR_S = 3600.0, SETTLED_S + 3 * 86_400
_LEADER = "stripe_calls"

_QUEUE = f"""
SELECT c.id FROM {LIVE}.stripe_calls c
WHERE c.mode = %(mode)s AND c.urgency = %(urgency)s AND c.state IN ('waiting', 'begun') AND c.id <> ALL(%(resting)s)
  AND (NOT c.awaited OR c.requested_us <= %(left_us)s)
  AND (c.lane IS NULL OR NOT EXISTS (
       SELECT FROM {LIVE}.stripe_calls b
       WHERE b.mode = c.mode AND b.lane = c.lane AND b.state IN ('waiting', 'begun') AND b.position < c.position))
ORDER BY c.position LIMIT %(limit)s
"""
_UNKNOWN = f"""
SELECT id FROM {LIVE}.stripe_calls
WHERE mode = %(mode)s AND state = 'unknown' AND begun_s > %(since_s)s AND id <> ALL(%(resting)s)
ORDER BY position LIMIT %(limit)s
"""


class _Rest(NamedTuple):
    """A call that is not to be tried yet."""

    attempts: int
    until_s: float


class CallWorker:
    """Makes what waits. The one that leads is the only one that does."""

    def __init__(
        self,
        conninfo: str,
        journal: Journal,
        maker: Maker,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._maker = maker
        self._clock = clock
        self._chance = chance
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="stripe")
        self._flying: dict[str, Future[None]] = {}
        self._resting: dict[str, _Rest] = {}
        self._looked: dict[str, _Rest] = {}
        self._probe_s: float | None = None
        self._knows_stop = False
        self._leads = False

    def close(self) -> None:
        """Finish what is under way, and give up the lead."""
        self._pool.shutdown()
        self._conn.close()

    def lead(self) -> bool:
        """Try to become the one that makes calls. The lead is lost with the connection."""
        if not self._leads:
            self._leads = try_to_lead(self._conn, _LEADER)
        return self._leads

    def step(self) -> int:
        """Take up what waits, as far as there is room. Returns how many were taken up.

        Raises psycopg's errors and StoreUnavailable, also of a call under way.
        """
        self._land()
        now_s = self._clock()
        self._learn_stop(now_s)
        if self._probe_s is not None and now_s < self._probe_s:
            return 0
        taken = self._take("live", AT_ONCE, now_s)
        taken += self._take("background", AT_ONCE - FOR_LIVE, now_s)
        return taken + self._take_unknown(now_s)

    def settle(self) -> None:
        """Wait for what is under way. Raises what it raised."""
        wait_for(list(self._flying.values()))
        self._land()

    # ---- what is taken up -------------------------------------------------------------------

    def _take(self, urgency: str, most: int, now_s: float) -> int:
        room = min(most - len(self._flying), 1 if self._probe_s is not None else AT_ONCE)
        if room <= 0:
            return 0
        given = {
            "mode": self._maker.mode,
            "urgency": urgency,
            "resting": [*self._flying, *(id for id, r in self._resting.items() if r.until_s > now_s)],
            "left_us": int((now_s - AWAITED_S) * 1_000_000),
            "limit": room,
        }
        found = self._conn.execute(_QUEUE, given).fetchall()
        for (id,) in found:
            self._flying[id] = self._pool.submit(self._apart, self._make, id)
        return len(found)

    def _take_unknown(self, now_s: float) -> int:
        room = AT_ONCE - FOR_LIVE - len(self._flying)
        if room <= 0 or self._probe_s is not None:
            return 0
        resting = [*self._flying, *(id for id, r in self._looked.items() if r.until_s > now_s)]
        given = {"mode": self._maker.mode, "resting": resting, "since_s": int(now_s - _LOOK_FOR_S), "limit": room}
        found = self._conn.execute(_UNKNOWN, given).fetchall()
        for (id,) in found:
            self._flying[id] = self._pool.submit(self._apart, self._look, id)
        return len(found)

    def _land(self) -> None:
        landed = [id for id, future in self._flying.items() if future.done()]
        futures = [self._flying.pop(id) for id in landed]
        for future in futures:
            future.result()

    # ---- on the pool's threads --------------------------------------------------------------

    def _apart(self, does: Callable[[str], None], id: str) -> None:
        """Do it; what is wrong with one call keeps no other from being made."""
        try:
            does(id)
        except (StoreUnavailable, psycopg.Error):
            raise
        except Exception as error:
            rest = _Rest(0, self._clock() + _LONGEST_S)
            self._resting[id] = self._looked[id] = rest
            FAULTS.labels("calls").inc()
            log.error("call_fault", call=id, error=f"{type(error).__name__}: {error}")

    def _make(self, id: str) -> None:
        made = self._maker.attempt(id)
        now_s = self._clock()
        found = made.verdict
        if isinstance(found, Stopped):
            self._probe_s = now_s + PROBE_S
            CALLS_MADE.labels("stopped").inc()
            log.error("stripe_refuses_the_key", status=found.status, code=found.code, request=found.request_id)
            return
        if found is not None and self._probe_s is not None and not isinstance(found, Again):
            self._resume(int(now_s))
        if isinstance(found, Again):
            rest = self._resting.get(id, _Rest(0, 0))
            pause = max(pause_s(rest.attempts + 1, self._chance()), found.after_s or 0.0)
            self._resting[id] = _Rest(rest.attempts + 1, now_s + pause)
            log.warning("call_to_be_made_again", call=id, why=found.why, attempts=rest.attempts + 1)
        else:
            # The read model learns of the answer in a moment: until then nobody need ask the log whether there is one.
            self._resting[id] = _Rest(0, now_s + 1.0)
            self._forget(now_s)
        CALLS_MADE.labels(_outcome(made)).inc()

    def _look(self, id: str) -> None:
        now_s = self._clock()
        try:
            call = look_up(self._maker, self._maker.known(id), now_s)
        except NoAnswer as silence:
            self._looked[id] = _Rest(0, now_s + 60.0)
            log.warning("call_not_looked_up", call=id, why=str(silence))
            return
        self._looked[id] = _Rest(0, now_s + _LOOK_S)
        CALLS_MADE.labels("looked_up").inc()
        if call.to_be_looked_up:
            asked = call.requested
            can = asked is not None and OPERATIONS[asked.operation].look_up is not None
            log.warning("call_unknown", call=id, can_be_looked_up=can)

    def _forget(self, now_s: float) -> None:
        """Calls that were answered need no room."""
        if len(self._resting) > 10_000:
            self._resting = {id: r for id, r in list(self._resting.items()) if r.until_s > now_s}

    # ---- whether Stripe takes our key -------------------------------------------------------

    def _learn_stop(self, now_s: float) -> None:
        """A new worker, perhaps with a new key, tries one call at once where the one before was refused."""
        if not self._knows_stop:
            history = self._journal.read_stream(calls_stream(self._maker.mode))
            if STOPS.fold(r.event for r in history):
                self._probe_s = now_s
            self._knows_stop = True

    def _resume(self, now_s: int) -> None:
        stream = calls_stream(self._maker.mode)
        history = self._journal.read_stream(stream)
        events = STOPS.decide(ResumeCalls(mode=self._maker.mode, at_s=now_s), STOPS.fold(r.event for r in history))
        metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=self._maker.mode)
        if events:
            self._journal.append(*(NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)))
        self._probe_s = None
        log.warning("stripe_takes_the_key_again")


def pause_s(attempt: int, chance: float) -> float:
    """How long to wait after this attempt without an answer (1 is the first), in seconds; `chance` in [0, 1)."""
    return float(min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt - 1, 20))) * (1 - chance / 2)


def _outcome(made: Made) -> str:
    if isinstance(made.verdict, Again):
        return "again"
    if made.call.answer is None:
        return "unknown"
    return made.call.answer.NAME.rpartition(".")[2]
