"""What distinguishes Stripe's API versions, for the objects that the simulator renders: one table of flags.

Knows which field lives where from which date on (https://docs.stripe.com/changelog); refuses to know the objects.
"""

from functools import cache

import msgspec


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The shape that objects have in one API version. Each flag names what holds from its date on."""

    version: str
    requests: bool
    """2017-05-25: an event's `request` is an object, no string."""
    invoice_status: bool
    """2018-11-08: an invoice has `status` and `auto_advance`, no `closed` and `forgiven`."""
    requirements: bool
    """2019-02-19: an account has `requirements`, no `verification` and `legal_entity`."""
    invoice_created: bool
    """2019-03-14: an invoice's `date` is `created`, `finalized_at` moved into `status_transitions`."""
    collection: bool
    """2019-10-17: `billing` is `collection_method`, `account_balance` is `balance`, `start` is `start_date`."""
    prices: bool
    """2020-03-02: items and lines carry a `price` beside the `plan`; before, the plan alone."""
    phase_items: bool
    """2020-08-27: a schedule's phases have `items`, no `plans`; an event type for cards lost its `card_`."""
    no_lists: bool
    """2022-11-15: a charge lacks `refunds`, a payment intent `charges`, which has `latest_charge`."""
    marketing_features: bool
    """2024-04-10: a product's `features` are `marketing_features`, an invoice's `rendering_options` went."""
    acacia: bool
    """2024-09-30: an alert's `usage_threshold_config` is its `usage_threshold`."""
    basil: bool
    """2025-03-31: periods live on items, an invoice has a `parent` and knows no payment, a line has `pricing`."""
    clover: bool
    """2025-09-30: flexible billing mode, a discount's coupon is in its `source`, a line has a `subtotal`."""
    dahlia: bool
    """2026-03-25: billing schedules, managed payments, `billed_until`, `quantity_decimal`."""
    endive: bool
    """2026-09-30: `current_trial`, `status_details`, `tax_details`."""


_SINCE = {
    "requests": "2017-05-25",
    "invoice_status": "2018-11-08",
    "requirements": "2019-02-19",
    "invoice_created": "2019-03-14",
    "collection": "2019-10-17",
    "prices": "2020-03-02",
    "phase_items": "2020-08-27",
    "no_lists": "2022-11-15",
    "marketing_features": "2024-04-10",
    "acacia": "2024-09-30",
    "basil": "2025-03-31",
    "clover": "2025-09-30",
    "dahlia": "2026-03-25",
    "endive": "2026-09-30",
}


@cache
def shape_of(version: str) -> Shape:
    """The shape of a version such as `2024-06-20` or `2025-10-29.clover`; its date decides."""
    date = version[:10]
    return Shape(version=version, **{flag: date >= since for flag, since in _SINCE.items()})


class Schedule:
    """The versions that one account's endpoint goes through. Asked with moments that never decrease."""

    def __init__(self, steps: list[tuple[int, str]]) -> None:
        """`steps` are (from this second on, version), in order of time; the first holds from the beginning."""
        self.shape = shape_of(steps[0][1])
        self._ahead = [(since_s, shape_of(version)) for since_s, version in reversed(steps[1:])]

    def at(self, moment_s: int) -> Shape:
        """The shape that events of this second are rendered in."""
        while self._ahead and moment_s >= self._ahead[-1][0]:
            self.shape = self._ahead.pop()[1]
        return self.shape


def platform_schedule(versions: tuple[str, ...], start_s: int, end_s: int) -> Schedule:
    """Through all versions, in equal spans."""
    span = end_s - start_s
    return Schedule([(start_s + span * i // len(versions), version) for i, version in enumerate(versions)])


def connected_schedule(versions: tuple[str, ...], number: int, start_s: int, end_s: int) -> Schedule:
    """From the nth version to the next one, in the middle of the history."""
    i = number % len(versions)
    upgraded = versions[min(i + 1, len(versions) - 1)]
    return Schedule([(start_s, versions[i]), ((start_s + end_s) // 2, upgraded)])
