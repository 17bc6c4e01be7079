"""Invoices as they are asked for and shown: https://docs.stripe.com/api/invoices."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import (
    invoice_collection,
    invoice_finalizing,
    invoice_lines,
    invoice_payments,
    invoice_voiding,
)
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.invoice_drafts import draft, pending
from api.sandbox.resources.invoice_totals import totaled
from api.sandbox.resources.invoiceitems import editable
from api.sandbox.resources.payment_methods import resolved
from api.sandbox.resources.subscription_items import rates
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "invoice"
_PLAIN = (
    "account_tax_ids",
    "auto_advance",
    "custom_fields",
    "description",
    "due_date",
    "effective_at",
    "footer",
    "number",
    "on_behalf_of",
    "rendering",
    "shipping_details",
    "statement_descriptor",
)
_REFUSED = ("customer_account", "default_source", "from_invoice", "shipping_cost")
_AFTERWARDS = ("metadata", "description", "footer", "default_payment_method", "auto_advance", "payment_settings")
"""What may still be changed of an invoice that is no draft."""


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A draft, with the invoice items that wait if it is asked to take them."""
    _refuse(params)
    if params.get("customer") is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    subscription = params.get("subscription")
    fields: Object = {"collection_method": params.get("collection_method") or "charge_automatically"}
    if subscription is not None:
        held = desk.get("subscription", subscription, "subscription")
        details = {"metadata": dict(held["metadata"]), "subscription": subscription}
        fields["parent"] = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
        fields["_subscription"] = subscription
    currency = params.get("currency") or customer["currency"] or "usd"
    take = subscription is not None or params.get("pending_invoice_items_behavior") == "include"
    if take:
        fields["take"] = pending(desk, customer, currency, subscription, all=subscription is None)
    fields |= _said(desk, customer["id"], params)
    return draft(desk, customer, currency, [], **fields)


def _refuse(params: dict[str, Any]) -> None:
    for name in _REFUSED:
        if params.get(name) is not None:
            raise invalid(f"The sandbox does not do `{name}` of invoices.", name)


def _said(desk: Desk, customer: str, params: dict[str, Any]) -> Object:
    """The fields that a request sets."""
    fields: Object = {name: params[name] for name in _PLAIN if name in params}
    fields |= {"days_until_due": params["days_until_due"]} if params.get("days_until_due") is not None else {}
    if params.get("rendering"):
        plain = {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None, "template_version": None}
        fields["rendering"] = {**plain, **params["rendering"]}
    if params.get("automatic_tax") is not None:
        enabled = params["automatic_tax"]["enabled"]
        liability = (params["automatic_tax"].get("liability") or {"type": "self"}) if enabled else None
        fields["automatic_tax"] = {
            "disabled_reason": None,
            "enabled": enabled,
            "liability": liability,
            "provider": "stripe" if enabled else None,
            "status": None,
        }
    if "default_tax_rates" in params:
        fields["default_tax_rates"] = rates(desk, params["default_tax_rates"])
    if "discounts" in params:
        fields["discounts"] = redeem(desk, params["discounts"] or [], Bearer(customer))
    if params.get("default_payment_method") is not None:
        fields["default_payment_method"] = resolved(desk, params["default_payment_method"])["id"]
    if params.get("payment_settings") is not None:
        plain = dict.fromkeys(("default_mandate", "payment_method_options", "payment_method_types"))
        fields["payment_settings"] = {**plain, **params["payment_settings"]}
    for name, kept in (("application_fee_amount", "_application_fee"), ("transfer_data", "_transfer_data")):
        if name in params:
            fields[kept] = params[name]
    if params.get("issuer") is not None:
        fields["issuer"] = params["issuer"]
    if "metadata" in params:
        fields["metadata"] = metadata(None, params["metadata"] or {})
    return fields


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change a draft; of another invoice only what does not change what it asks for."""
    _refuse(params)
    invoice = _present(desk, id)
    if params.keys() - set(_AFTERWARDS):
        editable(invoice)
    changes = _said(desk, invoice["customer"], params)
    if "metadata" in params:
        changes["metadata"] = metadata(invoice["metadata"], params["metadata"])
    if params.get("collection_method"):
        changes["collection_method"] = params["collection_method"]
    days = changes.pop("days_until_due", None)
    if days is not None or changes.get("collection_method") == "send_invoice":
        changes["_days_until_due"] = 30 if days is None else days
    before = {**invoice}
    invoice |= changes
    if invoice["status"] == "draft":
        totaled(desk, invoice)
        if changes.get("auto_advance"):
            invoice.setdefault("_finalizes_s", desk.now_s + 3600)
            desk.later(invoice["_finalizes_s"], "invoice.finalize", id)
    if invoice != before:
        desk.emit("invoice.updated", invoice, before)
    return invoice


def finalize(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Close the draft."""
    return invoice_finalizing.finalize(desk, _present(desk, id), auto_advance=params.get("auto_advance"))


