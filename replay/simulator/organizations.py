"""The life of an organization as a customer: it signs up, subscribes, moves, asks money back, leaves.

Ties customers and subscriptions together; refuses to know prices and shapes.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.balances import DAY
from replay.simulator.billing import spread
from replay.simulator.catalog import ONBOARDING, USAGE
from replay.simulator.checkout import give_up, visit_portal
from replay.simulator.collection import end
from replay.simulator.contract import subscribe
from replay.simulator.credits import grant
from replay.simulator.customers import Customer, deleted_stub
from replay.simulator.promotions import favor
from replay.simulator.purchases import order, purchase
from replay.simulator.refunds import give
from replay.simulator.setups import new_method, renew_card
from replay.simulator.tax_ids import identify


def live(customer: Customer) -> Generator[int, Any, None]:
    """Sign up, subscribe, and then do something every week or three."""
    timeline, random = customer.timeline, customer.timeline.random
    timeline.requested()
    account = customer.shop.account
    timeline.emit(account, "customer.created", customer.render(timeline.shape(account)))
    yield from spread(customer)
    yield from new_method(customer, first=True)
    timeline.start(subscribe(customer), customer, timeline.now_s + random.randint(1, 120))
    if timeline.chance(0.3):
        timeline.start(identify(customer), customer, timeline.now_s + random.randint(1, 7 * DAY))
    if account.id is None and USAGE in customer.shop.offers and timeline.chance(0.06):
        timeline.start(grant(customer), customer, timeline.now_s + random.randint(1, 40 * DAY))
    while not customer.gone:
        yield timeline.now_s + random.randint(5 * DAY, 22 * DAY)
        timeline.requested()
        if timeline.chance(timeline.scenario.toggles):
            _toggle(customer)
            continue
        yield from _act(customer)


def _act(customer: Customer) -> Generator[int, Any, None]:
    timeline = customer.timeline
    running = any(not subscription.over for subscription in customer.subscriptions)
    match timeline.random.choices(_ACTS, _WEIGHTS)[0]:
        case "move":
            customer.update(bare=timeline.chance(timeline.scenario.bare_updates), **customer.moved())
        case "method":
            yield from new_method(customer)
        case "renew":
            renew_card(customer)
        case "refund":
            _ask_money_back(customer)
        case "order":
            yield from (order if timeline.chance(0.5) else purchase)(customer)
        case "look":
            _look(customer)
        case "favor" if customer.discount is None:
            timeline.start(favor(customer), customer, timeline.now_s + 1)
        case "more" if len(customer.subscriptions) < 3:
            timeline.start(subscribe(customer), customer, timeline.now_s + 1)
        case "leave" if timeline.chance(0.12 if running else 0.5):
            _leave(customer)
        case "rest" if not running and timeline.chance(0.3):
            timeline.start(subscribe(customer), customer, timeline.now_s + 1)


_ACTS = ("move", "method", "renew", "refund", "order", "look", "favor", "more", "leave", "rest")
_WEIGHTS = (45, 12, 2, 7, 8, 3, 1, 5, 4, 15)


def _toggle(customer: Customer) -> None:
    """A flag there and back within one second."""
    was = customer.metadata
    customer.update(metadata={**was, "beta": "yes" if was.get("beta") != "yes" else "no"})
    customer.update(metadata=was)


def _ask_money_back(customer: Customer) -> None:
    """All or half of the last charge goes back, or what is left of it."""
    payment = customer.last_charge
    if payment is None or not payment.refundable:
        return
    half = payment.amount // 20 * 10
    part = half if half and customer.timeline.chance(0.5) else payment.refundable
    give(payment, min(part, payment.refundable))


def _look(customer: Customer) -> None:
    """At the invoices, or at something to buy, for once without buying it."""
    shop = customer.shop
    if customer.timeline.chance(0.5) and shop.portal is not None:
        visit_portal(customer, shop.portal)
    elif ONBOARDING in shop.offers:
        give_up(customer, shop.price(ONBOARDING, "once", customer.pays_in).amount or 0)


def _leave(customer: Customer) -> None:
    """The customer is deleted, and with it, in the same second, whatever it was subscribed to."""
    timeline, account = customer.timeline, customer.shop.account
    for subscription in customer.subscriptions:
        if not subscription.over:
            end(subscription, reason="cancellation_requested")
    customer.gone = True
    whole = timeline.chance(0.5)
    rendered = customer.render(timeline.shape(account)) if whole else deleted_stub(customer)
    timeline.emit(account, "customer.deleted", rendered)
