"""Approvals: an act that waits for a second person. One stream a request.

Refuses to know the act: it is kept as its name and its input, and decided when it is granted.
"""

from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from commands.base import Decider
from ledger.errors import NotFound, Refused
from ledger.events import ApprovalGranted, ApprovalRejected, ApprovalRequested, Event
from ledger.ids import Mode


class RequestApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Let an act wait for a second person."""

    id: str
    act: str
    input: dict[str, Any]
    person: str
    reason: str
    subject: str
    mode: Mode | None
    account: str | None
    org: str | None


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """Grant or reject a request. Whoever asked may only take it back."""

    id: str
    person: str
    granted: bool


Command: TypeAlias = RequestApproval | Settle


class ApprovalState(msgspec.Struct, frozen=True):
    """A request as its events left it."""

    requested: ApprovalRequested | None = None
    granted: bool | None = None
    """None: it still waits."""


def approval_id(person: str, idempotency_key: str) -> str:
    """The id of the request that a person's act with this key makes: the same however often it is tried."""
    return "apr_" + sha256(f"{len(person)}:{person}{idempotency_key}".encode()).hexdigest()[:24]


def evolve(state: ApprovalState, event: Event) -> ApprovalState:
    """The request after an event."""
    if isinstance(event, ApprovalRequested):
        return ApprovalState(event)
    return ApprovalState(state.requested, isinstance(event, ApprovalGranted))


def decide(command: Command, state: ApprovalState) -> tuple[Event, ...]:
    """Request, grant or reject. Rejecting twice is no event.

    Raises NotFound, Refused: `second_person` (who asked cannot grant), `already_granted`, `already_rejected`.
    """
    if isinstance(command, RequestApproval):
        assert state.requested is None
        return (ApprovalRequested(**msgspec.structs.asdict(command)),)
    if state.requested is None:
        raise NotFound(f"no act waits under {command.id}; `recount approvals list` shows those that do")
    if state.granted is not None and not (state.granted is False and not command.granted):
        code = "already_granted" if state.granted else "already_rejected"
        raise Refused(f"{command.id} is settled: ask anew if it shall be done", code=code)
    if state.granted is False:
        return ()
    if not command.granted:
        return (ApprovalRejected(id=command.id, person=command.person),)
    if command.person == state.requested.person:
        raise Refused(
            f"{command.person} asked for this, so somebody else must approve it; who asked may only reject it",
            code="second_person",
        )
    return (ApprovalGranted(id=command.id, person=command.person),)


APPROVALS: Decider[Command, ApprovalState] = Decider(ApprovalState(), evolve, decide)
