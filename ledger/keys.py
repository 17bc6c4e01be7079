"""The key store: one data key a subject, wrapped by the master key; and the blind index for look-up by e-mail.

Destroying a subject's key erases its personal fields everywhere, later restores of the log included. A destroyed
subject keeps a tombstone: what Stripe sends about it afterwards is sealed under a key that is thrown away at once.
"""

import hmac
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.errors import StoreUnavailable

KEY_BYTES = 32
_NONCE_BYTES = 12
#: Keys that one process remembers, so that sealing costs no round trip. About 150 bytes each.
CACHE_SIZE = 100_000


_INSERT_KEYS = (
    "INSERT INTO subject_keys.keys (subject, wrapped_key) SELECT * FROM unnest(%b::text[], %b::bytea[])"
    " ON CONFLICT DO NOTHING RETURNING subject, wrapped_key"
)
_SELECT_KEYS = "SELECT subject, wrapped_key FROM subject_keys.keys WHERE subject = ANY(%s)"
_INSERT_EMAIL = (
    "INSERT INTO subject_keys.blind_index (digest, subject) SELECT %s, subject FROM subject_keys.keys"
    # the lock waits for an erasure under way, and then finds the key gone
    " WHERE subject = %s AND wrapped_key IS NOT NULL FOR SHARE ON CONFLICT DO NOTHING"
)
_DESTROY = (
    "INSERT INTO subject_keys.keys AS k (subject, wrapped_key, destroyed_at) VALUES (%s, NULL, now())"
    " ON CONFLICT (subject) DO UPDATE SET wrapped_key = NULL, destroyed_at = now()"
    " WHERE k.wrapped_key IS NOT NULL RETURNING xmax <> 0"
)

Connection = psycopg.Connection[Any]
T = TypeVar("T")


class MasterKey:
    """The installation's root secret. Wraps subject keys; keys the digests of API keys and the blind index."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError("the master key must be 32 bytes")
        self._wrap = AESGCM(hmac.digest(secret, b"recount/wrap/1", "sha256"))
        self._digest = hmac.digest(secret, b"recount/api-keys/1", "sha256")
        self._index = hmac.digest(secret, b"recount/blind-index/1", "sha256")

    def wrap(self, key: bytes, subject: str) -> bytes:
        """A subject's key as it may be stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, key, subject.encode())

    def unwrap(self, wrapped: bytes, subject: str) -> bytes:
        """A stored key, open. Raises cryptography's InvalidTag under another master key."""
        return self._wrap.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], subject.encode())

    def digest_of_api_key(self, key: str) -> str:
        """What is kept of an API key (hex)."""
        return hmac.digest(self._digest, key.encode(), "sha256").hex()

    def blind(self, email: str) -> bytes:
        """What is kept of an e-mail address for look-up; case and outer blanks aside."""
        return hmac.digest(self._index, email.strip().lower().encode(), "sha256")[:16]


