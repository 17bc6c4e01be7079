"""The background worker: projections, reactions, deadlines, deliveries, and keeping house.

Any number may run: one leads each group, the others stand by and take over when it is gone.
"""

import shutil
import signal
import threading
import time

import psycopg
import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from api.database import Database, running
from api.hosting.working import ACCRUE_S, CHECK_S, HostingJobs
from api.launch_looks import LOOK_S, LaunchJob
from api.metrics import FAULTS
from api.outgoing import Outgoing
from api.process import die_with_parent, log_setup, spare_collecting
from api.settings import Settings, load
from ledger import store
from ledger.errors import RecountError
from projections import GROUPS
from projections.base import Group
from replay.live import LostLead, Projector
from replay.rebuild import ensure_built

log = structlog.get_logger("recount.worker")

_RETRY_S = 0.5
_DISK_ALARM = 0.8
_OLD_TRANSACTION_S = 60


class Worker:
    """Runs until told to stop."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._stopping = threading.Event()

    def stop(self, *_: object) -> None:
        """Finish the step under way, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Build what is not built, then follow the log until `stop`."""
        while not self._stopping.is_set():
            try:
                for built in ensure_built(self._database.conninfo):
                    log.info("built", models=len(built.models), events=built.events, rows=sum(built.rows.values()))
                break
            except (psycopg.Error, RecountError) as error:
                log.warning("not_built_yet", error=str(error))
                self._stopping.wait(_RETRY_S)
        threads = [threading.Thread(target=self._follow, args=(g,), name=g.name, daemon=True) for g in GROUPS]
        house = BackgroundScheduler(timezone="UTC")
        house.add_job(self._keep_house, "interval", seconds=60, max_instances=1, coalesce=True, misfire_grace_time=None)
        outgoing = Outgoing(self._database, self._settings, self._stopping)
        threads += outgoing.threads()
        # coalesced and without grace: late rather than never, and never twice at once
        house.add_job(outgoing.tick, "interval", seconds=1, max_instances=1, coalesce=True, misfire_grace_time=None)
        hosting = HostingJobs(self._database, self._settings, self._stopping.is_set)
        late = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        house.add_job(hosting.accrue, "interval", seconds=ACCRUE_S, **late)
        house.add_job(hosting.check, "interval", seconds=CHECK_S, **late)
        house.add_job(LaunchJob(self._database, self._settings).look, "interval", seconds=LOOK_S, **late)
        house.start()
        for thread in threads:
            thread.start()
        self._stopping.wait()
        house.shutdown(wait=True)
        for thread in threads:
            thread.join(10)
        outgoing.close()

    def _follow(self, group: Group) -> None:
        while not self._stopping.is_set():
            projector = tail = None
            try:
                projector = Projector(self._database.conninfo, group)
                tail = store.Tail(store.as_role(self._database.conninfo, "recount_projector"))
                projector.run(tail, self._stopping.is_set)
            except LostLead:
                log.warning("lost_lead", group=group.name)
            except Exception as error:  # the loop must outlive any fault; the checkpoint is where it was
                FAULTS.labels(group.name).inc()
                log.error("worker_fault", group=group.name, error=f"{type(error).__name__}: {error}")
                self._stopping.wait(_RETRY_S)
            finally:
                for it in (projector, tail):
                    if it is not None:
                        it.close()

    def _keep_house(self) -> None:
        """Say in time what would hurt later: a disk that fills, a transaction that holds back clean-up."""
        if self._settings.embedded:
            usage = shutil.disk_usage(self._settings.data_dir)
            if usage.used / usage.total > _DISK_ALARM:
                log.warning("disk_filling", used_percent=round(100 * usage.used / usage.total))
        try:
            with psycopg.connect(self._database.conninfo, autocommit=True, connect_timeout=2) as conn:
                row = conn.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND xact_start < now() - make_interval(secs => %s)",
                    [_OLD_TRANSACTION_S],
                ).fetchone()
                if row and row[0]:
                    log.warning("old_transactions", count=row[0], older_than_s=_OLD_TRANSACTION_S)
        except psycopg.Error as error:
            log.warning("house_not_kept", error=type(error).__name__)


def run() -> None:
    """The worker as a process of its own, against a database that is already there."""
    settings = load()
    log_setup(settings.log_level)
    worker = Worker(running(settings), settings)
    spare_collecting()
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    started = time.monotonic()
    worker.run()
    log.info("worker_stopped", after_s=round(time.monotonic() - started))


if __name__ == "__main__":
    die_with_parent(signal.SIGTERM)
    run()
