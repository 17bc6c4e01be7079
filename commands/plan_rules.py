"""Which plans make sense. Each rule says what is wrong and where, for whoever wrote the file."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from commands.plan_definition import LegacyPrice, PlanDefinition, Price, Quota, Rate

MAX_PLANS = 500
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_CURRENCY = re.compile(r"[a-z]{3}")
_MOST = 2**53
#: https://docs.stripe.com/billing/subscriptions/trials: at most two years.
MOST_TRIAL_DAYS = 730
_RECURRING = ("subscription", "hybrid")


def is_key(text: str) -> bool:
    """Whether this can name a plan or a catalogue."""
    return _KEY.fullmatch(text) is not None


def faults(plans: Sequence[PlanDefinition], legacy: Sequence[LegacyPrice]) -> list[str]:
    """What is wrong with a catalogue, one line each; none: nothing."""
    found = [f"plan {plan.key}: {fault}" for plan in plans for fault in _of_plan(plan)]
    found += [f"plan {key} is there {n} times" for key, n in Counter(p.key for p in plans).items() if n > 1]
    owners: dict[tuple[str, str], str] = {}
    for plan in plans:
        for name in plan.names:
            other = owners.setdefault((plan.account, name), plan.key)
            if other != plan.key:
                found.append(f"plan {plan.key}: the price {name} belongs to plan {other} already")
    found += [f"the legacy price {p} is there {n} times" for p, n in Counter(m.price for m in legacy).items() if n > 1]
    if len(plans) > MAX_PLANS:
        found.append(f"a catalogue has at most {MAX_PLANS} plans")
    return found


def _of_plan(plan: PlanDefinition) -> Iterator[str]:
    if not is_key(plan.key):
        yield "key: 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or a digit"
    if not plan.name.strip():
        yield "name: say one"
    if plan.account != "platform" and not plan.account.startswith("acct_"):
        yield "account: platform, or a connected account's acct_…"
    yield from _prices(plan)
    yield from _counted(plan)
    yield from _rated("overage", plan.overage)
    yield from _rated("usage_rates", plan.usage_rates)
    for task, by in plan.multipliers.items():
        yield from _ratio(f"multipliers.{task}", by, Decimal(0), Decimal(1000))
    yield from _selling(plan)


def _prices(plan: PlanDefinition) -> Iterator[str]:
    for at, price in enumerate(plan.prices):
        where = f"prices[{at}]"
        if (price.lookup_key is None) == (price.price is None) or not (price.lookup_key or price.price):
            yield f"{where}: give its lookup_key or its id as price, not both"
        if not _CURRENCY.fullmatch(price.currency):
            yield f"{where}.currency: three lower-case letters, e.g. usd"
        if not 1 <= price.interval_count <= 36 or (price.interval == "once" and price.interval_count != 1):
            yield f"{where}.interval_count: 1 to 36, and 1 for what is sold once"
        if price.amount_minor is not None and not 0 <= price.amount_minor <= _MOST:
            yield f"{where}.amount_minor: whole minor units, not below zero"
    for slot, n in Counter(map(_slot, plan.prices)).items():
        if n > 1:
            yield f"prices: {n} for {' '.join(str(s) for s in slot if s)}"
    for name, n in Counter(plan.names).items():
        if n > 1 and name:
            yield f"prices: {name} is there {n} times"
    once = [p for p in plan.prices if p.interval == "once"]
    if plan.model in _RECURRING and len(once) == len(plan.prices):
        yield f"prices: a plan of the model {plan.model} needs one that recurs"
    if plan.model == "one_time" and len(once) < len(plan.prices):
        yield "prices: what is sold once has no price that recurs"


def _slot(price: Price) -> tuple[int, str, str, str | None]:
    return price.interval_count, price.interval, price.currency, price.meter


def _counted(plan: PlanDefinition) -> Iterator[str]:
    kinds = Counter([*plan.features, *plan.quotas, *plan.gauges])
    for name, n in kinds.items():
        if not _NAME.fullmatch(name):
            yield f"{name!r}: a feature's name has 1 to 100 letters, digits and . _ : / -"
        if n > 1:
            yield f"{name}: a feature is there once, among features, quotas or gauges"
    for name, quota in plan.quotas.items():
        yield from _quota(f"quotas.{name}", quota)
    for name, limit in plan.gauges.items():
        if limit is not None and not 0 <= limit <= _MOST:
            yield f"gauges.{name}: a whole number, or null for no limit"
    included = plan.included_credits
    if included is not None:
        yield from _quota("included_credits", Quota(limit=included.units, period=included.period, reset=included.reset))
    for name in (*plan.service_policy.fail_open, *plan.service_policy.soft_limits):
        if name not in kinds:
            yield f"service_policy: {name} is no feature of the plan"


def _quota(where: str, quota: Quota) -> Iterator[str]:
    if quota.limit is not None and not 0 <= quota.limit <= _MOST:
        yield f"{where}: a whole number, or null for no limit"
    if quota.period == "lifetime" and quota.reset != "never":
        yield f"{where}.reset: never, since a lifetime does not begin anew"
    if quota.reset == "never" and quota.period != "lifetime" and where != "included_credits":
        yield f"{where}.period: lifetime, since it is never reset"


def _rated(where: str, rates: Mapping[str, Mapping[str, Rate]]) -> Iterator[str]:
    for unit, by_currency in rates.items():
        if not _NAME.fullmatch(unit):
            yield f"{where}: {unit!r} is no name of something that is counted"
        for currency, rate in by_currency.items():
            if not _CURRENCY.fullmatch(currency):
                yield f"{where}.{unit}: {currency!r} is no currency; three lower-case letters, e.g. usd"
            if not (0 <= rate.amount_minor <= _MOST and 1 <= rate.per <= _MOST):
                yield f"{where}.{unit}.{currency}: whole minor units, not below zero, for at least one"


def _ratio(where: str, text: str, least: Decimal, most: Decimal) -> Iterator[str]:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if value.is_nan() or not least < value <= most:
        yield f'{where}: a decimal in quotes above {least} and up to {most}, e.g. "1.5"'


def _selling(plan: PlanDefinition) -> Iterator[str]:
    if plan.annual_discount_percent is not None:
        yield from _ratio("annual_discount_percent", plan.annual_discount_percent, Decimal(0), Decimal(100))
    if plan.resale is not None:
        yield from _ratio("resale.markup_percent", plan.resale.markup_percent, Decimal(0), Decimal(10_000))
    if plan.trial is not None and not 1 <= plan.trial.days <= MOST_TRIAL_DAYS:
        yield f"trial.days: 1 to {MOST_TRIAL_DAYS}"
    agreed = plan.commitment
    if agreed is not None:
        if not 1 <= agreed.paid_months <= agreed.delivered_months <= 120:
            yield "commitment: paid_months from 1, and delivered_months no fewer, up to 120"
        fee = agreed.early_cancellation
        if (fee.charge == "fee") != bool(fee.fee_minor):
            yield "commitment.early_cancellation: fee_minor by currency goes with `charge: fee`, and only with it"
        for currency, minor in fee.fee_minor.items():
            if not (_CURRENCY.fullmatch(currency) and 0 <= minor <= _MOST):
                yield f"commitment.early_cancellation.fee_minor.{currency}: whole minor units of a currency"
    if plan.lasts is not None:
        if plan.model != "one_time":
            yield "lasts: only what is sold once lasts for a time"
        months, days = plan.lasts.months or 0, plan.lasts.days or 0
        if not (0 <= months <= 1200 and 0 <= days <= 36_500 and months + days):
            yield "lasts: up to 1200 months and 36500 days, and some of either"
    for step, n in Counter(s.key for s in plan.setup_steps).items():
        if n > 1 or not is_key(step):
            yield f"setup_steps: {step!r} must be a key, and be there once"
    if plan.service_policy.grace_days is not None and not 0 <= plan.service_policy.grace_days <= 365:
        yield "service_policy.grace_days: 0 to 365"
