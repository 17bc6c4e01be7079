"""What customers do to a running subscription: seats, plans, add-ons, cancellation, pauses, notes.

Each is a step in the subscription's life; prorations follow Stripe's rule (unused time back, remaining time charged):
https://docs.stripe.com/billing/subscriptions/prorations.
"""

from collections.abc import Callable, Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.catalog import ADDONS, Price
from replay.simulator.collection import bill_now, end
from replay.simulator.entitlements import summarize
from replay.simulator.invoice_items import create_items
from replay.simulator.invoices import Line, prorated
from replay.simulator.schedules import plan
from replay.simulator.subscriptions import Item, Subscription

_FEEDBACK = ("too_expensive", "missing_features", "switched_service", "unused", "other")
_Act = Callable[[Subscription], Generator[int, Any, None]]


def alter(subscription: Subscription) -> Generator[int, Any, None]:
    """Until shortly before the period ends: wait for weeks, and sometimes change something."""
    timeline = subscription.customer.timeline
    while not subscription.over:
        moment_s = timeline.now_s + timeline.random.randint(3 * DAY, 28 * DAY)
        if moment_s > subscription.period_end_s - DAY:
            return
        yield moment_s
        if subscription.over:
            return
        timeline.requested()
        if timeline.chance(timeline.scenario.toggles):
            _toggle(subscription)
            continue
        act = timeline.random.choices(_ACTS, _WEIGHTS)[0]
        if subscription.schedule is not None:  # what is planned is changed by nobody, but may be given up
            act = _note if act is not _cancel_later else _cancel_now
        yield from act(subscription)
        if not subscription.customer.gone:
            summarize(subscription.customer)


def _toggle(subscription: Subscription) -> None:
    """There and back within one second: what the events say does not tell which came last."""
    was = subscription.cancel_at_period_end
    subscription.update(cancel_at_period_end=not was)
    subscription.update(cancel_at_period_end=was)


def _nothing(subscription: Subscription) -> Generator[int, Any, None]:
    yield from ()


def _proration(subscription: Subscription, item: Item, sign: int) -> Line:
    """The rest of the period for an item: back (-1) or charged (+1)."""
    timeline = subscription.customer.timeline
    account = subscription.customer.shop.account
    quantity = item.quantity or 0
    now_s, start_s, end_s = timeline.now_s, subscription.period_start_s, subscription.period_end_s
    amount = prorated((item.price.amount or 0) * quantity, now_s, start_s, end_s, item.price.currency)
    what = "Unused time on" if sign < 0 else "Remaining time on"
    return Line(
        timeline.ids.long("il", now_s, account.token),
        item.price,
        quantity,
        sign * amount,
        f"{what} {quantity} × {item.price.product.name}",
        now_s,
        end_s,
        item.id,
        timeline.ids.long("ii", now_s, account.token),
        proration=True,
    )


def _replace(subscription: Subscription, new: Item, *, bill: bool) -> Generator[int, Any, None]:
    """Put another price or quantity in the first item's place; bill now, or with the next invoice."""
    old, *others = subscription.items
    lines = (_proration(subscription, old, -1), _proration(subscription, new, +1))
    create_items(subscription.customer, lines, subscription.id)
    if not bill:
        subscription.update(items=(new, *others), pending_lines=(*subscription.pending_lines, *lines))
        return
    subscription.update(items=(new, *others))
    yield from bill_now(subscription, lines, "subscription_update")


def _change_quantity(subscription: Subscription) -> Generator[int, Any, None]:
    item = subscription.items[0]
    if item.quantity is None or item.price.product.offer.unit is None or subscription.status != "active":
        return
    step = subscription.customer.timeline.random.choice((-2, -1, 1, 2, 5))
    quantity = max(1, item.quantity + step)
    if quantity != item.quantity:
        yield from _replace(subscription, item._replace(quantity=quantity), bill=False)


