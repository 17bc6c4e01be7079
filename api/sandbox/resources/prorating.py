"""What unused time gives back, and what the rest of a period costs, to the second.

https://docs.stripe.com/billing/subscriptions/prorations. Knows lines; refuses to know when they are invoiced.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from api.sandbox.desk import Desk
from api.sandbox.resources.invoice_lines import name_of
from api.sandbox.resources.pricing import amount_of, prorated
from api.sandbox.state import Object


class Billed(NamedTuple):
    """What was billed last for an item, for a time that is not over."""

    amount: int
    """After discounts: credit gives back no more than was asked."""
    start_s: int
    end_s: int
    credited: Object | None


class Part(NamedTuple):
    """A proration: part of an item's period, given back or charged."""

    amount: int
    description: str
    start_s: int
    end_s: int
    item: Object
    price: Object
    quantity: int
    credited: Object | None = None


def unused(desk: Desk, subscription: Object, item: Object, at_s: int) -> Part | None:
    """What the rest of an item's period gives back; None when nothing was billed for it ahead."""
    price = desk.get("price", item["_price"])
    if not _ahead(subscription, price, at_s) or item["current_period_end"] <= at_s:
        return None
    billed = _billed(desk, item, at_s) or _by_price(subscription, item, price)
    amount = -prorated(billed.amount, billed.end_s - at_s, billed.end_s - billed.start_s)
    if amount == 0:
        return None
    quantity = item["quantity"]
    said = f"Unused time on {_named(desk, price, quantity)} after {_day(at_s)}"
    return Part(amount, said, at_s, billed.end_s, item, price, quantity, billed.credited)


def remaining(desk: Desk, subscription: Object, item: Object, at_s: int) -> Part | None:
    """What the rest of an item's present period costs at its present price and quantity."""
    price = desk.get("price", item["_price"])
    start_s, end_s = item["current_period_start"], item["current_period_end"]
    if not _ahead(subscription, price, at_s) or end_s <= at_s:
        return None
    quantity = item["quantity"]
    amount = prorated(amount_of(price, quantity, subscription["currency"]), end_s - at_s, end_s - start_s)
    if amount == 0:
        return None
    said = f"Remaining time on {_named(desk, price, quantity)} after {_day(at_s)}"
    return Part(amount, said, at_s, end_s, item, price, quantity)


def _ahead(subscription: Object, price: Object, at_s: int) -> bool:
    """Whether the item is billed for time to come: usage is not, nor is a trial."""
    trial = subscription["trial_end"] is not None and at_s < subscription["trial_end"]
    return price["recurring"]["usage_type"] == "licensed" and not trial


def _billed(desk: Desk, item: Object, at_s: int) -> Billed | None:
    """The newest charge for the item that covers the moment: on an invoice, or still waiting for one."""
    lines = [line for line in desk.scan("line_item", _parent=item["id"]) if _covers(line, at_s) and _counts(desk, line)]
    waiting = [one for one in desk.scan("invoiceitem", invoice=None, _parent=item["id"]) if _covers(one, at_s)]
    newest = max((*lines, *waiting), key=lambda one: one["_seq"], default=None)
    if newest is None:
        return None
    period = newest["period"]
    if newest["object"] == "invoiceitem":
        return Billed(newest["amount"], period["start"], period["end"], None)
    same = [line for line in lines if (line["invoice"], line["period"]) == (newest["invoice"], period)]
    net = sum(line["amount"] - sum(part["amount"] for part in line["discount_amounts"]) for line in same)
    credited = {"invoice": newest["invoice"], "invoice_line_items": [line["id"] for line in same]}
    return Billed(net, period["start"], period["end"], credited)


def _counts(desk: Desk, line: Object) -> bool:
    invoice = desk.get("invoice", line["invoice"])
    return invoice["status"] != "void" and not invoice.get("deleted")


def _covers(charge: Object, at_s: int) -> bool:
    """Whether it is a charge, or a free period, and not a credit, for time that is not over."""
    period = charge["period"]
    return bool(charge["amount"] >= 0 and period["start"] <= at_s < period["end"])


def _by_price(subscription: Object, item: Object, price: Object) -> Billed:
    amount = amount_of(price, item["quantity"], subscription["currency"])
    return Billed(amount, item["current_period_start"], item["current_period_end"], None)


def _named(desk: Desk, price: Object, quantity: int) -> str:
    return name_of(desk, price) if quantity == 1 else f"{quantity} × {name_of(desk, price)}"


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%d %b %Y")
