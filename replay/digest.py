"""Digests: one SHA-256 a model over its canonical content. Equal content, equal digest, on any machine.

Covered are all columns but positions, receipt times and sealed fields, in key order, in PostgreSQL's text format of
text, integers, booleans and jsonb, none of which depends on a setting.
"""

import hashlib
import time
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.errors import RecountError
from projections import BILLING, GROUPS
from projections.base import Group, Table
from replay import tables

_POLL_S = 0.02


class Digest(NamedTuple):
    """A model's content in one line."""

    rows: int
    sha256: str


class Digests(NamedTuple):
    """All models at one moment."""

    position: int
    """How much of the log the billing models have folded."""
    models: dict[str, Digest]


class NotCaughtUp(RecountError):
    """The projections did not reach the head of the log in time; is `recount worker` running?"""

    code = "not_caught_up"


def digests(conn: psycopg.Connection[Any]) -> Digests:
    """The digests of all live models, in one snapshot."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = conn.execute(f"SELECT position FROM {tables.LIVE}.checkpoints WHERE name = %s", [BILLING.name]).fetchone()
        models = {
            name: digest(conn, tables.LIVE, table)
            for group in GROUPS
            for name, table in group.tables.items()
            if any(c.digested for c in table.columns)
        }
        return Digests(int(row[0]) if row else 0, models)


def digest(conn: psycopg.Connection[Any], schema: str, table: Table) -> Digest:
    """One model's digest."""
    columns = ", ".join(f'"{c.name}"' for c in table.columns if c.digested)
    order = ", ".join(f'"{k}"' for k in table.key)
    sha = hashlib.sha256(columns.encode() + b"\n")
    rows = 0
    with conn.cursor().copy(f'COPY (SELECT {columns} FROM {schema}."{table.name}" ORDER BY {order}) TO STDOUT') as copy:
        for block in copy:
            sha.update(block)
            rows += bytes(block).count(b"\n")
    return Digest(rows, sha.hexdigest())


def behind(conn: psycopg.Connection[Any], group: Group) -> bool:
    """Whether a group has events to fold or keys to derive."""
    row = conn.execute(f"SELECT position FROM {tables.LIVE}.checkpoints WHERE name = %s", [group.name]).fetchone()
    if row is None:
        return True
    if group.own_topics is not None:
        return bool(store.read_own(conn, sorted(group.own_topics), after=int(row[0]), limit=1))
    if int(row[0]) < store.head(conn):
        return True
    queued = conn.execute(
        f"SELECT EXISTS (SELECT FROM {tables.LIVE}.dirty) OR EXISTS (SELECT FROM {tables.LIVE}.spreading)"
    ).fetchone()
    return bool(queued and queued[0])


def wait_until_caught_up(conn: psycopg.Connection[Any], timeout_s: float) -> None:
    """Return when every group reached the head of the log as it was at some moment. Raises NotCaughtUp."""
    deadline = time.monotonic() + timeout_s
    while any(behind(conn, g) for g in GROUPS):
        if time.monotonic() > deadline:
            raise NotCaughtUp()
        time.sleep(_POLL_S)
