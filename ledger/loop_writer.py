"""Appending from an event loop, without a thread: what waits goes into one commit as soon as the last one is done.

It knows the plain case alone. Where a unit lost, or the database failed, the log's own writer takes over, which tries
again, meets its own rows after a lost acknowledgement, and tells. Measured with eight callers: the hand-over between
two threads and their lock costs a webhook a third of its processor time (docs/decisions/0002-append.md).
"""

import asyncio
from collections import deque
from typing import Any

import psycopg

from ledger.errors import StoreUnavailable
from ledger.store import (
    APPEND_TIMEOUT_S,
    GROUP_LIMIT,
    MAX_WAITING,
    Log,
    Outcome,
    Unit,
    append_statement,
    appended_of,
    async_writer_connection,
    disjoint,
)

_Waiting = tuple[Unit, "asyncio.Future[Outcome]"]


class LoopWriter:
    """Groups the appends of one event loop. All its methods are called on that loop."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: deque[_Waiting] = deque()
        self._conn: psycopg.AsyncConnection[Any] | None = None
        self._writing: asyncio.Task[None] | None = None

    async def append(self, unit: Unit) -> Outcome:
        """Append `unit` with whatever else is waiting, in one commit. Raises StoreUnavailable."""
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("too many appends are waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((unit, future))
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        return await future

    async def close(self) -> None:
        """Finish what is waiting, then let go of the connection."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        await self._drop()

    async def _write(self) -> None:
        carried: list[_Waiting] = []
        try:
            while carried or self._waiting:
                while self._waiting and len(carried) < GROUP_LIMIT:
                    carried.append(self._waiting.popleft())
                group, carried = disjoint(carried)
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: list[_Waiting]) -> None:
        units = [unit for unit, _ in group]
        try:
            async with asyncio.timeout(APPEND_TIMEOUT_S):
                if self._conn is None or self._conn.closed:
                    self._conn = await async_writer_connection(self._log.writer_conninfo)
                rows = await (await self._conn.execute(*append_statement(units), prepare=True)).fetchall()
        except TimeoutError:  # the database stands still: nobody is to wait a second time
            await self._drop()
            for _, future in group:
                _settle(future, StoreUnavailable("the append took too long"))
            return
        except Exception:  # whatever it is, the log's own writer tells each caller
            await self._drop()
            for unit, future in group:
                self._hand_over(unit, future)
            return
        for (unit, future), appended in zip(group, appended_of(units, rows), strict=True):
            if appended is None:
                self._hand_over(unit, future)
            else:
                _settle(future, appended)

    def _hand_over(self, unit: Unit, future: "asyncio.Future[Outcome]") -> None:
        loop = future.get_loop()
        try:
            self._log.submit(unit, lambda outcome: _call(loop, future, outcome))
        except StoreUnavailable as error:
            _settle(future, error)

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()


def _call(
    loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Outcome]", outcome: Outcome | StoreUnavailable
) -> None:
    loop.call_soon_threadsafe(_settle, future, outcome)


def _settle(future: "asyncio.Future[Outcome]", outcome: Outcome | StoreUnavailable) -> None:
    if future.done():  # its caller is gone
        return
    if isinstance(outcome, StoreUnavailable):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
