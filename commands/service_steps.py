"""What closes the difference between what services and environments should be and what was done, and who is told.

Each difference is closed by one event on the service's (or environment's) own stream; endpoints are told by reactions
to those events. Refuses to know how the differences come about: `projections.service_changes` and
`projections.enforcements` do.
"""

from hashlib import sha256
from typing import Any, Protocol

from commands.consequences import Follow
from commands.enforcement import ENFORCEMENTS, Ask, AskAgain
from commands.notices import NOTICES, RaiseNotice, notice_id
from commands.service import SERVICES, TakeStep
from ledger.codec import decode_metadata
from ledger.events import Recorded
from ledger.ids import Mode, enforcement_stream, item_parts, notice_stream, service_stream
from ledger.service_events import (
    DebtWrittenOff,
    EnforcementAsked,
    GraceExtended,
    ServiceCancelled,
    ServicePaused,
    ServiceRecovered,
    ServiceResumed,
    ServiceStepped,
    ServiceSuspended,
)

#: Events of which endpoints are told.
TOLD: tuple[str, ...] = (
    ServiceStepped.NAME,
    ServicePaused.NAME,
    ServiceSuspended.NAME,
    ServiceCancelled.NAME,
    ServiceResumed.NAME,
    ServiceRecovered.NAME,
    GraceExtended.NAME,
    DebtWrittenOff.NAME,
)


class Differs(Protocol):
    """As much of a difference as this needs."""

    @property
    def mode(self) -> Mode: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def was(self) -> Any: ...
    @property
    def now(self) -> Any: ...


class Comes(Protocol):
    """As much of a due time as this needs."""

    @property
    def mode(self) -> Mode: ...
    @property
    def key(self) -> str: ...


def step(difference: Differs, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """Take the next step of a service."""
    org, service = difference.key
    was, now = difference.was, difference.now
    command = TakeStep(
        mode=difference.mode,
        org=org,
        service=service,
        before=was["state"],
        state=now["state"],
        enforced=now["enforced"],
        boundary_s=now["boundary_s"],
        at_s=now_s,
        because=now["because"],
    )
    return (Follow(SERVICES, service_stream(difference.mode, org, service), command),)


def ask(difference: Differs, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """Ask the deployment system for what an environment should be; nothing of one that has another owner now."""
    org, environment = difference.key
    if difference.now["wanted"] == "moved":
        return ()
    command = Ask(
        mode=difference.mode,
        org=org,
        environment=environment,
        request="enf_" + sha256(receipt.encode()).hexdigest()[:24],
        wanted=difference.now["wanted"],
        at_s=now_s,
        because=difference.now["because"],
    )
    return (Follow(ENFORCEMENTS, enforcement_stream(difference.mode, org, environment), command),)


def ask_again(due: Comes, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """Ask once more for what was not acknowledged in time."""
    org, environment, request = item_parts(due.key)
    command = AskAgain(mode=due.mode, org=org, environment=environment, request=request, at_s=now_s)
    return (Follow(ENFORCEMENTS, enforcement_stream(due.mode, org, environment), command),)


def nothing(due: Comes, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """That a boundary was met is all: what follows is a difference, which may have to wait for an operator."""
    return ()


def tell_service(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    """A step of a service, or what an operator decided about it."""
    said: Any = cause.event
    type = "service.stepped" if isinstance(said, ServiceStepped) else "service.decided"
    hidden = ("mode", "org", "reason")
    told = {name: getattr(said, name) for name in said.__struct_fields__ if name not in hidden}
    at_s = decode_metadata(cause.metadata).occurred_at_s
    whose = None if isinstance(said, DebtWrittenOff) else said.org
    return (_notice(receipt, 0, type, said.mode, whose, at_s, {"event": said.NAME, **told}),)


def tell_enforcement(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    """The request to the deployment system; and to operators, that the one before was not acknowledged in time."""
    said = cause.event
    assert isinstance(said, EnforcementAsked)
    names = ("environment", "request", "wanted", "attempt", "due_s", "because")
    told = {name: getattr(said, name) for name in names}
    found = [_notice(receipt, 0, "deployments.scale", said.mode, said.org, said.at_s, told)]
    if said.attempt > 1:
        found.append(_notice(receipt, 1, "enforcement.overdue", said.mode, said.org, said.at_s, told))
    return tuple(found)


def tell_debt(difference: Differs, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """A payment that failed; and what is strange about a debt. Of one that is gone nothing is to be told."""
    now, was = difference.now, difference.was or {}
    if now is None:
        return ()
    account, invoice = difference.key
    told = {"account": account, "invoice": invoice, **{k: v for k, v in now.items() if k not in ("org", "anomalies")}}
    found = []
    if now["failed"] > was.get("failed", 0) or (now["why"] == "due" != was.get("why")):
        found.append(_notice(receipt, 0, "payment.failed", difference.mode, now["org"], now_s, told))
    news = [a for a in now["anomalies"] if a not in was.get("anomalies", ())]
    if news:
        strange = {**told, "anomalies": news}
        found.append(_notice(receipt, 1, "debt.anomaly", difference.mode, now["org"], now_s, strange))
    return tuple(found)


def _notice(
    receipt: str, number: int, type: str, mode: Mode, org: str | None, at_s: int, said: dict[str, Any]
) -> Follow:
    id = notice_id(receipt, number)
    command = RaiseNotice(notice_id=id, type=type, mode=mode, org=org, at_s=at_s, said=said)
    return Follow(NOTICES, notice_stream(id), command)
