"""The log in PostgreSQL: appending in order, reading in order, waiting for more.

The one file that imports the eventsourcing library. Its PostgreSQL application recorder keeps the table; this
subclass replaces how it appends: one round trip, callers grouped into one commit, one lock that makes commit order
equal position order, and units that are all or nothing (docs/decisions/0002-append.md).
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger import codec
from ledger.errors import StoreUnavailable, UnsafeStore
from ledger.events import NewEvent, Recorded

#: Finite on purpose: a frozen writer must not block the others for ever.
LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_MS = 5_000
#: Units in one commit at most: bounds how long the lock is held.
GROUP_LIMIT = 200
#: Rows in one COPY at most: about 60 ms under the lock here (bulk appends must let webhooks through).
BULK_ROWS = 1_000
#: How long a caller waits for its commit before it is told that the store is unavailable.
APPEND_TIMEOUT_S = 8.0
#: How long a pool goes on trying by itself; then the next caller tries anew. By default its pauses grow to minutes, in
#: which nobody is served though the database is back.
POOL_RETRY_S = 1.0
#: Units that may wait for the writer at most: bounds memory while the database stands still.
MAX_WAITING = 5_000

_APPEND = "SELECT stream, version, pos FROM ledger.append_units(%b, %b, %b, %b, %b, %b)"
_READ_ALL = (
    "SELECT notification_id, originator_id, originator_version, topic, state, metadata, recorded_at"
    " FROM ledger.events WHERE notification_id > %b AND notification_id <= %b ORDER BY notification_id LIMIT %b"
)
_READ_TO_FOLD = _READ_ALL.replace("metadata", "''::bytea")
_READ_STREAM = (
    "SELECT notification_id, originator_id, originator_version, topic, state, metadata, recorded_at"
    " FROM ledger.events WHERE originator_id = %b ORDER BY originator_version"
)
_READ_POSITIONS = (
    "SELECT notification_id, originator_id, originator_version, topic, state, metadata, recorded_at"
    " FROM ledger.events WHERE notification_id = ANY(%b) ORDER BY notification_id"
)
_READ_TOPICS = (
    "SELECT notification_id, originator_id, originator_version, topic, state, metadata, recorded_at"
    " FROM ledger.events WHERE topic = ANY(%b) AND topic NOT LIKE 'stripe.%%'"
    " AND notification_id > %b AND notification_id <= %b ORDER BY notification_id LIMIT %b"
)
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM ledger.events"
_NO_LIMIT = 2**62


class Unit(NamedTuple):
    """A caller's receipt and its consequences: appended all or not at all."""

    events: tuple[NewEvent, ...]


class Appended(NamedTuple):
    """The unit is in the log, durably. One position an event, in the unit's order."""

    positions: tuple[int, ...]


class Conflict(NamedTuple):
    """Nothing of the unit was appended: some of its (stream, version) are taken by other content."""

    streams: tuple[str, ...]


Outcome = Appended | Conflict
#: Told the outcome of a unit, or that it is not known to have happened.
Done = Callable[[Outcome | StoreUnavailable], None]
_Waiting = tuple[Unit, Done]
T = TypeVar("T")


def as_role(conninfo: str, role: str, **settings: str) -> str:
    """A connection string that assumes one of Recount's roles, with server settings for the session."""
    given = conninfo_to_dict(conninfo).get("options") or ""
    options = " ".join([str(given), f"-c role={role}", *(f"-c {k}={v}" for k, v in settings.items())])
    return make_conninfo(conninfo, options=options.strip())


def writer_conninfo(conninfo: str) -> str:
    """A connection string of the role that may append: SELECT and INSERT, nothing else; finite timeouts."""
    return as_role(
        conninfo,
        "recount_writer",
        lock_timeout=str(LOCK_TIMEOUT_MS),
        idle_in_transaction_session_timeout=str(LOCK_TIMEOUT_MS),
        statement_timeout=str(STATEMENT_TIMEOUT_MS),
    )


