"""What an operator does, at the edge: commands with the clock, fresh ids and secrets that deciders do not know.

The CLI reaches these through entry points, so each takes the settings. `actor` is who acts, `reason` is why.
"""

import contextlib
import secrets
import string
import time
from collections.abc import Iterator
from typing import NamedTuple

import psycopg

from api.database import Database
from api.settings import Settings
from commands.api_keys import API_KEYS, IssueKey, RevokeKey
from commands.handling import Handled, handle
from commands.organizations import LINKS, LinkOrganization, UnlinkOrganization
from commands.subjects import SUBJECTS, EraseSubject, subject_stream
from ledger.errors import NotFound, StoreUnavailable
from ledger.events import Metadata
from ledger.ids import Mode, key_stream, link_stream
from ledger.store import Log

_LETTERS = string.digits + string.ascii_letters
_KEY_BYTES = 32
#: How long VACUUM may wait for whoever reads the key store just now.
_VACUUM_WAIT = "10s"


class IssuedKey(NamedTuple):
    """A new key to the API. This is the only moment at which the key itself is known."""

    key: str
    key_id: str
    position: int


class Erased(NamedTuple):
    """What erasing a subject did this time."""

    subject: str
    key_destroyed: bool
    """False when an earlier try had destroyed it already."""
    position: int | None
    """Where the erasure was recorded just now; None when it was recorded already."""


def issue_key(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    role: str,
    actor: str,
    reason: str | None = None,
    org: str | None = None,
    account: str | None = None,
    label: str | None = None,
) -> IssuedKey:
    """Issue a key to the API: `rk_<mode>_` and 256 random bits. Only its keyed digest is kept.

    Raises Invalid, BadSetting without a master key, StoreUnavailable.
    """
    key = f"rk_{mode}_{_base62(secrets.token_bytes(_KEY_BYTES))}"
    key_id = f"key_{_base62(secrets.token_bytes(12))}"
    digest = settings.master().digest_of_api_key(key)
    command = IssueKey(key_id=key_id, digest=digest, mode=mode, role=role, org=org, account=account, label=label)
    with _log(database) as log:
        handled = handle(log, key_stream(key_id), API_KEYS, command, _metadata(actor, reason, mode, account))
    assert handled.position is not None
    return IssuedKey(key, key_id, handled.position)


def revoke_key(
    database: Database, settings: Settings, *, key_id: str, actor: str, reason: str | None = None
) -> Handled:
    """Revoke a key for ever; again is no event. Raises NotFound, StoreUnavailable."""
    with _log(database) as log:
        return handle(log, key_stream(key_id), API_KEYS, RevokeKey(key_id=key_id), _metadata(actor, reason))


def link_organization(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    account: str,
    customer: str,
    org: str,
    actor: str,
    reason: str | None = None,
) -> Handled:
    """Bill a Stripe customer for an organization, whatever metadata claims. Raises Invalid, StoreUnavailable."""
    command = LinkOrganization(mode=mode, account=account, customer=customer, org=org)
    with _log(database) as log:
        return handle(
            log, link_stream(mode, account, customer), LINKS, command, _metadata(actor, reason, mode, account)
        )


def unlink_organization(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    account: str,
    customer: str,
    actor: str,
    reason: str | None = None,
) -> Handled:
    """Take an operator's link back. Raises Refused("not_linked"), Invalid, StoreUnavailable."""
    command = UnlinkOrganization(mode=mode, account=account, customer=customer)
    with _log(database) as log:
        return handle(
            log, link_stream(mode, account, customer), LINKS, command, _metadata(actor, reason, mode, account)
        )


def erase_subject(
    database: Database, settings: Settings, *, subject: str, actor: str, reason: str | None = None
) -> Erased:
    """Destroy the key of a subject's personal fields, record it, and wipe the key's old row from the key store.

    In this order, each step harmless when repeated: whatever a crash leaves undone is done by running it again, and
    the log never says that something was erased which was not. Raises NotFound, StoreUnavailable.
    """
    with _unavailable(), psycopg.connect(database.keys_conninfo, autocommit=True, connect_timeout=5) as conn:
        known = conn.execute("SELECT FROM subject_keys.keys WHERE subject = %s", [subject]).fetchone()
        if known is None:
            raise NotFound(f"nothing was ever sealed for the subject {subject}; is its mode or account another?")
        keys = database.key_store(settings)
        try:
            destroyed = keys.destroy(subject)
        finally:
            keys.close()
        with _log(database) as log:
            command = EraseSubject(subject=subject)
            metadata = _metadata(actor, reason, subjects=(subject,))
            handled = handle(log, subject_stream(subject), SUBJECTS, command, metadata)
        conn.execute(f"SET lock_timeout = '{_VACUUM_WAIT}'")
        # FULL writes the tables anew: plain VACUUM frees the old row versions and leaves their bytes in the page.
        conn.execute("VACUUM (FULL) subject_keys.keys, subject_keys.blind_index")
    return Erased(subject, destroyed, handled.position)


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the key store did not answer, so run it again: {error}") from error


@contextlib.contextmanager
def _log(database: Database) -> Iterator[Log]:
    log = Log(database.conninfo)
    try:
        yield log
    finally:
        log.close()


def _metadata(
    actor: str, reason: str | None, mode: Mode | None = None, account: str | None = None, subjects: tuple[str, ...] = ()
) -> Metadata:
    return Metadata(
        occurred_at_s=int(time.time()),
        actor=actor,
        reason=reason,
        mode=mode,
        account=account,
        subjects=subjects,
    )


def _base62(random: bytes) -> str:
    """Bytes as letters and digits, of one length for one number of bytes: a double click selects it whole."""
    number = int.from_bytes(random, "big")
    width = -(-len(random) * 8 * 1000 // 5954)  # 62 letters hold 5.954 bits each
    letters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))
