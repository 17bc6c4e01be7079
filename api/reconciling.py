"""Reconciling: every night by itself, and whenever somebody asks. One leads; whoever else asks waits for its turn.

First events, so that what only lacked a webhook is no difference; then objects. Without an order to repair, objects are
compared and differences said, and nothing more.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import psycopg
import structlog

from api.calls.client import NoAnswer
from api.calls.wiring import open_calls
from api.comparing import settled
from api.database import Database
from api.observing import Observer
from api.reconciling_events import EventReconciler
from api.reconciling_objects import ObjectReconciler, Repair
from api.settings import Settings
from api.stripe_reading import StripeReader
from commands.reactions import SYSTEM
from commands.reconciling import RECONCILIATIONS, FinishReconciliation, is_due
from ledger.errors import Invalid, NotFound, StoreUnavailable
from ledger.events import Cause, Metadata, NewEvent
from ledger.ids import PLATFORM, comparison_stream, stripe_reconciliation_stream
from ledger.keys import KeyStore
from ledger.reconcile_events import EventsReconciled, ObjectsReconciled, ReconciliationRequested
from ledger.store import Appended, Log, as_role
from replay.coverage import coverage
from replay.leading import stop_leading, try_to_lead, wait_to_lead
from replay.tables import LIVE

log = structlog.get_logger("recount.reconciling")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 60, 3_600
#: Before the first of a process that has just started: what came while none ran is being delivered again.
_SETTLING_IN_S = 60
_ATTEMPTS = 10
_HOUR_S = 3_600

_ACCOUNTS = f"""
SELECT DISTINCT o.account FROM {LIVE}.account_objects o
LEFT JOIN {LIVE}.account_authorizations a ON (a.mode, a.account, a.id) = (o.mode, o.account, o.account)
WHERE o.mode = %s AND o.account <> '{PLATFORM}' AND a.authorized IS DISTINCT FROM false ORDER BY 1
"""
_REQUESTED = f"SELECT id FROM {LIVE}.reconciliations WHERE mode = %s AND state = 'requested' ORDER BY position LIMIT 1"


class Result(NamedTuple):
    """What was compared."""

    compared: tuple[EventsReconciled | ObjectsReconciled, ...]
    """One an account."""
    refused: tuple[str, ...]
    """Accounts that Stripe did not show us."""


class Reconciler:
    """Compares what we hold of one mode with what Stripe holds. `clock` says what time it is, seconds since the epoch.

    `settle` waits until what is on its way has arrived, and read models know it; or it is for how many seconds to wait.
    """

    def __init__(
        self, conninfo: str, journal: Log, keys: KeyStore, reader: StripeReader, clock: Callable[[], float],
        *, hour: int = 3, nightly_from_s: float = 0, settle: Callable[[], None] | float = 20,
    ) -> None:  # fmt: skip
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._journal = journal
        self._reader = reader
        self._clock = clock
        self._hour = hour
        self._nightly_from_s = nightly_from_s
        self._events = EventReconciler(journal, keys, reader)
        wait = settle if callable(settle) else partial(settled, self._conn, journal, settle)
        self._objects = ObjectReconciler(journal, Observer(journal, keys), reader, self._conn, wait)
        self._silences = 0
        self._not_before_s = 0.0
        self._warned_s = 0.0

    def close(self) -> None:
        """Give up the lead."""
        self._conn.close()

    @property
    def _name(self) -> str:
        return f"reconcile/{self._reader.mode}"

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until nobody else compares, and let nobody else begin."""
        wait_to_lead(self._conn, self._name)
        try:
            yield
        finally:
            stop_leading(self._conn, self._name)

    def step(self) -> bool:
        """Do what was asked for, or what is due, unless somebody else compares. Returns whether there was anything.

        Raises psycopg's errors, StoreUnavailable: then it is done next time.
        """
        if self._clock() < self._not_before_s or not try_to_lead(self._conn, self._name):
            return False
        try:
            return self._work()
        finally:
            stop_leading(self._conn, self._name)

    def _warn(self) -> None:
        """Say in time that events may be missing, once an hour."""
        now_s = self._clock()
        if now_s < self._warned_s + _HOUR_S:
            return
        self._warned_s = now_s
        for each in coverage(self._conn, now_s, self._reader.mode):
            for gap in each.gaps:
                if gap.healable:
                    detail = "events may be missing; Stripe still lists them: recount reconcile events"
                    log.warning("gap", account=each.account, from_s=gap.from_s, to_s=gap.to_s, detail=detail)

    def _work(self) -> bool:
        self._warn()
        try:
            row = self._conn.execute(_REQUESTED, [self._reader.mode]).fetchone()
            worked = self._nightly() if row is None else not self._is_done(row[0]) and bool(self.carry_out(row[0]))
        except NoAnswer as silence:
            self._silences += 1
            self._not_before_s = self._clock() + min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._silences)
            log.warning("stripe_does_not_answer", error=str(silence))
            return False
        self._silences = 0
        return worked

    def _nightly(self) -> bool:
        if self._clock() < self._nightly_from_s:
            return False
        stream = self._journal.read_stream(comparison_stream(self._reader.mode, PLATFORM))
        last: dict[type, int] = {type(r.event): r.recorded_at_us // 1_000_000 for r in stream}
        now_s = int(self._clock())
        for what, kind in (("events", EventsReconciled), ("objects", ObjectsReconciled)):
            if is_due(last.get(kind), now_s, self._hour):
                result = self.run(what, None)
                if PLATFORM in result.refused:  # our key may not list it: asking at once changes nothing
                    self._not_before_s = self._clock() + _LONGEST_PAUSE_S
                return True
        return False

    def _is_done(self, id: str) -> bool:
        history = self._journal.read_stream(stripe_reconciliation_stream(id))
        return RECONCILIATIONS.fold(r.event for r in history)[1]

    def _found_before(self, id: str) -> Result:
        """What came of a comparison that was made already."""
        of_all = [PLATFORM, *self._connected()]
        streams = (self._journal.read_stream(comparison_stream(self._reader.mode, a)) for a in of_all)
        return Result(tuple(r.event for stream in streams for r in stream if r.event.request == id), ())

    def carry_out(self, id: str) -> Result:
        """Do what was asked for under this id, or say what came of it. Raises NotFound, NoAnswer, StoreUnavailable."""
        stream = stripe_reconciliation_stream(id)
        requested, done = RECONCILIATIONS.fold(r.event for r in self._journal.read_stream(stream))
        if requested is None:
            raise NotFound("nobody asked for this comparison")
        if done:
            return self._found_before(id)
        result = self.run(requested.what, requested.account, request=requested, whole=True)
        events = [c for c in result.compared if isinstance(c, EventsReconciled)]
        objects = [c for c in result.compared if isinstance(c, ObjectsReconciled)]
        differences = sum(e.appended for e in events) + sum(sum(o.found.values()) for o in objects)
        finish = FinishReconciliation(
            accounts=len(result.compared),
            refused=result.refused,
            differences=differences,
            mended=sum(e.appended for e in events) + sum(o.repaired for o in objects),
            at_s=int(self._clock()),
        )
        metadata = Metadata(occurred_at_s=finish.at_s, actor=SYSTEM, mode=requested.mode, cause=Cause(stream, 1))
        for _ in range(_ATTEMPTS):
            history = self._journal.read_stream(stream)
            said = RECONCILIATIONS.decide(finish, RECONCILIATIONS.fold(r.event for r in history))
            new = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(said)]
            if not new or isinstance(self._journal.append(*new), Appended):
                return result
        raise StoreUnavailable("the reconciliation's stream kept moving")

    def run(
        self, what: str, account: str | None, *, request: ReconciliationRequested | None = None, whole: bool = False
    ) -> Result:
        """Compare events or objects, of one account or of all. Raises NoAnswer, StoreUnavailable."""
        accounts = [account] if account else [PLATFORM, *self._connected()]
        id = request.id if request is not None else None
        repair = None
        if request is not None and request.repair:
            repair = Repair(request.by, request.why, Cause(stripe_reconciliation_stream(request.id), 1))
        compared: list[EventsReconciled | ObjectsReconciled] = []
        refused = []
        for each in accounts:
            try:
                if what == "events":
                    compared.append(self._events.run(each, whole=whole, request=id))
                else:
                    compared.append(self._objects.run(each, repair=repair, request=id))
            except Invalid as error:  # one that left us does not keep the others from being compared
                log.warning("not_shown", account=each, error=str(error))
                refused.append(each)
        return Result(tuple(compared), tuple(refused))

    def _connected(self) -> list[str]:
        return [a for (a,) in self._conn.execute(_ACCOUNTS, [self._reader.mode])]


@contextlib.contextmanager
def opened(database: Database, settings: Settings) -> Iterator[Reconciler]:
    """A reconciler under the settings' key. Raises Refused("stripe_key_missing", …)."""
    with (
        contextlib.closing(database.key_store(settings)) as keys,
        contextlib.closing(open_calls(database, settings, keys, waited_for=False)) as calls,
    ):
        reader = StripeReader(calls.stripe)
        hour = settings.reconcile_hour
        with contextlib.closing(
            Reconciler(
                database.conninfo,
                calls.journal,
                keys,
                reader,
                time.time,
                hour=hour,
                nightly_from_s=time.time() + _SETTLING_IN_S,
                settle=settings.reconcile_settle_s,
            )
        ) as reconciler:
            yield reconciler
