"""What operators do about endpoints and what they are told, at the edge: with secrets, fresh ids and the clock.

An endpoint's secret is a key of the key store, wrapped there by the master key, and in no event and no read model. It
is made before the endpoint is recorded, and destroyed after its removal is: whatever a crash leaves undone is harmless.
"""

import contextlib
import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import psycopg

import commands.acts
from api.database import Database
from api.deliveries import secret_of
from api.operations import recording_denial
from api.posting import is_public
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.deliveries import REDELIVER, Redeliver
from commands.differences import RELEASE_DIFFERENCES, ReleaseDifferences
from commands.endpoints import (
    ADD_ENDPOINT,
    ENDPOINTS,
    REMOVE_ENDPOINT,
    TEST_ENDPOINT,
    AddEndpoint,
    RemoveEndpoint,
)
from commands.notices import RaiseNotice, notice_id
from commands.reactions import WATCHES
from ledger.errors import Invalid, NotFound, Refused, StoreUnavailable
from ledger.ids import Mode, endpoint_stream, endpoint_subject, receipt_stream
from ledger.store import Log, as_role
from replay.leading import is_led
from replay.reacting import LEADER

#: How long a new endpoint waits for reactions to begin, and between two looks.
_PATIENCE_S, _POLL_S = 5.0, 0.01


class AddedEndpoint(NamedTuple):
    """A new endpoint. This is the only moment at which its secret is shown."""

    endpoint_id: str
    secret: str | None
    """None of a dry run, and when it was added before, under the same idempotency key."""
    done: Done


def add_endpoint(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    url: str,
    asked: Asked,
    types: Sequence[str] = (),
    org: str | None = None,
    label: str | None = None,
) -> AddedEndpoint:
    """Tell this address of what happens from now on, signed with a new secret.

    Raises Invalid (`bad_url`, `private_address`, `unknown_notice`, …), BadSetting without a master key,
    StoreUnavailable.
    """
    # The same act has the same id, so that asking again finds what was done.
    id = "ep_" + sha256(receipt_stream(asked.person, asked.idempotency_key).encode()).hexdigest()[:20]
    given = {"mode": mode, "url": url, "types": tuple(types), "org": org, "label": label}
    try:
        command = msgspec.convert({"endpoint_id": id, "plain": settings.allow_private_endpoints, **given}, AddEndpoint)
    except msgspec.ValidationError as error:
        raise Invalid(f"add_endpoint: {error}", code="invalid_input") from error
    if not settings.allow_private_endpoints and _names_us(url):
        raise Invalid("an endpoint is not on this machine or in a private network", code="private_address")
    with _log(database) as log:
        planned = _carry_out(settings, log, ADD_ENDPOINT, command, asked, given, dry_run=True)
        if asked.dry_run or planned.repeated:
            return AddedEndpoint(id, None, planned)
        with contextlib.closing(database.key_store(settings)) as keys:
            subject = endpoint_subject(id)
            secret = secret_of(keys.ensure([subject])[subject])
        done = _carry_out(settings, log, ADD_ENDPOINT, command, asked, given)
    if done.waiting is None:
        _until_watched(database, mode)
    return AddedEndpoint(id, None if done.repeated else secret, done)


def _until_watched(database: Database, mode: Mode) -> None:
    """Until what changes from now on is news to whoever listens. Where nobody reacts, or is at rest: without waiting.

    The first endpoint of a mode is told of nothing that stands already. What changes after its owner was told that it
    listens must not be taken for that.
    """
    telling = [watch.name for watch in WATCHES if watch.tells]
    deadline = time.monotonic() + _PATIENCE_S
    with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True) as conn:
        while is_led(conn, LEADER) and time.monotonic() < deadline:
            row = conn.execute(
                "SELECT count(*) FROM ledger.reactions WHERE mode = %s AND name = ANY(%s)", [mode, telling]
            ).fetchone()
            if row is not None and row[0] == len(telling):
                return
            time.sleep(_POLL_S)


