"""Waiting for the read models to reach the log's head; and doing it here when no worker does."""

import contextlib
import time
from typing import Any

import psycopg

from projections import GROUPS
from replay import tables
from replay.digest import NotCaughtUp, behind
from replay.live import LostLead, Projector
from replay.status import require_built

_POLL_S = 0.02
#: How long a worker is given before it is looked whether there is one at all.
_PATIENCE_S = 1.0


def wait(conninfo: str, timeout_s: float) -> None:
    """Return when every group has reached the head of the log as it was at some moment.

    A group that nobody leads is folded here meanwhile. Raises NotBuilt, NotCaughtUp.
    """
    deadline = time.monotonic() + timeout_s
    look_again = time.monotonic() + _PATIENCE_S
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True, connect_timeout=5) as conn:
        require_built(conn)
        while _behind(conn):
            if time.monotonic() > deadline:
                raise NotCaughtUp()
            if time.monotonic() > look_again:
                _catch_up(conninfo, deadline)
                look_again = time.monotonic() + _PATIENCE_S
            time.sleep(_POLL_S)


def _behind(conn: psycopg.Connection[Any]) -> bool:
    return any(behind(conn, group) for group in GROUPS)


def _catch_up(conninfo: str, deadline: float) -> None:
    for group in GROUPS:
        projector = Projector(conninfo, group)
        try:
            if projector.lead():
                with contextlib.suppress(LostLead):
                    while time.monotonic() < deadline and (projector.step() or projector.drain()):
                        pass
        finally:
            projector.close()