class _Datastore(PostgresDatastore):
    """The library's connections, opened from a connection string."""

    def __init__(self, conninfo: str) -> None:
        # `pre_ping`: after a restart of the database, the connections that lay idle are not handed out
        super().__init__(
            *[""] * 5, schema="ledger", originator_id_type="text", max_overflow=3, connect_timeout=2, pre_ping=True
        )
        assert isinstance(self.pool.kwargs, dict)
        for given in ("dbname", "host", "port", "user", "password"):
            del self.pool.kwargs[given]
        self.pool.conninfo = conninfo
        self.pool.reconnect_timeout = POOL_RETRY_S


class LogRecorder(PostgresApplicationRecorder):
    """The library's recorder over `ledger.events`, appending through `ledger.append_units`."""

    def __init__(self, conninfo: str) -> None:
        if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS", "n").lower() in (
            "y",
            "yes",
            "t",
            "true",
            "on",
            "1",
        ):
            raise UnsafeStore(
                "unset POSTGRES_ENABLE_DB_FUNCTIONS: with it the library appends without a lock, and readers"
                " miss events for ever"
            )
        super().__init__(_Datastore(conninfo), events_table_name="events")
        self.channel_name = "recount_log"

    def append(self, conn: psycopg.Connection[Any], units: Sequence[Unit]) -> list[Outcome]:
        """Append `units` in one commit. Outcomes are in the order of the units.

        A unit that lost to rows equal to its own counts as appended: it met itself after a lost acknowledgement.
        Units of one call must not share a stream. Raises psycopg's errors.
        """
        rows = conn.execute(*append_statement(units), prepare=True).fetchall()
        told = zip(units, appended_of(units, rows), strict=True)
        return [appended or self._settle(conn, unit) for unit, appended in told]

    def _settle(self, conn: psycopg.Connection[Any], unit: Unit) -> Outcome:
        taken, positions = [], []
        for event in unit.events:
            topic, state = codec.encode(event.event)
            row = conn.execute(
                "SELECT notification_id, topic, state, metadata FROM ledger.events"
                " WHERE originator_id = %s AND originator_version = %s",
                [event.stream, event.version],
            ).fetchone()
            if row is None or (row[1], bytes(row[2]), bytes(row[3])) != (
                topic,
                state,
                codec.encode_metadata(event.metadata),
            ):
                taken.append(event.stream)
            else:
                positions.append(row[0])
        return Conflict(tuple(taken)) if taken else Appended(tuple(positions))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """The library's own way in: one all-or-nothing unit. Raises its IntegrityError on a conflict."""
        if not stored_events:
            return []
        meta = codec.encode_metadata(kwargs["metadata"])
        n = len(stored_events)
        with self.datastore.get_connection() as conn:
            rows = conn.execute(
                _APPEND,
                [
                    [0] * n,
                    [str(e.originator_id) for e in stored_events],
                    [e.originator_version for e in stored_events],
                    [e.topic for e in stored_events],
                    [e.state for e in stored_events],
                    [meta] * n,
                ],
            ).fetchall()
        if not rows:
            raise IntegrityError("a (stream, version) is taken")
        return sorted(r["pos"] for r in rows)


def append_statement(units: Sequence[Unit]) -> tuple[str, list[Any]]:
    """The one statement that appends `units`, and its parameters. Units must not share a stream."""
    return _APPEND, list(_columns(units))


def appended_of(units: Sequence[Unit], rows: Iterable[tuple[str, int, int]]) -> list[Appended | None]:
    """What the statement's rows say of each unit; None: it lost, and nothing of it was appended."""
    positions = {(stream, version): position for stream, version, position in rows}
    found = [tuple(positions.get((e.stream, e.version), 0) for e in unit.events) for unit in units]
    return [Appended(f) if all(f) else None for f in found]


def _columns(units: Sequence[Unit]) -> tuple[list[Any], ...]:
    index, streams, versions, topics, states, metas = [], [], [], [], [], []
    for i, unit in enumerate(units):
        for event in unit.events:
            topic, state = codec.encode(event.event)
            index.append(i)
            streams.append(event.stream)
            versions.append(event.version)
            topics.append(topic)
            states.append(state)
            metas.append(codec.encode_metadata(event.metadata))
    return index, streams, versions, topics, states, metas


