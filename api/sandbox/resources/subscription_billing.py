"""What a subscription bills: the lines of a period, usage, prorations as invoice items; and the invoice they make.

Refuses to know when (`subscription_cycle`) and why (`subscription_changes`).
"""

from collections.abc import Sequence
from decimal import Decimal

from api.sandbox.desk import Desk
from api.sandbox.resources import discounting, meters
from api.sandbox.resources.invoice_drafts import draft, pending
from api.sandbox.resources.invoice_lines import Line, counted, name_of, wording
from api.sandbox.resources.invoiceitems import new_item
from api.sandbox.resources.pricing import priced, prorated
from api.sandbox.resources.prorating import Part
from api.sandbox.rounding import half_up, plain
from api.sandbox.state import Object


def ahead(desk: Desk, subscription: Object, item: Object, share: tuple[int, int] | None = None) -> list[Line]:
    """The lines of an item's present period, billed ahead. `share`: (seconds billed, seconds of a whole period).

    Usage is billed afterwards: a line of nothing stands for it.
    """
    price = desk.get("price", item["_price"])
    span = (item["current_period_start"], item["current_period_end"])
    currency = subscription["currency"]
    if price["recurring"]["usage_type"] == "metered":
        return [_line(subscription, item, price, 0, 0, wording_of(desk, price, currency), (span[0], span[0]))]
    trial = subscription["trial_end"] is not None and span[0] < subscription["trial_end"]
    if trial:
        said = f"Free trial for {counted(desk, price, item['quantity'])} × {name_of(desk, price)}"
        return [_line(subscription, item, price, 0, item["quantity"], said, span, unit=0)]
    lines = []
    for part in priced(price, item["quantity"], currency):
        amount = part.amount if share is None else prorated(part.amount, *share)
        said = wording(desk, price, part.quantity, part.unit, part.tier, currency)
        lines.append(_line(subscription, item, price, amount, part.quantity, said, span, unit=part.unit))
    return lines


def used(desk: Desk, subscription: Object, item: Object, from_s: int, until_s: int) -> list[Line]:
    """The lines of what was used of a metered item; none for others, nor for a trial."""
    price = desk.get("price", item["_price"])
    free_s = subscription["trial_end"] or 0
    if price["recurring"]["usage_type"] != "metered" or until_s <= free_s:
        return []
    meter = desk.held("billing.meter", price["recurring"]["meter"])
    since_s = max(from_s, free_s)
    amount = 0 if meter is None else half_up(meters.usage(desk, meter, subscription["customer"], since_s, until_s))
    currency = subscription["currency"]
    return [
        _line(
            subscription,
            item,
            price,
            part.amount,
            part.quantity,
            wording(desk, price, part.quantity, part.unit, part.tier, currency),
            (from_s, until_s),
            unit=part.unit,
        )
        for part in priced(price, amount, currency)
    ]


def wording_of(desk: Desk, price: Object, currency: str) -> str:
    """A metered price of which nothing was used yet."""
    first = priced(price, 0, currency)[0]
    return wording(desk, price, 0, first.unit, first.tier, currency)


def _line(
    subscription: Object, item: Object, price: Object, amount: int, quantity: int, said: str, span: tuple[int, int],
    unit: object = None,
) -> Line:  # fmt: skip
    return Line(
        amount,
        said,
        *span,
        price=price["id"],
        unit=None if unit is None else Decimal(str(unit)),
        quantity=quantity,
        subscription=subscription["id"],
        subscription_item=item["id"],
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
        metadata=dict(subscription["metadata"]),
    )


def prorate(desk: Desk, subscription: Object, part: Part) -> Object:
    """Keep a proration as an invoice item that waits, with its event."""
    customer = desk.get("customer", subscription["customer"])
    fields: Object = {
        "amount": part.amount,
        "currency": subscription["currency"],
        "description": part.description,
        "discountable": False,
        "discounts": [],
        "metadata": {},
        "period": {"end": part.end_s, "start": part.start_s},
        "pricing": {
            "price_details": {"price": part.price["id"], "product": part.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": plain(_each(part)),
        },
        "proration": True,
        "proration_details": {"credited_items": _credited(part.credited), "discount_amounts": []},
        "quantity": part.quantity,
        "tax_rates": list(part.item["tax_rates"]),
        "_credited": part.credited,
        "_parent": part.item["id"],
    }
    item = new_item(desk, customer, fields, subscription=subscription["id"], item=part.item["id"])
    desk.emit("invoiceitem.created", item)
    return item


def _each(part: Part) -> Decimal:
    """A proration shared out over its quantity, as an invoice item shows it; its line shows no unit amount."""
    return round(Decimal(part.amount) / (part.quantity or 1), 12)


def _credited(credited: Object | None) -> Object | None:
    if credited is None:
        return None
    return {"invoice_line_item_details": credited, "type": "invoice_line_items"}


def bill(desk: Desk, subscription: Object, lines: Sequence[Line], reason: str, **fields: object) -> Object:
    """A draft of the subscription's: what waits for an invoice first, then these lines. It becomes its latest."""
    customer = desk.get("customer", subscription["customer"])
    waiting = pending(desk, customer, subscription["currency"], subscription["id"])
    ids = discounting.standing(desk, subscription["discounts"], desk.now_s)
    if ids != subscription["discounts"]:
        subscription["discounts"] = ids
    own = subscription["invoice_settings"]
    details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    tax = subscription["automatic_tax"]
    said: Object = {
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "days_until_due": subscription["days_until_due"],
        "default_tax_rates": list(subscription["default_tax_rates"]),
        "discounts": ids or _customers(desk, customer),
        "account_tax_ids": own["account_tax_ids"],
        "custom_fields": own["custom_fields"],
        "description": own["description"],
        "footer": own["footer"],
        "issuer": own["issuer"],
        "on_behalf_of": subscription["on_behalf_of"],
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": subscription["payment_settings"]["payment_method_options"],
            "payment_method_types": subscription["payment_settings"]["payment_method_types"],
        },
        "rendering": None,
        "_subscription": subscription["id"],
        "take": waiting,
        **fields,
    }
    if tax["enabled"]:
        said["automatic_tax"] = {**tax, "provider": "stripe", "status": None}
    invoice = draft(desk, customer, subscription["currency"], lines, **said)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _customers(desk: Desk, customer: Object) -> list[str]:
    """A customer's own discount counts where the subscription has none."""
    held = customer["discount"]
    return [] if held is None else discounting.standing(desk, [held], desk.now_s)
