"""Drafts of invoices: how they are made, and what pending invoice items they take up: https://docs.stripe.com/invoicing.

Refuses to know when they are finalized and paid.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources import worlds
from api.sandbox.resources.billing_settings import settings
from api.sandbox.resources.invoice_lines import Line, keep
from api.sandbox.resources.invoice_totals import totaled
from api.sandbox.state import Object
from api.sandbox.times import DAY

_EMPTY_TAX: Object = {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None}
_RENDERING: Object = {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None}


def draft(desk: Desk, customer: Object, currency: str, lines: Sequence[Line], **fields: Any) -> Object:
    """Keep a draft with these lines and the events that come with it. `fields` go over the plain draft's.

    `take`: pending invoice items that become its first lines.
    """
    taken: list[Object] = fields.pop("take", [])
    use_currency(desk, customer, currency)
    invoice = _plain(desk, customer, currency) | fields
    _collected(desk, invoice)
    desk.add("invoice", invoice)
    for item in taken:
        desk.change(item, {"invoice": invoice["id"]}, "invoiceitem.updated")
    for line in [*(line_of(item) for item in taken), *lines]:
        keep(desk, invoice, line)
    totaled(desk, invoice)
    if not invoice.get("_preview"):
        desk.emit("invoice.created", invoice)
        if invoice["auto_advance"]:
            desk.later(invoice["_finalizes_s"], "invoice.finalize", invoice["id"])
    return invoice


def use_currency(desk: Desk, customer: Object, currency: str) -> None:
    """A customer is billed in one currency: the first that is used."""
    if customer["currency"] is None:
        desk.change(customer, {"currency": currency}, "customer.updated")


def _plain(desk: Desk, customer: Object, currency: str) -> Object:
    account = settings(desk)
    zero = ("amount_due", "amount_overpaid", "amount_paid", "amount_remaining", "amount_shipping", "attempt_count")
    never = (
        "account_tax_ids",
        "custom_fields",
        "customer_account",
        "days_until_due",
        "default_payment_method",
        "default_source",
        "description",
        "due_date",
        "effective_at",
        "ending_balance",
        "footer",
        "from_invoice",
        "hosted_invoice_url",
        "invoice_pdf",
        "last_finalization_error",
        "latest_revision",
        "next_payment_attempt",
        "number",
        "on_behalf_of",
        "parent",
        "receipt_number",
        "shipping_cost",
        "shipping_details",
        "statement_descriptor",
    )
    return {
        "id": desk.new_id("in"),
        "object": "invoice",
        "account_country": account["account_country"],
        "account_name": account["account_name"],
        **dict.fromkeys(zero, 0),
        **dict.fromkeys(never),
        "application": worlds.application_of(desk),
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": dict(_EMPTY_TAX),
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": desk.now_s,
        "currency": currency,
        "customer": customer["id"],
        **who(desk, customer),
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "livemode": desk.livemode,
        "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": desk.now_s,
        "period_start": desk.now_s,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "rendering": {**_RENDERING, "template_version": None},
        "starting_balance": customer["balance"],
        "status": "draft",
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        "subtotal": 0,
        "test_clock": desk.clock,
        "total": 0,
        "total_pretax_credit_amounts": [],
        "webhooks_delivered_at": desk.now_s,
        "_payment_intent": None,
        "_application_fee": None,
        "_transfer_data": None,
        "_out_of_band": False,
    }


def who(desk: Desk, customer: Object) -> Object:
    """What an invoice says of its customer; it stays as it was once the invoice is finalized."""
    numbers = [{"type": t["type"], "value": t["value"]} for t in desk.scan("tax_id", customer=customer["id"])]
    return {
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": numbers,
    }


def _collected(desk: Desk, invoice: Object) -> None:
    """When a draft advances by itself, and when what it asks is due."""
    if invoice["auto_advance"]:
        invoice.setdefault("_finalizes_s", desk.now_s + settings(desk)["finalize_after_s"])
        if invoice["collection_method"] == "charge_automatically":
            invoice["next_payment_attempt"] = invoice["_finalizes_s"]
    days = invoice.pop("days_until_due")
    if invoice["collection_method"] == "send_invoice":
        invoice["_days_until_due"] = 30 if days is None else days


def due_date(desk: Desk, invoice: Object) -> int | None:
    """By when an invoice that is sent has to be paid: https://docs.stripe.com/api/invoices/object#invoice_object-due_date."""
    if invoice["due_date"] is not None or invoice["collection_method"] != "send_invoice":
        kept: int | None = invoice["due_date"]
        return kept
    return int(desk.now_s + invoice["_days_until_due"] * DAY)


def pending(
    desk: Desk, customer: Object, currency: str, subscription: str | None, *, all: bool = False
) -> list[Object]:
    """Invoice items that wait for an invoice: a subscription's takes its own and those of no subscription."""

    def waits(item: Object) -> bool:
        named = (item["parent"] or {}).get("subscription_details")
        of = None if named is None else named["subscription"]
        return item["invoice"] is None and item["currency"] == currency and (all or of in (None, subscription))

    return sorted(desk.find("invoiceitem", waits, customer=customer["id"]), key=lambda item: item["_seq"])


def line_of(item: Object) -> Line:
    """An invoice item as a line."""
    named = (item["parent"] or {}).get("subscription_details") or {}
    pricing = item["pricing"]
    unit = pricing["unit_amount_decimal"] if pricing else None
    return Line(
        item["amount"],
        item["description"],
        item["period"]["start"],
        item["period"]["end"],
        price=pricing["price_details"]["price"] if pricing else None,
        unit=None if unit is None or item["proration"] else Decimal(unit),
        quantity=item["quantity"],
        subscription=named.get("subscription"),
        subscription_item=named.get("subscription_item"),
        invoice_item=item["id"],
        proration=item["proration"],
        credited=item.get("_credited"),
        discountable=item["discountable"],
        discounts=tuple(item["discounts"] or ()),
        tax_rates=tuple(item["tax_rates"] or ()),
        metadata=dict(item["metadata"]),
    )
