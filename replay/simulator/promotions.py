"""Promotion codes, by which people get a coupon's discount, and discounts of a whole customer.

Knows who redeems what; refuses to know what a discount takes off an invoice (see `coupons`).
"""

from collections.abc import Generator
from typing import Any

from ledger.months import add_months
from replay.simulator.balances import DAY
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import Coupon, Discount, PromotionCode
from replay.simulator.customers import Customer
from replay.simulator.shop import Shop


def publish(shop: Shop) -> None:
    """Codes for the shop's coupons."""
    timeline = shop.timeline
    for coupon in shop.coupons:
        id = timeline.ids.long("promo", timeline.now_s, shop.account.token)
        limit = 40 if coupon.duration == "once" else None
        code = PromotionCode(id, f"{coupon.id}{timeline.random.randrange(100):02d}", coupon, timeline.now_s, limit)
        shop.codes.append(code)
        rendered = code.render(timeline.shape(shop.account), timeline.livemode)
        timeline.emit(shop.account, "promotion_code.created", rendered)


def retire_code(shop: Shop) -> None:
    """A code is switched off, or on again."""
    timeline = shop.timeline
    code = timeline.random.choice(shop.codes)
    shape = timeline.shape(shop.account)
    before = code.render(shape, timeline.livemode)
    code.active = not code.active
    after = code.render(shape, timeline.livemode)
    timeline.emit(shop.account, "promotion_code.updated", after, previous_attributes(before, after))


def new_discount(customer: Customer, coupon: Coupon, subscription: str | None) -> Discount:
    """A discount for a subscription, or for all that a customer buys; half of them by a code. Said at once."""
    timeline, shop = customer.timeline, customer.shop
    now_s = timeline.now_s
    end_s = None if coupon.months is None else add_months(now_s, coupon.months)
    code = next((code for code in shop.codes if code.coupon is coupon and code.redeemable), None)
    if code is not None and timeline.chance(0.5):
        code.redeemed += 1
    else:
        code = None
    id = timeline.ids.long("di", now_s, shop.account.token)
    discount = Discount(id, coupon, customer.id, subscription, now_s, end_s, None if code is None else code.id)
    rendered = discount.render(timeline.shape(shop.account), timeline.livemode)
    timeline.emit(shop.account, "customer.discount.created", rendered)
    return discount


def favor(customer: Customer) -> Generator[int, Any, None]:
    """Somebody gives the customer a discount on everything, makes it another one, or takes it away, in the end."""
    timeline, shop = customer.timeline, customer.shop
    fitting = [coupon for coupon in shop.coupons if coupon.percent_off is not None]
    if customer.discount is not None or not fitting:
        return
    coupon = timeline.random.choice(fitting)
    customer.update(discount=new_discount(customer, coupon, None))
    others = [other for other in fitting if other is not coupon]
    if others and timeline.chance(0.3):
        yield timeline.now_s + timeline.random.randint(DAY, 20 * DAY)
        if customer.gone:
            return
        timeline.requested()
        _swap(customer, timeline.random.choice(others))
    yield timeline.now_s + timeline.random.randint(30 * DAY, 90 * DAY)
    discount = customer.discount
    if customer.gone or discount is None:
        return
    timeline.requested()
    rendered = discount.render(timeline.shape(shop.account), timeline.livemode)
    timeline.emit(shop.account, "customer.discount.deleted", rendered)
    customer.update(discount=None)


def _swap(customer: Customer, coupon: Coupon) -> None:
    """The discount stays, under another coupon."""
    timeline, shop, discount = customer.timeline, customer.shop, customer.discount
    assert discount is not None
    end_s = None if coupon.months is None else add_months(discount.start_s, coupon.months)
    shape = timeline.shape(shop.account)
    before = discount.render(shape, timeline.livemode)
    swapped = discount._replace(coupon=coupon, end_s=end_s, promotion_code=None)
    after = swapped.render(shape, timeline.livemode)
    timeline.emit(shop.account, "customer.discount.updated", after, previous_attributes(before, after))
    customer.update(discount=swapped)
