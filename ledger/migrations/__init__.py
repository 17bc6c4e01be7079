"""Numbered, forward-only migrations of the log and of the key store. One that has shipped is never edited.

Each runs once, by one process, under an advisory lock; its checksum is kept, so that an edited one is noticed.
"""

import hashlib
from importlib.resources import files

import psycopg

from ledger.errors import RecountError

LOG = (
    "0001_log.sql",
    "0002_key_uses.sql",
    "0003_reactions.sql",
    "0005_stripe_pace.sql",
    "0004_cost_claims.sql",
    "0006_charge_claims.sql",
)
KEYS = ("0001_keys.sql",)

_LOCK = 0x5EC0_0001


class MigrationChanged(RecountError):
    """A migration that already ran was edited afterwards; restore the release that it came from."""

    code = "migration_changed"


def migrate(conninfo: str, steps: tuple[str, ...] = LOG, schema: str = "ledger") -> list[str]:
    """Bring the schema up to date as the database's owner. Returns the names of the migrations that ran now."""
    ran = []
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        conn.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        conn.execute(
            f"CREATE TABLE IF NOT EXISTS {schema}.migrations (name text PRIMARY KEY, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done: dict[str, str] = dict(conn.execute(f"SELECT name, sha256 FROM {schema}.migrations").fetchall())
        for name in steps:
            sql = (files(__package__) / name).read_text()
            digest = hashlib.sha256(sql.encode()).hexdigest()
            if name in done:
                if done[name] != digest:
                    raise MigrationChanged(f"{schema}: migration {name} was edited after it ran")
                continue
            with conn.transaction():
                conn.execute(sql)
                conn.execute(
                    f"INSERT INTO {schema}.migrations (name, sha256) VALUES (%s, %s)",
                    [name, digest],
                )
            ran.append(name)
    return ran
