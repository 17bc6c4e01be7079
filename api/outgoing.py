"""What the worker runs beside projections, each in a loop that outlives faults: what follows, and what goes out.

Any number of workers may run: one reacts, one delivers, and all of them meet deadlines, each of which counts once.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from api.calls.issuing import Issuer
from api.calls.wiring import open_calls
from api.calls.worker import CallWorker
from api.database import Database
from api.deliveries import Deliverer
from api.fetching import Fetcher
from api.metrics import FAULTS
from api.observing import Observer
from api.posting import Poster
from api.reconciling import opened
from api.scheduler import Scheduler, leads
from api.settings import Settings
from api.stripe_reading import StripeReader
from commands import reactions
from commands.reactions import Difference
from ledger import store
from replay.differences import Found
from replay.reacting import Acting, Reactor

log = structlog.get_logger("recount.outgoing")

_RETRY_S = 1.0
#: A notice may be so much later: looking at every one of 500 events a second takes the projections' time.
_REST_S = 0.1
#: How often one that stands by asks whether the leader is gone.
_STAND_BY_S = 0.5
#: How often one asks what must be looked at; and whether a comparison was asked for, or is due.
_FETCH_REST_S = 2.0
_RECONCILE_REST_S = 5.0


class Outgoing:
    """Reactions and deliveries until `stopping`, and deadlines whenever `tick` is called."""

    def __init__(self, database: Database, settings: Settings, stopping: threading.Event) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping
        self._journal: store.Log | None = None
        self._scheduler: Scheduler | None = None

    def threads(self) -> list[threading.Thread]:
        """The loops, not started."""
        loops = (
            ("reactions", self._reacting),
            ("deliveries", self._delivering),
            ("calls", self._calling),
            ("issuing", self._issuing),
            ("fetches", self._fetching),
            ("reconciling", self._reconciling),
        )
        return [threading.Thread(target=self._keep, args=(name, loop), name=name, daemon=True) for name, loop in loops]

    def close(self) -> None:
        """Give the scheduler's connections back."""
        if self._scheduler is not None:
            self._scheduler.close()
        if self._journal is not None:
            self._journal.close()

    def tick(self) -> None:
        """Meet deadlines that are due."""
        try:
            if self._scheduler is None:
                self._journal = self._journal or store.Log(self._database.conninfo)
                lead_s = leads(self._settings)
                self._scheduler = Scheduler(self._database.conninfo, self._journal, lead_s, time.time)
            self._scheduler.tick()
        except Exception as error:  # what is due stays due
            self._fault("deadlines", error)

    def _keep(self, name: str, loop: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                loop()
            except Exception as error:  # the loop must outlive any fault; what was not done is done next time
                self._fault(name, error)
                self._stopping.wait(_RETRY_S)

    def _fault(self, name: str, error: Exception) -> None:
        FAULTS.labels(name).inc()
        log.error("worker_fault", group=name, error=f"{type(error).__name__}: {error}")

    def _reacting(self) -> None:
        conninfo = self._database.conninfo
        with self._resources() as (journal, tail):
            reactor = Reactor(
                conninfo,
                reactions.REACTIONS,
                reactions.WATCHES,
                acting_on(journal, time.time),
                hold_from=self._settings.hold_differences_from,
            )
            with contextlib.closing(reactor):
                self._run(reactor, tail)

    def _delivering(self) -> None:
        settings = self._settings
        with self._resources() as (journal, tail), contextlib.closing(self._database.key_store(settings)) as keys:
            deliverer = Deliverer(
                self._database.conninfo,
                journal,
                keys,
                Poster(allow_private=settings.allow_private_endpoints),
                attempts=settings.delivery_attempts,
                clock=time.time,
                chance=random.random,
            )
            with contextlib.closing(deliverer):
                self._run(deliverer, tail)

    def _calling(self) -> None:
        settings = self._settings
        if settings.stripe_secret_key is None:  # nothing can be asked for, either
            self._stopping.wait()
            return
        conninfo = self._database.conninfo
        with (
            contextlib.closing(self._database.key_store(settings)) as keys,
            contextlib.closing(open_calls(self._database, settings, keys, waited_for=False)) as calls,
            contextlib.closing(store.Tail(store.as_role(conninfo, "recount_reader"))) as tail,
            contextlib.closing(
                CallWorker(conninfo, calls.journal, calls.maker, clock=time.time, chance=random.random)
            ) as worker,
        ):
            self._run(worker, tail)

    def _issuing(self) -> None:
        settings = self._settings
        if settings.stripe_secret_key is None:
            self._stopping.wait()
            return
        conninfo = self._database.conninfo
        with (
            contextlib.closing(self._database.key_store(settings)) as keys,
            contextlib.closing(open_calls(self._database, settings, keys, waited_for=False)) as calls,
            contextlib.closing(store.Tail(store.as_role(conninfo, "recount_reader"))) as tail,
            contextlib.closing(Issuer(conninfo, calls, time.time)) as issuer,
        ):
            self._run(issuer, tail)

    def _fetching(self) -> None:
        settings = self._settings
        if settings.stripe_secret_key is None:
            self._stopping.wait()
            return
        with (
            contextlib.closing(self._database.key_store(settings)) as keys,
            contextlib.closing(open_calls(self._database, settings, keys, waited_for=False)) as calls,
        ):
            observer, reader = Observer(calls.journal, keys), StripeReader(calls.stripe)
            fetcher = Fetcher(self._database.conninfo, calls.journal, observer, reader, time.time)
            with contextlib.closing(fetcher):
                self._repeat(lambda: fetcher.lead() and fetcher.step(), _FETCH_REST_S)

    def _reconciling(self) -> None:
        if self._settings.stripe_secret_key is None:
            self._stopping.wait()
            return
        with opened(self._database, self._settings) as reconciler:
            self._repeat(reconciler.step, _RECONCILE_REST_S)

    def _repeat(self, step: Callable[[], bool], rest_s: float) -> None:
        """What asks read models rather than the log: now and then."""
        while not self._stopping.is_set():
            if not step():
                self._stopping.wait(rest_s)

    def _run(self, job: Reactor | Deliverer | CallWorker | Issuer, tail: store.Tail) -> None:
        while not self._stopping.is_set():
            if not job.lead():
                self._stopping.wait(_STAND_BY_S)
            elif not job.step():
                tail.wait()
                self._stopping.wait(_REST_S)

    @contextlib.contextmanager
    def _resources(self) -> Iterator[tuple[store.Log, store.Tail]]:
        conninfo = self._database.conninfo
        with (
            contextlib.closing(store.Log(conninfo)) as journal,
            contextlib.closing(store.Tail(store.as_role(conninfo, "recount_reader"))) as tail,
        ):
            yield journal, tail


def acting_on(journal: store.Log, clock: Callable[[], float]) -> Acting:
    """How what the reactor finds is acted on."""

    def close(watch: Any, found: Found, silent: bool) -> bool:
        return reactions.close(journal, watch, Difference(*found), int(clock()), silent=silent)

    return Acting(lambda reaction, cause, org: reactions.take(journal, reaction, cause, org), close)
