"""How credit notes are rendered in each API version. Decides nothing about them."""

from typing import TYPE_CHECKING

from replay.simulator.line_shapes import tax_amounts, taxes
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

if TYPE_CHECKING:
    from replay.simulator.credit_notes import CreditNote


def rendered_note(note: "CreditNote", shape: Shape) -> Object:
    """The note in the shape of a version."""
    invoice, total = note.invoice, note.total
    customer, livemode = invoice.customer, invoice.customer.timeline.livemode
    refund = note.refund
    rendered: Object = {
        "id": note.id,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": note.created_s,
        "currency": invoice.currency,
        "customer": customer.id,
        "customer_account": None,
        "customer_balance_transaction": note.balance_transaction,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": note.created_s,
        "invoice": invoice.id,
        "lines": {
            "object": "list",
            "data": [_line(note, shape, livemode)],
            "has_more": False,
            "total_count": 1,
            "url": f"/v1/credit_notes/{note.id}/lines",
        },
        "livemode": livemode,
        "memo": note.memo,
        "metadata": {},
        "number": note.number,
        "out_of_band_amount": note.out_of_band or None,
        "pdf": f"https://pay.example.com/credit_notes/{note.id}/pdf",
        "pretax_credit_amounts": [],
        "reason": note.reason,
        "shipping_cost": None,
        "status": "issued" if note.voided_s is None else "void",
        "subtotal": note.subtotal,
        "subtotal_excluding_tax": note.subtotal,
        "total": total,
        "total_excluding_tax": note.subtotal,
        "type": "post_payment" if note.paid else "pre_payment",
        "voided_at": note.voided_s,
    }
    if shape.basil:
        rendered["post_payment_amount"] = total if note.paid else 0
        rendered["pre_payment_amount"] = 0 if note.paid else total
        rendered["refunds"] = [] if refund is None else [{"amount_refunded": refund.amount, "refund": refund.id}]
        rendered["total_taxes"] = taxes(invoice, note.tax, note.subtotal)
        if shape.clover:
            for one in rendered["refunds"]:
                one |= {"payment_record_refund": None, "type": "refund"}
    else:
        rendered["refund"] = None if refund is None else refund.id
        rendered["tax_amounts"] = tax_amounts(invoice, note.tax, note.subtotal)
    return rendered


def _line(note: "CreditNote", shape: Shape, livemode: bool) -> Object:
    invoice, line = note.invoice, note.line
    rendered: Object = {
        "id": note.line_id,
        "object": "credit_note_line_item",
        "amount": note.subtotal,
        "description": line.description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": line.id,
        "livemode": livemode,
        "pretax_credit_amounts": [],
        "quantity": None,
        "tax_rates": [] if invoice.tax_rate is None else [invoice.tax_rate.render(livemode)],
        "type": "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
    if shape.basil:
        rendered["taxes"] = taxes(invoice, note.tax, note.subtotal)
    else:
        rendered["amount_excluding_tax"] = note.subtotal
        rendered["tax_amounts"] = tax_amounts(invoice, note.tax, note.subtotal)
        rendered["unit_amount_excluding_tax"] = None
    return rendered
