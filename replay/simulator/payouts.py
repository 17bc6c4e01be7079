"""Payouts: what an account's balance sends to its bank, every week or four, and what the bank makes of it.

A payout takes all that is available in its currency; one that fails gives it back to the balance.
"""

from replay.simulator.account_shapes import rendered_bank
from replay.simulator.balances import DAY, transaction_of
from replay.simulator.changes import previous_attributes
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process

_EVERY_DAYS = (7, 28)
"""For the platform, and for a connected account."""
_FAILURE = ("account_closed", "The bank account has been closed.")


class Payout:
    """One payout as it is now."""

    __slots__ = ("amount", "arrival_s", "created_s", "currency", "failed", "id", "reconciled", "shop", "status")

    def __init__(self, shop: Shop, amount: int, currency: str) -> None:
        now_s = shop.timeline.now_s
        self.shop, self.amount, self.currency = shop, amount, currency
        self.created_s = now_s
        self.arrival_s = (now_s // DAY + 2) * DAY
        self.id = shop.timeline.ids.long("po", now_s, shop.account.token)
        self.status = "pending"
        self.failed = False
        self.reconciled = False
        shop.till.book("payout", self.id, -amount, currency)

    def render(self) -> Object:
        """The payout; alike in all versions since 2017-04-06."""
        code, message = _FAILURE if self.failed else (None, None)
        return {
            "id": self.id,
            "object": "payout",
            "amount": self.amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": self.arrival_s,
            "automatic": True,
            "balance_transaction": transaction_of(self.id),
            "created": self.created_s,
            "currency": self.currency,
            "description": "STRIPE PAYOUT",
            "destination": rendered_bank(self.shop.account, self.currency)["id"],
            "failure_balance_transaction": f"{transaction_of(self.id)}F" if self.failed else None,
            "failure_code": code,
            "failure_message": message,
            "livemode": self.shop.timeline.livemode,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "completed" if self.reconciled else "in_progress",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": self.status,
            "trace_id": {"status": "supported" if self.reconciled else "pending", "value": None},
            "type": "bank_account",
        }

    def emit(self, type: str, before: Object | None = None) -> None:
        """Say something of it as it is now."""
        after = self.render()
        previous = None if before is None else previous_attributes(before, after)
        self.shop.timeline.emit(self.shop.account, f"payout.{type}", after, previous)

    def arrive(self, *, fails: bool) -> None:
        """The bank takes it, or sends it back."""
        before = self.render()
        if fails:
            self.status, self.failed = "failed", True
            returned = f"{transaction_of(self.id)}F"
            self.shop.till.book("payout_failure", self.id, self.amount, self.currency, id=returned)
        else:
            self.status = "paid"
        self.emit("failed" if fails else "paid", before)

    def reconcile(self) -> None:
        """Its balance transactions are known."""
        before = self.render()
        self.reconciled = True
        self.emit("reconciliation_completed", before)


def pay_out(shop: Shop) -> Process:
    """Say what is available, send it away, and hear of it: again and again."""
    timeline, account, till = shop.timeline, shop.account, shop.till
    days = _EVERY_DAYS[account.id is not None]
    banks: set[str] = set()
    yield (timeline.now_s // DAY + timeline.random.randint(2, days + 1)) * DAY + 3600 * 4
    while True:
        next_s = timeline.now_s + days * DAY
        till.mature()
        if any(till.available.values()):
            timeline.emit(account, "balance.available", till.render())
        payouts = []
        if account.payouts_enabled:
            payouts = [Payout(shop, left, currency) for currency, left in till.available.items() if left > 0]
        for payout in payouts:
            if payout.currency not in banks:
                banks.add(payout.currency)
                timeline.emit(account, "account.external_account.created", rendered_bank(account, payout.currency))
            payout.emit("created")
        if payouts:
            yield payouts[0].arrival_s + timeline.random.randint(4, 14) * 3600
            for payout in payouts:
                payout.arrive(fails=timeline.chance(0.04))
            yield timeline.now_s + timeline.random.randint(1, 6) * 3600
            for payout in payouts:
                if not payout.failed:
                    payout.reconcile()
        yield next_s
