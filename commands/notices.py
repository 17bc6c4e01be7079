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
    "debt.anomaly": "Something about an unpaid invoice is strange, so that service control cannot go by it alone.",
    "deployments.scale": "The deployment system is asked to scale an environment to zero, or up; it must acknowledge.",
    "enforcement.overdue": "The deployment system has not acknowledged in time how an environment is to be scaled.",
    "entitlement.changed": "What an organization may use of a feature changed, or will at a time that is known now.",
    "issuance.failed": "Stripe refused a step of billing our lines: the invoice waits until somebody tries again.",
    "issuance.held": "Stripe's invoice is not what we meant to bill, to the cent: it waits for a person.",
    "launch.area_reopened": "An area of the launch gate is not proven any more: somebody must look, and sign off anew.",
    "launch.checkout_closed": "Direct checkout was closed, by a person or because an area is not proven any more.",
    "organization.linked": "An operator linked a Stripe customer to an organization.",
    "override.ending": "An operator's word on a feature of an organization ends soon.",
    "passthrough.stop": "Provider costs of an organization reached their cap; who spends has to acknowledge it.",
    "passthrough.stop_overdue": "Nobody has acknowledged that provider costs reached their cap.",
    "passthrough.warning": "Provider costs of an organization crossed the warning threshold of their policy.",
    "payment.failed": "A payment of an invoice failed, or the invoice is due and unpaid.",
    "plan.moved": "An operator moved what an organization has to another plan, or another version of it.",
    "service.decided": "An operator paused, resumed or recovered a service, gave it more grace, or wrote a debt off.",
    "service.stepped": "A service took a step of its policy: past due, grace, suspended and so on, or back.",
    "spending.resumed": "An organization's hosting may go on: its limit was raised or lifted, or a month began.",
    "spending.stopped": "An organization's hosting is to stop: it reached its limit, and wanted it so.",
    "spending.threshold_reached": "An organization's hosting reached 50, 80 or 100 percent of its limit.",
    "trial.ending": "A trial of an organization ends soon.",
    "stripe.call_unknown": "Whether Stripe did what it was asked is not known: it is looked up, and may need a person.",
    "stripe.calls_stopped": "Stripe refuses the service's key: nothing is asked of it until it takes a key again.",
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
