"""The life of a subscription, from its beginning through its periods to its end.

Ties together `beginnings`, `alterations` and `collection`; knows by itself only the turn from period to period.
"""

from collections.abc import Generator
from typing import Any

from ledger.months import add_months
from replay.simulator.alterations import alter
from replay.simulator.balances import DAY
from replay.simulator.beginnings import begin, interval_months
from replay.simulator.billing import close, emit_invoice, finalize, spread
from replay.simulator.catalog import ADDONS, USAGE
from replay.simulator.collection import collect, end, line_for, new_invoice
from replay.simulator.customers import Customer
from replay.simulator.entitlements import summarize
from replay.simulator.invoice_shapes import rendered_invoice
from replay.simulator.invoices import HOUR, Invoice
from replay.simulator.meters import alert
from replay.simulator.quotes import offer
from replay.simulator.schedules import planned, proceed, warn
from replay.simulator.subscriptions import Item, Subscription


def subscribe(customer: Customer) -> Generator[int, Any, None]:
    """A new subscription of the customer's, with all that becomes of it."""
    items = _basket(customer)
    collection = "send_invoice" if customer.timeline.chance(0.08) else "charge_automatically"
    quote = None
    if items[0].price.interval == "month" and customer.timeline.chance(0.04):
        quote = yield from offer(customer, items, collection)
        if quote is None:
            return
    subscription = _ordered(customer, items, collection)
    if quote is not None:
        quote.accepted_s, quote.subscription = customer.timeline.now_s, subscription.id
        quote.emit("accepted")
        subscription.quoted = True
    customer.subscriptions = [held for held in customer.subscriptions if not held.over]
    customer.subscriptions.append(subscription)
    yield from begin(subscription)
    while not subscription.over:
        yield from alter(subscription)
        if not subscription.over:
            yield from _announce(subscription)
        if not subscription.over:
            yield subscription.period_end_s
        if not subscription.over:
            yield from _turn(subscription)
    if not customer.gone:
        summarize(customer)


def _basket(customer: Customer) -> tuple[Item, ...]:
    """A plan in the customer's currency, some with an add-on or metered usage."""
    timeline, shop = customer.timeline, customer.shop
    random, now_s, currency = timeline.random, timeline.now_s, customer.pays_in
    plan = random.choices(shop.plans, range(len(shop.plans) + 1, 1, -1))[0]
    interval = "year" if random.random() < 0.15 else "month"
    quantity = random.randint(1, 20) if plan.unit else 1
    items = [Item(timeline.ids.short("si"), shop.price(plan, interval, currency), quantity, now_s)]
    for extra, chance in ((ADDONS[0], 0.1), (USAGE, 0.1)):
        if random.random() < chance and interval == "month" and extra in shop.offers:
            amount = None if extra is USAGE else 1
            items.append(Item(timeline.ids.short("si"), shop.price(extra, interval, currency), amount, now_s))
    return tuple(items)


def _ordered(customer: Customer, items: tuple[Item, ...], collection: str) -> Subscription:
    """The subscription, from now on."""
    timeline, now_s = customer.timeline, customer.timeline.now_s
    items = tuple(item._replace(created_s=now_s) for item in items)
    subscription = Subscription(customer, timeline.ids.long("sub", now_s, customer.shop.account.token), items, now_s)
    subscription.period_end_s = add_months(now_s, interval_months(subscription))
    subscription.collection = collection
    if customer.org_id is not None:
        subscription.metadata = {"org_id": customer.org_id, "contract": f"C-{customer.number:05d}"}
    return subscription


def _announce(subscription: Subscription) -> Generator[int, Any, None]:
    """Half of the sellers want to hear of an invoice before it is made. It has no id yet."""
    customer = subscription.customer
    timeline, account = customer.timeline, customer.shop.account
    warns = subscription.schedule is not None
    if (subscription.cancel_at_period_end or customer.number % 2) and not warns:
        return
    yield subscription.period_end_s - 3 * DAY
    if subscription.over or subscription.cancel_at_period_end:
        return
    warn(subscription)
    if customer.number % 2:
        return
    upcoming = rendered_invoice(_next_invoice(subscription), timeline.shape(account))
    del upcoming["id"]
    timeline.emit(account, "invoice.upcoming", upcoming)


def _next_invoice(subscription: Subscription, items: tuple[Item, ...] | None = None) -> Invoice:
    """Of the period to come, with the prorations that waited; Stripe dates it by the period that ends."""
    start_s = subscription.period_end_s
    end_s = add_months(start_s, interval_months(subscription), subscription.anchor_s)
    lines = tuple(line_for(subscription, item, start_s, end_s) for item in items or subscription.items)
    return new_invoice(subscription, lines + subscription.pending_lines, "subscription_cycle")


def _turn(subscription: Subscription) -> Generator[int, Any, None]:
    """The period is over: the next one, its invoice, and the money for it; or the end."""
    customer = subscription.customer
    timeline = customer.timeline
    if subscription.cancel_at_period_end:
        end(subscription, reason="cancellation_requested")
        return
    if not proceed(subscription):
        end(subscription, reason="cancellation_requested")
        return
    _drop_spent_discount(subscription)
    changes = planned(subscription)
    invoice = _next_invoice(subscription, changes.get("items"))
    alert(customer, max((line.quantity for line in invoice.lines if line.price.meter), default=0))
    start_s = subscription.period_end_s
    subscription.update(
        status="active" if subscription.status == "trialing" else subscription.status,
        period_start_s=start_s,
        period_end_s=add_months(start_s, interval_months(subscription), subscription.anchor_s),
        latest_invoice=invoice.id,
        pending_lines=(),
        **changes,
    )
    kept_as_draft = subscription.pause is not None and subscription.pause[0] == "keep_as_draft"
    if kept_as_draft:
        invoice.keep_as_draft()
    emit_invoice(invoice, "created")
    if kept_as_draft:
        return
    yield timeline.now_s + HOUR + timeline.random.randrange(900)
    if subscription.over:
        return
    finalize(invoice)
    if subscription.pause is not None:
        close(invoice, uncollectible=subscription.pause[0] == "mark_uncollectible")
        return
    yield from spread(customer)
    if not subscription.over:
        yield from collect(invoice, subscription)
        if not customer.gone:
            summarize(customer)


def _drop_spent_discount(subscription: Subscription) -> None:
    discount = subscription.discount
    if discount is None:
        return
    spent = discount.coupon.duration == "once" or (
        discount.end_s is not None and discount.end_s <= subscription.period_end_s
    )
    if spent:
        customer = subscription.customer
        timeline, account = customer.timeline, customer.shop.account
        rendered = discount.render(timeline.shape(account), timeline.livemode)
        timeline.emit(account, "customer.discount.deleted", rendered)
        subscription.update(discount=None)
