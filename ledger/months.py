"""Months on the calendar, in UTC, as Stripe anchors periods: the last day stands in for one that is missing."""

from datetime import UTC, datetime

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def add_months(moment_s: int, months: int, anchor_s: int | None = None) -> int:
    """The moment `months` calendar months later, on the day of the month of `anchor_s` (or the month's last day).

    As Stripe bills: https://docs.stripe.com/billing/subscriptions/billing-cycle.
    """
    moment = datetime.fromtimestamp(moment_s, UTC)
    day = moment.day if anchor_s is None else datetime.fromtimestamp(anchor_s, UTC).day
    year, month0 = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    leap = month0 == 1 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 29 if leap else _DAYS[month0]
    return int(moment.replace(year=year, month=month0 + 1, day=min(day, last)).timestamp())
