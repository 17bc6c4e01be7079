"""What changes a price: coupons, the discounts that they grant, and tax rates; their amounts and their rendering.

Refuses to know subscriptions and invoices.
"""

from typing import NamedTuple

from replay.simulator.people import Country
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


def share_of(amount: int, part: int, whole: int, currency: str) -> int:
    """`amount * part / whole`, rounded half away from zero to what the currency can charge."""
    step = 10 if currency == "kwd" else 1
    product, divisor = abs(amount * part), whole * step
    rounded = (2 * product + divisor) // (2 * divisor) * step
    return rounded if amount * part >= 0 else -rounded


class Coupon(NamedTuple):
    """A coupon. Its id is chosen by people, and so is the same in many accounts, with other terms."""

    id: str
    name: str
    percent_off: int | None
    amount_off: int | None
    currency: str | None
    duration: str
    months: int | None
    created_s: int

    def off(self, amount: int, currency: str) -> int:
        """What it takes off a line of this amount."""
        if self.percent_off is not None:
            return share_of(amount, self.percent_off, 100, currency)
        return min(self.amount_off or 0, amount)

    def render(self, livemode: bool) -> Object:
        """The coupon; alike in all versions."""
        return {
            "id": self.id,
            "object": "coupon",
            "amount_off": self.amount_off,
            "created": self.created_s,
            "currency": self.currency,
            "duration": self.duration,
            "duration_in_months": self.months,
            "livemode": livemode,
            "max_redemptions": None,
            "metadata": {},
            "name": self.name,
            "percent_off": self.percent_off,
            "redeem_by": None,
            "times_redeemed": 0,
            "valid": True,
        }


class PromotionCode:
    """A word by which buyers get a coupon's discount, as it is now."""

    __slots__ = ("active", "code", "coupon", "created_s", "id", "limit", "redeemed")

    def __init__(self, id: str, code: str, coupon: Coupon, created_s: int, limit: int | None) -> None:
        self.id, self.code, self.coupon, self.created_s, self.limit = id, code, coupon, created_s, limit
        self.active = True
        self.redeemed = 0

    @property
    def redeemable(self) -> bool:
        """Whether it still works."""
        return self.active and (self.limit is None or self.redeemed < self.limit)

    def render(self, shape: Shape, livemode: bool) -> Object:
        """The code in the shape of a version."""
        rendered: Object = {
            "id": self.id,
            "object": "promotion_code",
            "active": self.active,
            "code": self.code,
            "created": self.created_s,
            "customer": None,
            "customer_account": None,
            "expires_at": None,
            "livemode": livemode,
            "max_redemptions": self.limit,
            "metadata": {},
            "restrictions": {
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            "times_redeemed": self.redeemed,
        }
        if shape.clover:
            rendered["promotion"] = {"coupon": self.coupon.id, "type": "coupon"}
        else:
            rendered["coupon"] = self.coupon.render(livemode)
        return rendered


class Discount(NamedTuple):
    """A coupon applied to a subscription or a customer, from `start_s` until `end_s` (None: for ever, or once)."""

    id: str
    coupon: Coupon
    customer: str
    subscription: str | None
    start_s: int
    end_s: int | None
    promotion_code: str | None = None

    def render(self, shape: Shape, livemode: bool) -> Object:
        """The discount in the shape of a version."""
        rendered: Object = {
            "id": self.id,
            "object": "discount",
            "checkout_session": None,
            "customer": self.customer,
            "end": self.end_s,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": self.promotion_code,
            "start": self.start_s,
            "subscription": self.subscription,
            "subscription_item": None,
        }
        if shape.clover:
            rendered |= {"source": {"coupon": self.coupon.id, "type": "coupon"}, "customer_account": None}
        else:
            rendered["coupon"] = self.coupon.render(livemode)
        return rendered


class TaxRate(NamedTuple):
    """The usual sales tax of a country, added on top of prices."""

    id: str
    country: Country
    created_s: int
    inclusive: bool = False
    active: bool = True

    def on(self, amount: int, currency: str) -> int:
        """The tax on an amount."""
        return share_of(amount, self.country.tax_basis_points, 10_000, currency)

    @property
    def percentage(self) -> int | float:
        """The rate in percent, as Stripe's JSON writes it."""
        whole, rest = divmod(self.country.tax_basis_points, 100)
        return whole if rest == 0 else self.country.tax_basis_points / 100

    def render(self, livemode: bool) -> Object:
        """The tax rate; alike in all versions."""
        return {
            "id": self.id,
            "object": "tax_rate",
            "active": self.active,
            "country": self.country.code,
            "created": self.created_s,
            "description": None,
            "display_name": self.country.tax_name,
            "effective_percentage": None,
            "flat_amount": None,
            "inclusive": self.inclusive,
            "jurisdiction": self.country.code,
            "jurisdiction_level": "country",
            "livemode": livemode,
            "metadata": {},
            "percentage": self.percentage,
            "rate_type": "percentage",
            "state": None,
            "tax_type": self.country.tax_type,
        }
