"""Acts about setup over HTTP: the case is found out at the edge, beside what is given."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.operations import command_of
from api.resources import acting
from api.resources.context import context
from api.setups import approve_setup_step, reopen_setup_step
from commands.setup import APPROVE_SETUP_STEP, REOPEN_SETUP_STEP
from ledger.ids import PLATFORM

_FOUND = ("org", "steps", "closed", "by", "why", "at_s")
#: Fields of their commands that nobody gives.
FOUND_OF_APPROVE = (*_FOUND, "plan", "version")
FOUND_OF_REOPEN = _FOUND
_NOTHING: dict[str, Any] = {"org": "", "steps": (), "closed": False, "by": "", "why": "", "at_s": 0}


def approve(given: Mapping[str, Any], reason: str) -> Response:
    """Approve a step, on an artefact."""
    here, how = context(), acting.asked(reason)
    told = command_of(APPROVE_SETUP_STEP, {"account": PLATFORM, **given, **_NOTHING, "plan": "", "version": 0})
    done = approve_setup_step(
        here.database,
        here.settings,
        mode=told.mode,
        account=told.account,
        placement=told.placement,
        step=told.step,
        artefact=told.artefact,
        authorizes=told.authorizes,
        asked=how,
    )
    return acting.told(done)


def reopen(given: Mapping[str, Any], reason: str) -> Response:
    """Reopen a step, and every later one."""
    here, how = context(), acting.asked(reason)
    told = command_of(REOPEN_SETUP_STEP, {"account": PLATFORM, **given, **_NOTHING})
    done = reopen_setup_step(
        here.database,
        here.settings,
        mode=told.mode,
        account=told.account,
        placement=told.placement,
        step=told.step,
        asked=how,
    )
    return acting.told(done)
