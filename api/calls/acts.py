"""What operators do about calls, at the edge: resolve one that is unknown, or ask for a failed one again."""

from collections.abc import Mapping
from typing import Any

import msgspec

import commands.acts
from api.database import Database
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.stripe_call_acts import RESOLVE_CALL, RETRY_CALL, retried
from commands.stripe_calls import CALLS, ResolveCall
from ledger.errors import Invalid
from ledger.ids import Mode, call_stream
from ledger.store import Log


def resolve_call(
    database: Database, settings: Settings, *, mode: Mode, call_id: str, asked: Asked, found: str | None = None
) -> Done:
    """Say what became of a call that is unknown: it made or changed the object `found`, or (None) it never happened.

    Raises NotFound, Refused("not_unknown"), Invalid("not_an_object"), StoreUnavailable.
    """
    if not isinstance(call_id, str) or not isinstance(found, str | None):
        raise Invalid("an id is a text", code="invalid_input")
    with database.log() as log:
        return act_on(settings, log, RESOLVE_CALL, ResolveCall(mode=mode, call_id=call_id, found=found), asked)


def retry_call(database: Database, settings: Settings, *, mode: Mode, call_id: str, asked: Asked) -> Done:
    """Ask for a call that failed again, as a new one. However many ask, it is one.

    Raises NotFound, Refused("not_failed"), StoreUnavailable.
    """
    if not isinstance(call_id, str):
        raise Invalid("an id is a text", code="invalid_input")
    with database.log() as log:
        call = CALLS.fold(r.event for r in log.read_stream(call_stream(mode, call_id)))
        given = {"mode": mode, "call_id": call_id}
        return act_on(settings, log, RETRY_CALL, retried(call), asked, given)


def act_on(
    settings: Settings,
    log: Log,
    act: Act[Any, Any],
    command: Any,
    asked: Asked,
    given: Mapping[str, Any] | None = None,
) -> Done:
    """Carry out an act whose command was completed here. `given`: what the caller gave of it."""
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)
