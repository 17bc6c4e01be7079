"""Statements that go out as they come, and answers that are waited for only where they are needed.

libpq's pipeline mode, over the connection's own `pgconn` (https://www.psycopg.org/psycopg3/docs/api/pq.html). It knows
nothing of what is asked. psycopg's own pipeline, which talks to the server at every statement, takes 26 µs of our time
a statement where this takes 4 (docs/decisions/0012-live-steps.md).
"""

import contextlib
import select
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any, Protocol

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

#: For names of prepared statements: no two of a connection are alike, whoever's pipeline it was.
_NUMBERS = count()
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)


class Answered(Protocol):
    """What a statement was answered."""

    def fetchall(self) -> list[Any]:
        """All rows, as tuples."""

    def fetchone(self) -> Any:
        """The next row; None: there is none."""


class Asks(Protocol):
    """As much of a connection as reading and writing rows needs: psycopg's own, or a pipeline over it."""

    def execute(
        self, query: Any, params: Any = None, /, *, prepare: bool | None = None, binary: bool = False
    ) -> Answered:
        """Send a statement."""


class Answer:
    """The answer to one statement of a pipeline, which may still be under way."""

    def __init__(self, pipeline: "Pipeline", number: int) -> None:
        self._pipeline = pipeline
        self.number = number
        self._left: list[Any] | None = None
        self.result: pq.abc.PGresult | None = None
        """As it came; None: it has not come yet."""

    def fetchall(self) -> list[Any]:
        """All rows that were not fetched yet. Waits for them. Raises psycopg's errors, of earlier statements too."""
        rows, self._left = self._rows(), []
        return rows

    def fetchone(self) -> Any:
        """The next row, None where there is none. Waits and raises as `fetchall` does."""
        self._left = self._rows()
        return self._left.pop(0) if self._left else None

    def _rows(self) -> list[Any]:
        return self._pipeline.rows_of(self) if self._left is None else self._left


class Pipeline:
    """Prepared statements over one connection, which nobody else uses during a transaction of it.

    What is sent may take psycopg's placeholders `%s` and `%b`; each statement is prepared when it is met first, and so
    its parameters have the types that the statement itself gives them. Rows come in binary where they are asked for so.
    """

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._pgconn = conn.pgconn
        self._types = Transformer(conn)
        self._prepared: dict[str, bytes] = {}
        self._open: deque[Answer | None] = deque()
        """What is still to be answered, in order; None: a statement that is being prepared."""
        self._sent = self._awaited = 0
        """How many statements went out, and how many of them the server was told to answer at once."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: what is executed in it is kept whole, or not at all. Raises psycopg's errors."""
        self._pgconn.enter_pipeline_mode()
        try:
            self.execute("BEGIN")
            yield
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                self._leave()
            self._undo()
            raise
        try:
            self._leave()
        except psycopg.Error:
            self._undo()
            raise

    def execute(
        self, query: str, params: Sequence[Any] = (), /, *, prepare: bool | None = True, binary: bool = False
    ) -> Answer:
        """Send a statement; always prepared. It may go out with the next ones."""
        assert prepare is not False
        name = self._prepared.get(query)
        if name is None:
            name = self._prepared[query] = b"recount_%d" % next(_NUMBERS)
            self._pgconn.send_prepare(name, _numbered(query))
            self._open.append(None)
        self._pgconn.send_query_prepared(name, [_dumped(p) for p in params], result_format=1 if binary else 0)
        self._sent += 1
        answer = Answer(self, self._sent)
        self._open.append(answer)
        return answer

    def rows_of(self, answer: Answer) -> list[Any]:
        """The rows of an answer, which is waited for. Raises psycopg's errors."""
        if answer.result is None:
            if answer.number > self._awaited:
                self._pgconn.send_flush_request()
                self._flush()
                self._awaited = self._sent
            while answer.result is None:
                self._take()
        result, answer.result = answer.result, None
        self._types.set_pgresult(result)
        return self._types.load_rows(0, result.ntuples, tuple)

    # ---- talking to the server --------------------------------------------------------------

    def _take(self) -> None:
        """The next statement's result. Raises psycopg's errors."""
        result = self._next()
        if result is None:
            raise psycopg.OperationalError("the connection was lost")
        while self._next() is not None:
            pass  # a statement ends with None
        answer = self._open.popleft()
        if result.status in _FAILED:
            raise _error_of(result)
        if answer is not None:
            answer.result = result

    def _leave(self) -> None:
        """Take all that is still to come, and end the pipeline. Raises the first fault that nobody was told of."""
        self._pgconn.pipeline_sync()
        self._flush()
        fault = None
        while (result := self._next()) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
            if result is None and self._pgconn.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError("the connection was lost")
            if result is not None and result.status == pq.ExecStatus.FATAL_ERROR and fault is None:
                fault = _error_of(result)
        self._open.clear()
        self._pgconn.exit_pipeline_mode()
        if fault is not None:
            raise fault

    def _undo(self) -> None:
        self._prepared.clear()  # what was to be prepared after the fault was not
        self._open.clear()
        with contextlib.suppress(psycopg.Error):
            self._conn.execute("ROLLBACK")

    def _flush(self) -> None:
        """Send all that waits. What the server says meanwhile is read, or both would wait for each other."""
        while self._pgconn.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                self._pgconn.consume_input()

    def _next(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            self._wait(select.POLLIN)
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    def _wait(self, events: int) -> int:
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        return sum(found for _, found in poll.poll())


def _error_of(result: pq.abc.PGresult) -> psycopg.Error:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        found = psycopg.errors.lookup(state)
    except KeyError:
        found = psycopg.DatabaseError
    return found(result.get_error_message())


@cache
def _numbered(query: str) -> bytes:
    """A statement with the server's own placeholders: $1, $2 …"""
    first, *rest = query.replace("%s", "%b").split("%b")
    return "".join([first, *(f"${n}{part}" for n, part in enumerate(rest, 1))]).encode()


def _dumped(value: Any) -> bytes | None:
    """A parameter in PostgreSQL's text format."""
    if isinstance(value, str):
        return value.encode()
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"%d" % value
    return array(value).encode()


def array(values: Sequence[str]) -> str:
    """Texts as an array, in PostgreSQL's own notation."""
    joined = '","'.join([v.replace("\\", "\\\\").replace('"', '\\"') for v in values])
    return f'{{"{joined}"}}' if values else "{}"
