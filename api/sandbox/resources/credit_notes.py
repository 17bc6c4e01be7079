"""Credit notes: what a seller takes back of an invoice, before or after it was paid: https://docs.stripe.com/api/credit_notes.

Before payment it lowers what is due; later it is refunded, credited to the customer's balance, or settled elsewhere.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page, whole
from api.sandbox.resources import credit_note_lines, customer_balances, invoice_collection, refunds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "credit_note"
_CREDITABLE = ("open", "paid", "uncollectible")
_REFUNDED = ("refund_amount", "credit_amount", "out_of_band_amount")


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A credit note, issued at once."""
    invoice = desk.get("invoice", params["invoice"], "invoice")
    note = _drafted(desk, invoice, params)
    desk.add(KIND, note)
    if note["type"] == "post_payment":
        _give_back(desk, note, invoice, params)
    desk.emit("credit_note.created", note)
    _lower(desk, invoice, note)
    return note


def preview(desk: Desk, params: dict[str, Any]) -> Object:
    """What a credit note would be; nothing is kept."""
    return _drafted(desk, desk.get("invoice", params["invoice"], "invoice"), params)


def _drafted(desk: Desk, invoice: Object, params: dict[str, Any]) -> Object:
    if invoice["status"] not in _CREDITABLE:
        raise invalid(f"Invoice {invoice['id']} cannot be credited: it is {invoice['status']}.", "invoice")
    lines = credit_note_lines.asked(desk, invoice, params)
    total = sum(credit_note_lines.whole_of(line) for line in lines)
    earlier = [n for n in desk.scan(KIND, invoice=invoice["id"]) if n["status"] == "issued"]
    if total <= 0 or total > invoice["total"] - sum(n["total"] for n in earlier):
        raise invalid("The credit note's amount exceeds what is left of the invoice to credit.", "amount")
    paid = invoice["status"] == "paid"
    if not paid and total > invoice["amount_remaining"]:
        raise invalid("The credit note's amount exceeds what remains due on the invoice.", "amount")
    given = sum(params.get(name) or 0 for name in _REFUNDED) + sum(
        r.get("amount_refunded") or 0 for r in params.get("refunds") or ()
    )
    if paid and given != total:
        raise invalid(
            f"The sum of refund_amount, credit_amount and out_of_band_amount ({given}) must equal the credit note's"
            f" amount ({total}).",
            "refund_amount",
        )
    if not paid and given:
        raise invalid("An invoice that is not paid is credited by lowering what is due.", "refund_amount")
    subtotal = sum(line["amount"] for line in lines)
    discounts = credit_note_lines.summed([d for line in lines for d in line["discount_amounts"]], "discount")
    off = sum(d["amount"] for d in discounts)
    found_taxes = credit_note_lines.summed_taxes(lines)
    id = desk.new_id("cn")
    return {
        "id": id,
        "object": KIND,
        "amount": total,
        "amount_shipping": 0,
        "created": desk.now_s,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": off,
        "discount_amounts": discounts,
        "effective_at": params.get("effective_at") or desk.now_s,
        "invoice": invoice["id"],
        "livemode": desk.livemode,
        "memo": params.get("memo"),
        "metadata": metadata(None, params.get("metadata") or {}),
        "number": f"{invoice['number']}-CN-{len(list(desk.scan(KIND, invoice=invoice['id']))) + 1:02d}",
        "out_of_band_amount": params.get("out_of_band_amount"),
        "pdf": f"https://pay.stripe.com/credit_notes/{desk.account_id}/{id}/pdf?s=ap",
        "post_payment_amount": total if paid else 0,
        "pre_payment_amount": 0 if paid else total,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": subtotal - off,
        "total_taxes": found_taxes,
        "type": "post_payment" if paid else "pre_payment",
        "voided_at": None,
        "_lines": lines,
    }


