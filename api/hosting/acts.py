"""What people do about environments, where something must be found out or made first: ids, the default environment,
whether an environment is there.
"""

from hashlib import sha256
from typing import Any, Literal

import msgspec

import commands.acts
from api.database import Database
from api.hosting.closing import closing_of
from api.operations import recording_denial
from api.settings import Settings
from commands.accruals import CLOSE_HOSTING_MONTH
from commands.acts import Act, Asked, Done
from commands.environments import (
    CREATE_ENVIRONMENT,
    DEFAULT_NAME,
    ENVIRONMENTS,
    STANDARD,
    CreateEnvironment,
    Environment,
    default_id,
)
from commands.placements import PLACE, Place
from ledger.errors import NotFound, Refused
from ledger.ids import Mode, environment_stream
from ledger.store import Log


def create_environment(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    org: str,
    name: str,
    asked: Asked,
    rate_card: str = STANDARD,
) -> Done:
    """Make an environment for an organization, with an id of its own. Raises Invalid, StoreUnavailable."""
    with database.log() as log:
        # The same act has the same id, so that asking again finds what was done.
        id = "env_" + sha256(f"{len(asked.person)}:{asked.person}{asked.idempotency_key}".encode()).hexdigest()[:24]
        command = CreateEnvironment(mode=mode, environment=id, org=org, name=name, rate_card=rate_card)
        given = {"mode": mode, "org": org, "name": name, "rate_card": rate_card}
        return _carry_out(log, settings, CREATE_ENVIRONMENT, command, asked, given)


def default_environment(log: Log, settings: Settings, mode: Mode, org: str, asked: Asked) -> str:
    """The id of an organization's default environment, which is made where there is none yet."""
    id = default_id(mode, org)
    if _environment(log, mode, id).created is None and not asked.dry_run:
        command = CreateEnvironment(mode=mode, environment=id, org=org, name=DEFAULT_NAME, default=True)
        own = sha256(f"{asked.idempotency_key}/default/{org}".encode()).hexdigest()
        first = msgspec.structs.replace(asked, idempotency_key=f"default-{own[:32]}")
        _carry_out(log, settings, CREATE_ENVIRONMENT, command, first, msgspec.to_builtins(command))
    return id


def place(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    kind: Literal["namespace", "project"],
    id: str,
    asked: Asked,
    environment: str | None = None,
    org: str | None = None,
    at_s: int | None = None,
) -> Done:
    """Place a namespace or a project from an instant on (now unless told): in an environment, or in an organization's
    default one; with neither, in none.

    Raises NotFound for an environment that is none, Refused("environment_archived"), Invalid.
    """
    with database.log() as log:
        given = {"mode": mode, "kind": kind, "id": id, "environment": environment, "org": org, "at_s": at_s}
        instant = at_s if at_s is not None else asked.now_s
        target = environment
        if environment is not None:
            org = _owner(log, mode, environment)
        elif org is not None:
            target = default_environment(log, settings, mode, org, asked)
        command = Place(mode=mode, kind=kind, id=id, environment=target, at_s=instant, org=org)
        return _carry_out(log, settings, PLACE, command, asked, given)


def close_month(database: Database, settings: Settings, *, mode: Mode, month: str, asked: Asked) -> Done:
    """Close a month, as far as it is accrued; the worker makes its invoices. Raises Refused (`month_order`, …)."""
    with database.log() as log:
        command = closing_of(log, database.conninfo, mode, month)
        return _carry_out(log, settings, CLOSE_HOSTING_MONTH, command, asked, {"mode": mode, "month": month})


def _owner(log: Log, mode: Mode, id: str) -> str:
    it = _environment(log, mode, id)
    if it.created is None:
        raise NotFound(f"there is no environment {id} in {mode} mode")
    if it.archived:
        raise Refused(f"{id} is archived", code="environment_archived")
    return it.owners[max(it.owners)] if it.owners else it.created.org


def _environment(log: Log, mode: Mode, id: str) -> Environment:
    return ENVIRONMENTS.fold(r.event for r in log.read_stream(environment_stream(mode, id)))


def _carry_out(
    log: Log, settings: Settings, act: Act[Any, Any], command: Any, asked: Asked, given: dict[str, Any]
) -> Done:
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)
