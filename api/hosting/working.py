"""Hosting's jobs as the worker runs them: days accrued, months closed and invoiced, limits watched. In both modes.

Any number of workers may run them at any time: what is there already is not done again.
"""

import contextlib
import time
from collections.abc import Callable

import psycopg
import structlog

from api.database import Database
from api.hosting.accruing import accrue, caught_up
from api.hosting.closing import close_what_is_over
from api.hosting.spending import check_spending
from api.settings import Settings
from ledger.errors import RecountError
from ledger.ids import MODES, Mode
from ledger.store import Log

log = structlog.get_logger("recount.hosting")

#: How often, in seconds.
ACCRUE_S, CHECK_S = 60, 300


class HostingJobs:
    """Everything that hosting does by itself."""

    def __init__(self, database: Database, settings: Settings, stopping: Callable[[], bool]) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping

    def accrue(self) -> None:
        """Book what is missing of the days that are over, and close the months that are."""
        self._each("accrue", self._accrue)

    def check(self) -> None:
        """Hold spending against its limits."""
        self._each("check", self._check)

    def _each(self, what: str, job: Callable[[Log, Mode], None]) -> None:
        for mode in MODES:
            if self._stopping():
                return
            try:
                with contextlib.closing(Log(self._database.conninfo)) as journal:
                    job(journal, mode)
            except (psycopg.Error, RecountError) as error:  # the next run does what is left
                log.warning("hosting_job_later", job=what, mode=mode, error=str(error))

    def _accrue(self, journal: Log, mode: Mode) -> None:
        conninfo, now_s = self._database.conninfo, int(time.time())
        catch_up = caught_up(conninfo, self._stopping)
        done = accrue(journal, conninfo, mode, now_s, catch_up)
        if done.bookings:
            catch_up(journal.head())
            log.info("accrued", mode=mode, bookings=done.bookings, days=len(done.days), unpaid=len(done.unpaid))
        for closed in close_what_is_over(
            journal,
            conninfo,
            mode,
            now_s,
            self._settings.hosting_close_days,
            self._settings.hosting_minimum_minor,
            catch_up,
        ):
            log.info("hosting_month_closed", mode=mode, month=closed.month, invoices=closed.invoices)

    def _check(self, journal: Log, mode: Mode) -> None:
        check_spending(journal, self._database.conninfo, mode, int(time.time()))
