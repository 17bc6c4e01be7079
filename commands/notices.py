"""Notices: what registered endpoints are told. One stream a notice, one event in it.

Refuses to know who listens, and how a notice is sent.
"""

from hashlib import sha256
from typing import Any

import msgspec

from commands.base import Decider
from ledger.events import Event, NoticeRaised
from ledger.ids import Mode

#: The registry: one line a type of notice, and what it means to whoever is told.
TYPES: dict[str, str] = {
    "entitlement.changed": "What an organization may use of a feature changed, or will at a time that is known now.",
    "organization.linked": "An operator linked a Stripe customer to an organization.",
    "override.ending": "An operator's word on a feature of an organization ends soon.",
    "plan.moved": "An operator moved what an organization has to another plan, or another version of it.",
    "trial.ending": "A trial of an organization ends soon.",
    "test": "Somebody tries an endpoint.",
}


class RaiseNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Tell whoever listens."""

    notice_id: str
    type: str
    mode: Mode
    org: str | None
    at_s: int
    said: dict[str, Any]
    endpoint_id: str | None = None
    """Only this endpoint; None: all that listen to its type."""


def notice_id(receipt: str, number: int) -> str:
    """The id of the notice that follows from a receipt (its stream and version): the same however often it is tried."""
    return "msg_" + sha256(f"{number}:{receipt}".encode()).hexdigest()[:24]


def decide(command: RaiseNotice, raised: bool) -> tuple[Event, ...]:
    """Raise it once; again is no event."""
    assert command.type in TYPES, f"{command.type} is no type of notice"
    return () if raised else (NoticeRaised(**msgspec.structs.asdict(command)),)


NOTICES: Decider[RaiseNotice, bool] = Decider(False, lambda raised, event: True, decide)
