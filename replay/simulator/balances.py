"""An account's balance with Stripe: what each movement of money adds or takes, and from when on it can be paid out.

Knows the arithmetic: net = amount - fee, and the balance is the sum of all nets. Refuses to know why money moves.
"""

from typing import NamedTuple

from replay.simulator.catalog import local_amount
from replay.simulator.coupons import share_of
from replay.simulator.timeline import Object, Subject, Timeline

DAY = 86_400
_CATEGORIES = {"charge": "charge", "payment": "charge", "refund": "refund", "payout": "payout",
               "adjustment": "dispute", "transfer": "transfer", "application_fee": "platform_earning",
               "application_fee_refund": "platform_earning_refund", "payment_failure_refund": "refund_failure",
               "payout_failure": "payout_reversal", "transfer_refund": "transfer_reversal"}  # fmt: skip


class BalanceTransaction(NamedTuple):
    """One movement of an account's balance, in minor units; what leaves is negative."""

    id: str
    type: str
    source: str
    amount: int
    fee: int
    currency: str
    created_s: int
    available_s: int

    @property
    def net(self) -> int:
        """What the balance changes by."""
        return self.amount - self.fee

    def render(self) -> Object:
        """The transaction; alike in all versions. No event is about one: it comes inside other objects."""
        reversal = "_reversal" if self.type == "adjustment" and self.amount > 0 else ""
        fee = {
            "amount": self.fee,
            "application": None,
            "currency": self.currency,
            "description": "Dispute fee" if self.type == "adjustment" else "Processing fees",
            "type": "stripe_fee",
        }
        return {
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.available_s,
            "balance_type": "payments",
            "created": self.created_s,
            "currency": self.currency,
            "description": None,
            "exchange_rate": None,
            "fee": self.fee,
            "fee_details": [fee] if self.fee else [],
            "net": self.net,
            "reporting_category": _CATEGORIES[self.type] + reversal,
            "source": self.source,
            "status": "available" if self.available_s <= self.created_s else "pending",
            "type": self.type,
        }


class Till(Subject):
    """The balance of one account, by currency."""

    __slots__ = ("_pending", "_timeline", "available")

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline
        self.available: dict[str, int] = {}
        self._pending: dict[int, dict[str, int]] = {}

    def book(
        self, type: str, source: str, amount: int, currency: str, *, fee: int = 0, id: str | None = None, days: int = 0
    ) -> BalanceTransaction:
        """Move money now; what comes in can be paid out `days` after the end of this day. `id` follows the source's."""
        now_s = self._timeline.now_s
        available_s = (now_s // DAY + 1 + days) * DAY if days else now_s
        id = id or transaction_of(source)
        booked = BalanceTransaction(id, type, source, amount, fee, currency, now_s, available_s)
        self.available.setdefault(currency, 0)
        if days:
            waiting = self._pending.setdefault(available_s, {})
            waiting[currency] = waiting.get(currency, 0) + booked.net
        else:
            self.available[currency] += booked.net
        return booked

    def mature(self) -> None:
        """What has become available by now is."""
        due = [at_s for at_s in self._pending if at_s <= self._timeline.now_s]
        for at_s in due:
            for currency, net in self._pending.pop(at_s).items():
                self.available[currency] += net

    def pending(self) -> dict[str, int]:
        """What is not available yet, by currency."""
        waiting = dict.fromkeys(self.available, 0)
        for nets in self._pending.values():
            for currency, net in nets.items():
                waiting[currency] += net
        return waiting

    def render(self) -> Object:
        """The balance; it has no id, and is alike in all versions."""
        return {
            "object": "balance",
            "available": _by_currency(self.available),
            "livemode": self._timeline.livemode,
            "pending": _by_currency(self.pending()),
        }


def _by_currency(amounts: dict[str, int]) -> list[Object]:
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in amounts.items()
    ]


def transaction_of(source: str) -> str:
    """The id of the first balance transaction of a charge, refund, payout …: `txn_` and its own tail."""
    return "txn_" + source.partition("_")[2]


def processing_fee(amount: int, currency: str, kind: str) -> int:
    """What Stripe takes of a payment by card, or by a bank's slower ways; never more than the amount."""
    if kind == "card":
        return min(amount, share_of(amount, 29, 1000, currency) + local_amount(30, currency))
    return min(share_of(amount, 8, 1000, currency), local_amount(500, currency))
