"""When each API key was last used, and by which process: noted beside the log, at most once a minute a key.

No request waits for it, and none fails because of it. Last use is therefore known to a minute, and what was noted
nowhere when a process died is lost.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import structlog

from ledger.store import as_role

log = structlog.get_logger("recount.key_uses")

EVERY_S = 60.0
_ROLE = "recount_key_uses"
#: Other processes note the same keys: the first of a minute does, whoever it is.
_NOTE = (
    "INSERT INTO ledger.key_uses AS u (key_id, used_at, process) VALUES (%s, %s, %s)"
    " ON CONFLICT (key_id) DO UPDATE SET used_at = EXCLUDED.used_at, process = EXCLUDED.process"
    f" WHERE u.used_at <= EXCLUDED.used_at - interval '{EVERY_S:.0f} seconds'"
)


class KeyUses:
    """What one process notes. Starts a thread where there is something to write, and none before."""

    def __init__(self, conninfo: str, *, clock: Callable[[], float] = time.time) -> None:
        self._conninfo = as_role(conninfo, _ROLE, statement_timeout="2000", lock_timeout="1000")
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[str, float] = {}
        self._waiting: dict[str, float] = {}
        self._writer: threading.Thread | None = None

    def used(self, key_id: str) -> None:
        """A key was used just now. Returns at once."""
        now = self._clock()
        if now - self._noted.get(key_id, 0.0) < EVERY_S:
            return
        with self._lock:
            self._noted[key_id] = self._waiting[key_id] = now
            if self._writer is None:
                with suppress(RuntimeError):  # the process is ending
                    writer = threading.Thread(target=self._write, name="key-uses")
                    writer.start()
                    self._writer = writer

    def settle(self) -> None:
        """Wait until what was noted is written, or given up."""
        writer = self._writer
        if writer is not None:
            writer.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                uses, self._waiting = self._waiting, {}
                if not uses:
                    self._writer = None
                    return
            try:
                self._store(uses)
            except psycopg.Error as error:
                log.warning("last_use_not_noted", error=type(error).__name__, keys=len(uses))

    def _store(self, uses: dict[str, float]) -> None:
        process = f"{socket.gethostname()}/{os.getpid()}"
        rows = [(key_id, datetime.fromtimestamp(at, UTC), process) for key_id, at in sorted(uses.items())]
        with psycopg.connect(self._conninfo, connect_timeout=2) as conn, conn.cursor() as cursor:
            cursor.executemany(_NOTE, rows)
