"""How an invoice's lines and taxes are rendered in each API version. Decides nothing about them."""

from replay.simulator.invoices import Invoice, Line
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_NO_CREDITED_ITEMS: Object = {"credited_items": None}


def rendered_line(invoice: Invoice, line: Line, shape: Shape) -> Object:
    """One line in the shape of a version."""
    discount = invoice.discount
    rendered: Object = {
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice.currency,
        "description": line.description,
        "discount_amounts": [] if discount is None else [{"amount": line.discount, "discount": discount.id}],
        "discountable": not line.proration,
        "discounts": [],
        "invoice": invoice.id,
        "livemode": invoice.customer.timeline.livemode,
        "metadata": {} if invoice.parent is None else invoice.parent.metadata,
        "period": {"end": line.end_s, "start": line.start_s},
        "pretax_credit_amounts": pretax_credits(line),
        "quantity": line.quantity,
    }
    if shape.basil:
        _as_of_basil(rendered, invoice, line, shape)
    else:
        _before_basil(rendered, invoice, line, shape)
    return rendered


def _before_basil(rendered: Object, invoice: Invoice, line: Line, shape: Shape) -> None:
    livemode = invoice.customer.timeline.livemode
    rendered["plan"] = None if line.item is None else line.price.render_plan(shape)
    rendered["proration"] = line.proration
    rendered["subscription"] = None if invoice.parent is None else invoice.parent.subscription
    rendered["type"] = "invoiceitem" if line.invoice_item else "subscription"
    if line.item is not None:
        rendered["subscription_item"] = line.item
    if line.invoice_item is not None:
        rendered["invoice_item"] = line.invoice_item
    if shape.prices:
        rendered["amount_excluding_tax"] = line.amount
        rendered["price"] = line.price.render(shape)
        rendered["proration_details"] = _NO_CREDITED_ITEMS
        rendered["tax_amounts"] = tax_amounts(invoice, line.tax, line.taxable)
        rendered["tax_rates"] = [] if invoice.tax_rate is None else [invoice.tax_rate.render(livemode)]
        rendered["unit_amount_excluding_tax"] = line.price.decimal
    else:
        for field in ("discount_amounts", "discounts", "invoice", "pretax_credit_amounts"):
            del rendered[field]


def _as_of_basil(rendered: Object, invoice: Invoice, line: Line, shape: Shape) -> None:
    subscription = None if invoice.parent is None else invoice.parent.subscription
    details: Object = {
        "invoice_item": line.invoice_item,
        "proration": line.proration,
        "proration_details": _NO_CREDITED_ITEMS,
        "subscription": subscription,
    }
    of_item = line.item is not None and (line.invoice_item is None or shape.clover)
    rendered["parent"] = {
        "invoice_item_details": None if of_item else details,
        "subscription_item_details": {**details, "subscription_item": line.item} if of_item else None,
        "type": "subscription_item_details" if of_item else "invoice_item_details",
    }
    rendered["pricing"] = {
        "price_details": {"price": line.price.id, "product": line.price.product.id},
        "type": "price_details",
        "unit_amount_decimal": line.price.decimal,
    }
    rendered["taxes"] = taxes(invoice, line.tax, line.taxable)
    if shape.clover:
        rendered["subtotal"] = line.amount
    if shape.dahlia:
        rendered["quantity_decimal"] = str(line.quantity)


def pretax_credits(line: Line) -> list[Object]:
    """What granted credit paid of a line."""
    if line.credit is None:
        return []
    id, amount = line.credit
    return [{"amount": amount, "credit_balance_transaction": id, "type": "credit_balance_transaction"}]


def tax_amounts(invoice: Invoice, amount: int, taxable: int) -> list[Object]:
    """The tax on an invoice or a line, until acacia."""
    if invoice.tax_rate is None:
        return []
    return [
        {
            "amount": amount,
            "inclusive": False,
            "tax_rate": invoice.tax_rate.id,
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
        }
    ]


def taxes(invoice: Invoice, amount: int, taxable: int) -> list[Object]:
    """The tax on an invoice or a line, since basil."""
    if invoice.tax_rate is None:
        return []
    return [
        {
            "amount": amount,
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": invoice.tax_rate.id},
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
    ]
