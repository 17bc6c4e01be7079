"""Spending limits: how much hosting an organization wants to pay for in a calendar month (UTC). One stream each.

Not the limit on what its agents spend: this is about hosting alone. Each of the thresholds counts once a month, however
often somebody looks, and is not told again when the limit is raised in the month. Refuses to know what was spent: who
looks says so, with the month.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode, require_org
from ledger.errors import Invalid
from ledger.events import Event
from ledger.hosting_billing_events import SpendingLimitSet, SpendingResumed, SpendingStopped, SpendingThresholdReached
from ledger.ids import Mode, key_of, spending_stream

THRESHOLDS = (50, 80, 100)
MAX_LIMIT = 2**53 - 1


class SetSpendingLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Say how much hosting an organization pays for in a month; null is explicitly without a limit."""

    mode: Mode
    org: str
    limit_minor: int | None
    currency: str | None = None
    hard_stop: bool = False


class CheckSpending(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what an organization spent in a month against its limit."""

    mode: Mode
    org: str
    month: str
    spent: str
    """Exact, in minor units of the limit's currency."""


Command: TypeAlias = SetSpendingLimit | CheckSpending


class Spending(NamedTuple):
    """A limit as its events left it."""

    limit: SpendingLimitSet | None = None
    month: str = ""
    reached: frozenset[int] = frozenset()
    """Thresholds of that month."""
    stopped: bool = False


def evolve(it: Spending, event: Event) -> Spending:
    """The limit after an event."""
    if isinstance(event, SpendingLimitSet):
        return it._replace(limit=event)
    if isinstance(event, SpendingThresholdReached):
        known = it.reached if event.month == it.month else frozenset()
        return it._replace(month=event.month, reached=known | {event.percent})
    if isinstance(event, (SpendingStopped, SpendingResumed)):
        return it._replace(stopped=isinstance(event, SpendingStopped))
    return it


def decide(command: Command, it: Spending) -> tuple[Event, ...]:
    """Set the limit, or say what was reached. Raises Invalid (`bad_limit`, `bad_currency`)."""
    require_mode(command.mode)
    require_org(command.org)
    if isinstance(command, CheckSpending):
        return tuple(_reached(command, it))
    _check(command)
    said = SpendingLimitSet(**msgspec.structs.asdict(command))
    return () if said == it.limit else (said,)


def _check(command: SetSpendingLimit) -> None:
    if command.limit_minor is None:
        if command.currency is not None or command.hard_stop:
            raise Invalid("without a limit there is neither a currency nor a stop", code="bad_limit")
        return
    if not 0 < command.limit_minor <= MAX_LIMIT:
        raise Invalid(f"a limit lies between 1 and {MAX_LIMIT} minor units; null is none", code="bad_limit")
    given = command.currency or ""
    if not (len(given) == 3 and given.isascii() and given.islower()):
        raise Invalid("a limit has a currency: three lower-case letters", code="bad_currency")


def _reached(command: CheckSpending, it: Spending) -> Iterator[Event]:
    which: dict[str, Any] = {"mode": command.mode, "org": command.org, "month": command.month}
    limit = it.limit.limit_minor if it.limit is not None else None
    if command.month < it.month:
        return  # somebody's clock is behind
    spent = Decimal(command.spent)
    known = it.reached if command.month == it.month else frozenset()
    for percent in THRESHOLDS:
        if limit is not None and percent not in known and spent * 100 >= limit * percent:
            assert it.limit is not None
            assert it.limit.currency is not None
            yield SpendingThresholdReached(
                **which, percent=percent, spent=command.spent, limit_minor=limit, currency=it.limit.currency
            )
    stop = limit is not None and it.limit is not None and it.limit.hard_stop and spent >= limit
    if stop != it.stopped:
        yield SpendingStopped(**which) if stop else SpendingResumed(**which)


SPENDING_LIMITS: Decider[Command, Spending] = Decider(Spending(), evolve, decide)

SET_SPENDING_LIMIT = Act(
    "set_spending_limit",
    SetSpendingLimit,
    SPENDING_LIMITS,
    lambda command: spending_stream(command.mode, command.org),
    lambda command: About(f"spending_limit/{key_of((command.org,))}", command.mode, org=command.org),
    weight=20,
)
