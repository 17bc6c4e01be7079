"""The calls that each step of an issuance asks for: a draft, its items, its end. Pure.

Refuses to know when (`commands.issuing_process`), and what came of them. Source: https://docs.stripe.com/api/invoices.
"""

from typing import Any

from commands.customers import ORG_KEY
from commands.issuing_process import Issuance
from commands.stripe_calls import RequestCall, call_id
from ledger.ids import issuance_stream
from ledger.issuing_events import IssuanceCall, IssuanceLine, IssuanceRequested, Step

#: Under these keys of Stripe's metadata stand the issuance, what it bills, and on an invoice item its line's key.
ISSUANCE_KEY, SOURCE_KEY, LINE_KEY = "recount_issuance", "recount_source", "recount_line"


def step_calls(issuance: Issuance, step: Step, customer: str) -> tuple[tuple[IssuanceCall, RequestCall], ...]:
    """The calls that a step asks for, as of now. Descriptions in them are as the issuance has them."""
    asked = issuance.requested
    assert asked is not None
    if step == "items":
        missing = issuance.lines_missing
        return tuple(_call(issuance, "invoiceitems.create", _item(issuance, m, customer), line=m.key) for m in missing)
    if step == "draft":
        return (_call(issuance, "invoices.create", _draft(asked, customer)),)
    if step == "take_back":
        return tuple(_call(issuance, "invoiceitems.delete", {}, item, line=key) for key, item in issuance.items.items())
    assert issuance.invoice is not None, "there is an invoice to act on"
    at = issuance.invoice
    if step == "finalize":
        charge = asked.collection == "charge_automatically"
        return (_call(issuance, "invoices.finalize", {"auto_advance": charge}, at),)
    if step == "send":
        return (_call(issuance, "invoices.send", {}, at),)
    assert step == "void"
    return (_call(issuance, "invoices.void" if issuance.finalized else "invoices.delete", {}, at),)


def _call(
    issuance: Issuance, operation: str, params: dict[str, Any], *path: str, line: str | None = None
) -> tuple[IssuanceCall, RequestCall]:
    asked = issuance.requested
    assert asked is not None
    receipt = f"{issuance_stream(asked.mode, asked.issuance)}/{issuance.events + 1}/{line or ''}"
    request = RequestCall(
        call_id=call_id(receipt),
        mode=asked.mode,
        account=asked.account,
        operation=operation,
        path=path,
        params=params,
        org=asked.org,
        urgency="background",
    )
    return IssuanceCall(request.call_id, line), request


def _draft(asked: IssuanceRequested, customer: str) -> dict[str, Any]:
    due = {"days_until_due": asked.days_until_due} if asked.days_until_due is not None else {}
    return {
        "customer": customer,
        "currency": asked.currency,
        "auto_advance": False,
        "collection_method": asked.collection,
        **due,
        "pending_invoice_items_behavior": "exclude",
        "automatic_tax": {"enabled": asked.automatic_tax},
        "discounts": "",  # a customer's own discount is none of what we bill
        "metadata": {
            ORG_KEY: asked.org,
            ISSUANCE_KEY: asked.issuance,
            SOURCE_KEY: f"{asked.source_kind}/{asked.source}",
        },
    }


def _item(issuance: Issuance, line: IssuanceLine, customer: str) -> dict[str, Any]:
    asked = issuance.requested
    assert asked is not None
    period = {"period": {"start": line.from_s, "end": line.until_s}} if line.from_s is not None else {}
    rates = {"tax_rates": [rate.id for rate in line.tax_rates]} if line.tax_rates else {}
    tax = {"tax_behavior": asked.tax_behavior, "tax_code": asked.tax_code}
    return {
        "customer": customer,
        "invoice": issuance.invoice,
        "currency": asked.currency,
        "amount": line.amount_minor,
        "description": line.description,
        "discountable": False,
        **period,
        **rates,
        **{name: said for name, said in tax.items() if said is not None},
        "metadata": {LINE_KEY: line.key, ISSUANCE_KEY: asked.issuance},
    }
