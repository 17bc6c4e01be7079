"""Enforcement: what the deployment system is asked about an environment, and acknowledges. One stream an environment.

Only the last request counts: what is acknowledged of an earlier one is stale. Refuses to know why, and how it is asked.
"""

from typing import Any, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode, require_org
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode, enforcement_stream, key_of
from ledger.service_events import EnforcementAcknowledged, EnforcementAsked, Wanted

#: How long an acknowledgement may take: of the first request, of the next … and of all that follow.
PATIENCE_S = (600, 1_800, 3_600, 21_600)
MAX_ID = 255


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for an environment to be scaled to zero, or up again."""

    mode: Mode
    org: str
    environment: str
    request: str
    wanted: Wanted
    at_s: int
    because: dict[str, Any]


class AskAgain(msgspec.Struct, frozen=True, kw_only=True):
    """Ask once more, unless it was acknowledged or something else was asked since."""

    mode: Mode
    org: str
    environment: str
    request: str
    at_s: int


class AcknowledgeEnforcement(msgspec.Struct, frozen=True, kw_only=True):
    """Say that an environment's deployments are scaled as the request asked for."""

    mode: Mode
    org: str
    environment: str
    request: str
    """The id of the request, as the notice has it. One that is not the last is stale, and refused."""


Command: TypeAlias = Ask | AskAgain | AcknowledgeEnforcement


class Enforcement(msgspec.Struct, frozen=True):
    """What stands of an environment, as its events left it."""

    asked: EnforcementAsked | None = None
    """The last request."""
    acknowledged: bool = False


def evolve(enforcement: Enforcement, event: Event) -> Enforcement:
    """The enforcement after an event."""
    if isinstance(event, EnforcementAsked):
        return Enforcement(event)
    return msgspec.structs.replace(enforcement, acknowledged=True)


def decide(command: Command, enforcement: Enforcement) -> tuple[Event, ...]:
    """Ask, ask again, or acknowledge, which twice is no event.

    Raises NotFound where nothing was asked, Refused("stale_request") for any request but the last, Invalid.
    """
    asked = enforcement.asked
    if isinstance(command, Ask):
        return (_asked(command, msgspec.structs.asdict(command), 1),)
    if isinstance(command, AskAgain):
        if asked is None or asked.request != command.request or enforcement.acknowledged:
            return ()
        return (_asked(command, msgspec.structs.asdict(asked), asked.attempt + 1),)
    require_mode(command.mode)
    require_org(command.org)
    if not 0 < len(command.environment) <= MAX_ID:
        raise Invalid(f"an environment's id has 1 to {MAX_ID} characters", code="not_an_environment")
    if asked is None:
        raise NotFound(f"nothing was asked about the environment {command.environment} of {command.org}")
    if asked.request != command.request:
        raise Refused("something else was asked since: only the last request counts", code="stale_request")
    if enforcement.acknowledged:
        return ()
    return (EnforcementAcknowledged(**msgspec.structs.asdict(command)),)


def _asked(command: Ask | AskAgain, fields: dict[str, Any], attempt: int) -> EnforcementAsked:
    patience_s = PATIENCE_S[min(attempt, len(PATIENCE_S)) - 1]
    told = {**fields, "attempt": attempt, "at_s": command.at_s, "due_s": command.at_s + patience_s}
    return EnforcementAsked(**told)


ENFORCEMENTS: Decider[Command, Enforcement] = Decider(Enforcement(), evolve, decide)

ACKNOWLEDGE_ENFORCEMENT = Act(
    "acknowledge_enforcement",
    AcknowledgeEnforcement,
    ENFORCEMENTS,
    lambda c: enforcement_stream(c.mode, c.org, c.environment),
    lambda c: About(f"environment/{key_of((c.org, c.environment))}", c.mode, None, c.org),
)
