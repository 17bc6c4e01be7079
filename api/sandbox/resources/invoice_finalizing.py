"""A draft becomes an invoice: its number, what the balance pays of it, when it is due: https://docs.stripe.com/invoicing/integration/workflow-transitions.

Refuses to know how it is paid (`invoice_collection`), but for one that asks for nothing.
"""

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import invoice_charging, subscription_standing
from api.sandbox.resources.customer_balances import move
from api.sandbox.resources.discounting import use
from api.sandbox.resources.invoice_drafts import due_date, who
from api.sandbox.resources.invoice_totals import totaled
from api.sandbox.state import Object


def finalize(desk: Desk, invoice: Object, *, auto_advance: bool | None = None) -> Object:
    """Close a draft. One that asks for nothing is paid by that. Raises StripeError when it cannot be taxed."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable"
        )
    before = copied(invoice)
    customer = desk.get("customer", invoice["customer"])
    invoice |= {**who(desk, customer), "starting_balance": customer["balance"]}
    totaled(desk, invoice)
    _located(invoice)
    desk.never("invoice.finalize", invoice["id"])
    _numbered(desk, invoice, customer)
    _closed(desk, invoice, auto_advance)
    _balanced(desk, invoice, customer)
    use(desk, [part["discount"] for part in invoice["total_discount_amounts"]])
    if invoice["amount_due"] == 0:
        _paid_by_nothing(desk, invoice)
    else:
        invoice_charging.prepare(desk, invoice)
    desk.emit("invoice.updated", invoice, before)
    desk.emit("invoice.finalized", invoice)
    if invoice["status"] == "paid":
        desk.emit("invoice.paid", invoice)
        desk.emit("invoice.payment_succeeded", invoice)
        subscription_standing.paid(desk, invoice)
    else:
        _wait(desk, invoice)
    return invoice


def _located(invoice: Object) -> None:
    if invoice["automatic_tax"]["status"] == "requires_location_inputs":
        raise StripeError(
            400,
            "invalid_request_error",
            "The customer's location isn't recognized. Set a valid customer address in order to automatically"
            " calculate tax.",
            code="customer_tax_location_invalid",
        )


def _numbered(desk: Desk, invoice: Object, customer: Object) -> None:
    """Each customer has a series of its own: https://docs.stripe.com/invoicing/customize#invoice-numbering."""
    if invoice["number"] is None:
        invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1


def _closed(desk: Desk, invoice: Object, auto_advance: bool | None) -> None:
    token = desk.new_id(desk.mode, 40)
    base = f"{desk.account_id}/{token}"
    invoice |= {
        "due_date": due_date(desk, invoice),
        "effective_at": invoice["effective_at"] or desk.now_s,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{base}?s=ap",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{base}/pdf?s=ap",
        "status": "open",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": desk.now_s},
    }
    if auto_advance is not None:
        invoice["auto_advance"] = auto_advance
    if invoice["rendering"] is not None and invoice["rendering"]["pdf"]["page_size"] == "auto":
        invoice["rendering"] = {**invoice["rendering"], "pdf": {"page_size": "letter"}}


def _balanced(desk: Desk, invoice: Object, customer: Object) -> None:
    """What the customer's balance paid, or takes over: credit of a negative total, or what is too little to charge."""
    left = invoice["_left"]
    invoice["ending_balance"] = left
    moved = left - customer["balance"]
    if moved:
        said: Object = {"invoice": invoice["id"]}
        kind = "invoice_too_small" if left > 0 else "applied_to_invoice"
        move(desk, customer, moved, kind, currency=invoice["currency"], described=said)


def _paid_by_nothing(desk: Desk, invoice: Object) -> None:
    invoice |= {
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": desk.now_s},
    }


def _wait(desk: Desk, invoice: Object) -> None:
    if invoice["collection_method"] == "send_invoice":
        if invoice["due_date"] is not None:
            desk.later(invoice["due_date"], "invoice.overdue", invoice["id"])
        if invoice["auto_advance"]:
            desk.emit("invoice.sent", invoice)
    elif invoice["auto_advance"]:
        at_s = max(invoice["next_payment_attempt"] or 0, desk.now_s)
        desk.later(at_s, "invoice.attempt", invoice["id"])
