"""Top-ups: what the platform puts on its balance when more went back than came in.

They come from its bank account and take days.
"""

from replay.simulator.balances import DAY, transaction_of
from replay.simulator.changes import previous_attributes
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process

_LOOKS_EVERY_S = 7 * DAY
_TAKES_S = 3 * DAY


class TopUp:
    """One top-up as it is now."""

    __slots__ = ("amount", "created_s", "currency", "id", "shop", "status")

    def __init__(self, shop: Shop, amount: int, currency: str) -> None:
        self.shop, self.amount, self.currency = shop, amount, currency
        self.created_s = shop.timeline.now_s
        self.id = shop.timeline.ids.long("tu", self.created_s, shop.account.token)
        self.status = "pending"
        self._tell("created", None)

    def arrive(self) -> None:
        """The money is on the balance."""
        before = self.render()
        self.status = "succeeded"
        self.shop.till.book("topup", self.id, self.amount, self.currency)
        self._tell("succeeded", before)

    def _tell(self, type: str, before: Object | None) -> None:
        after = self.render()
        previous = None if before is None else previous_attributes(before, after)
        self.shop.timeline.emit(self.shop.account, f"topup.{type}", after, previous)

    def render(self) -> Object:
        """The top-up; alike in all versions."""
        return {
            "id": self.id,
            "object": "topup",
            "amount": self.amount,
            "balance_transaction": transaction_of(self.id) if self.status == "succeeded" else None,
            "created": self.created_s,
            "currency": self.currency,
            "description": "Top-up",
            "expected_availability_date": self.created_s + _TAKES_S,
            "failure_code": None,
            "failure_message": None,
            "livemode": self.shop.timeline.livemode,
            "metadata": {},
            "source": None,
            "statement_descriptor": None,
            "status": self.status,
            "transfer_group": None,
        }


def top_up(shop: Shop) -> Process:
    """Look at the balance every week, and fill up what is below nothing."""
    timeline, till = shop.timeline, shop.till
    while True:
        next_s = (timeline.now_s // DAY) * DAY + _LOOKS_EVERY_S + 3600 * 6
        till.mature()
        owed = [TopUp(shop, -left, currency) for currency, left in till.available.items() if left < 0]
        if owed:
            yield timeline.now_s + _TAKES_S
            for one in owed:
                one.arrive()
        yield next_s
