"""Taking an invoice back: https://docs.stripe.com/invoicing/overview#void."""

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import invoice_charging
from api.sandbox.state import Object


def void(desk: Desk, invoice: Object) -> None:
    """It asks for nothing any more, and its intent is given up."""
    for job in ("attempt", "finalize", "overdue"):
        desk.never(f"invoice.{job}", invoice["id"])
    if invoice["_payment_intent"] is not None:
        invoice_charging.drop(desk, invoice)
    at = {**invoice["status_transitions"], "voided_at": desk.now_s}
    changes: Object = {"auto_advance": False, "next_payment_attempt": None, "status": "void"}
    invoice.pop("status_details", None)
    desk.change(invoice, {**changes, "status_transitions": at}, "invoice.updated", "invoice.voided")


def checked(invoice: Object) -> Object:
    """The invoice, if it can be voided. Raises StripeError."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            f"You can only void an invoice that is open or uncollectible; this one is {invoice['status']}.",
            code="invoice_not_editable",
        )
    return invoice
