"""The embedded PostgreSQL: one owner, whatever died before; no database that could lose what was acknowledged."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api import database as database_module
from api import postgres as postgres_module
from api.database import attached, owned
from api.postgres import EmbeddedPostgres, PostgresFailed
from api.readers import Readers
from api.settings import Settings
from ledger import migrations, store
from ledger.errors import StoreUnavailable, UnsafeStore
from ledger.store import Log, check_safety

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was used and stopped; tests work on copies."""
    folder = tmp_path_factory.mktemp("made")
    os.chmod(folder, 0o755)
    postgres = EmbeddedPostgres(folder / "var")
    postgres.start()
    with psycopg.connect(postgres.conninfo, autocommit=True) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop()
    return folder / "var"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    os.chmod(tmp_path, 0o755)
    copy = tmp_path / "var"
    shutil.copytree(made, copy, ignore=shutil.ignore_patterns("socket"))
    for path in (copy / "postgres", *(copy / "postgres").rglob("*")):
        owner = (made / path.relative_to(copy)).stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    yield copy
    left = EmbeddedPostgres(copy)
    left._end_orphan()


def kept(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.conninfo) as conn:
        row = conn.execute("SELECT n FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_it_stops_cleanly_and_starts_again_with_what_it_held(folder: Path):
    for _ in range(2):
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        assert postgres.running()
        assert kept(postgres) == 7
        postgres.stop()
        assert not postgres.running()
        postgres.stop()


def test_it_is_durable_and_reached_by_a_socket_alone(server: EmbeddedPostgres):
    with psycopg.connect(server.conninfo) as conn:
        found = dict(
            conn.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',"
                " 'synchronous_commit', 'listen_addresses', 'log_statement', 'log_min_error_statement', 'TimeZone')"
            ).fetchall()
        )
    assert found == {
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "listen_addresses": "",
        "log_statement": "none", "log_min_error_statement": "panic", "TimeZone": "UTC",
    }  # fmt: skip


