"""What an operator does, at the edge: commands with the clock, fresh ids and secrets that deciders do not know.

The CLI reaches these through entry points, so each takes the settings. `asked` says who acts, why, and under which key.
"""

import contextlib
import secrets
import string
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
import psycopg

import commands.acts
from api.database import Database
from api.settings import Settings
from commands.acts import REJECT, Act, Asked, Done
from commands.approvals import Settle
from commands.registry import ACTS
from commands.subjects import EraseSubject
from ledger.errors import Invalid, NotFound, Refused, StoreUnavailable
from ledger.events import AttemptDenied, Metadata, NewEvent
from ledger.ids import Mode, attempt_stream
from ledger.store import Log

_LETTERS = string.digits + string.ascii_letters
_KEY_BYTES = 32
#: How long VACUUM may wait for whoever reads the key store just now.
_VACUUM_WAIT = "10s"


class IssuedKey(NamedTuple):
    """A new key to the API. This is the only moment at which the key itself is known."""

    key: str | None
    """None when it was issued before, under the same idempotency key: it is known no more."""
    key_id: str
    position: int


def asked_by(
    person: str,
    reason: str | None,
    *,
    idempotency_key: str | None = None,
    dry_run: bool = False,
    origin: Literal["api", "cli"] = "cli",
    key_id: str | None = None,
) -> Asked:
    """Who asks now. Without a key of the caller's the act has one of its own, which nobody can repeat."""
    return Asked(
        person=person,
        reason=reason or "no reason was given",
        idempotency_key=idempotency_key or secrets.token_urlsafe(18),
        now_s=int(time.time()),
        origin=origin,
        key_id=key_id,
        dry_run=dry_run,
    )


def carry_out(database: Database, settings: Settings, *, name: str, given: Mapping[str, Any], asked: Asked) -> Done:
    """Carry out the act `name` with the input `given`, once for its idempotency key.

    Raises Invalid (`unknown_act`, `invalid_input` and the act's own), Refused, NotFound, StoreUnavailable.
    """
    act = ACTS.get(name)
    if act is None:
        raise Invalid(f"there is no act {name!r}; there are {', '.join(ACTS)}", code="unknown_act")
    command = command_of(act, given)
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with _log(database) as log, recording_denial(log, name, act.about(command).subject, asked):
        if isinstance(command, EraseSubject):
            return _erase(database, settings, log, command, asked)
        return commands.acts.carry_out(log, act, command, asked)


@contextlib.contextmanager
def recording_denial(log: Log, act: str, subject: str, asked: Asked) -> Iterator[None]:
    """What is refused is in the audit too."""
    try:
        yield
    except Refused as refusal:
        if not asked.dry_run:
            deny(log, act=act, code=refusal.code, subject=subject, asked=asked)
        raise


def deny(log: Log, *, act: str, code: str, subject: str | None, asked: Asked) -> None:
    """Record that somebody tried an act and was not let."""
    id = secrets.token_hex(12)
    said = AttemptDenied(
        id=id,
        act=act,
        person=asked.person,
        origin=asked.origin,
        key_id=asked.key_id,
        code=code,
        mode=None,
        subject=subject,
        org=None,
    )
    metadata = Metadata(occurred_at_s=asked.now_s, actor=asked.person, correlation=asked.idempotency_key)
    log.append(NewEvent(attempt_stream(id), 1, said, metadata))


def command_of(act: Act[Any, Any], given: Mapping[str, Any]) -> Any:
    """The act's command with this input. Raises Invalid("invalid_input") naming the field."""
    unknown = sorted(given.keys() - set(act.command.__struct_fields__))
    if unknown:
        raise Invalid(f"{act.name} takes no {', '.join(unknown)}", code="invalid_input")
    try:
        return msgspec.convert(dict(given), act.command)
    except msgspec.ValidationError as error:
        raise Invalid(f"{act.name}: {error}", code="invalid_input") from error


def approve(database: Database, settings: Settings, *, id: str, asked: Asked) -> Done:
    """Approve an act that waits for a second person, and carry it out. Raises NotFound, Refused("second_person", …)."""
    with _log(database) as log:
        name, given = commands.acts.waiting_act(log, id)
    return carry_out(database, settings, name=name, given=given, asked=msgspec.structs.replace(asked, approval=id))


def reject(database: Database, settings: Settings, *, id: str, asked: Asked) -> Done:
    """Reject an act that waits for a second person; who asked for it may take it back so. Raises NotFound, Refused."""
    with _log(database) as log, recording_denial(log, REJECT.name, id, asked):
        return commands.acts.carry_out(log, REJECT, Settle(id=id, person=asked.person, granted=False), asked)


def issue_key(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    role: str,
    asked: Asked,
    org: str | None = None,
    account: str | None = None,
    label: str | None = None,
    person: str | None = None,
) -> IssuedKey:
    """Issue a key to the API: `rk_<mode>_` and 256 random bits. Only its keyed digest is kept.

    Raises Invalid, BadSetting without a master key, StoreUnavailable.
    """
    key = f"rk_{mode}_{_base62(secrets.token_bytes(_KEY_BYTES))}"
    # The same act has the same id, so that asking again finds what was done.
    key_id = f"key_{_base62(sha256(f'{asked.person}/{asked.idempotency_key}'.encode()).digest()[:12])}"
    digest = settings.master().digest_of_api_key(key)
    given = {"key_id": key_id, "digest": digest, "mode": mode, "role": role, "org": org, "account": account}
    done = carry_out(
        database, settings, name="issue_key", given={**given, "label": label, "person": person}, asked=asked
    )
    assert done.position is not None
    return IssuedKey(None if done.repeated else key, done.events[0]["key_id"], done.position)


def _erase(database: Database, settings: Settings, log: Log, command: EraseSubject, asked: Asked) -> Done:
    """The key first, then the record, each step harmless when repeated: whatever a crash leaves undone is done by
    asking again, and the log never says that something was erased which was not."""
    act = ACTS["erase_subject"]
    with _unavailable(), psycopg.connect(database.keys_conninfo, autocommit=True, connect_timeout=5) as conn:
        known = conn.execute("SELECT FROM subject_keys.keys WHERE subject = %s", [command.subject]).fetchone()
        if known is None:
            raise NotFound(
                f"nothing was ever sealed for the subject {command.subject}; is its mode or account another?"
            )
        planned = commands.acts.carry_out(log, act, command, msgspec.structs.replace(asked, dry_run=True))
        if asked.dry_run:
            return planned
        if planned.waiting is None and not planned.repeated:
            keys = database.key_store(settings)
            try:
                keys.destroy(command.subject)
            finally:
                keys.close()
            conn.execute(f"SET lock_timeout = '{_VACUUM_WAIT}'")
            # FULL writes the tables anew: plain VACUUM frees the old row versions and leaves their bytes in the page.
            conn.execute("VACUUM (FULL) subject_keys.keys, subject_keys.blind_index")
        return commands.acts.carry_out(log, act, command, asked)


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


def _base62(random: bytes) -> str:
    """Bytes as letters and digits, of one length for one number of bytes: a double click selects it whole."""
    number = int.from_bytes(random, "big")
    width = -(-len(random) * 8 * 1000 // 5954)  # 62 letters hold 5.954 bits each
    letters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))
