"""Months and years on the calendar, in UTC, as Stripe anchors periods: the last day stands in for one that is missing.

https://docs.stripe.com/billing/subscriptions/billing-cycle.
"""

import calendar
from datetime import UTC, datetime, timedelta

DAY = 86_400


def add_months(start_s: int, months: int, anchor_s: int | None = None) -> int:
    """So many months after, on the day of the month of the anchor (or of the start itself)."""
    start = datetime.fromtimestamp(start_s, UTC)
    day = datetime.fromtimestamp(start_s if anchor_s is None else anchor_s, UTC).day
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return int(start.replace(year=year, month=month + 1, day=min(day, last)).timestamp())


def date_of(at_s: int) -> str:
    """`2026-02-17`."""
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


def add_interval(start_s: int, interval: str, count: int, anchor_s: int | None = None) -> int:
    """So many days, weeks, months or years after."""
    if interval in ("month", "year"):
        return add_months(start_s, count * (12 if interval == "year" else 1), anchor_s)
    days = count * (7 if interval == "week" else 1)
    return int((datetime.fromtimestamp(start_s, UTC) + timedelta(days=days)).timestamp())