def _change_plan(step: int) -> _Act:
    def act(subscription: Subscription) -> Generator[int, Any, None]:
        item, shop = subscription.items[0], subscription.customer.shop
        plans = shop.plans
        offer = item.price.product.offer
        if offer not in plans or subscription.status != "active":
            return
        place = plans.index(offer) + step
        if 0 <= place < len(plans):
            price = shop.price(plans[place], item.price.interval, item.price.currency)
            yield from _replace(subscription, item._replace(price=price), bill=True)

    return act


def _add_environments(subscription: Subscription) -> Generator[int, Any, None]:
    """A second item, from now on and for the rest of this period."""
    customer = subscription.customer
    offer, interval = ADDONS[0], subscription.items[0].price.interval
    if len(subscription.items) > 1 or interval != "month" or subscription.status != "active":
        return
    price: Price = customer.shop.price(offer, interval, subscription.currency)
    item = Item(customer.timeline.ids.short("si"), price, 1, customer.timeline.now_s)
    lines = (_proration(subscription, item, +1),)
    create_items(customer, lines, subscription.id)
    subscription.update(items=(*subscription.items, item))
    yield from bill_now(subscription, lines, "subscription_update")


def _cancel_later(subscription: Subscription) -> Generator[int, Any, None]:
    timeline = subscription.customer.timeline
    if not subscription.cancel_at_period_end:
        subscription.update(
            cancel_at_period_end=True,
            canceled_at_s=timeline.now_s,
            reason="cancellation_requested",
            feedback=timeline.random.choice(_FEEDBACK),
        )
    yield from ()


def _stay(subscription: Subscription) -> Generator[int, Any, None]:
    if subscription.cancel_at_period_end:
        subscription.update(cancel_at_period_end=False, canceled_at_s=None, reason=None, feedback=None)
    yield from ()


def _cancel_now(subscription: Subscription) -> Generator[int, Any, None]:
    subscription.feedback = subscription.customer.timeline.random.choice(_FEEDBACK)
    end(subscription, reason="cancellation_requested")
    yield from ()


def _pause_or_resume(subscription: Subscription) -> Generator[int, Any, None]:
    """Collection pauses; the status stays what it is."""
    timeline = subscription.customer.timeline
    if subscription.pause is not None:
        subscription.update(pause=None)
    elif subscription.status == "active":
        behavior = timeline.random.choice(("void", "keep_as_draft", "mark_uncollectible"))
        resumes_s = timeline.now_s + 60 * DAY if timeline.chance(0.5) else None
        subscription.update(pause=(behavior, resumes_s))
    yield from ()


def _note(subscription: Subscription) -> Generator[int, Any, None]:
    metadata = dict(subscription.metadata)
    if metadata.pop("purchase_order", None) is None:
        metadata["purchase_order"] = f"PO-{subscription.customer.timeline.random.randrange(10_000):04d}"
    subscription.update(metadata=metadata)
    yield from ()


def _plan_ahead(subscription: Subscription) -> Generator[int, Any, None]:
    """The next larger plan, from some later period on."""
    item, *others = subscription.items
    shop, timeline = subscription.customer.shop, subscription.customer.timeline
    offer, plans, interval = item.price.product.offer, shop.plans, item.price.interval
    ready = subscription.status == "active" and subscription.pause is None and not subscription.cancel_at_period_end
    if ready and interval == "month" and offer in plans[:-1]:
        larger = shop.price(plans[plans.index(offer) + 1], interval, item.price.currency)
        plan(subscription, (item._replace(price=larger), *others), timeline.random.randint(0, 2) + 1)
    yield from ()


_ACTS: tuple[_Act, ...] = (
    _nothing, _change_quantity, _change_plan(+1), _change_plan(-1), _add_environments, _cancel_later, _stay,
    _cancel_now, _pause_or_resume, _note, _plan_ahead,
)  # fmt: skip
_WEIGHTS = (25, 22, 14, 6, 6, 4, 5, 1, 5, 12, 5)
