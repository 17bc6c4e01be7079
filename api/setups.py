"""Setup at the edge: approving and reopening a step, with what the case says of itself.

Looks up the case as the read models have it: whose it is, its steps, and whether it is closed by now.
"""

from typing import Any

import msgspec
import psycopg

import commands.acts
from api.database import Database
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.setup import APPROVE_SETUP_STEP, REOPEN_SETUP_STEP, ApproveSetupStep, ReopenSetupStep
from ledger.errors import NotFound, StoreUnavailable
from ledger.ids import PLATFORM, Mode
from ledger.store import as_role
from replay.tables import LIVE

_CASE = f"""
    SELECT org, plan, version, steps, closed, until_s FROM {LIVE}.setups
    WHERE (mode, account, placement) = (%s, %s, %s) AND (%s::text IS NULL OR org = %s)
"""


def approve_setup_step(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    placement: str,
    step: str,
    artefact: str,
    authorizes: str,
    asked: Asked,
    account: str = PLATFORM,
    org: str | None = None,
) -> Done:
    """Approve a step of what was bought, on an artefact. `org`: only if it is this organization's.

    Raises NotFound for what has no case, what deciding raises, StoreUnavailable.
    """
    given = {"mode": mode, "account": account, "placement": placement, "step": step}
    said = {"artefact": artefact, "authorizes": authorizes}
    found = _case(database, mode, account, placement, org, asked)
    command = ApproveSetupStep(**given, **said, **found)  # type: ignore[arg-type]
    return _carry_out(database, settings, APPROVE_SETUP_STEP, command, asked, {**given, **said})


def reopen_setup_step(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    placement: str,
    step: str,
    asked: Asked,
    account: str = PLATFORM,
    org: str | None = None,
) -> Done:
    """Reopen a step, and every later one. Raises as approving does."""
    given = {"mode": mode, "account": account, "placement": placement, "step": step}
    found = _case(database, mode, account, placement, org, asked)
    of_plan = ("plan", "version")
    command = ReopenSetupStep(**given, **{k: v for k, v in found.items() if k not in of_plan})  # type: ignore[arg-type]
    return _carry_out(database, settings, REOPEN_SETUP_STEP, command, asked, given)


def _case(
    database: Database, mode: Mode, account: str, placement: str, org: str | None, asked: Asked
) -> dict[str, Any]:
    try:
        with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            row = conn.execute(_CASE, [mode, account, placement, org, org]).fetchone()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database did not answer, so run it again: {type(error).__name__}") from error
    if row is None:
        raise NotFound(f"{placement} has no setup case in {account} ({mode} mode); `recount setup list` shows them")
    whose, plan, version, steps, closed, until_s = row
    return {
        "org": whose,
        "plan": plan,
        "version": version,
        "steps": tuple(s["key"] for s in steps),
        "closed": closed is not None or (until_s is not None and until_s <= asked.now_s),
        "by": asked.person,
        "why": asked.reason,
        "at_s": asked.now_s,
    }


def _carry_out(
    database: Database, settings: Settings, act: Act[Any, Any], command: Any, asked: Asked, given: dict[str, Any]
) -> Done:
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with database.log() as log, recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)