def check_safety(conn: psycopg.Connection[Any]) -> None:
    """Refuse a server that may lose what it acknowledged. Raises UnsafeStore naming the setting."""
    _refuse_unsafe(conn.execute(_SAFETY).fetchone())


async def async_writer_connection(writer_conninfo: str) -> psycopg.AsyncConnection[Any]:
    """A connection to append with from an event loop. Raises psycopg's errors, UnsafeStore."""
    conn = await psycopg.AsyncConnection.connect(writer_conninfo, autocommit=True, connect_timeout=2)
    try:
        _refuse_unsafe(await (await conn.execute(_SAFETY)).fetchone())
    except BaseException:
        await conn.close()
        raise
    return conn


_SAFETY = (
    "SELECT current_setting('fsync'), current_setting('full_page_writes'),"
    " current_setting('synchronous_commit'), current_setting('server_version_num')::int"
)


def _refuse_unsafe(row: tuple[Any, ...] | None) -> None:
    assert row is not None
    fsync, pages, sync, version = row
    faults = [
        f"{name} is {value}"
        for name, value, bad in (("fsync", fsync, "off"), ("full_page_writes", pages, "off"))
        if value == bad
    ]
    if sync == "off":
        faults.append("synchronous_commit is off")
    if version < 150_000:
        faults.append(f"PostgreSQL {version // 10_000} is older than 15")
    if faults:
        raise UnsafeStore("; ".join(faults) + ": acknowledged events could be lost, so Recount does not run on it")


