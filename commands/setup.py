"""Setup: the approvals without which nothing that was bought goes live. One stream a purchase.

The steps, their order and whether the case is closed are found out by whoever asks. A step is approved when every
earlier one is, on an artefact; the last one makes it live. Reopening a step reopens all that rested on it.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode, require_org
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.ids import Mode, setup_stream
from ledger.setup_events import SetupStepApproved, SetupStepReopened

MAX_TEXT = 500


class _OfCase(msgspec.Struct, frozen=True, kw_only=True):
    """What every act on a case says."""

    mode: Mode
    account: str
    placement: str
    org: str
    step: str
    steps: tuple[str, ...]
    """All of the case, in their order."""
    closed: bool
    """Whether the purchase was cancelled, refunded, or is over."""
    by: str
    why: str
    at_s: int


class ApproveSetupStep(_OfCase, frozen=True, kw_only=True):
    """Approve a step of setting up what an organization bought."""

    plan: str
    version: int
    artefact: str
    authorizes: str


class ReopenSetupStep(_OfCase, frozen=True, kw_only=True):
    """Reopen a step, and every later one: what was live is not any more."""


Command: TypeAlias = ApproveSetupStep | ReopenSetupStep
#: What is approved: the step, and what that rests on.
Approved = tuple[tuple[str, str], ...]


def evolve(approved: Approved, event: Event) -> Approved:
    """What is approved after an event."""
    if isinstance(event, SetupStepApproved):
        return (*approved, (event.step, event.artefact))
    assert isinstance(event, SetupStepReopened)
    return tuple(one for one in approved if one[0] not in event.reopened)


def decide(command: Command, approved: Approved) -> tuple[Event, ...]:
    """Approve or reopen. What is so already is no event.

    Raises Invalid (`unknown_step`, `artefact_required`), Refused: `setup_closed`, `setup_steps_open` (an earlier step
    is not approved), `setup_step_approved` (on something else).
    """
    require_mode(command.mode)
    require_org(command.org)
    if command.step not in command.steps:
        raise Invalid(f"{command.step} is no step; there are {', '.join(command.steps)}", code="unknown_step")
    if command.closed:
        raise Refused(f"{command.placement} is cancelled, refunded or over: its case is closed", code="setup_closed")
    known = dict(approved)
    if isinstance(command, ReopenSetupStep):
        return _reopen(command, known)
    for text, what in ((command.artefact, "artefact"), (command.authorizes, "authorizes")):
        if not 0 < len(text.strip()) <= MAX_TEXT or "\0" in text:
            raise Invalid(f"`{what}` is 1 to {MAX_TEXT} characters", code="artefact_required")
    if command.step in known:
        if known[command.step] == command.artefact:
            return ()
        raise Refused(f"{command.step} is approved on something else: reopen it first", code="setup_step_approved")
    place = command.steps.index(command.step)
    missing = [s for s in command.steps[:place] if s not in known]
    if missing:
        raise Refused(f"{command.step} comes after {', '.join(missing)}", code="setup_steps_open")
    return (_approve(command),)


def _approve(command: ApproveSetupStep) -> SetupStepApproved:
    return SetupStepApproved(
        mode=command.mode,
        account=command.account,
        placement=command.placement,
        org=command.org,
        plan=command.plan,
        version=command.version,
        step=command.step,
        artefact=command.artefact,
        authorizes=command.authorizes,
        last=command.step == command.steps[-1],
        by=command.by,
        why=command.why,
        at_s=command.at_s,
    )


def _reopen(command: ReopenSetupStep, known: dict[str, str]) -> tuple[Event, ...]:
    if command.step not in known:
        return ()
    place = command.steps.index(command.step)
    kept = set(command.steps[:place])
    # approved under another version of the plan, whose steps are no steps any more: they rest on nothing now
    later = [s for s in command.steps[place:] if s in known]
    strays = sorted(known.keys() - kept - set(later))
    return (
        SetupStepReopened(
            mode=command.mode,
            account=command.account,
            placement=command.placement,
            org=command.org,
            step=command.step,
            reopened=(*later, *strays),
            by=command.by,
            why=command.why,
            at_s=command.at_s,
        ),
    )


SETUPS: Decider[Command, Approved] = Decider((), evolve, decide)


def _stream(command: Command) -> str:
    return setup_stream(command.mode, command.account, command.placement)


def _about(command: Command) -> About:
    return About(f"setup/{command.account}/{command.placement}", command.mode, command.account, command.org)


APPROVE_SETUP_STEP: Act[ApproveSetupStep, Approved] = Act(
    "approve_setup_step", ApproveSetupStep, SETUPS, _stream, _about, weight=20
)
REOPEN_SETUP_STEP: Act[ReopenSetupStep, Approved] = Act("reopen_setup_step", ReopenSetupStep, SETUPS, _stream, _about)
