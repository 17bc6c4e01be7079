"""How an invoice is rendered in each API version. Decides nothing about it.

What cannot change after an invoice was made is rendered once and shared by its events.
"""

from replay.simulator.coupons import share_of
from replay.simulator.invoices import Invoice
from replay.simulator.line_shapes import pretax_credits, rendered_line, tax_amounts, taxes
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_LINES_SHOWN = 10
"""The rest has to be asked for."""
_ISSUER: Object = {"type": "self"}
_PAYMENT_SETTINGS: Object = {"default_mandate": None, "payment_method_options": None, "payment_method_types": None}
_RENDERING: Object = {
    "amount_tax_display": None,
    "pdf": {"page_size": "auto"},
    "template": None,
    "template_version": None,
}
_LATER_THAN_LEGACY = ("account_country", "account_name", "account_tax_ids", "automatic_tax", "collection_method",
                      "customer_tax_ids", "default_tax_rates", "discounts", "issuer", "payment_settings", "rendering",
                      "rendering_options", "subscription_details", "subtotal_excluding_tax", "total_discount_amounts",
                      "total_excluding_tax", "total_pretax_credit_amounts", "total_tax_amounts",
                      "application_fee_amount")  # fmt: skip


def rendered_invoice(invoice: Invoice, shape: Shape) -> Object:
    """The invoice, as it is now, in the shape of a version."""
    if invoice.fixed is None or invoice.fixed[0] != shape.version:
        invoice.fixed = shape.version, _fixed(invoice, shape)
    draft = invoice.status == "draft"
    rendered: Object = {
        **invoice.fixed[1],
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "amount_remaining": invoice.amount_remaining,
        "attempt_count": invoice.attempts,
        "attempted": invoice.attempted,
        "auto_advance": invoice.auto_advance,
        "automatically_finalizes_at": invoice.created_s + 3600 if draft and invoice.auto_advance else None,
        "due_date": invoice.due_s,
        "effective_at": invoice.finalized_s,
        "ending_balance": invoice.ending_balance,
        "hosted_invoice_url": None if draft else _url(invoice, "invoice", "?s=ap"),
        "invoice_pdf": None if draft else _url(invoice, "pay", "/pdf?s=ap"),
        "next_payment_attempt": invoice.next_attempt_s,
        "number": invoice.number,
        "post_payment_credit_notes_amount": invoice.post_credited,
        "pre_payment_credit_notes_amount": invoice.pre_credited,
        "starting_balance": invoice.starting_balance,
        "status": invoice.status,
        "status_transitions": {
            "finalized_at": invoice.finalized_s,
            "marked_uncollectible_at": invoice.uncollectible_s,
            "paid_at": invoice.paid_s,
            "voided_at": invoice.voided_s,
        },
        "webhooks_delivered_at": invoice.created_s,
    }
    if not shape.basil:
        rendered["charge"] = invoice.charge
        rendered["paid"] = invoice.status == "paid"
        rendered["paid_out_of_band"] = invoice.out_of_band
        rendered["payment_intent"] = invoice.payment_intent
        percent = invoice.customer.shop.account.fee_percent or 0
        rendered["application_fee_amount"] = share_of(invoice.amount_due, percent, 100, invoice.currency) or None
        if not shape.collection:
            _as_of_legacy(rendered, invoice, shape)
    elif shape.endive and invoice.status == "uncollectible":
        rendered["status_details"] = {"uncollectible": {"reason": "max_payment_attempts"}}
    return rendered


def _url(invoice: Invoice, host: str, tail: str) -> str:
    account = invoice.customer.shop.account
    mode = "live" if invoice.customer.timeline.livemode else "test"
    path = "i" if host == "invoice" else "invoice"
    return f"https://{host}.example.com/{path}/acct_{account.token}/{mode}_{invoice.token}{tail}"