def test_after_its_server_was_killed_it_starts_again_at_once(folder: Path):
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    idle = psycopg.connect(postgres.conninfo, autocommit=True)  # its children outlive it for a moment
    postgres.kill()
    postgres.start()
    idle.close()
    assert kept(postgres) == 7
    postgres.stop()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_server_whose_owner_was_killed_is_ended_by_the_next_owner(
    folder: Path, frozen: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres_module, "_ENDINGS", ((signal.SIGINT, 1.0), (signal.SIGKILL, 5.0)))
    code = (
        "import sys, time; from pathlib import Path; from api.postgres import EmbeddedPostgres;"
        "p = EmbeddedPostgres(Path(sys.argv[1])); p.start(); print(p.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    orphan = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert Path(f"/proc/{orphan}").exists()
    if frozen:
        os.kill(orphan, signal.SIGSTOP)

    postgres = EmbeddedPostgres(folder)
    postgres.start()

    assert postgres.pid != orphan
    assert not postgres._is_ours(orphan)
    assert kept(postgres) == 7
    postgres.stop()


@pytest.mark.parametrize("pid", ["self", "another server"])
def test_a_lock_file_that_names_a_strangers_process_ends_nobody_and_stops_nothing(
    folder: Path, server: EmbeddedPostgres, pid: str
):
    stranger = os.getpid() if pid == "self" else server.pid
    (folder / "postgres" / "postmaster.pid").write_text(f"{stranger}\n{folder}/postgres\n1\n5432\n")
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    assert kept(postgres) == 7
    assert server.running()
    postgres.stop()


def test_a_data_folder_that_was_cut_off_while_being_made_is_made_anew(tmp_path: Path):
    os.chmod(tmp_path, 0o755)
    half = tmp_path / "var" / "postgres.new"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(tmp_path / "var")
    postgres.start()
    assert not half.exists()
    with psycopg.connect(postgres.conninfo) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
    postgres.stop()


def test_a_server_that_cannot_start_says_why(folder: Path):
    (folder / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresFailed, match=r"incompatible|9\.6"):
        EmbeddedPostgres(folder).start()


def test_a_deep_data_folder_has_its_socket_elsewhere(tmp_path: Path):
    deep = EmbeddedPostgres(tmp_path / ("x" * 60) / ("y" * 60))
    assert len(deep.conninfo.split("host=")[1].split(" ")[0]) < 100
    assert deep.conninfo == EmbeddedPostgres(tmp_path / ("x" * 60) / ("y" * 60)).conninfo
    assert deep.conninfo != EmbeddedPostgres(tmp_path / ("x" * 60) / ("z" * 60)).conninfo


# ---- who owns it -------------------------------------------------------------------------------------------------


def settings(folder: Path, database_url: str | None = None) -> Settings:
    return Settings(
        database_url=database_url, keys_database_url=None, data_dir=folder, master_key=b"m" * 32, platform_secrets=(),
        connect_secrets=(), stripe_secret_key=None, stripe_api_base="", log_level="info",
    )  # fmt: skip


def test_one_process_owns_a_data_folder_and_others_attach_to_it(folder: Path):
    with owned(settings(folder)) as database:
        assert database.server is not None
        Log(database.conninfo).close()
        with pytest.raises(StoreUnavailable, match="another process"), owned(settings(folder)):
            pass
        with attached(settings(folder)) as other:
            assert other.server is None
            assert other.conninfo == database.conninfo
    assert not database.server.running()


def test_who_finds_nobody_running_it_starts_it_for_the_while(folder: Path):
    with attached(settings(folder)) as database:
        assert database.server is not None
        assert database.server.running()
    assert not database.server.running()


def test_an_external_database_is_migrated_and_left_running(server: EmbeddedPostgres, database: str, folder: Path):
    with owned(settings(folder, database)) as found:
        assert found.server is None
        with psycopg.connect(found.conninfo) as conn:
            assert conn.execute("SELECT count(*) FROM ledger.migrations").fetchone() == (len(migrations.LOG),)
    assert server.running()


def test_an_external_database_that_is_away_is_said_so(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_module, "_WAIT_S", 0.1)
    with (
        pytest.raises(StoreUnavailable, match="does not answer"),
        owned(settings(folder, "host=/nonexistent dbname=x user=x")),
    ):
        pass


@pytest.mark.parametrize("setting", ["synchronous_commit=off", "fsync=off", "full_page_writes=off"])
def test_a_database_that_may_lose_what_it_acknowledged_is_refused(database: str, setting: str):
    name, _, value = setting.partition("=")
    if name == "synchronous_commit":
        with (
            psycopg.connect(make_conninfo(database, options=f"-c {setting}")) as conn,
            pytest.raises(UnsafeStore, match=name),
        ):
            check_safety(conn)
    else:  # settings of the whole server, as it would report them

        class Reports:
            def execute(self, query: str) -> "Reports":
                assert f"current_setting('{name}')" in query
                return self

            def fetchone(self) -> tuple[str, str, str, int]:
                return tuple(
                    {"fsync": "on", "full_page_writes": "on", "sync": "on", "v": 180_000, name: value}.values()
                )  # type: ignore[return-value]

        with pytest.raises(UnsafeStore, match=name):
            check_safety(Reports())  # type: ignore[arg-type]


def test_a_writer_refuses_an_unsafe_database_at_every_connection(database: str):
    from ledger.events import Metadata, NewEvent, SubjectErased

    log = Log(make_conninfo(database, options="-c synchronous_commit=off"))
    event = NewEvent("subject/x", 1, SubjectErased(subject="x"), Metadata(occurred_at_s=1, actor="ada"))
    with pytest.raises(StoreUnavailable, match="UnsafeStore"):
        log.append(event)
    log.close()
    other = Log(database)
    assert other.head() == 0
    other.close()


def test_migrations_run_once_by_one_process_and_an_edited_one_is_noticed(server: EmbeddedPostgres):
    from concurrent.futures import ThreadPoolExecutor

    admin = make_conninfo(server.conninfo, dbname="postgres")
    name = f"migrating_{time.monotonic_ns()}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
        fresh = make_conninfo(server.conninfo, dbname=name)
        with ThreadPoolExecutor(4) as pool:
            ran = [f.result() for f in [pool.submit(migrations.migrate, fresh) for _ in range(4)]]
        assert sorted(ran) == [[], [], [], list(migrations.LOG)]
        with psycopg.connect(fresh, autocommit=True) as own:
            own.execute("UPDATE ledger.migrations SET sha256 = 'edited'")
        with pytest.raises(migrations.MigrationChanged):
            migrations.migrate(fresh)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_writers_timeouts_are_finite(database: str):
    with psycopg.connect(store.writer_conninfo(database)) as conn:
        found = conn.execute(
            "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),"
            " current_setting('statement_timeout'), current_user"
        ).fetchone()
    assert found == ("2s", "2s", "5s", "recount_writer")


def test_when_a_database_comes_back_after_a_while_everybody_is_served_again_at_once(folder: Path):
    with owned(settings(folder)) as database:
        assert database.server is not None
        log, keys, readers = Log(database.conninfo), database.key_store(settings(folder)), Readers(database.conninfo)
        asks = (lambda: log.read_stream("x"), lambda: keys.open(["x"]), lambda: readers.rows("SELECT 1", []))
        for ask in asks:
            ask()
        database.server.kill()
        down = time.monotonic()
        while time.monotonic() - down < 4:  # long enough for pauses to grow
            for ask in asks:
                with pytest.raises(StoreUnavailable):
                    ask()
        database.server.start()
        for ask in asks:
            began = time.monotonic()
            ask()
            assert time.monotonic() - began < 1.5
        log.close()
        keys.close()
        readers.close()
