"""The service of an organization: the steps that it takes, and what operators say of it. One stream a service.

What should be is derived from debts and policies (`projections.service_states`); a step closes the difference, and an
operator's word outranks it. Refuses to know who owes what, and what time it is.
"""

from typing import Any, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode, require_org
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.ids import Mode, service_stream, service_subject
from ledger.service_events import (
    GraceExtended,
    ServiceCancelled,
    ServicePaused,
    ServiceRecovered,
    ServiceResumed,
    ServiceStepped,
    ServiceSuspended,
)
from ledger.service_policy import POSTPAID

MAX_TIME_S = 2**53 - 1
MAX_REASON = 500
MAX_SERVICE = 255


class _Word(msgspec.Struct, frozen=True, kw_only=True):
    mode: Mode
    org: str
    service: str = POSTPAID
    """`postpaid`: all that is paid afterwards; else the `account/subscription` of what is paid in advance."""
    reason: str


class PauseService(_Word, frozen=True, kw_only=True):
    """Pause a service of an organization until it is resumed, whatever its debts are."""


class ResumeService(_Word, frozen=True, kw_only=True):
    """Take back that a service was paused or suspended by an operator: its policy's word counts again."""


class SuspendService(_Word, frozen=True, kw_only=True):
    """Suspend a service of an organization until it is resumed, whatever its debts are."""


class CancelService(_Word, frozen=True, kw_only=True):
    """Cancel a service of an organization until it is recovered, whatever its debts are."""


class RecoverService(_Word, frozen=True, kw_only=True):
    """Open a service again, whatever closed it: its debts begin the stages of their policy anew."""


class ExtendGrace(_Word, frozen=True, kw_only=True):
    """Let no debt close a service of an organization before a time."""

    until_s: int
    """Unix seconds. The last word counts: an earlier time shortens what was promised."""


class TakeStep(msgspec.Struct, frozen=True, kw_only=True):
    """Take the next step of the schedule."""

    mode: Mode
    org: str
    service: str
    before: str
    state: str
    enforced: bool
    boundary_s: int | None
    at_s: int
    because: dict[str, Any]


Command: TypeAlias = (
    PauseService | ResumeService | SuspendService | CancelService | RecoverService | ExtendGrace | TakeStep
)


class Service(msgspec.Struct, frozen=True):
    """A service as its events left it."""

    word: str | None = None
    """The state that an operator gave it; None: its policy's counts."""
    extended_until_s: int | None = None


_STATES: dict[type[Event], str] = {
    ServicePaused: "paused",
    ServiceSuspended: "suspended",
    ServiceCancelled: "cancelled",
}
_KINDS: dict[type[Any], type[Any]] = {
    PauseService: ServicePaused,
    SuspendService: ServiceSuspended,
    CancelService: ServiceCancelled,
}


def evolve(service: Service, event: Event) -> Service:
    """The service after an event."""
    if type(event) in _STATES:
        return msgspec.structs.replace(service, word=_STATES[type(event)])
    if isinstance(event, (ServiceResumed, ServiceRecovered)):
        return msgspec.structs.replace(service, word=None)
    if isinstance(event, GraceExtended):
        return msgspec.structs.replace(service, extended_until_s=event.until_s)
    return service


def decide(command: Command, service: Service) -> tuple[Event, ...]:
    """Step, or keep an operator's word. What is so already is no event.

    Raises Invalid (`bad_time`, `bad_service`, `reason_required`, and for ids that are none), Refused
    (`not_paused`, `service_cancelled`).
    """
    if isinstance(command, TakeStep):
        return (ServiceStepped(**msgspec.structs.asdict(command)),)
    _check(command)
    which: dict[str, Any] = {
        "mode": command.mode,
        "org": command.org,
        "service": command.service,
        "reason": command.reason,
    }
    if isinstance(command, ExtendGrace):
        if command.until_s == service.extended_until_s:
            return ()
        return (GraceExtended(**which, until_s=command.until_s),)
    if isinstance(command, RecoverService):
        return (ServiceRecovered(**which),)
    if service.word == "cancelled" and not isinstance(command, CancelService):
        raise Refused("an operator cancelled it; recover it first", code="service_cancelled")
    if isinstance(command, ResumeService):
        if service.word is None:
            raise Refused("no operator paused or suspended it; recover it, or extend its grace", code="not_paused")
        return (ServiceResumed(**which),)
    kind = _KINDS[type(command)]
    return () if service.word == _STATES[kind] else (kind(**which),)


def _check(command: _Word) -> None:
    require_mode(command.mode)
    require_org(command.org)
    if not (0 < len(command.service) <= MAX_SERVICE and command.service.isprintable()):
        raise Invalid(
            f"a service is {POSTPAID}, or the account and the id of a subscription: platform/sub_…", code="bad_service"
        )
    if not 0 < len(command.reason.strip()) <= MAX_REASON:
        raise Invalid(f"say why, in 1 to {MAX_REASON} characters", code="reason_required")
    if isinstance(command, ExtendGrace) and not 0 <= command.until_s <= MAX_TIME_S:
        raise Invalid("a time is whole seconds since 1970", code="bad_time")


SERVICES: Decider[Command, Service] = Decider(Service(), evolve, decide)


def _stream(command: _Word) -> str:
    return service_stream(command.mode, command.org, command.service)


def _about(command: _Word) -> About:
    return About(service_subject(command.org, command.service), command.mode, None, command.org)


#: What takes something from a customer, or gives up money, waits for a second person by default.
PAUSE_SERVICE = Act("pause_service", PauseService, SERVICES, _stream, _about, 40)
RESUME_SERVICE = Act("resume_service", ResumeService, SERVICES, _stream, _about, 20)
SUSPEND_SERVICE = Act("suspend_service", SuspendService, SERVICES, _stream, _about, 50)
CANCEL_SERVICE = Act("cancel_service", CancelService, SERVICES, _stream, _about, 60)
RECOVER_SERVICE = Act("recover_service", RecoverService, SERVICES, _stream, _about, 30)
EXTEND_GRACE = Act("extend_grace", ExtendGrace, SERVICES, _stream, _about, 20)
