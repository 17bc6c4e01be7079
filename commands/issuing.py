"""Issuing: our own billable lines become one Stripe invoice, exactly once, equal to the cent, or are held.

One stream an issuance, whose id follows from what it bills: asked for twice, it is one. What failed at Stripe, and what
Stripe has otherwise than we do, are different states; a person tries again, lets it go, or voids it, with a reason.
"""

from typing import Any, TypeAlias

import msgspec

from commands.acts import About, Act, Beside, nothing_beside
from commands.base import Decider
from commands.consequences import Follow
from commands.issuing_batches import billed_again
from commands.issuing_process import Issuance, evolve, want
from commands.issuing_steps import Taken, closing, taken
from commands.issuing_terms import RequestIssuance, requested, same
from ledger.errors import NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode, issuance_stream
from ledger.issuing_events import (
    IssuanceApproved,
    IssuanceReleased,
    IssuanceRetried,
    IssuanceVoidAsked,
)


class _OfOne(msgspec.Struct, frozen=True, kw_only=True):
    mode: Mode
    issuance: str


class FinalizeIssuance(_OfOne, frozen=True, kw_only=True):
    """Have a checked draft go out."""


class RetryIssuance(_OfOne, frozen=True, kw_only=True):
    """Try again what failed; look again at what is held."""


class ReleaseIssuance(_OfOne, frozen=True, kw_only=True):
    """Let a held invoice go out as Stripe has it."""

    total_minor: int
    """Stripe's total as the person saw it: with another one it stays held."""


class VoidIssuance(_OfOne, frozen=True, kw_only=True):
    """Do not bill it: a draft is deleted, an invoice voided."""


ByPerson: TypeAlias = FinalizeIssuance | RetryIssuance | ReleaseIssuance | VoidIssuance
Command: TypeAlias = RequestIssuance | Taken | ByPerson


def request_issuance(command: RequestIssuance) -> Follow:
    """What has lines billed, for a reaction or a deadline; an act uses `ISSUE_INVOICE`. Once for its source."""
    return Follow(ISSUANCES, issuance_stream(command.mode, command.issuance), command)


def decide(command: Command, issuance: Issuance) -> tuple[Event, ...]:
    """What follows, and what follows from that. Raises Invalid, NotFound, Refused."""
    events = _decide(command, issuance)
    return (*events, *closing(issuance, events))


def _decide(command: Command, issuance: Issuance) -> tuple[Event, ...]:
    asked = issuance.requested
    if isinstance(command, RequestIssuance):
        event = requested(command)
        if asked is not None and not same(asked, event):
            raise Refused("this was asked for with other lines or terms", code="issuance_differs")
        return () if asked is not None else (event,)
    if asked is None:
        raise NotFound("there is no such issuance; `recount issuances list` shows them")
    if isinstance(command, (FinalizeIssuance, RetryIssuance, ReleaseIssuance, VoidIssuance)):
        return _by_person(command, issuance)
    wanted = want(issuance)
    return taken(command, issuance, wanted) if wanted is not None else ()


def _by_person(command: ByPerson, issuance: Issuance) -> tuple[Event, ...]:
    state = issuance.state
    if isinstance(command, FinalizeIssuance):
        if issuance.approved:
            return ()
        if state != "draft":
            raise Refused(f"only a checked draft goes out by itself; this is {state}", code="not_a_draft")
        return (IssuanceApproved(issuance=command.issuance, mode=command.mode),)
    if isinstance(command, RetryIssuance):
        if state not in ("held", "issue_failed"):
            raise Refused(f"only what failed or is held is tried again; this is {state}", code="not_failed")
        return (IssuanceRetried(issuance=command.issuance, mode=command.mode),)
    if isinstance(command, ReleaseIssuance):
        if issuance.held is None:
            raise Refused(f"only what is held is released; this is {state}", code="not_held")
        if issuance.held.total_minor != command.total_minor:
            raise Refused("Stripe's total is another one; look again", code="other_total")
        return (IssuanceReleased(issuance=command.issuance, mode=command.mode, total_minor=command.total_minor),)
    if issuance.voiding or issuance.voided:
        return ()
    return (IssuanceVoidAsked(issuance=command.issuance, mode=command.mode),)


ISSUANCES: Decider[Command, Issuance] = Decider(Issuance(), evolve, decide)


def _whose(command: RequestIssuance) -> About:
    return About(f"issuance/{command.issuance}", command.mode, command.account, command.org)


def _act(name: str, command: type[Any], weight: int, beside: Beside[Issuance] = nothing_beside) -> Act[Any, Issuance]:
    return Act(
        name,
        command,
        ISSUANCES,
        lambda given: issuance_stream(given.mode, given.issuance),
        lambda given: About(f"issuance/{given.issuance}", given.mode),
        weight,
        beside,
    )


ISSUE_INVOICE: Act[RequestIssuance, Issuance] = Act(
    "issue_invoice", RequestIssuance, ISSUANCES, lambda given: issuance_stream(given.mode, given.issuance), _whose, 20
)
FINALIZE_ISSUANCE = _act("finalize_issuance", FinalizeIssuance, 20)
RETRY_ISSUANCE = _act("retry_issuance", RetryIssuance, 10, billed_again)
#: Somebody is billed otherwise than we reckoned: that takes two persons.
RELEASE_ISSUANCE = _act("release_issuance", ReleaseIssuance, 60)
VOID_ISSUANCE = _act("void_issuance", VoidIssuance, 30)
