"""What an operator does, at the edge: commands with the clock, fresh ids and secrets that deciders do not know.

The CLI reaches these through entry points, so each takes the settings. `asked` says who acts, why, and under which key.
"""

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
import psycopg

import commands.acts
from api.database import Database
from api.settings import Settings
from commands.acts import About, Act, Asked, Done
from commands.approvals import Settle
from commands.rebuilding import REBUILD, rebuild_id
from commands.registry import ACTS
from commands.rejecting import rejecting, waiting_act
from commands.subjects import EraseSubject
from ledger.errors import Invalid, NotFound, Refused, StoreUnavailable
from ledger.events import ApprovalRequested, AttemptDenied, Metadata, NewEvent
from ledger.ids import Mode, attempt_stream
from ledger.store import Log

#: What nobody can ask for by its record alone stands beside the registry: who asks for a rebuild runs it.
_KNOWN: dict[str, Act[Any, Any]] = {**ACTS, REBUILD.name: REBUILD}
#: How long VACUUM may wait for whoever reads the key store just now.
_VACUUM_WAIT = "10s"


def asked_by(
    person: str,
    reason: str | None,
    *,
    idempotency_key: str | None = None,
    dry_run: bool = False,
    origin: Literal["api", "cli"] = "cli",
    key_id: str | None = None,
) -> Asked:
    """Who asks now. Without a key of the caller's the act has one of its own, which nobody can repeat.

    A reason that is not given is recorded as that; an empty one is refused.
    """
    return Asked(
        person=person,
        reason="no reason was given" if reason is None else reason,
        idempotency_key=idempotency_key or secrets.token_urlsafe(18),
        now_s=int(time.time()),
        origin=origin,
        key_id=key_id,
        dry_run=dry_run,
    )


def carry_out(
    database: Database,
    settings: Settings,
    *,
    name: str,
    given: Mapping[str, Any],
    asked: Asked,
    mode: Mode | None = None,
) -> Done:
    """Carry out the act `name` with the input `given`, once for its idempotency key. `mode`: nothing of the other one.

    Raises Invalid (`unknown_act`, `invalid_input` and the act's own), Refused, NotFound, StoreUnavailable.
    """
    act = _KNOWN.get(name)
    if act is None:
        raise Invalid(f"there is no act {name!r}; there are {', '.join(ACTS)}", code="unknown_act")
    if act is REBUILD:
        given = {"id": rebuild_id(asked.person, asked.idempotency_key), **given}
    command = command_of(act, given)
    about = act.about(command)
    _must_be_of(mode, about.mode)
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with database.log() as log, recording_denial(log, name, about, asked, mode):
        if isinstance(command, EraseSubject):
            return _erase(database, settings, log, command, asked)
        return commands.acts.carry_out(log, act, command, asked)


def _must_be_of(mode: Mode | None, its: Mode | None) -> None:
    if mode is not None and its not in (None, mode):
        raise NotFound()


@contextlib.contextmanager
def recording_denial(log: Log, act: str, about: About, asked: Asked, mode: Mode | None = None) -> Iterator[None]:
    """What is refused is in the audit too. `mode`: of the key that was used."""
    try:
        yield
    except Refused as refusal:
        if not asked.dry_run:
            said = AttemptDenied(
                id=secrets.token_hex(12),
                act=act,
                person=asked.person,
                origin=asked.origin,
                key_id=asked.key_id,
                code=refusal.code,
                mode=about.mode or mode,
                subject=about.subject,
                org=about.org,
            )
            _record(log, said, asked.now_s, asked.idempotency_key)
        raise


def deny(
    database: Database, *, act: str, code: str, key_id: str, person: str | None, mode: Mode, org: str | None
) -> None:
    """Record that an act was tried over the API with a key that may not."""
    with database.log() as log:
        said = AttemptDenied(
            id=secrets.token_hex(12),
            act=act,
            person=person,
            origin="api",
            key_id=key_id,
            code=code,
            mode=mode,
            subject=None,
            org=org,
        )
        _record(log, said, int(time.time()), None)


def _record(log: Log, said: AttemptDenied, now_s: int, correlation: str | None) -> None:
    actor = said.person or said.key_id or "nobody"
    metadata = Metadata(occurred_at_s=now_s, actor=actor, correlation=correlation, mode=said.mode)
    log.append(NewEvent(attempt_stream(said.id), 1, said, metadata))


def command_of(act: Act[Any, Any], given: Mapping[str, Any]) -> Any:
    """The act's command with this input. Raises Invalid("invalid_input") naming the field."""
    unknown = sorted(given.keys() - set(act.command.__struct_fields__))
    if unknown:
        raise Invalid(f"{act.name} takes no {', '.join(unknown)}", code="invalid_input")
    try:
        return msgspec.convert(dict(given), act.command)
    except msgspec.ValidationError as error:
        raise Invalid(f"{act.name}: {error}", code="invalid_input") from error


def waiting(database: Database, *, id: str, mode: Mode | None = None) -> ApprovalRequested:
    """The request `id` for an act that waits for a second person, or was settled. Raises NotFound."""
    with database.log() as log:
        requested = waiting_act(log, id)
    _must_be_of(mode, requested.mode)
    return requested


def approve(database: Database, settings: Settings, *, id: str, asked: Asked, mode: Mode | None = None) -> Done:
    """Approve an act that waits for a second person, and carry it out. Raises NotFound, Refused("second_person", …)."""
    requested = waiting(database, id=id, mode=mode)
    asked = msgspec.structs.replace(asked, approval=id)
    return carry_out(database, settings, name=requested.act, given=requested.input, asked=asked, mode=mode)


def reject(database: Database, settings: Settings, *, id: str, asked: Asked, mode: Mode | None = None) -> Done:
    """Reject an act that waits for a second person; who asked for it may take it back so. Raises NotFound, Refused."""
    act = rejecting(waiting(database, id=id, mode=mode))
    command = Settle(id=id, person=asked.person, granted=False)
    with database.log() as log, recording_denial(log, act.name, act.about(command), asked, mode):
        return commands.acts.carry_out(log, act, command, asked)


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
