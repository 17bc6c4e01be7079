"""Bank transfers: a customer sends money, Stripe holds it as the customer's cash until an invoice uses it.

Knows the arithmetic: each transaction's ending balance is the one before plus its net amount, and none is below zero.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator import charging
from replay.simulator.balances import DAY
from replay.simulator.billing import new_payment, settle
from replay.simulator.customers import Customer
from replay.simulator.invoices import Invoice
from replay.simulator.methods import TRANSFER, Method
from replay.simulator.payment_shapes import transfer_network
from replay.simulator.payments import Payment
from replay.simulator.timeline import Object

TRANSFERABLE = frozenset({"usd", "eur", "gbp", "jpy"})
_SENDERS: dict[str, Object] = {
    "us_bank_transfer": {"network": "ach", "sender_name": None},
    "eu_bank_transfer": {"bic": "BICRCNT1", "iban_last4": "3000", "sender_name": None},
    "gb_bank_transfer": {"account_number_last4": "6789", "sender_name": None, "sort_code": "000000"},
    "jp_bank_transfer": {"sender_bank": None, "sender_branch": None, "sender_name": None},
}


def ask_for_transfer(invoice: Invoice) -> Payment:
    """Tell the customer where to send the money for an invoice."""
    timeline, account = invoice.customer.timeline, invoice.customer.shop.account
    id = timeline.ids.long("pm", timeline.now_s, account.token)
    payment = new_payment(invoice, Method(id, TRANSFER, "", "", 0, 0, timeline.now_s))
    charging.tell(payment, "payment_intent.created", status="requires_action")
    return payment


def receive_transfer(payment: Payment, invoice: Invoice) -> Generator[int, Any, None]:
    """The money comes: all of it, or in two parts, or more than was asked for; what is too much stays as cash."""
    customer = payment.customer
    timeline = customer.timeline
    payment.amount = due = invoice.amount_due
    has = min(customer.cash.get(payment.currency, 0), due)
    if has:
        _use(payment, has)
    short = due - has > 100 and timeline.chance(0.2)
    if short:
        part = (due - has) // 20 * 10
        _fund(customer, payment.currency, part)
        _use(payment, part)
        charging.tell(payment, "payment_intent.partially_funded", status="requires_action")
        yield timeline.now_s + timeline.random.randint(DAY, 4 * DAY)
    rest = due - payment.arrived
    if rest:
        more = timeline.random.randint(1, 50) * 10 if timeline.chance(0.15) else 0
        _fund(customer, payment.currency, rest + more)
        _use(payment, rest)
        if more:
            timeline.emit(customer.shop.account, "cash_balance.funds_available", _rendered(customer))
    settle(payment, invoice)


def _rendered(customer: Customer) -> Object:
    """What is left on a customer's cash balance; it has no id of its own."""
    return {
        "object": "cash_balance",
        "available": {currency: amount for currency, amount in sorted(customer.cash.items()) if amount},
        "customer": customer.id,
        "customer_account": None,
        "livemode": customer.timeline.livemode,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def _fund(customer: Customer, currency: str, amount: int) -> None:
    """Money arrives."""
    network = transfer_network(currency)
    sender = {**_SENDERS[network], "sender_name": customer.name}
    transfer = {network: sender, "reference": f"INV {customer.number:05d}", "type": network}
    _move(customer, currency, amount, "funded", {"bank_transfer": transfer})


def _use(payment: Payment, amount: int) -> None:
    """Cash pays for something."""
    payment.arrived += amount
    _move(payment.customer, payment.currency, -amount, "applied_to_payment", {"payment_intent": payment.intent})


def _move(customer: Customer, currency: str, amount: int, type: str, why: Object) -> None:
    timeline, account = customer.timeline, customer.shop.account
    ending = customer.cash.get(currency, 0) + amount
    assert ending >= 0
    customer.cash[currency] = ending
    transaction: Object = {
        "id": timeline.ids.long("ccsbtxn", timeline.now_s, account.token),
        "object": "customer_cash_balance_transaction",
        "created": timeline.now_s,
        "currency": currency,
        "customer": customer.id,
        "customer_account": None,
        "ending_balance": ending,
        "livemode": timeline.livemode,
        "net_amount": amount,
        "type": type,
        type: why,
    }
    timeline.emit(account, "customer_cash_balance_transaction.created", transaction)
