"""Discounts: a coupon redeemed by somebody, and what it takes off the lines of an invoice.

https://docs.stripe.com/billing/subscriptions/coupons. Refuses to know who shows the lines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources.coupons import redeemable
from api.sandbox.rounding import allotted, percent_of
from api.sandbox.state import Object
from ledger.months import add_months

KIND = "discount"


class Bearer(NamedTuple):
    """What a discount belongs to."""

    customer: str | None
    subscription: str | None = None
    subscription_item: str | None = None
    invoice: str | None = None
    invoice_item: str | None = None
    checkout_session: str | None = None


class Discountable(NamedTuple):
    """As much of a line as discounts ask for."""

    amount: int
    product: str | None
    discountable: bool = True
    discounts: tuple[str, ...] = ()
    """Of the line itself, before those of the whole."""


def redeem(
    desk: Desk, said: Sequence[dict[str, Any]], bearer: Bearer, param: str = "discounts", *, quiet: bool = False
) -> list[str]:
    """Ids of the discounts that were asked for: each by `coupon`, `promotion_code`, or an existing `discount`. `quiet`:
    no event says so.

    Raises StripeError for codes that are unknown, spent, or another customer's.
    """
    ids = []
    for i, one in enumerate(said):
        if one.get("discount"):
            ids.append(str(desk.get(KIND, one["discount"], f"{param}[{i}][discount]")["id"]))
            continue
        code = _code(desk, one.get("promotion_code"), bearer, f"{param}[{i}][promotion_code]")
        coupon_id = code["promotion"]["coupon"] if code else one.get("coupon")
        if coupon_id is None:
            raise invalid("Name a coupon, a promotion code or a discount.", f"{param}[{i}]", "parameter_missing")
        coupon = desk.get("coupon", coupon_id, f"{param}[{i}][coupon]")
        ids.append(_redeemed(desk, redeemable(coupon, desk.now_s, f"{param}[{i}][coupon]"), code, bearer, quiet))
    return ids


def _code(desk: Desk, id: str | None, bearer: Bearer, param: str) -> Object | None:
    if id is None:
        return None
    code = desk.get("promotion_code", id, param)
    spent = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    late = code["expires_at"] is not None and code["expires_at"] < desk.now_s
    if not code["active"] or spent or late:
        raise invalid("This promotion code cannot be redeemed: it is inactive or expired.", param, "coupon_expired")
    if code["customer"] not in (None, bearer.customer):
        raise invalid("This promotion code cannot be redeemed by this customer.", param)
    return code


def _redeemed(desk: Desk, coupon: Object, code: Object | None, bearer: Bearer, quiet: bool) -> str:
    coupon["times_redeemed"] += 1
    if coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]:
        coupon["valid"] = False
    if code is not None:
        code["times_redeemed"] += 1
    months = coupon["duration_in_months"]
    discount: Object = {
        "id": desk.new_id("di"),
        "object": KIND,
        "checkout_session": bearer.checkout_session,
        "customer": bearer.customer,
        "customer_account": None,
        "end": add_months(desk.now_s, months) if coupon["duration"] == "repeating" else None,
        "invoice": bearer.invoice,
        "invoice_item": bearer.invoice_item,
        "promotion_code": code["id"] if code else None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": desk.now_s,
        "subscription": bearer.subscription,
        "subscription_item": bearer.subscription_item,
        "_once": coupon["duration"] == "once",
        "_used": False,
    }
    desk.add(KIND, discount)
    if not quiet and (bearer.subscription is not None or bearer == Bearer(bearer.customer)):
        desk.emit("customer.discount.created", discount)
    return str(discount["id"])


def of_customer(desk: Desk, customer: Object, params: dict[str, Any]) -> None:
    """A customer's own discount, which counts where its subscriptions have none: until basil, by `coupon` or by
    `promotion_code`; an empty value takes it away."""
    named = next((name for name in ("coupon", "promotion_code") if name in params), None)
    if named is None:
        return
    held = customer["discount"]
    if params[named] is None:
        if held is not None:
            end(desk, held)
        customer["discount"] = None
        return
    bearer = Bearer(customer["id"])
    if held is None:
        [customer["discount"]] = redeem(desk, [{named: params[named]}], bearer)
        return
    [other] = redeem(desk, [{named: params[named]}], bearer, quiet=True)
    kept = {name: value for name, value in desk.get(KIND, other).items() if name not in ("id", "_seq")}
    desk.remove(KIND, other)
    desk.change(desk.get(KIND, held), kept, "customer.discount.updated")


def standing(desk: Desk, ids: Sequence[str], at_s: int) -> list[str]:
    """Those that still count at a time. One whose end has passed, or that counted once, ends, with its event."""
    left = []
    for id in ids:
        discount = desk.get(KIND, id)
        if (discount["_once"] and discount["_used"]) or (discount["end"] is not None and discount["end"] <= at_s):
            end(desk, id)
        else:
            left.append(id)
    return left


def end(desk: Desk, id: str) -> None:
    """Take a discount away."""
    discount = desk.get(KIND, id)
    if not discount.get("_ended"):
        discount["_ended"] = True
        desk.emit("customer.discount.deleted", discount)


def use(desk: Desk, ids: Sequence[str]) -> None:
    """These have counted on an invoice that was made: one that counts once is spent by it."""
    for id in ids:
        desk.get(KIND, id)["_used"] = True


def off(desk: Desk, lines: Sequence[Discountable], whole: Sequence[str], currency: str) -> list[list[Object]]:
    """For each line what each discount takes off it: `discount_amounts`. The line's own first, then the whole's.

    Percentages are of what earlier ones left. A fixed amount is spread over what it may be taken off.
    """
    left = [line.amount for line in lines]
    taken: list[list[Object]] = [[] for _ in lines]
    for i, line in enumerate(lines):
        for id in line.discounts:
            _take(desk, id, [i], lines, left, taken, currency)
    for id in whole:
        _take(desk, id, range(len(lines)), lines, left, taken, currency)
    return taken


def _take(
    desk: Desk,
    id: str,
    among: Sequence[int],
    lines: Sequence[Discountable],
    left: list[int],
    taken: list[list[Object]],
    currency: str,
) -> None:
    coupon = desk.get("coupon", desk.get(KIND, id)["source"]["coupon"])
    products = coupon["_products"]
    fits = [
        i for i in among if lines[i].discountable and left[i] > 0 and (not products or lines[i].product in products)
    ]
    if coupon["_percent_off"] is not None:
        amounts = [percent_of(left[i], coupon["_percent_off"]) for i in fits]
    elif coupon["currency"] == currency:
        weights = [left[i] for i in fits]
        amounts = allotted(min(coupon["amount_off"], sum(weights)), weights)
    else:
        amounts = [0] * len(fits)
    for i, amount in zip(fits, amounts, strict=True):
        left[i] -= amount
        taken[i].append({"amount": amount, "discount": id})


def present(desk: Desk, discount: Object) -> Object:
    """The coupon is at hand for older versions, which show it whole."""
    coupon = desk.held("coupon", discount["source"]["coupon"])
    return {**discount, "_coupon": coupon and {k: v for k, v in coupon.items() if k != "deleted"}}


PRESENTERS = {KIND: present}
PREFIXES = {"di": KIND}
