"""The scheduler: once a second it looks which due times have come, and sends commands that carry what time it is.

Any number may run: a deadline is met under its kind, key and due time, so one that fires twice, late or from several
processes changes nothing. Times are whole seconds since the epoch; no time zone is asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import structlog

from api.settings import Settings
from commands.base import Journal
from commands.deadlines import DEADLINES, Deadline, Due, meet
from ledger.errors import StoreUnavailable
from ledger.ids import Mode
from ledger.store import as_role
from replay.tables import LIVE

log = structlog.get_logger("recount.scheduler")

_DAY_S = 86_400
#: Deadlines of one kind that are read at once.
_PAGE = 500

_DUE = f"""
SELECT d.kind, d.mode, d.key, d.at_s, coalesce(d.org, l.org), d.about
FROM {LIVE}.deadlines d
LEFT JOIN {LIVE}.org_links l ON (l.mode, l.account, l.customer) = (d.mode, d.account, d.customer)
WHERE d.kind = %s AND d.at_s <= %s AND (%s OR d.mode = ANY(%s)) ORDER BY d.at_s, d.mode, d.key LIMIT %s
"""
_LISTENING = f"SELECT mode, min(added_us) / 1000000 FROM {LIVE}.endpoints WHERE NOT removed GROUP BY mode"


def leads(settings: Settings) -> dict[str, int]:
    """Kind -> how many seconds before its due time a deadline is met."""
    return {kind: (getattr(settings, d.lead) * _DAY_S if d.lead else 0) for kind, d in DEADLINES.items()}


class Scheduler:
    """Meets deadlines. `clock` says what time it is, in seconds since the epoch."""

    def __init__(self, conninfo: str, journal: Journal, lead_s: Mapping[str, int], clock: Callable[[], float]) -> None:
        self._conninfo = as_role(conninfo, "recount_reader")
        self._journal = journal
        self._lead_s = lead_s
        self._clock = clock
        self._conn: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def tick(self) -> int:
        """Meet what is due, in the order of the due times. Returns how many were met just now.

        Raises psycopg's errors, StoreUnavailable: then the rest is met at the next tick.
        """
        now_s = int(self._clock())
        try:
            conn = self._conn = self._conn or psycopg.connect(self._conninfo, autocommit=True, connect_timeout=2)
            heard: dict[Mode, int] = {m: int(since) for m, since in conn.execute(_LISTENING).fetchall()}
            due = [d for deadline in DEADLINES.values() for d in self._due(conn, deadline, now_s, heard)]
        except psycopg.Error:
            self.close()
            raise
        due.sort(key=lambda d: d.at_s - self._lead_s[d.kind])
        return sum(self._meet(d, now_s, heard) for d in due)

    def _due(
        self, conn: psycopg.Connection[Any], deadline: Deadline, now_s: int, heard: Mapping[Mode, int]
    ) -> list[Due]:
        asked = [deadline.kind, now_s + self._lead_s[deadline.kind], not deadline.tells, list(heard), _PAGE]
        return [Due(*row) for row in conn.execute(_DUE, asked)]

    def _meet(self, due: Due, now_s: int, heard: Mapping[Mode, int]) -> bool:
        try:
            return meet(self._journal, DEADLINES[due.kind], due, now_s, heard.get(due.mode, 0))
        except StoreUnavailable:
            raise
        except Exception as error:  # ours: it must not keep the others from their time
            log.error("deadline_fault", kind=due.kind, key=due.key, at_s=due.at_s, error=repr(error))
            return False
