"""How far an issuance has come, and what it wants next. Pure: a fold of its stream, and functions of that.

Each step asks for its calls in the unit that records it, under ids that follow from that record's place in the stream:
whatever dies between two steps, the next one begins from what the log holds, and Stripe is asked nothing twice.
Refuses to know clocks, the network, what is asked (`commands.issuing_calls`), and what a person may have done
(`commands.issuing`).
"""

from typing import Literal, NamedTuple

import msgspec

from ledger.events import Event
from ledger.issuing_events import (
    IssuanceApproved,
    IssuanceCall,
    IssuanceCompared,
    IssuanceFailed,
    IssuanceHeld,
    IssuanceIssued,
    IssuanceLine,
    IssuanceReleased,
    IssuanceRequested,
    IssuanceRetried,
    IssuanceStepAsked,
    IssuanceStepDone,
    IssuanceVoidAsked,
    IssuanceVoided,
    Step,
)

#: What an issuance fails with whose draft somebody deleted in Stripe: tried again, it makes another.
INVOICE_GONE = "invoice_gone"
State = Literal["issuing", "draft", "held", "issue_failed", "issued", "voiding", "voided"]
STATES: tuple[State, ...] = ("issuing", "draft", "held", "issue_failed", "issued", "voiding", "voided")


class Want(NamedTuple):
    """What would bring an issuance on."""

    what: Literal["customer", "calls", "answers", "look"]
    """That its customer is known and its calls asked for; only that; that these calls are answered; that its invoice
    is looked at."""
    step: Step
    calls: tuple[IssuanceCall, ...] = ()


class Issuance(msgspec.Struct, frozen=True):
    """An issuance as its events left it."""

    requested: IssuanceRequested | None = None
    events: int = 0
    step: Step | None = None
    """What is to be done next, or is being done; None: all is done."""
    asked: tuple[IssuanceCall, ...] = ()
    """Calls without an answer."""
    asked_step: Step | None = None
    """Of which step they are."""
    customer: str | None = None
    invoice: str | None = None
    items: dict[str, str] = {}
    """Line's key -> Stripe's invoice item."""
    finalized: bool = False
    approved: bool = False
    held: IssuanceHeld | None = None
    failed: IssuanceFailed | None = None
    released_total_minor: int | None = None
    issued: bool = False
    voiding: bool = False
    voided: bool = False

    @property
    def state(self) -> State:
        """In one word."""
        if self.voided or self.voiding:
            return "voided" if self.voided else "voiding"
        if self.held is not None:
            return "held"
        if self.issued:
            return "issued"
        if self.failed is not None:
            return "issue_failed"
        return "draft" if self.waits else "issuing"

    @property
    def waits(self) -> bool:
        """Whether it is a checked draft that nobody has sent out yet."""
        asked = self.requested
        return self.step == "finalize" and asked is not None and asked.draft_only and not self.approved

    @property
    def lines_missing(self) -> tuple[IssuanceLine, ...]:
        """Lines of which Stripe has no invoice item."""
        lines = self.requested.lines if self.requested is not None else ()
        return tuple(line for line in lines if line.key not in self.items)


def evolve(issuance: Issuance, event: Event) -> Issuance:
    """The issuance after an event."""
    changed = _changed(issuance, event)
    return msgspec.structs.replace(changed, events=issuance.events + 1)


def _changed(issuance: Issuance, event: Event) -> Issuance:
    change = msgspec.structs.replace
    if isinstance(event, IssuanceRequested):
        return Issuance(event, step="draft")
    if isinstance(event, IssuanceStepAsked):
        return change(issuance, asked=event.calls, asked_step=event.step, customer=event.customer)
    if isinstance(event, IssuanceStepDone):
        return _done(issuance, event)
    if isinstance(event, IssuanceCompared):
        return change(issuance, step="finalize" if event.step == "compare" else after_confirming(issuance))
    if isinstance(event, IssuanceHeld):
        return change(issuance, held=event)
    if isinstance(event, IssuanceFailed):
        undone = issuance.voiding and event.step in ("take_back", "void")
        return change(issuance, failed=event, asked=(), voiding=issuance.voiding and not undone)
    if isinstance(event, IssuanceIssued):
        return change(issuance, issued=True)
    if isinstance(event, IssuanceApproved):
        return change(issuance, approved=True)
    if isinstance(event, IssuanceRetried):
        gone = issuance.failed is not None and issuance.failed.type == INVOICE_GONE and not issuance.finalized
        now = change(issuance, held=None, failed=None)
        return change(now, invoice=None, step="take_back" if issuance.items else "draft") if gone else now
    if isinstance(event, IssuanceReleased):
        after: Step | None = after_confirming(issuance) if issuance.finalized else "finalize"
        return change(issuance, held=None, released_total_minor=event.total_minor, step=after, approved=True)
    if isinstance(event, IssuanceVoidAsked):
        return change(issuance, voiding=True, failed=None)
    assert isinstance(event, IssuanceVoided)
    return change(issuance, voided=True, held=None, step=None)


def _done(issuance: Issuance, event: IssuanceStepDone) -> Issuance:
    made = {each.call: each.object_id for each in event.made}
    left = tuple(each for each in issuance.asked if each.call not in made)
    now = msgspec.structs.replace(issuance, asked=left)
    change = msgspec.structs.replace
    if event.step == "draft":
        return change(now, invoice=event.made[0].object_id, step="items")
    if event.step == "items":
        mine = {e.line: made[e.call] for e in issuance.asked if e.call in made and e.line is not None}
        now = change(now, items={**issuance.items, **mine})
        return now if now.lines_missing else change(now, step="compare")
    if event.step == "take_back":
        back = {each.line for each in issuance.asked if each.call in made}
        left_items = {key: item for key, item in now.items.items() if key not in back}
        return change(now, items=left_items, step=now.step if left_items or now.voiding else "draft")
    if event.step == "finalize":
        return change(now, finalized=True, step="confirm")
    return change(now, step=None) if event.step == "send" else now


def after_confirming(issuance: Issuance) -> Step | None:
    """What comes after the finalized invoice was found to be what we meant."""
    asked = issuance.requested
    return "send" if asked is not None and asked.collection == "send_invoice" else None


def want(issuance: Issuance) -> Want | None:
    """What would bring it on; None: nothing, or only a person."""
    if issuance.requested is None or issuance.voided:
        return None
    if issuance.asked:
        assert issuance.asked_step is not None
        return Want("answers", issuance.asked_step, issuance.asked)
    if issuance.voiding:
        return Want("calls", "take_back" if issuance.items and not issuance.finalized else "void")
    if issuance.held is not None or issuance.failed is not None or issuance.step is None or issuance.waits:
        return None
    if issuance.step in ("compare", "confirm"):
        return Want("look", issuance.step)
    return Want("customer" if issuance.step == "draft" else "calls", issuance.step)
