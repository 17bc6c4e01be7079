"""Application fees: what the platform takes of payments to its connected accounts, and gives back.

They are the platform's objects: their events come in its name, of a charge that is the seller's.
"""

from replay.simulator.balances import transaction_of
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import share_of
from replay.simulator.payments import Payment
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object


class Fee:
    """One application fee, with what was given back of it."""

    __slots__ = ("amount", "application", "created_s", "id", "note", "payment", "refunds")

    def __init__(self, payment: Payment, platform: Shop, amount: int) -> None:
        timeline = platform.timeline
        self.payment, self.amount = payment, amount
        self.application = application_of(platform)
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("fee", timeline.now_s, platform.account.token)
        self.refunds: tuple[tuple[str, int, int], ...] = ()
        """(id, amount, time) of each."""
        self.note: Object = {}
        """What the platform keeps beside the last refund, in the end."""

    @property
    def refunded(self) -> int:
        """What was given back."""
        return sum(amount for _, amount, _ in self.refunds)

    def render(self) -> Object:
        """The fee; alike in all versions."""
        payment = self.payment
        return {
            "id": self.id,
            "object": "application_fee",
            "account": payment.customer.shop.account.id,
            "amount": self.amount,
            "amount_refunded": self.refunded,
            "application": self.application,
            "balance_transaction": transaction_of(self.id),
            "charge": payment.charge,
            "created": self.created_s,
            "currency": payment.currency,
            "fee_source": {"charge": payment.charge, "type": "charge"},
            "livemode": payment.customer.timeline.livemode,
            "originating_transaction": None,
            "refunded": self.refunded == self.amount,
            "refunds": {
                "object": "list",
                "data": [self.rendered_refund(*refund) for refund in reversed(self.refunds)],
                "has_more": False,
                "total_count": len(self.refunds),
                "url": f"/v1/application_fees/{self.id}/refunds",
            },
        }

    def rendered_refund(self, id: str, amount: int, created_s: int) -> Object:
        """One refund of it."""
        return {
            "id": id,
            "object": "fee_refund",
            "amount": amount,
            "balance_transaction": transaction_of(id),
            "created": created_s,
            "currency": self.payment.currency,
            "fee": self.id,
            "metadata": self.note if id == self.refunds[-1][0] else {},
        }


def application_of(platform: Shop) -> str:
    """The platform, as its connected accounts know it."""
    return f"ca_{platform.account.token}Recount"


def owed(payment: Payment) -> Fee | None:
    """The fee that this payment will cost, if its seller pays any."""
    shop = payment.customer.shop
    percent = shop.account.fee_percent
    if percent is None or shop.platform is None:
        return None
    amount = share_of(payment.amount, percent, 100, payment.currency)
    return Fee(payment, shop.platform, amount) if amount else None


def take(fee: Fee) -> None:
    """The charge succeeded: the fee is the platform's."""
    platform = fee.payment.customer.shop.platform
    assert platform is not None
    if fee.payment.customer.shop.account.gone:
        return
    platform.till.book("application_fee", fee.id, fee.amount, fee.payment.currency, days=2)
    platform.timeline.emit(platform.account, "application_fee.created", fee.render())


def give_back(payment: Payment, part: int) -> None:
    """With a refund of `part` of a payment goes the same share of the fee."""
    fee, shop = payment.fee, payment.customer.shop
    if fee is None or shop.platform is None or shop.account.gone:
        return
    timeline, platform = shop.timeline, shop.platform
    amount = min(share_of(fee.amount, part, payment.amount, payment.currency), fee.amount - fee.refunded)
    if not amount:
        return
    before = fee.render()
    id = timeline.ids.long("fr", timeline.now_s, platform.account.token)
    fee.refunds = (*fee.refunds, (id, amount, timeline.now_s))
    platform.till.book("application_fee_refund", id, -amount, payment.currency)
    shop.till.book("application_fee_refund", id, amount, payment.currency)
    after = fee.render()
    timeline.emit(platform.account, "application_fee.refunded", after, previous_attributes(before, after))
    if fee.refunded == fee.amount:  # all of it: the platform notes whose payment it was
        fee.note = {"payment": payment.intent}
        noted = fee.rendered_refund(*fee.refunds[-1])
        timeline.emit(platform.account, "application_fee.refund.updated", noted, {"metadata": {"payment": None}})