class KeyStore:
    """Subject keys in PostgreSQL, with a memory of those this process has used."""

    def __init__(self, conninfo: str, master: MasterKey, *, max_connections: int = 2) -> None:
        self._master = master
        self._pool = ConnectionPool(
            conninfo,
            min_size=0,
            max_size=max_connections,
            open=True,
            timeout=2.0,
            reconnect_timeout=1.0,  # then the next caller tries anew; by default pauses grow to minutes
            kwargs={"autocommit": True, "options": "-c role=recount_keys -c statement_timeout=2000"},
        )
        self._cache: dict[str, bytes] = {}
        self._indexed: set[tuple[str, bytes]] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def _ask(self, act: Callable[[Connection], T]) -> T:
        """`act` over a connection; once more when a restart of the database had cut those that lay idle.

        Raises StoreUnavailable.
        """
        try:
            try:
                with self._pool.connection() as conn:
                    return act(conn)
            except PoolTimeout:
                raise
            except psycopg.OperationalError:
                self._pool.check()
                with self._pool.connection() as conn:
                    return act(conn)
        except psycopg.Error as error:
            raise StoreUnavailable("the key store did not answer") from error

    def cached(self, subject: str) -> bytes | None:
        """The key of a subject that this process has used before; costs no round trip."""
        return self._cache.get(subject)

    def ensure(self, subjects: Iterable[str]) -> Mapping[str, bytes]:
        """The keys of `subjects`, made durable first where they are new.

        A destroyed subject gets a key that nobody keeps. Raises StoreUnavailable.
        """
        wanted = sorted(set(subjects))
        keys = {s: key for s in wanted if (key := self._cache.get(s)) is not None}
        missing = [s for s in wanted if s not in keys]
        if missing:
            fresh = [self._master.wrap(secrets.token_bytes(KEY_BYTES), s) for s in missing]

            def insert(conn: Connection) -> list[Any]:
                rows = conn.execute(_INSERT_KEYS, [missing, fresh], prepare=True).fetchall()
                if len(rows) < len(missing):
                    known = {s for s, _ in rows}
                    rows += conn.execute(_SELECT_KEYS, [[s for s in missing if s not in known]]).fetchall()
                return rows

            rows = self._ask(insert)
            found = {s: self._master.unwrap(w, s) if w is not None else secrets.token_bytes(KEY_BYTES) for s, w in rows}
            keys.update(found)
            with self._lock:
                if len(self._cache) + len(found) > CACHE_SIZE:
                    self._cache.clear()
                self._cache.update(found)
        return keys

    def open(self, subjects: Iterable[str]) -> dict[str, bytes | None]:
        """Keys to read with, always asked anew, so that an erasure counts at once. None: destroyed or unknown."""
        wanted = sorted(set(subjects))
        rows = self._ask(lambda conn: conn.execute(_SELECT_KEYS, [wanted]).fetchall())
        found = {s: self._master.unwrap(w, s) for s, w in rows if w is not None}
        return {s: found.get(s) for s in wanted}

    def knows_email(self, subject: str, email: str) -> bool:
        """Whether this process has made `subject` findable by `email` before; costs no round trip."""
        return (subject, self._master.blind(email)) in self._indexed

    def index_email(self, subject: str, email: str) -> None:
        """Make `subject` findable by `email` until it is erased. Cheap when already known to this process."""
        entry = (subject, self._master.blind(email))
        if entry in self._indexed:
            return
        self._ask(lambda conn: conn.execute(_INSERT_EMAIL, [entry[1], subject]))
        if len(self._indexed) > CACHE_SIZE:
            self._indexed.clear()
        self._indexed.add(entry)

    def subjects_with_email(self, email: str) -> list[str]:
        """The subjects that were seen with this e-mail address and are not erased."""
        rows = self._ask(
            lambda conn: conn.execute(
                "SELECT subject FROM subject_keys.blind_index WHERE digest = %s ORDER BY subject",
                [self._master.blind(email)],
            ).fetchall()
        )
        return [s for (s,) in rows]

    def destroy(self, subject: str) -> bool:
        """Destroy a subject's key for ever. Returns whether there was one to destroy. Raises StoreUnavailable.

        The old row version is overwritten by VACUUM afterwards (`recount subjects erase` does it); until then
        the wrapped key can be found in the key store's own files by whoever also has the master key.
        """

        def erase(conn: Connection) -> bool:
            with conn.transaction():
                done = conn.execute(_DESTROY, [subject]).fetchone()
                # after the key's row is locked: nobody can make the subject findable again
                conn.execute("DELETE FROM subject_keys.blind_index WHERE subject = %s", [subject])
            return done is not None and bool(done[0])

        destroyed = self._ask(erase)
        with self._lock:
            self._cache.pop(subject, None)
            self._indexed = {e for e in self._indexed if e[0] != subject}
        return destroyed
