"""How a subscription's invoices come to be and are collected: first attempt, retries, giving up, paying by bank.

Knows what a failed or paid invoice does to the subscription and the customer; refuses to know why it was made.
"""

from collections.abc import Generator
from typing import Any

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
from replay.simulator.cash import TRANSFERABLE, ask_for_transfer, receive_transfer
from replay.simulator.coupons import share_of
from replay.simulator.credit_notes import credit_at_once, credit_later
from replay.simulator.invoice_items import delete_items
from replay.simulator.invoices import HOUR, Invoice, Line, Parent
from replay.simulator.schedules import abandon
from replay.simulator.subscriptions import Item, Subscription

_RETRY_DAYS = (3, 5, 7)
_SLOW_FAILURES = 2
"""A bank that takes days to fail shall not fail until the next period."""


def line_for(subscription: Subscription, item: Item, start_s: int, end_s: int) -> Line:
    """What one period of an item costs; for a metered one, what was used."""
    timeline, price = subscription.customer.timeline, item.price
    quantity = timeline.random.randrange(0, 20_000) if item.quantity is None else item.quantity
    if price.amount is None:
        amount = share_of(quantity, 1, 5, price.currency)
    else:
        amount = price.amount * quantity
    return Line(
        timeline.ids.long("il", timeline.now_s, subscription.customer.shop.account.token),
        price,
        quantity,
        amount,
        f"{quantity} × {price.product.name} (at {price.decimal} / {price.interval})",
        start_s,
        end_s,
        item.id,
    )


def new_invoice(subscription: Subscription, lines: tuple[Line, ...], reason: str) -> Invoice:
    """A draft for the subscription; not yet said to anybody."""
    return Invoice(
        subscription.customer,
        lines,
        reason=reason,
        parent=Parent(subscription.id, subscription.metadata),
        period=(subscription.period_start_s, subscription.period_end_s),
        discount=subscription.discount or subscription.customer.discount,
        collection=subscription.collection,
    )


def period_lines(subscription: Subscription) -> tuple[Line, ...]:
    """The lines of the present period."""
    start_s, end_s = subscription.period_start_s, subscription.period_end_s
    return tuple(line_for(subscription, item, start_s, end_s) for item in subscription.items)


def collect(invoice: Invoice, subscription: Subscription) -> Generator[int, Any, None]:
    """Collect an open invoice, now and in retries, or give it up."""
    if invoice.amount_due == 0:
        settle_without_charge(invoice)
        return
    if invoice.collection == "send_invoice":
        yield from _await_transfer(invoice, subscription)
        return
    customer = subscription.customer
    timeline = customer.timeline
    failures = 0
    if timeline.chance(timeline.scenario.payment_failures):
        failures = timeline.random.choices((1, 2, 3, 4), (50, 20, 10, 20))[0]
    yield from await_charges(customer)
    if customer.method is not None and customer.method.slow:
        failures = min(failures, _SLOW_FAILURES)
    for days in _RETRY_DAYS[:failures]:
        yield from attempt(invoice, succeeds=False, retry_days=days)
        if subscription.over:
            return
        _fall_behind(subscription)
        yield invoice.next_attempt_s or timeline.now_s
        yield from await_charges(customer)
        if subscription.over:
            return
    if failures > len(_RETRY_DAYS):
        yield from attempt(invoice, succeeds=False)
        yield from _give_up(invoice, subscription)
        return
    if not failures and timeline.chance(0.006):
        require_action(invoice)
        _fall_behind(subscription)
        yield timeline.now_s + timeline.random.randint(600, DAY)
        if subscription.over:
            return
    yield from attempt(invoice, succeeds=True)
    catch_up(subscription)
    if not customer.gone and timeline.chance(0.02):
        yield from credit_later(invoice)


def _await_transfer(invoice: Invoice, subscription: Subscription) -> Generator[int, Any, None]:
    """The customer gets a bill, and most pay it by bank: straight, or to where Stripe sees it come."""
    timeline = subscription.customer.timeline
    emit_invoice(invoice, "sent")
    if timeline.chance(0.1):
        yield from credit_at_once(invoice)
        if subscription.over:
            return
    late = timeline.chance(timeline.scenario.payment_failures)
    through_stripe = invoice.currency in TRANSFERABLE and timeline.chance(0.5)
    asked = ask_for_transfer(invoice) if through_stripe else None
    yield timeline.now_s + timeline.random.randint(2, 12) * DAY
    if late and not subscription.over:
        _fall_behind(subscription)
        if invoice.due_s is not None and invoice.due_s > timeline.now_s:
            yield invoice.due_s + HOUR
        if not subscription.over:
            emit_invoice(invoice, "overdue")
            yield timeline.now_s + timeline.random.randint(1, 4) * DAY
    if subscription.over:
        return
    if asked is not None:
        yield from receive_transfer(asked, invoice)
    else:
        settle_without_charge(invoice, out_of_band=True)
    catch_up(subscription)


def _fall_behind(subscription: Subscription) -> None:
    if subscription.status == "active":
        subscription.update(status="past_due")
    subscription.customer.update(delinquent=True)


def catch_up(subscription: Subscription) -> None:
    """What follows from an invoice that is paid at last."""
    if subscription.status in ("past_due", "unpaid"):
        subscription.update(status="active")
    subscription.customer.update(delinquent=False)


def _give_up(invoice: Invoice, subscription: Subscription) -> Generator[int, Any, None]:
    """What the seller chose for the time after the last retry."""
    timeline = subscription.customer.timeline
    match timeline.random.randrange(4):
        case 0 | 1:
            end(subscription, reason="payment_failed")
        case 2:
            subscription.update(status="unpaid")
            yield timeline.now_s + timeline.random.randint(2, 6) * DAY
            if subscription.over:
                return
            yield from await_charges(subscription.customer)
            if subscription.over:
                return
            if timeline.chance(0.5):
                yield from attempt(invoice, succeeds=True)
                catch_up(subscription)
            else:
                end(subscription, reason="payment_failed")
        case _:
            yield from spread(subscription.customer)
            if not subscription.over:
                close(invoice, uncollectible=True)
                end(subscription, reason="payment_failed")


def end(subscription: Subscription, *, reason: str) -> None:
    """Cancel it for good."""
    now_s = subscription.customer.timeline.now_s
    subscription.status = "canceled"
    subscription.ended_at_s = now_s
    subscription.canceled_at_s = subscription.canceled_at_s or now_s
    subscription.reason = reason
    subscription.pause = None
    subscription.paused_s = None
    abandon(subscription, canceled=reason == "cancellation_requested")
    subscription.emit("deleted")
    if subscription.pending_lines and subscription.customer.timeline.chance(0.5):
        delete_items(subscription.customer, subscription.pending_lines, subscription.id)
        subscription.pending_lines = ()


def bill_now(subscription: Subscription, lines: tuple[Line, ...], reason: str) -> Generator[int, Any, Invoice]:
    """Make, finalize and collect an invoice at once, as on an upgrade; the subscription's latest one from now on."""
    invoice = new_invoice(subscription, lines, reason)
    emit_invoice(invoice, "created")
    finalize(invoice)
    subscription.update(latest_invoice=invoice.id)
    yield from collect(invoice, subscription)
    return invoice
