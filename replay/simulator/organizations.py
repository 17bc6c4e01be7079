"""The life of an organization as a customer: it signs up, subscribes, moves, asks money back, leaves.

Ties customers and subscriptions together; refuses to know prices and shapes.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.billing import attempt, emit_invoice, finalize, settle_without_charge, spread
from replay.simulator.catalog import ONBOARDING
from replay.simulator.changes import previous_attributes
from replay.simulator.collection import DAY, end
from replay.simulator.contract import subscribe
from replay.simulator.customers import Customer, deleted_stub
from replay.simulator.invoices import Invoice, Line
from replay.simulator.payments import rendered_charge, rendered_method


def live(customer: Customer) -> Generator[int, Any, None]:
    """Sign up, subscribe, and then do something every week or three."""
    timeline, random = customer.timeline, customer.timeline.random
    timeline.requested()
    account = customer.shop.account
    timeline.emit(account, "customer.created", customer.render(timeline.shape(account)))
    yield from spread(customer)
    _new_card(customer)
    timeline.start(subscribe(customer), customer, timeline.now_s + random.randint(1, 120))
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
    match timeline.random.choices(("move", "card", "refund", "order", "more", "leave", "rest"), _WEIGHTS)[0]:
        case "move":
            customer.update(bare=timeline.chance(timeline.scenario.bare_updates), **customer.moved())
        case "card":
            _new_card(customer)
        case "refund":
            _refund(customer)
        case "order" if customer.payment_method is not None:
            yield from _order(customer)
        case "more" if len(customer.subscriptions) < 3:
            timeline.start(subscribe(customer), customer, timeline.now_s + 1)
        case "leave" if timeline.chance(0.12 if running else 0.5):
            _leave(customer)
        case "rest" if not running and timeline.chance(0.3):
            timeline.start(subscribe(customer), customer, timeline.now_s + 1)


_WEIGHTS = (48, 12, 6, 7, 5, 4, 18)


def _toggle(customer: Customer) -> None:
    """A flag there and back within one second."""
    was = customer.metadata
    customer.update(metadata={**was, "beta": "yes" if was.get("beta") != "yes" else "no"})
    customer.update(metadata=was)


def _new_card(customer: Customer) -> None:
    """A card is attached, and pays from now on."""
    timeline, account = customer.timeline, customer.shop.account
    id = timeline.ids.long("pm", timeline.now_s, account.token)
    customer.card = (customer.card[0], f"{timeline.random.randrange(10_000):04d}", customer.card[2])
    timeline.emit(account, "payment_method.attached", rendered_method(customer, id))
    customer.update(payment_method=id)


def _refund(customer: Customer) -> None:
    """All or half of the last charge goes back."""
    payment = customer.last_charge
    if payment is None:
        return
    timeline, account = customer.timeline, customer.shop.account
    shape = timeline.shape(account)
    before = rendered_charge(customer, payment, shape)
    half = payment.amount // 20 * 10
    refunded = half if half and timeline.chance(0.5) else payment.amount
    refund = timeline.ids.long("re", timeline.now_s, account.token)
    after = rendered_charge(customer, payment._replace(refund=refund, refunded=refunded), shape)
    timeline.emit(account, "charge.refunded", after, previous_attributes(before, after))
    customer.last_charge = None


def _order(customer: Customer) -> Generator[int, Any, None]:
    """Something bought once, on an invoice without a subscription."""
    timeline, shop = customer.timeline, customer.shop
    if ONBOARDING not in shop.offers:
        return
    now_s, token = timeline.now_s, shop.account.token
    price = shop.price(ONBOARDING, "once", customer.pays_in)
    amount = price.amount or 0
    line = Line(timeline.ids.long("il", now_s, token), price, 1, amount, price.product.name, now_s, now_s, None,
                timeline.ids.long("ii", now_s, token))  # fmt: skip
    customer.update(currency=customer.pays_in)
    invoice = Invoice(customer, (line,), reason="manual", parent=None, period=(now_s, now_s), discount=None)
    emit_invoice(invoice, "created")
    yield from spread(customer)
    if customer.gone:
        return
    finalize(invoice)
    if invoice.amount_due == 0:
        settle_without_charge(invoice)
    else:
        attempt(invoice, succeeds=not timeline.chance(timeline.scenario.payment_failures))


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
