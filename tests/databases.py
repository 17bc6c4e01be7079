"""Databases of the tests' server, each a copy of a template and gone with the block that asked for it.

Knows how they are made and dropped. Refuses to know what is in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from api.postgres import EmbeddedPostgres


@contextmanager
def administering(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """A connection from which databases are made and dropped."""
    with psycopg.connect(make_conninfo(server.conninfo, dbname="postgres"), autocommit=True) as conn:
        yield conn


def make(conn: psycopg.Connection, name: str, template: str) -> None:
    """One more database like `template`. Files are copied: the log of the server need not hold each page again."""
    conn.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    # grants on the database itself are not copied from the template
    conn.execute(f"GRANT CREATE, TEMPORARY ON DATABASE {name} TO recount_projector")


@contextmanager
def fresh_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A database like `template`, as a connection string of its owner."""
    name = f"t_{uuid4().hex[:12]}"
    with administering(server) as conn:
        make(conn, name, template)
        try:
            yield make_conninfo(server.conninfo, dbname=name)
        finally:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
