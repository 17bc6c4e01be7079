"""The database that the settings name, ready to use: started if it is ours, migrated, asserted safe."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from typing import NamedTuple

import psycopg

from api.postgres import EmbeddedPostgres
from api.settings import Settings
from ledger import migrations, store
from ledger.errors import StoreUnavailable
from ledger.keys import KeyStore
from ledger.store import Log

_WAIT_S = 30.0


class Database(NamedTuple):
    """How to reach the log and the key store, as their owner."""

    conninfo: str
    keys_conninfo: str
    server: EmbeddedPostgres | None
    """The embedded server, where this process owns it."""
    kept: Log | None = None
    """The log that this process keeps open. To open one takes ten times as long as most of what is done with it."""

    @contextlib.contextmanager
    def log(self) -> Iterator[Log]:
        """The log, for one act: the one that is kept, or one of its own. Raises StoreUnavailable."""
        if self.kept is not None:
            yield self.kept
            return
        with contextlib.closing(Log(self.conninfo)) as log:
            yield log

    def key_store(self, settings: Settings, *, max_connections: int = 2) -> KeyStore:
        """The subjects' keys."""
        return KeyStore(self.keys_conninfo, settings.master(), max_connections=max_connections)


@contextlib.contextmanager
def owned(settings: Settings) -> Iterator[Database]:
    """The database for the one process that owns it: starts the embedded server, migrates, asserts, stops it again.

    Raises PostgresFailed, UnsafeStore, MigrationChanged, StoreUnavailable (another process owns the data folder).
    """
    if not settings.embedded:
        yield _ready(settings, None)
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "owner.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreUnavailable(
                f"another process runs the database in {settings.data_dir}; stop it, or set RECOUNT_DATA_DIR"
            ) from error
        server = EmbeddedPostgres(settings.data_dir)
        server.start()
        try:
            yield _ready(settings, server)
        finally:
            server.stop()


@contextlib.contextmanager
def attached(settings: Settings) -> Iterator[Database]:
    """The database for anybody: the running one; or, when nobody runs the embedded one, started for this while."""
    if not settings.embedded:
        yield _ready(settings, None)
        return
    conninfo = EmbeddedPostgres(settings.data_dir).conninfo
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            with psycopg.connect(conninfo, connect_timeout=2):
                pass
        except psycopg.OperationalError:
            try:
                with owned(settings) as database:
                    yield database
                return
            except StoreUnavailable:  # its owner is just starting or restarting it
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        else:
            yield _plain(settings, conninfo, None)
            return


def running(settings: Settings) -> Database:
    """The database that its owner has made ready already, without looking."""
    conninfo = settings.database_url or EmbeddedPostgres(settings.data_dir).conninfo
    return _plain(settings, conninfo, None)


def _plain(settings: Settings, conninfo: str, server: EmbeddedPostgres | None) -> Database:
    return Database(conninfo, settings.keys_database_url or conninfo, server)


def _ready(settings: Settings, server: EmbeddedPostgres | None) -> Database:
    conninfo = server.conninfo if server is not None else settings.database_url
    assert conninfo is not None
    database = _plain(settings, conninfo, server)
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as conn:
            store.check_safety(conn)
        migrations.migrate(database.conninfo)
        migrations.migrate(database.keys_conninfo, migrations.KEYS, "subject_keys")
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database does not answer: {error}") from error
    return database
