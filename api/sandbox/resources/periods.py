"""Billing periods on the calendar, by their anchor: https://docs.stripe.com/billing/subscriptions/billing-cycle.

Refuses to know subscriptions.
"""

from api.sandbox.state import Object
from api.sandbox.times import add_interval


def turn(anchor_s: int, recurring: Object, number: int) -> int:
    """The start of the n-th period after the anchor; before it for negative n."""
    return add_interval(anchor_s, recurring["interval"], recurring["interval_count"] * number)


def around(anchor_s: int, recurring: Object, at_s: int) -> tuple[int, int]:
    """Start and end of the period in which a moment lies; at its very start it is in the new one."""
    length = _least_length_s(recurring)
    number = (at_s - anchor_s) // length
    while turn(anchor_s, recurring, number) > at_s:
        number -= 1
    while turn(anchor_s, recurring, number + 1) <= at_s:
        number += 1
    return turn(anchor_s, recurring, number), turn(anchor_s, recurring, number + 1)


def _least_length_s(recurring: Object) -> int:
    days = {"day": 1, "week": 7, "month": 28, "year": 365}[recurring["interval"]]
    return int(days * recurring["interval_count"] * 86_400)
