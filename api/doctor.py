"""`recount doctor`: looks at everything that a working installation needs, and prints the mend for each fault."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg

from api.database import Database, attached
from api.settings import Settings, load
from ledger import store
from ledger.errors import RecountError
from projections import BILLING, MODELS
from replay import tables
from replay.status import is_led

_CLOCK_TOLERANCE_S = 60
_MIN_FREE_BYTES = 2 * 1024**3


class Finding(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool
    said: str
    mend: str | None = None
    """What to do; for a finding that is ok, advice."""


def doctor() -> list[Finding]:
    """All findings, those that need no database first."""
    found = [_python()]
    try:
        settings = load()
    except RecountError as error:
        return [*found, Finding("settings", False, str(error), "correct the environment variable")]
    found += [_secrets(settings), _stripe_key(settings), _disk(settings)]
    try:
        settings.master()
        found.append(Finding("master key", True, "present"))
    except RecountError as error:
        found.append(Finding("master key", False, "absent", str(error)))
    try:
        with attached(settings) as database:
            found += _database(settings, database)
    except (RecountError, psycopg.Error) as error:
        found.append(
            Finding(
                "database", False, str(error),
                "start it with `recount serve`, or set DATABASE_URL to a PostgreSQL 15 or later",
            )
        )  # fmt: skip
    return found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "use Python 3.11 or later")


def _secrets(settings: Settings) -> Finding:
    named = {"platform": settings.platform_secrets, "connect": settings.connect_secrets}
    have = [f"{name}: {len(secrets)}" for name, secrets in named.items() if secrets]
    if not have:
        return Finding(
            "webhook secrets", False, "none",
            "set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…), from the Stripe dashboard or CLI",
        )  # fmt: skip
    weak = [s for secrets in named.values() for s in secrets if len(s.secret) < 16]
    if weak:
        return Finding("webhook secrets", False, "one is shorter than 16 bytes", "use the secret that Stripe shows")
    return Finding("webhook secrets", True, ", ".join(have))


def _stripe_key(settings: Settings) -> Finding:
    key = settings.stripe_secret_key
    if not key:
        return Finding("stripe key", True, "not set", "receiving and replaying need none")
    known = key.startswith(("sk_live_", "sk_test_", "rk_live_", "rk_test_"))
    return Finding("stripe key", known, "set" if known else "of no known form", "set STRIPE_SECRET_KEY to sk_… or rk_…")


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**3:.1f} GiB free at {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", False, f"{folder} is not writable", "set RECOUNT_DATA_DIR to a folder that is")
    return Finding("disk", free >= _MIN_FREE_BYTES, said, "free some space: PostgreSQL stops when the disk is full")


def _database(settings: Settings, database: Database) -> Iterator[Finding]:
    with psycopg.connect(database.conninfo, autocommit=True, connect_timeout=5) as conn:
        row = conn.execute("SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp())").fetchone()
        assert row is not None
        yield Finding("database", True, f"PostgreSQL {row[0]}, {'embedded' if settings.embedded else 'external'}")
        yield _checked("durability", lambda: store.check_safety(conn), "set it back to on and restart the server")
        skew = abs(float(row[1]) - time.time())
        yield Finding(
            "clock", skew < _CLOCK_TOLERANCE_S, f"{skew:.1f} s from the database's",
            "run NTP on both machines: webhooks are refused when the clock is more than 300 s off",
        )  # fmt: skip
        yield from _models(conn)
    for role in ("recount_writer", "recount_projector", "recount_reader", "recount_key_uses"):
        yield _checked(
            f"role {role}",
            lambda role=role: psycopg.connect(store.as_role(database.conninfo, role), connect_timeout=5).close(),  # type: ignore[misc]
            f"as a superuser: CREATE ROLE {role} NOLOGIN; GRANT {role} TO the user of DATABASE_URL",
        )
    beside = settings.keys_database_url is None
    yield Finding(
        "key store", True, "in the log's own database" if beside else "in a database of its own",
        "set RECOUNT_KEYS_DATABASE_URL, so that a backup of the log does not hold the keys to it" if beside else None,
    )  # fmt: skip
    yield _checked("key store access", lambda: _open_keys(settings, database), "check RECOUNT_KEYS_DATABASE_URL")


def _open_keys(settings: Settings, database: Database) -> None:
    keys = database.key_store(settings)
    try:
        keys.open(["doctor/none"])
    finally:
        keys.close()


def _models(conn: psycopg.Connection[object]) -> Iterator[Finding]:
    if conn.execute("SELECT to_regclass('read_models.models')").fetchone() == (None,):
        yield Finding("read models", False, "not built", "start `recount worker` (or serve): it builds them")
        return
    built: dict[str, str] = dict(conn.execute(f"SELECT name, shape FROM {tables.LIVE}.models").fetchall())  # type: ignore[arg-type]
    old = [n for n, m in MODELS.items() if built.get(n) != tables.shape(m)]
    yield Finding(
        "read models", not old, f"{len(MODELS)} built" if not old else f"outdated: {', '.join(old)}",
        "restart the worker: it rebuilds them beside the old ones",
    )  # fmt: skip
    parked = conn.execute(f"SELECT count(*) FROM {tables.LIVE}.parked").fetchone()
    count = int(parked[0]) if parked else 0  # type: ignore[index]
    yield Finding("parked keys", count == 0, str(count), "see `recount status`; after the fix: recount replay rebuild")
    stopped = f"SELECT mode FROM {tables.LIVE}.stripe_calls_stopped"
    stops: list[str] = [str(row[0]) for row in conn.execute(stopped).fetchall()] if not old else []  # type: ignore[index]
    yield Finding(
        "calls to stripe", not stops,
        f"Stripe refuses the key: {', '.join(stops)}" if stops else "the key is not refused",
        "set STRIPE_SECRET_KEY to a key that Stripe's dashboard lists as active, then restart the worker",
    )  # fmt: skip
    leads = is_led(conn, BILLING)
    yield Finding("worker", leads, "leads" if leads else "nobody follows the log", "start `recount worker` or serve")


def _checked(name: str, look: Callable[[], object], mend: str) -> Finding:
    try:
        look()
    except (RecountError, psycopg.Error) as error:
        return Finding(name, False, str(error).strip().split("\n")[0], mend)
    return Finding(name, True, "ok")