def _fixed(invoice: Invoice, shape: Shape) -> Object:
    """All that an invoice keeps from its creation on."""
    customer, discount, tax_rate = invoice.customer, invoice.discount, invoice.tax_rate
    account, livemode = customer.shop.account, customer.timeline.livemode
    lines = [rendered_line(invoice, line, shape) for line in invoice.lines[:_LINES_SHOWN]]
    before_tax = invoice.total - invoice.tax
    discount_amounts = [] if discount is None else [{"amount": invoice.discounted, "discount": discount.id}]
    rendered: Object = {
        "id": invoice.id,
        "object": "invoice",
        "account_country": account.country,
        "account_name": account.name,
        "account_tax_ids": None,
        "amount_shipping": 0,
        "application": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "status": None},
        "billing_reason": invoice.reason,
        "collection_method": invoice.collection,
        "created": invoice.created_s,
        "currency": invoice.currency,
        "custom_fields": None,
        "customer": customer.id,
        "customer_address": customer.address,
        "customer_email": customer.email,
        "customer_name": customer.name,
        "customer_phone": customer.phone,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [{"type": type, "value": value} for type, value in customer.tax_ids],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [] if tax_rate is None else [tax_rate.render(livemode)],
        "description": None,
        "discounts": [] if discount is None else [discount.id],
        "footer": None,
        "from_invoice": None,
        "issuer": _ISSUER,
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": len(lines) < len(invoice.lines),
            "total_count": len(invoice.lines),
            "url": f"/v1/invoices/{invoice.id}/lines",
        },
        "livemode": livemode,
        "metadata": {},
        "on_behalf_of": None,
        "payment_settings": _PAYMENT_SETTINGS,
        "period_end": invoice.period_end_s,
        "period_start": invoice.period_start_s,
        "receipt_number": None,
        "rendering": _RENDERING,
        "shipping_cost": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "subtotal": invoice.subtotal,
        "subtotal_excluding_tax": invoice.subtotal,
        "test_clock": None,
        "total": invoice.total,
        "total_discount_amounts": discount_amounts,
        "total_excluding_tax": before_tax,
        "total_pretax_credit_amounts": [one for line in invoice.lines for one in pretax_credits(line)],
    }
    if shape.basil:
        _as_of_basil(rendered, invoice, shape)
    else:
        _before_basil(rendered, invoice, shape)
    return rendered


def _before_basil(rendered: Object, invoice: Invoice, shape: Shape) -> None:
    parent, discount = invoice.parent, invoice.discount
    livemode = invoice.customer.timeline.livemode
    rendered["discount"] = None if discount is None else discount.render(shape, livemode)
    rendered["quote"] = None
    rendered["subscription"] = None if parent is None else parent.subscription
    rendered["subscription_details"] = {"metadata": None if parent is None else parent.metadata}
    rendered["tax"] = None if invoice.tax_rate is None else invoice.tax
    rendered["total_tax_amounts"] = tax_amounts(invoice, invoice.tax, invoice.total - invoice.tax)
    rendered["transfer_data"] = None
    if not shape.marketing_features:
        rendered["rendering_options"] = None


def _as_of_basil(rendered: Object, invoice: Invoice, shape: Shape) -> None:
    parent = invoice.parent
    rendered["amount_overpaid"] = 0
    rendered["automatic_tax"] = {**rendered["automatic_tax"], "provider": None}
    rendered["parent"] = None
    if parent is not None:
        details = {"metadata": parent.metadata, "subscription": parent.subscription}
        rendered["parent"] = {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        }
    rendered["total_taxes"] = taxes(invoice, invoice.tax, invoice.total - invoice.tax)
    if shape.clover:
        rendered["customer_account"] = None
    if shape.dahlia:
        rendered["amount_paid_off_stripe"] = 0


def _as_of_legacy(rendered: Object, invoice: Invoice, shape: Shape) -> None:
    """Before 2019-10-17, and in steps what is older still."""
    rendered["billing"] = rendered["collection_method"]
    rendered["application_fee"] = None
    rendered["tax_percent"] = None if invoice.tax_rate is None else invoice.tax_rate.percentage
    for field in _LATER_THAN_LEGACY:
        rendered.pop(field, None)
    if not shape.invoice_created:
        rendered["date"] = rendered.pop("created")
        rendered["finalized_at"] = rendered.pop("status_transitions")["finalized_at"]
    if not shape.invoice_status:
        del rendered["status"], rendered["auto_advance"]
        rendered["closed"] = invoice.status in ("paid", "void", "uncollectible")
        rendered["forgiven"] = invoice.status == "uncollectible"
