"""Deliveries: what became of a notice at an endpoint, attempt by attempt; and asking for another. One stream each.

Refuses to know how a notice is sent, and what time it is.
"""

from typing import Any, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from ledger.errors import NotFound, Refused
from ledger.events import DeliveryFailed, DeliveryRequested, DeliverySucceeded, Event
from ledger.ids import Mode, delivery_stream


class RecordAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """Keep what came of an attempt."""

    mode: Mode
    endpoint_id: str
    notice_id: str
    status: int | None
    fault: str | None
    """None: the endpoint took it."""
    at_s: int
    next_s: int | None
    """When to try again; None: no more, or no need."""


class Redeliver(msgspec.Struct, frozen=True, kw_only=True):
    """Deliver once more what was delivered, or given up."""

    mode: Mode
    endpoint_id: str
    notice_id: str
    at_s: int


Command: TypeAlias = RecordAttempt | Redeliver


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as its events left it."""

    attempts: int = 0
    """Since somebody asked for it last."""
    tried: bool = False
    open: bool = True
    """Whether it is to be tried (again)."""


def evolve(delivery: Delivery, event: Event) -> Delivery:
    """The delivery after an event."""
    if isinstance(event, DeliverySucceeded):
        return Delivery(event.attempt, tried=True, open=False)
    if isinstance(event, DeliveryFailed):
        return Delivery(event.attempt, tried=True, open=event.next_s is not None)
    return Delivery(0, tried=True, open=True)


def decide(command: Command, delivery: Delivery) -> tuple[Event, ...]:
    """Keep an attempt, or ask for a delivery anew. What is closed takes no attempt.

    Raises NotFound, Refused("still_trying") for what is being tried anyway.
    """
    require_mode(command.mode)
    which: dict[str, Any] = {"mode": command.mode, "endpoint_id": command.endpoint_id, "notice_id": command.notice_id}
    if isinstance(command, Redeliver):
        if not delivery.tried:
            raise NotFound(f"nothing was sent under {command.endpoint_id}:{command.notice_id} yet")
        if delivery.open:
            raise Refused("it is being tried: nothing to ask for", code="still_trying")
        return (DeliveryRequested(**which, at_s=command.at_s),)
    if not delivery.open:
        return ()
    attempt = delivery.attempts + 1
    if command.fault is None:
        assert command.status is not None
        return (DeliverySucceeded(**which, attempt=attempt, status=command.status, at_s=command.at_s),)
    which |= {"status": command.status, "fault": command.fault, "next_s": command.next_s}
    return (DeliveryFailed(**which, attempt=attempt, at_s=command.at_s),)


DELIVERIES: Decider[Command, Delivery] = Decider(Delivery(), evolve, decide)

REDELIVER = Act(
    "redeliver",
    Redeliver,
    DELIVERIES,
    lambda command: delivery_stream(command.endpoint_id, command.notice_id),
    lambda command: About(f"delivery/{command.endpoint_id}:{command.notice_id}", command.mode),
)
