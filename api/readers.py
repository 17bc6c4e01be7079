"""Reading the read models: a pool of connections that may only SELECT, and the named queries of `reads.sql`.

Every answer whose rows must fit its position is one statement: its snapshot is taken after its locks, so that a
rebuild's swap never shows a mixture.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ledger.errors import StoreUnavailable
from ledger.store import as_role
from replay import tables
from replay.derive import NotBuilt

POOL_SIZE = 8
_WAIT_S = 2.0

Connection = psycopg.Connection[Any]


@cache
def _queries() -> dict[str, str]:
    text = files("api").joinpath("reads.sql").read_text()
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    made = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        made[name] = "\n".join(lines).strip().replace("read_models.", f"{tables.LIVE}.")
    return made


def query(name: str) -> str:
    """A query of `reads.sql` by its name."""
    return _queries()[name]


class Readers:
    """Connections of the reader's role. Opened at the first use, so that a process may fork before."""

    def __init__(self, conninfo: str, *, size: int = POOL_SIZE) -> None:
        settings = {
            "statement_timeout": "5000",
            "default_transaction_read_only": "on",
            # Plans are kept. One made while the queue of dirty keys was empty must not walk it when it is long.
            "enable_seqscan": "off",
            "jit": "off",
            "TimeZone": "UTC",
        }
        self._size = size
        self._pool = ConnectionPool(
            as_role(conninfo, "recount_reader", **settings),
            min_size=0,
            max_size=size,
            open=False,
            timeout=_WAIT_S,
            reconnect_timeout=1.0,  # then the next caller tries anew; by default pauses grow to minutes
            name="readers",
            kwargs={"autocommit": True, "connect_timeout": 2},
        )
        self._lock = threading.Lock()
        self._opened = False

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def rows(self, statement: str, params: Sequence[Any]) -> list[Any]:
        """The rows of one prepared statement. Reads have no effect, so a broken connection is tried again.

        Raises StoreUnavailable, NotBuilt.
        """

        def read(conn: Connection) -> list[Any]:
            return conn.execute(statement, params, prepare=True, binary=True).fetchall()

        return self._with_connection(read)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for several statements. Raises StoreUnavailable, NotBuilt."""
        conn = self._take()
        try:
            yield conn
        except psycopg.Error as error:
            raise _translated(error) from error
        finally:
            self._pool.putconn(conn)

    def _with_connection(self, read: Callable[[Connection], list[Any]]) -> list[Any]:
        # After the server restarted, every connection of the pool may be dead.
        for _ in range(self._size + 1):
            conn = self._take()
            try:
                return read(conn)
            except psycopg.errors.FeatureNotSupported:
                conn.close()  # "cached plan must not change result type": a new version was swapped in
            except psycopg.Error as error:
                if not conn.closed:
                    raise _translated(error) from error
            finally:
                self._pool.putconn(conn)
        raise StoreUnavailable()

    def _take(self) -> Connection:
        if not self._opened:
            with self._lock:
                self._pool.open(wait=False)
                self._opened = True
        try:
            return self._pool.getconn()
        except (PoolTimeout, PoolClosed) as error:
            raise StoreUnavailable() from error


def _translated(error: psycopg.Error) -> Exception:
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
        return NotBuilt()
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StoreUnavailable()
    return error
