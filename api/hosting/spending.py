"""Spending: what organizations with a limit have used in the month so far, today included, against their limits.

What was accrued counts as it is booked; what was not accrued yet is priced as it is known now. Each threshold is told
once a month, with the event that says so in one unit.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api.hosting import reading
from api.hosting.accruing import due_of
from api.hosting.reading import Seen
from commands.accruals import ACCRUING, month_after
from commands.hosting_prices import EXACT, plain
from commands.notices import NOTICES, RaiseNotice, notice_id
from commands.reactions import SYSTEM
from commands.spending_limits import SPENDING_LIMITS, CheckSpending
from ledger.claims import DAY_S, day_name, day_number
from ledger.events import Event, Metadata, NewEvent
from ledger.hosting_billing_events import SpendingResumed, SpendingStopped, SpendingThresholdReached
from ledger.ids import Mode, accruing_stream, notice_stream, spending_stream
from ledger.store import Appended, Log
from replay.tables import LIVE

_LIMITS = f"SELECT org, currency FROM {LIVE}.spending_limits WHERE mode = %s AND (limit_minor IS NOT NULL OR stopped)"
_ACCRUED = f"""
SELECT org, currency, sum(amount::numeric)::text FROM {LIVE}.accruals
WHERE mode = %s AND day >= %s AND day < %s AND org = ANY(%s) GROUP BY org, currency
"""
#: What is told of each.
_NOTICES: dict[type[Event], str] = {
    SpendingThresholdReached: "spending.threshold_reached",
    SpendingStopped: "spending.stopped",
    SpendingResumed: "spending.resumed",
}


def check_spending(log: Log, conninfo: str, mode: Mode, now_s: int) -> int:
    """Hold every organization that has a limit against it. Returns how many events that led to."""
    month = day_name(now_s // DAY_S)[:7]
    with reading.seeing(conninfo) as seen:
        limits = dict(seen.conn.execute(_LIMITS, [mode]).fetchall())
        if not limits:
            return 0
        spent = spent_in(seen, log, mode, month, now_s, limits)
    return sum(
        _check(log, CheckSpending(mode=mode, org=org, month=month, spent=plain(spent.get(org, Decimal(0)))), now_s)
        for org in sorted(limits)
    )


def spent_in(
    seen: Seen, log: Log, mode: Mode, month: str, now_s: int, limits: Mapping[str, str | None]
) -> dict[str, Decimal]:
    """What organizations used in a month so far, in the currency of their limit; exact."""
    start, end = f"{month}-01", f"{month_after(month)}-01"
    found: dict[str, Decimal] = {}
    for org, currency, amount in seen.conn.execute(_ACCRUED, [mode, start, end, list(limits)]):
        if currency == limits[org]:
            found[org] = Decimal(amount)
    counted = ACCRUING.fold(r.event for r in log.read_stream(accruing_stream(mode)))
    world = reading.world_of(seen, mode, month)
    for day in reading.days_with_records(seen, mode, max(start, counted.before_day), end):
        due, _ = due_of(seen, mode, day_number(day), world)
        for whose, by in due.items():
            if whose.org in limits and whose.currency == limits[whose.org]:
                for price in by.values():
                    found[whose.org] = EXACT.add(found.get(whose.org, Decimal(0)), price.amount)
    return found


def _check(log: Log, command: CheckSpending, now_s: int) -> int:
    stream = spending_stream(command.mode, command.org)
    history = log.read_stream(stream)
    events = SPENDING_LIMITS.decide(command, SPENDING_LIMITS.fold(r.event for r in history))
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=command.mode)
    unit = []
    for number, event in enumerate(events):
        version = len(history) + 1 + number
        unit.append(NewEvent(stream, version, event, metadata))
        unit += _told(event, command, f"{stream}/{version}", now_s, metadata)
    return len(events) if unit and isinstance(log.append(*unit), Appended) else 0


def _told(event: Event, command: CheckSpending, receipt: str, now_s: int, metadata: Metadata) -> list[NewEvent]:
    id = notice_id(receipt, 0)
    said: dict[str, Any] = {"month": command.month, "spent": command.spent}
    if isinstance(event, SpendingThresholdReached):
        said |= {"percent": event.percent, "limit_minor": event.limit_minor, "currency": event.currency}
    raised = NOTICES.decide(
        RaiseNotice(
            notice_id=id, type=_NOTICES[type(event)], mode=command.mode, org=command.org, at_s=now_s, said=said
        ),
        False,
    )
    return [NewEvent(notice_stream(id), 1, e, metadata) for e in raised]
