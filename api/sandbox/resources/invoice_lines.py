"""What an invoice bills, line by line: https://docs.stripe.com/api/invoice-line-item.

Knows how a line is written, kept and shown. Refuses to know discounts and taxes (`invoice_totals`) and periods.
"""

from decimal import Decimal
from typing import NamedTuple

from api.sandbox.desk import Desk
from api.sandbox.listing import page, whole
from api.sandbox.resources.pricing import written
from api.sandbox.rounding import plain
from api.sandbox.state import Object

KIND = "line_item"
_SHOWN = 10
"""So many stand within an invoice; the rest has to be asked for."""


class Line(NamedTuple):
    """A line before it belongs to an invoice."""

    amount: int
    description: str | None
    start_s: int
    end_s: int
    price: str | None = None
    unit: Decimal | None = None
    quantity: int = 1
    subscription: str | None = None
    subscription_item: str | None = None
    invoice_item: str | None = None
    proration: bool = False
    credited: Object | None = None
    """`credited_items`: what a proration gives back."""
    discountable: bool = True
    discounts: tuple[str, ...] = ()
    tax_rates: tuple[str, ...] = ()
    metadata: Object | None = None


def keep(desk: Desk, invoice: Object, line: Line) -> Object:
    """Put a line on an invoice."""
    price = None if line.price is None else desk.get("price", line.price)
    pricing = None
    if price is not None:
        unit = None if line.unit is None else plain(line.unit)
        named = {"price": price["id"], "product": price["product"]}
        pricing = {"price_details": named, "type": "price_details", "unit_amount_decimal": unit}
    return desk.add(
        KIND,
        {
            "id": desk.new_id("il_tmp" if invoice.get("_preview") else "il"),
            "object": KIND,
            "amount": line.amount,
            "currency": invoice["currency"],
            "description": line.description,
            "discount_amounts": [],
            "discountable": line.discountable,
            "discounts": list(line.discounts),
            "invoice": invoice["id"],
            "livemode": desk.livemode,
            "metadata": line.metadata or {},
            "parent": _parent(line),
            "period": {"end": line.end_s, "start": line.start_s},
            "pretax_credit_amounts": [],
            "pricing": pricing,
            "quantity": line.quantity,
            "quantity_decimal": str(line.quantity),
            "subtotal": line.amount,
            "taxes": [],
            "_parent": line.subscription_item,
            "_price": line.price,
            "_rates": list(line.tax_rates),
            "_behavior": None if price is None else price["tax_behavior"],
        },
    )


def _parent(line: Line) -> Object:
    """Where a line comes from. A subscription's own stay its item's, even when an invoice item carried them."""
    details: Object = {
        "invoice_item": line.invoice_item,
        "proration": line.proration,
        "proration_details": {"credited_items": line.credited},
        "subscription": line.subscription,
    }
    if line.subscription_item is not None:
        return {
            "invoice_item_details": None,
            "subscription_item_details": {**details, "subscription_item": line.subscription_item},
            "type": "subscription_item_details",
        }
    return {"invoice_item_details": details, "subscription_item_details": None, "type": "invoice_item_details"}


def details(line: Object) -> Object:
    """The part of a line's parent that says something."""
    found: Object = line["parent"]["subscription_item_details"] or line["parent"]["invoice_item_details"]
    return found


def lines_of(desk: Desk, invoice: Object) -> list[Object]:
    """An invoice's lines in their order, free to be changed."""
    return sorted(desk.find(KIND, invoice=invoice["id"]), key=lambda line: line["_seq"])


def embedded(desk: Desk, invoice: Object) -> Object:
    """The list of lines that stands within an invoice."""
    lines = [present(desk, dict(line)) for line in lines_of(desk, invoice)]
    return whole(lines, f"/v1/invoices/{invoice['id']}/lines", _SHOWN)


def listed(desk: Desk, params: Object, id: str) -> Object:
    """All lines of an invoice, page by page, in their order."""
    desk.get("invoice", id)
    url = f"/v1/invoices/{id}/lines"
    ordered = [{"_seq": -i, "id": line["id"], "_line": line} for i, line in enumerate(lines_of(desk, {"id": id}))]
    found = page(params, ordered, url)
    return {**found, "data": [one["_line"] for one in found["data"]]}


def present(desk: Desk, line: Object) -> Object:
    """Beside what is kept, what older versions ask for: the price and the rates themselves."""
    price = desk.held("price", line["_price"])
    shown = None
    if price is not None:
        from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

        shown = presented(desk, price)
    rates = [desk.get("tax_rate", id) for id in line["_rates"]]
    return {**line, "_price": shown, "_rates": [dict(rate) for rate in rates]}


def first_discount(desk: Desk, holder: Object) -> Object | None:
    """The first of the discounts of an invoice or subscription, which until acacia stood there by itself."""
    from api.sandbox.presenting import present as presented

    held = desk.held("discount", holder["discounts"][0]) if holder["discounts"] else None
    return None if held is None else presented(desk, held)


def wording(desk: Desk, price: Object, quantity: int, unit: Decimal | None, tier: int | None, currency: str) -> str:
    """`1 user × Gold (at $25.00 / month)`, as Stripe writes it."""
    named = f"{counted(desk, price, quantity)} × {name_of(desk, price)}"
    if unit is None:
        return f"{name_of(desk, price)} (Tier {tier} flat fee)"
    cost = written(unit, currency)
    within = f"Tier {tier} at" if tier is not None else "at"
    return f"{named} ({within} {cost} / {_interval(price['recurring'])})" if price["recurring"] else named


def counted(desk: Desk, price: Object, quantity: int) -> str:
    """`1`, or `1 user` where the product has a label for its units."""
    label = desk.get("product", price["product"])["unit_label"]
    return f"{quantity} {label}" if label else str(quantity)


def name_of(desk: Desk, price: Object) -> str:
    """The name of a price's product."""
    return str(desk.get("product", price["product"])["name"])


def _interval(recurring: Object) -> str:
    count = recurring["interval_count"]
    return str(recurring["interval"]) if count == 1 else f"every {count} {recurring['interval']}s"


PRESENTERS = {KIND: present}
PREFIXES = {"il": KIND}