class Log:
    """The log: append units, read a stream, read all from a position, wait for more.

    Safe to share between threads. Appends of concurrent callers are grouped into one commit by a thread of its own.
    """

    def __init__(self, conninfo: str) -> None:
        self.writer_conninfo = writer_conninfo(conninfo)
        try:
            self.recorder = LogRecorder(self.writer_conninfo)
        except PersistenceError as error:  # the library connects at once
            raise StoreUnavailable(f"the database did not answer: {type(error).__name__}") from error
        self._pool = self.recorder.datastore.pool
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._lock = threading.Lock()
        self._conn: psycopg.Connection[Any] | None = None
        self._closed = False

    # ---- appending ------------------------------------------------------------------------

    def submit(self, unit: Unit, done: Done) -> None:
        """Append `unit` with whatever else is waiting, in one commit; then call `done`, in the writer's thread.

        Raises StoreUnavailable when the log is closed, or a database that stands still has let too many pile up.
        """
        with self._lock:  # held while putting, so that nothing comes after the end that `close` puts
            if self._closed:
                raise StoreUnavailable("the log is closed")
            if self._queue.qsize() >= MAX_WAITING:
                raise StoreUnavailable("too many appends are waiting")
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_groups, name="log-writer", daemon=True)
                self._writer.start()
            self._queue.put((unit, done))

    def append(self, *events: NewEvent) -> Outcome:
        """Append one unit and wait until it is durable. Raises StoreUnavailable."""
        future: Future[Outcome] = Future()

        def done(outcome: Outcome | StoreUnavailable) -> None:
            if isinstance(outcome, StoreUnavailable):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.submit(Unit(events), done)
        try:
            return future.result(APPEND_TIMEOUT_S)
        except TimeoutError as error:
            raise StoreUnavailable("the append took too long") from error

    def _write_groups(self) -> None:
        carried: list[_Waiting] = []
        while True:
            if not carried:
                first = self._queue.get()
                if first is None:
                    return
                carried.append(first)
            stop = False
            while len(carried) < GROUP_LIMIT:
                try:
                    waiting = self._queue.get_nowait()
                except Empty:
                    break
                if waiting is None:
                    stop = True
                    break
                carried.append(waiting)
            group, carried = disjoint(carried)
            self._write_group(group)
            if stop:
                while carried:
                    group, carried = disjoint(carried)
                    self._write_group(group)
                return

    def _write_group(self, group: list[_Waiting]) -> None:
        units = [unit for unit, _ in group]
        outcomes: list[Outcome] | None = None
        fault: BaseException | None = None
        # A connection cut around COMMIT leaves the outcome unknown: the second try meets its own rows and says so.
        for _ in range(2):
            try:
                outcomes = self.recorder.append(self._connection(), units)
                break
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                fault = error
                self._drop_connection()
                if isinstance(error, (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)):
                    break
            except Exception as error:  # a waiting caller must always be told
                fault = error
                self._drop_connection()
                break
        if outcomes is None:
            unavailable = StoreUnavailable(f"the append did not happen: {type(fault).__name__}")
            unavailable.__cause__ = fault
        for i, (_, done) in enumerate(group):
            with suppress(Exception):  # a caller whose event loop is gone must not end the writer of all others
                done(outcomes[i] if outcomes is not None else unavailable)

    def _connection(self) -> psycopg.Connection[Any]:
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self.writer_conninfo, autocommit=True, connect_timeout=2)
            check_safety(self._conn)
        return self._conn

    def _drop_connection(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def append_bulk(self, events: Sequence[NewEvent]) -> int:
        """Append events that are each a unit of their own, by COPY, for imports. Returns how many were new.

        Those whose (stream, version) is taken are left out. The lock is held for `BULK_ROWS` rows at a time, so that
        webhooks never wait long. Only events of version 1 may come this way. Raises StoreUnavailable.
        """
        added = 0
        try:
            with self.connection() as conn:
                for start in range(0, len(events), BULK_ROWS):
                    added += _copy_chunk(conn, events[start : start + BULK_ROWS])
        except psycopg.OperationalError as error:
            raise StoreUnavailable("the database did not answer") from error
        return added

    # ---- reading --------------------------------------------------------------------------

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the writer's role, autocommit, from the pool. Raises StoreUnavailable."""
        try:
            self._pool.open(wait=False)
            with self._pool.connection(timeout=2.0) as conn:
                conn.row_factory = psycopg.rows.tuple_row  # type: ignore[assignment]
                try:
                    yield conn
                finally:
                    conn.row_factory = psycopg.rows.dict_row
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise StoreUnavailable(f"the database did not answer: {type(error).__name__}") from error

    def read_stream(self, stream: str) -> list[Recorded]:
        """All events of a stream, in its order."""
        with self.connection() as conn:
            return [_recorded(r) for r in conn.execute(_READ_STREAM, [stream], binary=True)]

    def read(self, after: int, limit: int, upto: int = _NO_LIMIT) -> list[Recorded]:
        """At most `limit` events with a position above `after`, up to `upto`, in the log's order."""
        with self.connection() as conn:
            return read(conn, after, limit, upto)

    def head(self) -> int:
        """The position of the newest event, 0 when there is none."""
        with self.connection() as conn:
            return head(conn)

    def close(self) -> None:
        """Write what is waiting, then give the connections back."""
        with self._lock:
            self._closed = True
            writer = self._writer
            self._queue.put(None)
        if writer is not None:
            writer.join(APPEND_TIMEOUT_S)
        self._drop_connection()
        self.recorder.datastore.close()


def read(conn: psycopg.Connection[Any], after: int, limit: int, upto: int = _NO_LIMIT) -> list[Recorded]:
    """At most `limit` events with a position in (`after`, `upto`], in the log's order."""
    rows = conn.execute(_READ_ALL, [after, upto, limit], prepare=True, binary=True)
    return [_recorded(r) for r in rows]


def read_to_fold(conn: psycopg.Connection[Any], after: int, limit: int, upto: int = _NO_LIMIT) -> list[Recorded]:
    """The same without metadata, which folding does not look at."""
    rows = conn.execute(_READ_TO_FOLD, [after, upto, limit], prepare=True, binary=True)
    return [_recorded(r) for r in rows]


def read_positions(conn: psycopg.Connection[Any], positions: Sequence[int]) -> list[Recorded]:
    """The events at these positions, in the log's order."""
    return [_recorded(r) for r in conn.execute(_READ_POSITIONS, [list(positions)], binary=True)]


def read_own(
    conn: psycopg.Connection[Any],
    names: Iterable[str],
    *,
    after: int = 0,
    upto: int = _NO_LIMIT,
    limit: int = _NO_LIMIT,
) -> list[Recorded]:
    """Recount's own events with these names (never Stripe's), in the log's order, by an index."""
    topics = [f"{name}/{version}" for name in names for version in range(1, codec.version_of(name) + 1)]
    return [_recorded(r) for r in conn.execute(_READ_TOPICS, [topics, after, upto, limit], binary=True)]


def head(conn: psycopg.Connection[Any]) -> int:
    """The position of the newest event, 0 when there is none."""
    row = conn.execute(_HEAD).fetchone()
    assert row is not None
    return int(row[0])


def position_at(conn: psycopg.Connection[Any], when: datetime) -> int:
    """The newest position recorded at or before `when`. `recorded_at` never decreases, so a time names one."""
    low, high = 0, head(conn)
    while low < high:
        middle = (low + high + 1) // 2
        row = conn.execute(
            "SELECT notification_id, recorded_at FROM ledger.events WHERE notification_id <= %s"
            " ORDER BY notification_id DESC LIMIT 1",
            [middle],
        ).fetchone()
        if row is None or row[1] <= when:
            low = middle
        else:
            high = row[0] - 1
    return low


class Tail:
    """Waits for appends: LISTEN, and a look of its own at least once a second, because a wake-up can be lost."""

    POLL_S = 1.0

    def __init__(self, conninfo: str) -> None:
        self._conn = psycopg.connect(conninfo, autocommit=True, connect_timeout=2)
        self._conn.execute("LISTEN recount_log")

    def wait(self, timeout_s: float = POLL_S) -> bool:
        """Sleep until something was appended, or the time is up. True when notified. Raises psycopg's errors."""
        deadline = time.monotonic() + min(timeout_s, self.POLL_S)
        for _ in self._conn.notifies(timeout=max(0.0, deadline - time.monotonic()), stop_after=1):
            return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._conn.close()


def _recorded(row: tuple[Any, ...]) -> Recorded:
    position, stream, version, topic, state, metadata, recorded_at = row
    return Recorded(position, stream, version, codec.decode(topic, state), metadata, _microseconds(recorded_at))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_MICROSECOND = timedelta(microseconds=1)


def _microseconds(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND


def disjoint(waiting: Sequence[tuple[Unit, T]]) -> tuple[list[tuple[Unit, T]], list[tuple[Unit, T]]]:
    """Those that share no stream with an earlier one, and the others, which wait for the next commit."""
    seen: set[str] = set()
    now, later = [], []
    for entry in waiting:
        streams = {e.stream for e in entry[0].events}
        if seen.isdisjoint(streams):
            now.append(entry)
        else:
            later.append(entry)
        seen |= streams
    return now, later


def _copy_chunk(conn: psycopg.Connection[Any], events: Sequence[NewEvent]) -> int:
    assert all(e.version == 1 for e in events)
    rows: dict[str, tuple[Any, ...]] = {}
    for event in events:
        topic, state = codec.encode(event.event)
        rows.setdefault(event.stream, (event.stream, 1, topic, state, codec.encode_metadata(event.metadata)))
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(x'5EC00002'::int)")
        taken = {
            s
            for (s,) in conn.execute(
                "SELECT originator_id FROM ledger.events WHERE originator_version = 1 AND originator_id = ANY(%s)",
                [list(rows)],
            )
        }
        stamp = conn.execute(
            "SELECT greatest(clock_timestamp(), (SELECT recorded_at FROM ledger.events"
            " ORDER BY notification_id DESC LIMIT 1))"
        ).fetchone()
        assert stamp is not None
        new = [row for stream, row in rows.items() if stream not in taken]
        with conn.cursor().copy(
            "COPY ledger.events (originator_id, originator_version, topic, state, metadata, recorded_at)"
            " FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["text", "int8", "text", "bytea", "bytea", "timestamptz"])
            for row in new:
                copy.write_row((*row, stamp[0]))
        conn.execute("SELECT pg_notify('recount_log', '')")
    return len(new)
