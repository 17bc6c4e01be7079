"""An account's balance: each movement of money, when it can be used, and what there is.

https://docs.stripe.com/payments/balances, https://docs.stripe.com/reports/balance-transaction-types. Knows the
arithmetic (net = amount - fee; the balance is the sum of the nets); refuses to know why money moves.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.listing import page
from api.sandbox.resources import payouts_due
from api.sandbox.rounding import percent_of
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "balance_transaction"
_HELD = "_balance"
DAY_S = 86_400
_PENDING_DAYS = 2
_CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "adjustment": "dispute",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "charge_failure",
}


def processing_fee(type: str, amount: int, currency: str) -> int:
    """What Stripe takes of a payment: https://stripe.com/pricing. Cards 2.9 % + 30 minor units, bank
    debits 0.8 %, 500 at most."""
    if type == "card":
        return min(amount, percent_of(amount, "2.9") + 30)
    return min(percent_of(amount, "0.8"), 500)


def stripe_fee(amount: int, currency: str, description: str = "Stripe processing fees") -> Object:
    """A part of a transaction's fee that is Stripe's."""
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": "stripe_fee",
    }


def book(
    desk: Desk,
    type: str,
    source: str,
    amount: int,
    currency: str,
    *,
    fees: tuple[Object, ...] = (),
    days: int = 0,
    description: str | None = None,
) -> Object:
    """Move money: `amount` comes, or goes when it is negative. After `days` working days it can be used."""
    now_s = desk.now_s
    available_s = now_s if days == 0 else (now_s // DAY_S + 1 + days) * DAY_S
    due_s = max(available_s, (now_s // DAY_S + 1) * DAY_S)
    batch = f"{desk.clock or 'wall'}/{due_s}"
    """What is looked at together, when its day begins."""
    fee = sum(part["amount"] for part in fees)
    reversal = "_reversal" if type == "adjustment" and amount > 0 else ""
    transaction: Object = {
        "id": desk.new_id("txn"),
        "object": KIND,
        "amount": amount,
        "available_on": available_s,
        "balance_type": "payments",
        "created": now_s,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [part for part in fees if part["amount"]],
        "net": amount - fee,
        "reporting_category": _CATEGORIES[type] + reversal,
        "source": source,
        "status": "pending" if days else "available",
        "type": type,
        "_payout": None,
        "_parent": batch,
    }
    desk.add(KIND, transaction)
    _move(desk, currency, "pending" if days else "available", amount - fee)
    desk.later(due_s, "balance.mature", batch)
    return transaction


def incoming_days(*, at_once: bool) -> int:
    """How long a payment is pending."""
    return 0 if at_once else _PENDING_DAYS


def _held(desk: Desk) -> Object:
    found = desk.held(_HELD, _HELD)
    if found is not None:
        return found
    opened: Object = {"id": _HELD, "object": _HELD, "currencies": {}, "_seq": 0}
    desk.work.put((desk.account, _HELD, _HELD), opened)
    return opened


def _move(desk: Desk, currency: str, where: str, net: int) -> None:
    sums = _held(desk)["currencies"].setdefault(currency, {"available": 0, "pending": 0})
    sums[where] += net


def available(desk: Desk, currency: str) -> int:
    """What can be used now."""
    return int(_held(desk)["currencies"].get(currency, {}).get("available", 0))


def mature(desk: Desk, batch: str) -> None:
    """What was pending until now can be used; then it is paid out, when that goes by itself."""
    moved = False
    for transaction in desk.find(KIND, _parent=batch):
        if transaction["status"] == "pending":
            transaction["status"] = "available"
            _move(desk, transaction["currency"], "pending", -transaction["net"])
            _move(desk, transaction["currency"], "available", transaction["net"])
            moved = True
    if moved:
        tell(desk)
    payouts_due.pay_out(desk)


def tell(desk: Desk) -> None:
    """Say what is available."""
    desk.emit("balance.available", shown(desk))


def shown(desk: Desk) -> Object:
    """The balance as Stripe shows it; a currency that never moved is not in it."""
    currencies = _held(desk)["currencies"] or {"usd": {"available": 0, "pending": 0}}

    def listed(where: str) -> list[Object]:
        return [
            {"amount": sums[where], "currency": currency, "source_types": {"card": sums[where]}}
            for currency, sums in sorted(currencies.items())
        ]

    return {
        "object": "balance",
        "available": listed("available"),
        "connect_reserved": [{"amount": 0, "currency": currency} for currency in sorted(currencies)],
        "instant_available": listed("available"),
        "livemode": desk.livemode,
        "pending": listed("pending"),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def retrieve(desk: Desk, params: dict[str, Any]) -> Object:
    """The balance."""
    return shown(desk)


def transaction(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """One movement."""
    return desk.get(KIND, id)


def transactions(desk: Desk, params: dict[str, Any]) -> Object:
    """Movements, newest first; those of an automatic payout by `payout`."""
    if params.get("payout") is not None:
        desk.get("payout", params["payout"], "payout")
    where = {
        field: params[name]
        for name, field in (("payout", "_payout"), ("type", "type"), ("currency", "currency"), ("source", "source"))
        if params.get(name) is not None
    }
    return page(params, desk.scan(KIND, **where), "/v1/balance_transactions")


ROUTES = (
    Route("GET", "/v1/balance", None, retrieve),
    Route("GET", "/v1/balance_transactions", sdk.BalanceTransactionListParams, transactions),
    Route("GET", "/v1/balance_transactions/{transaction}", None, transaction),
    Route("GET", "/v1/balance/history", sdk.BalanceTransactionListParams, transactions),
    Route("GET", "/v1/balance/history/{transaction}", None, transaction),
)
JOBS = {"balance.mature": mature}
PREFIXES = {"txn": KIND}
