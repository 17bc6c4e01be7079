"""What is bought once: on an invoice without a subscription, or straight at the checkout, paid at once or in days."""

from collections.abc import Generator
from typing import Any

from replay.simulator import charging
from replay.simulator.balances import DAY
from replay.simulator.billing import attempt, await_charges, emit_invoice, finalize, settle_without_charge, spread
from replay.simulator.catalog import ONBOARDING
from replay.simulator.checkout import for_payment
from replay.simulator.customers import Customer
from replay.simulator.invoice_items import create_items
from replay.simulator.invoices import Invoice, Line
from replay.simulator.payments import Payment

_LARGE = 0.03
"""The share of orders whose lines do not fit on one page."""


def order(customer: Customer) -> Generator[int, Any, None]:
    """Something bought once, on an invoice without a subscription; for some it is many lines."""
    timeline, shop = customer.timeline, customer.shop
    if ONBOARDING not in shop.offers:
        return
    now_s, token = timeline.now_s, shop.account.token
    price = shop.price(ONBOARDING, "once", customer.pays_in)
    amount = price.amount or 0
    teams = timeline.random.randint(11, 14) if timeline.chance(_LARGE) else 1
    line = Line("", price, 1, amount, price.product.name, now_s, now_s, None)
    lines = tuple(
        line._replace(id=timeline.ids.long("il", now_s, token), invoice_item=timeline.ids.long("ii", now_s, token))
        for _ in range(teams)
    )
    create_items(customer, lines, None)
    customer.update(currency=customer.pays_in)
    invoice = Invoice(customer, lines, reason="manual", parent=None, period=(now_s, now_s), discount=customer.discount)
    emit_invoice(invoice, "created")
    yield from spread(customer)
    if customer.gone:
        return
    finalize(invoice)
    if invoice.amount_due == 0:
        settle_without_charge(invoice)
        return
    yield from await_charges(customer)
    yield from attempt(invoice, succeeds=not timeline.chance(timeline.scenario.payment_failures))


def purchase(customer: Customer) -> Generator[int, Any, None]:
    """Something bought at the checkout, without an invoice. By bank it is complete at once, and paid in days."""
    timeline, shop, method = customer.timeline, customer.shop, customer.method
    if ONBOARDING not in shop.offers or method is None:
        return
    yield from await_charges(customer)
    amount = shop.price(ONBOARDING, "once", customer.pays_in).amount or 0
    payment = Payment(customer, method, amount, customer.pays_in, invoice=None)
    session = for_payment(payment)
    if shop.link is not None and timeline.chance(0.5):
        session.link = shop.link
    charging.tell(payment, "payment_intent.created", status="requires_payment_method")
    yield from spread(customer)
    if not method.slow:
        charging.succeed(payment)
        session.emit("completed")
        return
    charging.process(payment)
    session.paid = "unpaid"
    session.emit("completed")
    yield timeline.now_s + timeline.random.randint(2 * DAY, 5 * DAY)
    if timeline.chance(0.6):
        charging.succeed(payment)
        session.paid = "paid"
        session.emit("async_payment_succeeded")
    else:
        charging.fail(payment)
        session.emit("async_payment_failed")