def remove_endpoint(database: Database, settings: Settings, *, endpoint_id: str, mode: Mode, asked: Asked) -> Done:
    """Tell an endpoint nothing more, for ever, and destroy its secret. Raises NotFound, StoreUnavailable."""
    with _log(database) as log:
        command = RemoveEndpoint(endpoint_id=_text(endpoint_id), mode=mode)
        done = _carry_out(settings, log, REMOVE_ENDPOINT, command, asked)
        if not asked.dry_run and done.waiting is None:
            with contextlib.closing(database.key_store(settings)) as keys:
                keys.destroy(endpoint_subject(endpoint_id))
    return done


def test_endpoint(database: Database, settings: Settings, *, endpoint_id: str, mode: Mode, asked: Asked) -> Done:
    """Send a notice of the type `test` to one endpoint. Raises NotFound, Refused("endpoint_removed")."""
    with _log(database) as log:
        _must_listen(log, _text(endpoint_id), mode)
        command = RaiseNotice(
            notice_id=notice_id(receipt_stream(asked.person, asked.idempotency_key), 0),
            type="test",
            mode=mode,
            org=None,
            at_s=asked.now_s,
            said={"by": asked.person},
            endpoint_id=endpoint_id,
        )
        given = {"endpoint_id": endpoint_id, "mode": mode}
        return _carry_out(settings, log, TEST_ENDPOINT, command, asked, given)


def redeliver(
    database: Database, settings: Settings, *, endpoint_id: str, notice_id: str, mode: Mode, asked: Asked
) -> Done:
    """Deliver a notice once more, that was delivered or given up.

    Raises NotFound, Refused (`endpoint_removed`, `still_trying`), StoreUnavailable.
    """
    with _log(database) as log:
        _must_listen(log, _text(endpoint_id), mode)
        given = {"endpoint_id": endpoint_id, "notice_id": _text(notice_id), "mode": mode}
        command = Redeliver(endpoint_id=endpoint_id, notice_id=notice_id, mode=mode, at_s=asked.now_s)
        return _carry_out(settings, log, REDELIVER, command, asked, given)


def release_differences(
    database: Database, settings: Settings, *, reaction: str, mode: Mode, silent: bool, asked: Asked
) -> Done:
    """Let a reaction go on whose differences were held because they were many; `silent`: nothing follows from them.

    Raises NotFound, Refused("not_held"), StoreUnavailable.
    """
    given = {"reaction": _text(reaction), "mode": mode, "silent": silent}
    with _log(database) as log:
        with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True) as conn:
            row = conn.execute(
                "SELECT held FROM ledger.reactions WHERE (name, mode) = (%s, %s)", [reaction, mode]
            ).fetchone()
        held = row is not None and row[0] is not None
        command = ReleaseDifferences(reaction=reaction, mode=mode, silent=bool(silent), held=held)
        return _carry_out(settings, log, RELEASE_DIFFERENCES, command, asked, given)


def _carry_out(
    settings: Settings,
    log: Log,
    act: Act[Any, Any],
    command: Any,
    asked: Asked,
    given: Mapping[str, Any] | None = None,
    *,
    dry_run: bool = False,
) -> Done:
    asked = msgspec.structs.replace(
        asked, second_person_from=settings.second_person_from, dry_run=asked.dry_run or dry_run
    )
    with recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)


def _must_listen(log: Log, endpoint_id: str, mode: Mode) -> None:
    endpoint = ENDPOINTS.fold(r.event for r in log.read_stream(endpoint_stream(endpoint_id)))
    if endpoint.mode != mode:
        raise NotFound(f"there is no endpoint {endpoint_id}; `recount endpoints list` shows them")
    if endpoint.removed:
        raise Refused(f"{endpoint_id} was removed: nothing is sent to it", code="endpoint_removed")


def _text(given: Any) -> str:
    """An id as it came over the API. Raises Invalid("invalid_input")."""
    if not isinstance(given, str):
        raise Invalid("an id is a text", code="invalid_input")
    return given


def _names_us(url: str) -> bool:
    """Whether a URL says by itself that it is here or in a private network; names are looked up when they are told."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


@contextlib.contextmanager
def _log(database: Database) -> Iterator[Log]:
    with database.log() as log:
        try:
            yield log
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"the database did not answer, so run it again: {type(error).__name__}") from error
