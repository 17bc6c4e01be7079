"""Invoice items: prorations that wait for an invoice, and what is sold once; how each is rendered.

An item is the line of an invoice before there is one, and has its amount.
"""

from replay.simulator.customers import Customer
from replay.simulator.invoices import Line
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


def create_items(customer: Customer, lines: tuple[Line, ...], subscription: str | None) -> None:
    """Say of lines that they wait for an invoice."""
    _tell("invoiceitem.created", customer, lines, subscription)


def delete_items(customer: Customer, lines: tuple[Line, ...], subscription: str | None) -> None:
    """Say of lines that no invoice will have them."""
    _tell("invoiceitem.deleted", customer, lines, subscription)


def _tell(type: str, customer: Customer, lines: tuple[Line, ...], subscription: str | None) -> None:
    timeline, account = customer.timeline, customer.shop.account
    for line in lines:
        rendered = rendered_item(customer, line, subscription, timeline.shape(account))
        timeline.emit(account, type, rendered)


def rendered_item(customer: Customer, line: Line, subscription: str | None, shape: Shape) -> Object:
    """The item in the shape of a version, before an invoice has it."""
    tax_rate, livemode, price = customer.tax_rate, customer.timeline.livemode, line.price
    rendered: Object = {
        "id": line.invoice_item,
        "object": "invoiceitem",
        "amount": line.amount,
        "currency": price.currency,
        "customer": customer.id,
        "date": line.start_s,
        "description": line.description,
        "discountable": not line.proration,
        "discounts": [],
        "invoice": None,
        "livemode": livemode,
        "metadata": {},
        "period": {"end": line.end_s, "start": line.start_s},
        "proration": line.proration,
        "quantity": line.quantity,
        "tax_rates": [] if tax_rate is None else [tax_rate.render(livemode)],
        "test_clock": None,
    }
    if shape.basil:
        _as_of_basil(rendered, line, subscription, shape)
        return rendered
    rendered["plan"] = None if line.item is None else price.render_plan(shape)
    rendered["subscription"] = subscription
    rendered["unit_amount"] = None if line.proration else price.amount
    if line.item is not None:
        rendered["subscription_item"] = line.item
    if shape.prices:
        rendered["price"] = price.render(shape)
        rendered["unit_amount_decimal"] = None if line.proration else price.decimal
    return rendered


def _as_of_basil(rendered: Object, line: Line, subscription: str | None, shape: Shape) -> None:
    price = line.price
    rendered["parent"] = None
    if subscription is not None:
        details: Object = {"subscription": subscription}
        if line.item is not None:
            details["subscription_item"] = line.item
        rendered["parent"] = {"subscription_details": details, "type": "subscription_details"}
    rendered["pricing"] = {
        "price_details": {"price": price.id, "product": price.product.id},
        "type": "price_details",
        "unit_amount_decimal": None if line.proration else price.decimal,
    }
    if shape.clover:
        rendered["customer_account"] = None
        rendered["net_amount"] = line.amount
        rendered["proration_details"] = {"credited_items": None, "discount_amounts": []}
    if shape.dahlia:
        rendered["quantity_decimal"] = str(line.quantity)
