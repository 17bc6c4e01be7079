"""How a subscription begins: with a trial, with a payment that succeeds, waits for the bank, or never comes.

Emits what Stripe would until the subscription is in its first paid period, or over.
"""

from collections.abc import Generator
from typing import Any

from ledger.months import add_months
from replay.simulator.balances import DAY
from replay.simulator.billing import (
    attempt,
    await_charges,
    close,
    emit_invoice,
    finalize,
    require_action,
    settle_without_charge,
    spread,
)
from replay.simulator.checkout import for_subscription
from replay.simulator.collection import bill_now, collect, end, new_invoice, period_lines
from replay.simulator.entitlements import summarize
from replay.simulator.invoices import HOUR, Invoice
from replay.simulator.promotions import new_discount
from replay.simulator.subscriptions import Subscription

_BEGIN = "subscription_create"


def interval_months(subscription: Subscription) -> int:
    """How long a period is, in calendar months."""
    return 12 if subscription.items[0].price.interval == "year" else 1


def begin(subscription: Subscription) -> Generator[int, Any, None]:
    """Bring the subscription to its first paid period, or to its end."""
    timeline = subscription.customer.timeline
    timeline.requested()
    if not subscription.quoted:
        _apply_coupon(subscription)
    if not subscription.quoted and timeline.chance(timeline.scenario.trials):
        yield from _try_out(subscription)
    elif subscription.collection == "send_invoice":
        yield from _begin_billed(subscription)
    else:
        yield from _begin_paid(subscription)


def _apply_coupon(subscription: Subscription) -> None:
    customer = subscription.customer
    timeline = customer.timeline
    if not timeline.chance(0.15):
        return
    coupon = timeline.random.choice(customer.shop.coupons)
    if coupon.currency not in (None, subscription.currency):
        return
    subscription.discount = new_discount(customer, coupon, subscription.id)


def _begin_paid(subscription: Subscription) -> Generator[int, Any, None]:
    """Incomplete until the first invoice is paid; often all of it in one second."""
    customer = subscription.customer
    timeline = customer.timeline
    invoice = new_invoice(subscription, period_lines(subscription), _BEGIN)
    subscription.latest_invoice = invoice.id
    subscription.emit("created")
    customer.update(currency=subscription.currency)
    emit_invoice(invoice, "created")
    finalize(invoice)
    if invoice.amount_due == 0:
        settle_without_charge(invoice)
        subscription.update(status="active")
        return
    yield from await_charges(customer)
    if subscription.over:
        return
    if customer.method is not None and customer.method.slow:
        subscription.update(status="active")
        summarize(customer)
        yield from collect(invoice, subscription)
        return
    if timeline.chance(0.88):
        yield from spread(customer)
    else:
        if timeline.chance(0.6):
            require_action(invoice)
        else:
            yield from attempt(invoice, succeeds=False)
        yield timeline.now_s + timeline.random.randint(2, 90) * 60
        if subscription.over:
            return
        if timeline.chance(0.35):
            yield timeline.now_s + 23 * HOUR
            _expire(subscription, invoice)
            return
    if subscription.over:
        return
    yield from attempt(invoice, succeeds=True)
    if subscription.over:
        return
    subscription.update(status="active")
    summarize(customer)
    yield from _check_out(subscription, invoice)


def _expire(subscription: Subscription, invoice: Invoice) -> None:
    if not subscription.over:
        close(invoice, uncollectible=False)
        now_s = subscription.customer.timeline.now_s
        subscription.update(status="incomplete_expired", ended_at_s=now_s)


def _begin_billed(subscription: Subscription) -> Generator[int, Any, None]:
    """Active at once; the bill comes by mail."""
    subscription.status = "active"
    invoice = new_invoice(subscription, period_lines(subscription), _BEGIN)
    subscription.latest_invoice = invoice.id
    subscription.emit("created")
    subscription.customer.update(currency=subscription.currency)
    emit_invoice(invoice, "created")
    summarize(subscription.customer)
    yield subscription.customer.timeline.now_s + HOUR
    if not subscription.over:
        finalize(invoice)
        yield from collect(invoice, subscription)


def _check_out(subscription: Subscription, invoice: Invoice) -> Generator[int, Any, None]:
    """Half began on Stripe's checkout page, which says so a second after all the rest."""
    timeline = subscription.customer.timeline
    if timeline.chance(0.5):
        yield timeline.now_s + 1
        for_subscription(subscription, invoice).emit("completed")


def _try_out(subscription: Subscription) -> Generator[int, Any, None]:
    """A trial with its invoice over nothing, the reminder, and what became of it."""
    customer = subscription.customer
    timeline = customer.timeline
    subscription.status = "trialing"
    subscription.trial_start_s = timeline.now_s
    trial_end_s = timeline.now_s + timeline.random.choice((7, 14, 30)) * DAY
    subscription.trial_end_s = subscription.period_end_s = subscription.anchor_s = trial_end_s
    free = tuple(
        line._replace(amount=0, description=f"Trial period for {line.price.product.name}")
        for line in period_lines(subscription)
    )
    invoice = new_invoice(subscription, free, _BEGIN)
    subscription.latest_invoice = invoice.id
    subscription.emit("created")
    customer.update(currency=subscription.currency)
    _settle_trial(invoice)
    summarize(customer)
    yield from _check_out(subscription, invoice)
    yield trial_end_s - 3 * DAY
    if subscription.over:
        return
    subscription.emit("trial_will_end")
    if timeline.chance(0.1):
        yield timeline.now_s + timeline.random.randrange(2 * DAY)
        if subscription.over:
            return
        timeline.requested()
        subscription.update(cancel_at_period_end=True, canceled_at_s=timeline.now_s, reason="cancellation_requested")
    elif timeline.chance(0.12):
        yield trial_end_s
        yield from _pause(subscription)


def _settle_trial(invoice: Invoice) -> None:
    """Step by step, or, as Stripe often does within a second, each event showing how it ended."""
    if invoice.customer.timeline.tied() and invoice.starting_balance == 0:
        invoice.finalize()
        invoice.pay()
        emit_invoice(invoice, "created", "finalized", "paid", "payment_succeeded")
    else:
        emit_invoice(invoice, "created")
        finalize(invoice)
        settle_without_charge(invoice)


def _pause(subscription: Subscription) -> Generator[int, Any, None]:
    """The trial ended without a payment method; some come back."""
    if subscription.over:
        return
    customer = subscription.customer
    timeline = customer.timeline
    subscription.update(status="paused", paused_s=timeline.now_s)
    subscription.emit("paused")
    summarize(customer)
    yield timeline.now_s + timeline.random.randint(3, 20) * DAY
    if subscription.over:
        return
    timeline.requested()
    if timeline.chance(0.4):
        end(subscription, reason="cancellation_requested")
        return
    now_s = timeline.now_s
    subscription.update(
        status="active",
        paused_s=None,
        anchor_s=now_s,
        period_start_s=now_s,
        period_end_s=add_months(now_s, interval_months(subscription)),
    )
    subscription.emit("resumed")
    yield from bill_now(subscription, period_lines(subscription), "subscription_update")
