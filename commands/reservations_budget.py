"""Budgets: what an organization has spent and reserved of a category in a month, and what follows when it is much.

Every event of a budget says all of it, so that deciding on the ten-thousandth takes no longer than on the first. What
is reserved is kept by when it ends, in whole minutes: a reservation that runs out holds nothing from then on, without
an event. Refuses to know single reservations, and what time it is.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from commands.notices import RaiseNotice, notice_id
from commands.passthrough import BudgetKey
from ledger.errors import Refused
from ledger.events import Event
from ledger.passthrough import Terms, in_force, last_second_of, period_of, told
from ledger.passthrough_events import BudgetMoved, BudgetStop, Hold

_ZERO = Decimal(0)
_MINUTE_S = 60
#: Rules under which nothing new is admitted once there is a stop.
_BLOCKING = frozenset({"block_new", "halt"})
Because = Literal["reserved", "settled", "released", "charged", "recorded", "acknowledged"]


class Budget(msgspec.Struct, frozen=True):
    """A budget as its last event left it."""

    settled: Decimal = _ZERO
    holds: tuple[tuple[int, Decimal], ...] = ()
    """(until when, how much)."""
    recorded: Decimal = _ZERO
    warned: tuple[str, ...] = ()
    stop: BudgetStop | None = None

    def reserved(self, now_s: int) -> Decimal:
        """What open reservations hold that have not run out."""
        return sum((amount for until_s, amount in self.holds if until_s > now_s), _ZERO)


class Change(NamedTuple):
    """By how much a budget moves, why, and when."""

    because: Because
    about: str | None
    now_s: int
    settled: Decimal = _ZERO
    holds: tuple[tuple[int, Decimal], ...] = ()
    recorded: Decimal = _ZERO


class Moved(NamedTuple):
    """What is appended for a change: the budget as it is then, and whom it concerns that it is so."""

    event: BudgetMoved
    notices: tuple[RaiseNotice, ...]


def budget_of(last: Event | None) -> Budget:
    """The budget that its last event tells of."""
    if last is None:
        return Budget()
    assert isinstance(last, BudgetMoved)
    return Budget(
        settled=Decimal(last.settled),
        holds=tuple((h.until_s, Decimal(h.amount)) for h in last.holds),
        recorded=Decimal(last.recorded),
        warned=last.warned,
        stop=last.stop,
    )


def minute_after(at_s: int) -> int:
    """The first whole minute that is not before a second: reservations end then, so that few ends are kept."""
    return -(-at_s // _MINUTE_S) * _MINUTE_S


def terms_now(versions: Iterable[Terms], key: BudgetKey, now_s: int) -> Terms | None:
    """What the policy says of a budget now, or at the end of a month that is over. None: nothing, or of another one."""
    at_s = now_s if period_of(now_s) == key.period else last_second_of(key.period)
    terms = in_force(versions, at_s)
    return terms if terms is not None and terms.currency == key.currency else None


def admit(budget: Budget, terms: Terms, estimate: Decimal, now_s: int) -> None:
    """Whether so much more may be spent: what is spent, reserved and asked for stays within the cap.

    Raises Refused: `budget_stopped`, `above_cap`.
    """
    stop = budget.stop
    if stop is not None and stop.rule in _BLOCKING and stop.policy_version >= terms.version:
        raise Refused(
            "what was spent reached the cap, and the policy's stop rule lets nothing new begin; approve a version with"
            " more room, or wait for the next month",
            code="budget_stopped",
        )
    if terms.cap_minor is None:
        return
    reserved = budget.reserved(now_s)
    if budget.settled + reserved + estimate > terms.cap_minor:
        raise Refused(
            f"{told(estimate)} more would pass the cap of {terms.cap_minor}: {told(budget.settled)} is spent and"
            f" {told(reserved)} reserved",
            code="above_cap",
        )


def move(key: BudgetKey, budget: Budget, terms: Terms | None, change: Change, version: int) -> Moved:
    """The budget after a change, as version `version` of its stream."""
    now_s = change.now_s
    settled = budget.settled + change.settled
    holds: dict[int, Decimal] = {}
    for until_s, amount in (*budget.holds, *change.holds):
        if until_s > now_s:
            holds[until_s] = holds.get(until_s, _ZERO) + amount
    warned, stop, notices = budget.warned, budget.stop, []
    receipt = f"{key.stream}/{version}"
    if terms is not None and (threshold := terms.warn_at_minor) is not None:
        assert terms.cap_minor is not None
        if settled >= threshold and told(threshold) not in warned:
            warned = (*warned, told(threshold))
            said = {"spent_minor": told(settled), "warn_at_minor": told(threshold), "cap_minor": terms.cap_minor}
            notices.append(_notice(key, "passthrough.warning", notice_id(receipt, 0), said, now_s))
    if terms is not None and _newly_reached(terms, settled, stop):
        id = notice_id(receipt, 1)
        stop = BudgetStop(terms.stop_rule, terms.version, now_s, id)
        said = {"spent_minor": told(settled), "cap_minor": terms.cap_minor, "rule": terms.stop_rule}
        notices.append(_notice(key, "passthrough.stop", id, {**said, "acknowledge": True}, now_s))
    event = BudgetMoved(
        **key._asdict(),
        because=change.because,
        about=change.about,
        settled=told(settled),
        holds=tuple(Hold(u, told(a)) for u, a in sorted(holds.items()) if a),
        recorded=told(budget.recorded + change.recorded),
        cap_minor=terms.cap_minor if terms is not None else None,
        warned=warned,
        stop=stop,
        at_s=now_s,
    )
    return Moved(event, tuple(notices))


def _newly_reached(terms: Terms, settled: Decimal, stop: BudgetStop | None) -> bool:
    """Once a version: one with more room stops anew when that is spent too."""
    if terms.cap_minor is None or settled < terms.cap_minor:
        return False
    return stop is None or stop.policy_version != terms.version


def _notice(key: BudgetKey, type: str, id: str, said: dict[str, Any], now_s: int) -> RaiseNotice:
    where = {"category": key.category, "period": key.period, "currency": key.currency}
    return RaiseNotice(notice_id=id, type=type, mode=key.mode, org=key.org, at_s=now_s, said={**where, **said})
