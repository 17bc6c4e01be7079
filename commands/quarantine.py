"""What is set aside, and what an operator may do about it: release what can be applied now, dismiss what need not be.

One stream a Stripe event, one a parked key. Refuses to know how a thing is read or folded: what was found out about it
comes with the command.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import (
    Event,
    ParkedKeyDismissed,
    ParkedKeyReleased,
    StripeEventDismissed,
    StripeEventReleased,
)
from ledger.ids import Mode, event_item, parked_item, parked_stream, released_stream

MAX_WHY = 500


class HandleEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Release a Stripe event, or dismiss it."""

    mode: Mode
    account: str
    event_id: str
    release: bool
    by: str
    why: str
    state: str | None
    """What the webhook ledger says became of it; None: it knows no such event."""
    versions: int
    """How many versions its stream has."""
    lacks: str | None
    """Why the event cannot be read even now; None: it can be."""
    fault: str | None
    """The kind of error that what it says raises when it is applied; None: none."""


class HandleKey(msgspec.Struct, frozen=True, kw_only=True):
    """Release a parked key, or dismiss it."""

    mode: Mode
    model: str
    key: tuple[str, ...]
    release: bool
    by: str
    why: str
    fault: str | None
    """The kind of error that parked it; None: it is not parked."""
    still: str | None
    """The kind of error that it raises even now; None: none."""


class Handled(msgspec.Struct, frozen=True):
    """What was done last."""

    released: bool
    covers: int | str
    """Up to which version of the event, or which kind of error."""


#: Nothing was done yet: None.
Last: TypeAlias = Handled | None
Command: TypeAlias = HandleEvent | HandleKey


def evolve(last: Last, event: Event) -> Last:
    """What was done last, after an event."""
    if isinstance(event, (StripeEventReleased, StripeEventDismissed)):
        return Handled(isinstance(event, StripeEventReleased), event.versions)
    assert isinstance(event, (ParkedKeyReleased, ParkedKeyDismissed))
    return Handled(isinstance(event, ParkedKeyReleased), event.fault)


def decide(command: Command, last: Last) -> tuple[Event, ...]:
    """Release or dismiss. The same again is no event.

    Raises Invalid("reason_required"), NotFound, Refused: `not_set_aside`, `conflict_stays`, `still_quarantined`,
    `still_parked`.
    """
    require_mode(command.mode)
    if not (command.by.strip() and 0 < len(command.why.strip()) <= MAX_WHY):
        raise Invalid(f"say who does it, and why, in at most {MAX_WHY} characters", code="reason_required")
    return _event(command, last) if isinstance(command, HandleEvent) else _key(command, last)


def _event(command: HandleEvent, last: Last) -> tuple[Event, ...]:
    if command.state is None:
        raise NotFound(f"no Stripe event {command.event_id} came to {command.account} in {command.mode} mode")
    same = last == Handled(command.release, command.versions)
    if command.state not in ("quarantined", "conflict"):
        if same:
            return ()
        raise Refused(f"{command.event_id} is not set aside: it is {command.state}", code="not_set_aside")
    if command.release and command.state == "conflict":
        raise Refused(
            f"{command.event_id} has two contents in one API version: the first counts, the other is never applied;"
            " find out which is true, then dismiss it",
            code="conflict_stays",
        )
    if command.release and command.lacks is not None:
        raise Refused(f"{command.event_id} cannot be read even now: {command.lacks}", code="still_quarantined")
    if command.release and command.fault is not None:
        raise Refused(f"applying {command.event_id} raises {command.fault} even now", code="still_parked")
    if same:
        return ()
    kind = StripeEventReleased if command.release else StripeEventDismissed
    return (
        kind(
            mode=command.mode,
            account=command.account,
            event_id=command.event_id,
            versions=command.versions,
            by=command.by,
            why=command.why,
        ),
    )


def _key(command: HandleKey, last: Last) -> tuple[Event, ...]:
    if command.fault is None:
        if last is not None and last.released is command.release:
            return ()
        raise Refused(f"that key of {command.model} is not parked", code="not_set_aside")
    if command.release and command.still is not None:
        raise Refused(f"that key of {command.model} raises {command.still} even now", code="still_parked")
    if not command.release and last == Handled(False, command.fault):
        return ()
    kind = ParkedKeyReleased if command.release else ParkedKeyDismissed
    return (
        kind(
            mode=command.mode,
            model=command.model,
            key=command.key,
            fault=command.fault,
            by=command.by,
            why=command.why,
        ),
    )


SET_ASIDE: Decider[Command, Last] = Decider(None, evolve, decide)


def _item(command: Command) -> str:
    if isinstance(command, HandleEvent):
        return event_item(command.account, command.event_id)
    return parked_item(command.model, command.key)


def _stream(command: Command) -> str:
    if isinstance(command, HandleEvent):
        return released_stream(command.mode, command.account, command.event_id)
    return parked_stream(command.mode, _item(command))


def _about(command: Command) -> About:
    account = command.account if isinstance(command, HandleEvent) else None
    return About(f"set_aside/{_item(command)}", command.mode, account)


#: Their commands say more than a person asks for: what was found out comes with them.
RELEASE: Act[Command, Last] = Act("release", HandleEvent, SET_ASIDE, _stream, _about)
DISMISS: Act[Command, Last] = Act("dismiss", HandleEvent, SET_ASIDE, _stream, _about)
