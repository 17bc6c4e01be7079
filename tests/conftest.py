"""What every test can ask for: one embedded PostgreSQL a session, and a fresh database a test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import laws  # noqa: F401  # registers the profiles of Hypothesis
import pytest
from databases import administering, fresh_database, make
from hypothesis import settings
from psycopg.conninfo import make_conninfo

from api.postgres import EmbeddedPostgres
from api.process import spare_collecting
from ledger import migrations
from ledger.store import Log
from replay.rebuild import ensure_built

settings.load_profile("recount")  # where none is asked for by --hypothesis-profile


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the server is marked so, and `make check` leaves it to `make test`.

    Files with what takes long come first: with two processes, none waits at the end for the other's last one.
    """
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")
    long = {item.path for item in items if item.get_closest_marker("service") is not None}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """What was collected stays: to look through it for cycles again and again took a fifth of the time of tests."""
    spare_collecting()


_IN_MEMORY = Path("/dev/shm")  # a folder of our own is made in it
_ENOUGH = 2 * 1024**3


def _where() -> Path | None:
    """Where a database of hundreds of tables is made anew for each test in half the time; None: where others go."""
    return _IN_MEMORY if _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH else None


def pytest_configure() -> None:
    """The folders of tests are there too: the database of a service that a test starts waits for no disk."""
    if (memory := _where()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """The real PostgreSQL that the product embeds, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="recount-tests-", ignore_cleanup_errors=True, dir=_where()) as folder:
        os.chmod(folder, 0o755)
        postgres = EmbeddedPostgres(Path(folder))
        postgres.start()
        yield postgres
        postgres.stop()


@pytest.fixture(scope="session")
def bare_template(server: EmbeddedPostgres) -> str:
    """A migrated database, without read models."""
    name = "recount_bare"
    with administering(server) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    conninfo = make_conninfo(server.conninfo, dbname=name)
    migrations.migrate(conninfo)
    migrations.migrate(conninfo, migrations.KEYS, "subject_keys")
    return name


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres, bare_template: str) -> str:
    """A migrated database with its read models, empty: to copy these takes a thirtieth of what building them does."""
    name = "recount_template"
    with administering(server) as conn:
        make(conn, name, bare_template)
    ensure_built(make_conninfo(server.conninfo, dbname=name))
    return name


@pytest.fixture
def database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A fresh database with empty read models, as a connection string of its owner."""
    with fresh_database(server, template) as conninfo:
        yield conninfo


@pytest.fixture
def bare_database(server: EmbeddedPostgres, bare_template: str) -> Iterator[str]:
    """A fresh database in which nothing is built."""
    with fresh_database(server, bare_template) as conninfo:
        yield conninfo


@pytest.fixture
def log(database: str) -> Iterator[Log]:
    """An empty log."""
    it = Log(database)
    yield it
    it.close()