def _give_back(desk: Desk, note: Object, invoice: Object, params: dict[str, Any]) -> None:
    """Refund, credit, or neither: as the request says."""
    if params.get("refund_amount"):
        asked = {"payment_intent": invoice["_payment_intent"], "amount": params["refund_amount"]}
        refund = refunds.create(desk, asked)
        note["refunds"].append(_refunded(str(refund["id"]), params["refund_amount"]))
    for said in params.get("refunds") or ():
        refund = desk.get("refund", said["refund"], "refunds[0][refund]")
        note["refunds"].append(_refunded(str(refund["id"]), said["amount_refunded"]))
    if params.get("credit_amount"):
        moved = customer_balances.move(
            desk,
            desk.get("customer", invoice["customer"]),
            -params["credit_amount"],
            "credit_note",
            currency=invoice["currency"],
            described={"credit_note": note["id"], "invoice": invoice["id"]},
        )
        note["customer_balance_transaction"] = moved["id"]


def _refunded(refund: str, amount: int) -> Object:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund, "type": "refund"}


def _lower(desk: Desk, invoice: Object, note: Object, sign: int = 1) -> None:
    """The invoice knows how much of it was credited; one of which nothing is left to pay is paid."""
    total = sign * note["total"]
    if note["type"] == "post_payment":
        changed = {"post_payment_credit_notes_amount": invoice["post_payment_credit_notes_amount"] + total}
        desk.change(invoice, changed, "invoice.updated")
        return
    changed = {
        "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + total,
        "amount_due": invoice["amount_due"] - total,
        "amount_remaining": invoice["amount_remaining"] - total,
    }
    desk.change(invoice, changed, "invoice.updated")
    if invoice["amount_remaining"] == 0 and invoice["status"] == "open":
        invoice_collection.paid(desk, invoice, None)
        invoice["_out_of_band"] = False


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its memo and metadata."""
    note = desk.get(KIND, id)
    changes: Object = {"memo": params["memo"]} if "memo" in params else {}
    if "metadata" in params:
        changes["metadata"] = metadata(note["metadata"], params["metadata"])
    desk.change(note, changes, "credit_note.updated")
    return note


def void(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take a credit note back, as long as its invoice is open: https://docs.stripe.com/api/credit_notes/void."""
    note = desk.get(KIND, id)
    invoice = desk.get("invoice", note["invoice"])
    if note["status"] != "issued" or invoice["status"] != "open":
        raise invalid("Only an issued credit note of an open invoice can be voided.", "id")
    desk.change(note, {"status": "void", "voided_at": desk.now_s}, "credit_note.voided")
    _lower(desk, invoice, note, -1)
    return note


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The credit note."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Credit notes, newest first."""
    where = {name: params[name] for name in ("customer", "invoice") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/credit_notes")


def lines(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The lines of one, in their order."""
    held = desk.get(KIND, id)["_lines"]
    found = [{**line, "_seq": len(held) - i} for i, line in enumerate(held)]
    return page(params, found, f"/v1/credit_notes/{id}/lines")


def present(desk: Desk, note: Object) -> Object:
    """With its lines."""
    shown = whole([dict(line) for line in note["_lines"]], f"/v1/credit_notes/{note['id']}/lines")
    return {**note, "lines": {**shown, "data": [credit_note_lines.present(desk, line) for line in shown["data"]]}}


ROUTES = (
    Route("POST", "/v1/credit_notes", sdk.CreditNoteCreateParams, create),
    Route("GET", "/v1/credit_notes", sdk.CreditNoteListParams, listed),
    Route("GET", "/v1/credit_notes/preview", sdk.CreditNotePreviewParams, preview),
    Route("GET", "/v1/credit_notes/{id}", None, retrieve),
    Route("POST", "/v1/credit_notes/{id}", sdk.CreditNoteUpdateParams, update),
    Route("POST", "/v1/credit_notes/{id}/void", sdk.CreditNoteVoidCreditNoteParams, void),
    Route("GET", "/v1/credit_notes/{id}/lines", sdk.CreditNoteLineItemListParams, lines),
)
PRESENTERS = {KIND: present, credit_note_lines.KIND: credit_note_lines.present}
PREFIXES = {"cn": KIND}