def pay(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Try to take the money now. Raises StripeError when it does not come: what happened stays."""
    if params.get("payment_method") is not None:
        params = {**params, "payment_method": resolved(desk, params["payment_method"])["id"]}
    invoice = _present(desk, id)
    invoice_collection.pay_by_request(desk, invoice, params)
    return invoice


def send(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Mail it to the customer, who pays by its page."""
    invoice = _present(desk, id)
    if invoice["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        invoice_finalizing.finalize(desk, invoice)
    desk.emit("invoice.sent", invoice)
    return invoice


def void(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take it back."""
    invoice = invoice_voiding.checked(_present(desk, id))
    invoice_voiding.void(desk, invoice)
    return invoice


def mark_uncollectible(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Write it off: it may be paid all the same."""
    invoice = _present(desk, id)
    if invoice["status"] != "open":
        raise invalid("You can only mark an open invoice as uncollectible.", code="invoice_not_editable")
    invoice_collection.write_off(desk, invoice, "user_forgiven")
    return invoice


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Delete a draft that is of no subscription, with its items."""
    invoice = _present(desk, id)
    if invoice["status"] != "draft" or invoice.get("_subscription"):
        raise invalid("You can only delete draft invoices that are not of a subscription.", code="invoice_not_editable")
    for item in desk.find("invoiceitem", invoice=id):
        desk.emit("invoiceitem.deleted", item)
        item["deleted"] = True
    desk.never("invoice.finalize", id)
    desk.emit("invoice.deleted", invoice)
    invoice["deleted"] = True
    return invoice


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The invoice."""
    return _present(desk, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Invoices, newest first."""
    where = {n: params[n] for n in ("collection_method", "customer", "status") if params.get(n) is not None}
    if params.get("subscription") is not None:
        where["_subscription"] = params["subscription"]
    return page(params, desk.scan(KIND, **where), "/v1/invoices")


def _present(desk: Desk, id: str) -> Object:
    invoice = desk.get(KIND, id)
    if invoice.get("deleted"):
        raise invalid(f"No such invoice: '{id}'", "id", "resource_missing")
    return invoice


def present(desk: Desk, invoice: Object) -> Object:
    """With its lines; payments and the secret to confirm them when they are asked for; what older versions show."""
    from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

    if "lines" in invoice:
        return invoice
    waits = invoice["status"] == "draft" and invoice["auto_advance"]
    rates = [presented(desk, desk.get("tax_rate", id)) for id in invoice["default_tax_rates"]]
    intent = desk.held("payment_intent", invoice["_payment_intent"])
    secret = None if intent is None else {"client_secret": intent["client_secret"], "type": "payment_intent"}
    invoice |= {
        "automatically_finalizes_at": invoice.get("_finalizes_s") if waits else None,
        "default_tax_rates": rates,
        "_discount": invoice_lines.first_discount(desk, invoice),
        "_charge": None if intent is None else intent["latest_charge"],
        "_includable": {"confirmation_secret": secret, "payments": invoice_payments.of_invoice(desk, invoice)},
    }
    invoice["lines"] = invoice_lines.embedded(desk, invoice)
    return invoice


_ONE = "/v1/invoices/{invoice}"
ROUTES = (
    Route("POST", "/v1/invoices", sdk.InvoiceCreateParams, create),
    Route("GET", "/v1/invoices", sdk.InvoiceListParams, listed),
    Route("GET", _ONE, None, retrieve),
    Route("POST", _ONE, sdk.InvoiceUpdateParams, update),
    Route("DELETE", _ONE, None, delete),
    Route("POST", _ONE + "/finalize", sdk.InvoiceFinalizeInvoiceParams, finalize),
    Route("POST", _ONE + "/pay", sdk.InvoicePayParams, pay),
    Route("POST", _ONE + "/send", None, send),
    Route("POST", _ONE + "/void", None, void),
    Route("POST", _ONE + "/mark_uncollectible", None, mark_uncollectible),
    Route("GET", _ONE + "/lines", sdk.InvoiceListLinesParams, invoice_lines.listed),
)
PRESENTERS = {KIND: present}
PREFIXES = {"in": KIND}
