"""Days and intervals on the calendar, in UTC, as Stripe counts periods.

https://docs.stripe.com/billing/subscriptions/billing-cycle.
"""

from datetime import UTC, datetime, timedelta

from ledger.months import add_months

DAY = 86_400


def date_of(at_s: int) -> str:
    """`2026-02-17`."""
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


def add_interval(start_s: int, interval: str, count: int, anchor_s: int | None = None) -> int:
    """So many days, weeks, months or years after."""
    if interval in ("month", "year"):
        return add_months(start_s, count * (12 if interval == "year" else 1), anchor_s)
    days = count * (7 if interval == "week" else 1)
    return int((datetime.fromtimestamp(start_s, UTC) + timedelta(days=days)).timestamp())
