"""Spending: a reservation and its budget moved together, decided anew while others move the same budget.

The budget's version is the only lock: of two that would pass a cap together, the second meets a stream that has moved,
and decides again on what is left. Ids come from the caller; the same again is answered as before.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from commands.cost_policies import COST_POLICIES, terms_of
from commands.notices import NOTICES, RaiseNotice
from commands.passthrough import ATTEMPTS, Books, BudgetKey
from commands.reservations import RESERVATIONS, Command, Reservation, Reserve, effect
from commands.reservations_budget import Change, Moved, admit, budget_of, move, terms_now
from ledger.errors import NotFound, Refused, StreamMoved
from ledger.events import Event, Metadata, NewEvent, Recorded
from ledger.ids import Mode, cost_policy_stream, notice_stream, reservation_stream
from ledger.passthrough import Terms, in_force
from ledger.passthrough_events import (
    BudgetStop,
    ReservationCharged,
    ReservationMade,
    ReservationReleased,
    ReservationSettled,
)
from ledger.store import Appended

_BECAUSE: dict[type[Event], str] = {
    ReservationMade: "reserved",
    ReservationSettled: "settled",
    ReservationReleased: "released",
    ReservationCharged: "charged",
}


class Spent(NamedTuple):
    """What a step came to: the reservation as it is now."""

    reservation: Reservation
    changed: bool
    position: int | None
    """Where it was appended; None: it was so already."""


def policy_terms(books: Books, mode: Mode, org: str, category: str) -> list[Terms]:
    """What the approved versions of a policy say. Raises StoreUnavailable."""
    return terms_of(COST_POLICIES.fold(r.event for r in books.read_stream(cost_policy_stream(mode, org, category))))


def spend(books: Books, command: Command, metadata: Metadata) -> Spent:
    """Carry out a command of a reservation, with what it does to its budget.

    Raises what `reservations.decide` raises, Refused: `no_policy`, `outside_dates`, `other_currency`, `above_cap`,
    `budget_stopped`; StreamMoved when `ATTEMPTS` others came first; StoreUnavailable.
    """
    stream = reservation_stream(command.mode, command.org, command.id)
    for _ in range(ATTEMPTS):
        history = books.read_stream(stream)
        before: Reservation = RESERVATIONS.fold(r.event for r in history)
        events = RESERVATIONS.decide(command, before)
        if not events:
            return Spent(before, False, None)
        after = before
        for event in events:
            after = RESERVATIONS.evolve(after, event)
        unit = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
        unit += _budget_moves(books, command, before, after, events[-1], metadata)
        outcome = books.append(*unit)
        if isinstance(outcome, Appended):
            return Spent(after, True, outcome.positions[-1])
    raise StreamMoved(f"others keep spending of what {command.org} may; try again")


def _budget_moves(
    books: Books, command: Command, before: Reservation, after: Reservation, event: Event, metadata: Metadata
) -> list[NewEvent]:
    """What is appended to the budget: nothing where a reservation merely ran out, since it holds nothing since then."""
    if type(event) not in _BECAUSE:
        return []
    key = after.key
    head = books.read_heads([key.stream]).get(key.stream)
    budget = budget_of(head.event if head is not None else None)
    versions = policy_terms(books, key.mode, key.org, key.category)
    if isinstance(command, Reserve):
        terms = _in_force(versions, command)
        if terms.version != command.policy_version:
            raise StreamMoved("another version of the policy came into force meanwhile; ask again")
        admit(budget, terms, command.estimate, command.now_s)
    its = effect(before, after, command.now_s)
    change = Change(
        _BECAUSE[type(event)],  # type: ignore[arg-type] # one of the literals
        command.id,
        command.now_s,
        its.settled,
        its.holds,
    )
    moved = move(key, budget, terms_now(versions, key, command.now_s), change, version_after(head))
    return placed(key, moved, head, metadata)


def terms_to_reserve(books: Books, mode: Mode, org: str, category: str, currency: str, now_s: int) -> Terms:
    """Under which version something may be reserved now. Raises Refused: `no_policy`, `outside_dates`, …"""
    return _terms(policy_terms(books, mode, org, category), category, currency, now_s)


def _in_force(versions: Sequence[Terms], command: Reserve) -> Terms:
    return _terms(versions, command.category, command.currency, command.now_s)


def _terms(versions: Sequence[Terms], category: str, currency: str, now_s: int) -> Terms:
    if not versions:
        raise Refused(f"no cost policy for {category} is approved: nothing of it may be spent", code="no_policy")
    terms = in_force(versions, now_s)
    if terms is None:
        raise Refused(f"no cost policy for {category} holds now", code="outside_dates")
    if terms.currency != currency:
        raise Refused(f"the policy for {category} is in {terms.currency}", code="other_currency")
    return terms


def version_after(head: Recorded | None) -> int:
    """The version that comes after the last one of a stream."""
    return head.version + 1 if head is not None else 1


def placed(key: BudgetKey, moved: Moved, head: Recorded | None, metadata: Metadata) -> list[NewEvent]:
    """A moved budget and its notices as they are appended."""
    unit = [NewEvent(key.stream, version_after(head), moved.event, metadata)]
    return unit + [raised(notice, metadata) for notice in moved.notices]


def raised(notice: RaiseNotice, metadata: Metadata) -> NewEvent:
    """A notice as it is appended."""
    (event,) = NOTICES.decide(notice, False)
    return NewEvent(notice_stream(notice.notice_id), 1, event, metadata)


def acknowledge(books: Books, key: BudgetKey, by: str, now_s: int, metadata: Metadata) -> Spent | None:
    """Say that whoever spends knows that the cap is reached. None: somebody said so before.

    Raises NotFound where there is no such stop, StreamMoved, StoreUnavailable.
    """
    for _ in range(ATTEMPTS):
        head = books.read_heads([key.stream]).get(key.stream)
        budget = budget_of(head.event if head is not None else None)
        if budget.stop is None:
            raise NotFound(f"{key.org} has reached no cap for {key.category} in {key.period}")
        if budget.stop.acknowledged_by is not None:
            return None
        stop: BudgetStop = msgspec.structs.replace(budget.stop, acknowledged_by=by, acknowledged_s=now_s)
        terms = terms_now(policy_terms(books, key.mode, key.org, key.category), key, now_s)
        known = msgspec.structs.replace(budget, stop=stop)
        moved = move(key, known, terms, Change("acknowledged", None, now_s), version_after(head))
        outcome = books.append(*placed(key, moved, head, metadata))
        if isinstance(outcome, Appended):
            return Spent(Reservation(), True, outcome.positions[-1])
    raise StreamMoved(f"others keep spending of what {key.org} may; try again")


def heads_of(books: Books, keys: Sequence[BudgetKey]) -> Mapping[str, Recorded]:
    """The last event of each of these budgets that moved before."""
    return books.read_heads([k.stream for k in keys])


__all__ = [
    "Spent", "acknowledge", "heads_of", "placed", "policy_terms", "raised", "spend", "terms_to_reserve",
    "version_after",
]  # fmt: skip
