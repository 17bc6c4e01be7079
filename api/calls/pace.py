"""Stripe's rate limit, kept by everybody together: one row says when the next request may be sent.

It stands in PostgreSQL, since requests go out from the worker and, while somebody waits, from every web process: what
the leader alone counts would be over the limit as soon as a user waits. A live request reserves the next free moment
and waits for it; a background one goes only where no moment is reserved, so a live one never stands behind it.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from api.calls.client import Urgency
from ledger.errors import StoreUnavailable
from ledger.ids import Mode
from ledger.store import as_role

#: How long one waits for its turn at most: then so many wait that asking Stripe is pointless.
LONGEST_S = 20.0
_LOOK_S = 0.02

#: A row of an unlogged table is gone after a crash of the server: then the first to come makes it anew.
_RESERVE = """
INSERT INTO ledger.stripe_pace AS p (mode, free_at) VALUES (%(mode)s, clock_timestamp() + %(each)s::interval)
ON CONFLICT (mode) DO UPDATE SET free_at = greatest(p.free_at, clock_timestamp()) + %(each)s::interval
RETURNING extract(epoch FROM p.free_at - %(each)s::interval - clock_timestamp())::float8
"""
_TAKE = """
INSERT INTO ledger.stripe_pace AS p (mode, free_at) VALUES (%(mode)s, clock_timestamp() + %(each)s::interval)
ON CONFLICT (mode) DO UPDATE SET free_at = clock_timestamp() + %(each)s::interval WHERE p.free_at <= clock_timestamp()
RETURNING 0::float8
"""


class Pace:
    """Turns to speak to Stripe in one mode, at most `per_second` of them. May be used from several threads."""

    def __init__(
        self,
        conninfo: str,
        mode: Mode,
        per_second: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._conninfo = as_role(conninfo, "recount_writer", synchronous_commit="off", statement_timeout="2000")
        self._given = {"mode": mode, "each": f"{1 / per_second:.6f} seconds"}
        self._sleep = sleep
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._conn: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._conn is not None:
                self._conn.close()
                self._conn = None

    def wait(self, urgency: Urgency) -> None:
        """Return when it is one's turn. Raises StoreUnavailable, also when the turn would be too far off."""
        if urgency == "live":
            waits = self._ask(_RESERVE)
            assert waits is not None
            if waits > self._longest_s:
                raise StoreUnavailable("too many requests to Stripe wait for their turn")
            self._sleep(max(0.0, waits))
            return
        until = time.monotonic() + self._longest_s
        while self._ask(_TAKE) is None:
            if time.monotonic() > until:
                raise StoreUnavailable("too many requests to Stripe wait for their turn")
            self._sleep(_LOOK_S)

    def _ask(self, statement: str) -> float | None:
        with self._lock:
            try:
                conn = self._conn
                if conn is None:
                    conn = self._conn = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=2)
                row = conn.execute(statement, self._given).fetchone()
            except psycopg.Error as error:
                if self._conn is not None:
                    self._conn.close()
                    self._conn = None
                raise StoreUnavailable(f"whose turn it is cannot be known: {type(error).__name__}") from error
        return float(row[0]) if row is not None else None
