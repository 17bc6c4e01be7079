"""Transfers: money that the platform hands on to a connected account, and takes back now and then.

Knows that the platform gives no more than it has; refuses to know what for.
"""

from replay.simulator.balances import DAY, transaction_of
from replay.simulator.catalog import local_amount
from replay.simulator.changes import previous_attributes
from replay.simulator.people import BY_CODE
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process


class Transfer:
    """One transfer, with what was taken back of it."""

    __slots__ = ("amount", "created_s", "currency", "description", "id", "reversals", "seller")

    def __init__(self, seller: Shop, amount: int, currency: str) -> None:
        assert seller.platform is not None
        timeline = seller.timeline
        self.seller, self.amount, self.currency = seller, amount, currency
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("tr", timeline.now_s, seller.platform.account.token)
        self.description: str | None = None
        self.reversals: tuple[tuple[str, int, int], ...] = ()
        """(id, amount, time) of each."""
        seller.platform.till.book("transfer", self.id, -amount, currency)
        seller.till.book("payment", self._payment, amount, currency)

    @property
    def _payment(self) -> str:
        return self.id.replace("tr_", "py_")

    @property
    def reversed(self) -> int:
        """What was taken back."""
        return sum(amount for _, amount, _ in self.reversals)

    def render(self) -> Object:
        """The transfer; alike in all versions since 2017-04-06."""
        data: list[Object] = [
            {
                "id": id,
                "object": "transfer_reversal",
                "amount": amount,
                "balance_transaction": transaction_of(id),
                "created": created_s,
                "currency": self.currency,
                "destination_payment_refund": id.replace("trr_", "pyr_"),
                "metadata": {},
                "source_refund": None,
                "transfer": self.id,
            }
            for id, amount, created_s in reversed(self.reversals)
        ]
        return {
            "id": self.id,
            "object": "transfer",
            "amount": self.amount,
            "amount_reversed": self.reversed,
            "balance_transaction": transaction_of(self.id),
            "created": self.created_s,
            "currency": self.currency,
            "description": self.description,
            "destination": self.seller.account.id,
            "destination_payment": self._payment,
            "livemode": self.seller.timeline.livemode,
            "metadata": {},
            "reversals": {
                "object": "list",
                "data": data,
                "has_more": False,
                "total_count": len(data),
                "url": f"/v1/transfers/{self.id}/reversals",
            },
            "reversed": self.reversed == self.amount,
            "source_transaction": None,
            "source_type": "card",
            "transfer_group": None,
        }

    def reverse(self, amount: int) -> None:
        """Take some of it back."""
        platform = self.seller.platform
        assert platform is not None
        id = platform.timeline.ids.long("trr", platform.timeline.now_s, platform.account.token)
        self.reversals = (*self.reversals, (id, amount, platform.timeline.now_s))
        platform.till.book("transfer_refund", id, amount, self.currency)
        self.seller.till.book("transfer_refund", id.replace("trr_", "pyr_"), -amount, self.currency)


def hand_on(seller: Shop) -> Process:
    """Every month or so the platform gives a seller what it has earned; it may note why, or take some back."""
    platform, timeline = seller.platform, seller.timeline
    assert platform is not None
    currency = BY_CODE[seller.account.country].currency
    while True:
        yield timeline.now_s + timeline.random.randint(20 * DAY, 40 * DAY)
        platform.till.mature()
        has = platform.till.available.get(currency, 0)
        amount = min(local_amount(timeline.random.randrange(2_000, 40_000), currency), has // 4 // 10 * 10)
        if seller.account.gone or not seller.account.charges_enabled or amount <= 0:
            continue
        timeline.requested()
        transfer = Transfer(seller, amount, currency)
        timeline.emit(platform.account, "transfer.created", transfer.render())
        if timeline.chance(0.25):
            yield timeline.now_s + timeline.random.randint(60, 5 * DAY)
            timeline.requested()
            before = transfer.render()
            if taken_back := timeline.chance(0.6):
                transfer.reverse(max(1, amount // 20 * 10) if timeline.chance(0.5) else amount)
            else:
                transfer.description = "Commission"
            after = transfer.render()
            type = "transfer.reversed" if taken_back else "transfer.updated"
            timeline.emit(platform.account, type, after, previous_attributes(before, after))
