"""Leading: of all connections to a database one holds a name, and loses it when it ends. An advisory lock, no row.

Refuses to know what is led.
"""

from typing import Any

import psycopg

#: The lock of a name, in this database alone: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
_LOCK = "hashtextextended(current_database() || '/' || %s, 0)"


def try_to_lead(conn: psycopg.Connection[Any], name: str) -> bool:
    """Take the name if nobody holds it. Asking again while holding it takes it once more."""
    row = conn.execute(f"SELECT pg_try_advisory_lock({_LOCK})", [name]).fetchone()
    return bool(row and row[0])


def wait_to_lead(conn: psycopg.Connection[Any], name: str) -> None:
    """Take the name as soon as nobody else holds it."""
    conn.execute(f"SELECT pg_advisory_lock({_LOCK})", [name])


def stop_leading(conn: psycopg.Connection[Any], name: str) -> None:
    """Give the name back, once for each time that it was taken."""
    conn.execute(f"SELECT pg_advisory_unlock({_LOCK})", [name])


def is_led(conn: psycopg.Connection[Any], name: str) -> bool:
    """Whether somebody holds the name."""
    row = conn.execute(
        f"SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database, {_LOCK} AS key"
        " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND l.classid::bigint = (key >> 32) & 4294967295 AND l.objid::bigint = key & 4294967295)",
        [name],
    ).fetchone()
    return bool(row and row[0])
