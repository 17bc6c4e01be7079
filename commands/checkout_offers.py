"""What a checkout sells of a plan: which of its prices, for an interval and a currency. Pure.

Refuses to know Stripe's ids of prices that the plan names by lookup key: `api.calls.checkout` finds them.
"""

from typing import NamedTuple

from commands.plan_definition import Interval, PlanDefinition, Price
from ledger.errors import Refused

#: Models that are paid once: a payment, and no subscription.
_ONCE = ("one_time", "prepaid")


class Offer(NamedTuple):
    """The prices that are bought together."""

    purpose: str
    """Stripe's mode of the session: `payment` or `subscription`."""
    prices: tuple[Price, ...]
    trial_days: int | None
    without_payment_method: str
    """What Stripe does when the trial ends and there is no payment method."""


def offer(
    plan: PlanDefinition, *, interval: Interval | None = None, currency: str | None = None, trial: bool = True
) -> Offer:
    """What is bought of a plan. Without an interval and a currency the first price decides.

    Raises Refused (`not_on_sale`, `not_sold_so` where the plan has no such price).
    """
    if not plan.on_sale:
        raise Refused(f"{plan.key} is not on sale any more", code="not_on_sale")
    first = next((p for p in plan.prices if _fits(p, interval, currency)), None)
    if first is None:
        ways = sorted({f"{p.interval} in {p.currency}" for p in plan.prices})
        raise Refused(f"{plan.key} is sold by the {', '.join(ways) or 'agreement alone'}", code="not_sold_so")
    slot = (first.interval, first.interval_count)
    together = [p for p in plan.prices if (p.interval, p.interval_count) == slot and p.currency == first.currency]
    fixed = [p for p in together if p.meter is None]
    prices = (*fixed[:1], *(p for p in together if p.meter is not None))
    once = first.interval == "once" or plan.model in _ONCE
    days = plan.trial.days if plan.trial is not None and trial and not once else None
    missing = plan.trial.without_payment_method if plan.trial is not None else "cancel"
    return Offer("payment" if once else "subscription", prices, days, missing)


def _fits(price: Price, interval: Interval | None, currency: str | None) -> bool:
    return interval in (None, price.interval) and currency in (None, price.currency)
