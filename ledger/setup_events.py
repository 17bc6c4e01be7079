"""Events of setting up what was bought. `ledger.events` lists them; no other file need know these.

That a purchase opens a case is derived and never an event; who approved which step, and on what, is here.
"""

from typing import ClassVar

from ledger.event_base import Event
from ledger.ids import Mode


class SetupStepApproved(Event, frozen=True, kw_only=True, gc=False):
    """Somebody approved a step of setting up what was bought. The last one makes it live."""

    NAME: ClassVar[str] = "setup.step_approved"

    mode: Mode
    account: str
    placement: str
    """The subscription, purchase or agreement that was bought."""
    org: str
    plan: str
    version: int
    """The version of the plan whose steps these are."""
    step: str
    artefact: str
    """What the approval rests on: a document, a ticket, a report of a test."""
    authorizes: str
    """What may be done from now on."""
    last: bool
    """Whether it makes it live."""
    by: str
    why: str
    at_s: int


class SetupStepReopened(Event, frozen=True, kw_only=True, gc=False):
    """Somebody reopened a step, and so every later one that was approved: it is not live any more."""

    NAME: ClassVar[str] = "setup.step_reopened"

    mode: Mode
    account: str
    placement: str
    org: str
    step: str
    reopened: tuple[str, ...]
    """All that are open again, the step itself first."""
    by: str
    why: str
    at_s: int


SETUP_EVENTS: tuple[type[Event], ...] = (SetupStepApproved, SetupStepReopened)
