"""Invoice items: what is billed once, now or with the next invoice: https://docs.stripe.com/api/invoiceitems."""

from decimal import Decimal
from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.invoice_drafts import line_of, use_currency
from api.sandbox.resources.invoice_item_terms import asked
from api.sandbox.resources.invoice_lines import details, keep, lines_of
from api.sandbox.resources.invoice_totals import totaled
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "invoiceitem"


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """An item for the next invoice of a customer, or for a draft that is named."""
    if params.get("customer") is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    invoice = None
    if params.get("invoice") is not None:
        invoice = editable(desk.get("invoice", params["invoice"], "invoice"))
        params = {"currency": invoice["currency"], **params}
    subscription = params.get("subscription")
    if subscription is not None:
        desk.get("subscription", subscription, "subscription")
    item = new_item(desk, customer, asked(desk, customer, params), subscription=subscription)
    if invoice is not None:
        attach(desk, item, invoice)
    desk.emit("invoiceitem.created", item)
    if invoice is not None:
        desk.emit("invoice.updated", invoice)
    return item


def new_item(
    desk: Desk, customer: Object, fields: Object, *, subscription: str | None = None, item: str | None = None
) -> Object:
    """Keep an item; its event is the caller's. `item`: the subscription item that it belongs to."""
    use_currency(desk, customer, fields["currency"])
    if customer["currency"] != fields["currency"]:
        raise invalid(
            f"You cannot combine currencies on a single customer. This customer has an active subscription, invoice"
            f" item, discount, or quote with currency {customer['currency']}.",
            "currency",
        )
    named = None
    if subscription is not None:
        of = {"subscription": subscription, **({} if item is None else {"subscription_item": item})}
        named = {"subscription_details": of, "type": "subscription_details"}
    return desk.add(
        KIND,
        {
            "id": desk.new_id("ii"),
            "object": KIND,
            "customer": customer["id"],
            "customer_account": None,
            "date": desk.now_s,
            "invoice": None,
            "livemode": desk.livemode,
            "parent": named,
            "proration": False,
            "quantity_decimal": str(fields["quantity"]),
            "test_clock": desk.clock,
            "_subscription": subscription,
            **({} if fields["discountable"] else {"net_amount": fields["amount"]}),
            **fields,
        },
    )


def attach(desk: Desk, item: Object, invoice: Object) -> None:
    """Put an item on a draft."""
    item["invoice"] = invoice["id"]
    keep(desk, invoice, line_of(item))
    totaled(desk, invoice)


def editable(invoice: Object) -> Object:
    """The invoice, if it is a draft. Raises StripeError: `invoice_not_editable`."""
    if invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable", code="invoice_not_editable")
    return invoice


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change an item that waits, or whose invoice is a draft."""
    item = desk.get(KIND, id)
    invoice = None if item["invoice"] is None else editable(desk.get("invoice", item["invoice"]))
    changes: Object = {n: params[n] for n in ("description", "discountable", "period", "tax_rates") if n in params}
    if "metadata" in params:
        changes["metadata"] = metadata(item["metadata"], params["metadata"])
    if "discounts" in params:
        changes["discounts"] = redeem(desk, params["discounts"] or [], Bearer(item["customer"], invoice_item=id))
    priced = ("amount", "price", "price_data", "pricing", "quantity", "unit_amount", "unit_amount_decimal")
    if any(name in params for name in priced):
        kept = {"quantity": item["quantity"], "currency": item["currency"], "description": item["description"]}
        if not any(name in params for name in priced if name != "quantity"):
            kept["unit_amount_decimal"] = Decimal(item["pricing"]["unit_amount_decimal"])
        found = asked(desk, desk.get("customer", item["customer"]), {**kept, **params})
        changes |= {name: found[name] for name in ("amount", "pricing", "quantity")}
        changes["quantity_decimal"] = str(found["quantity"])
        if "net_amount" in item:
            changes["net_amount"] = found["amount"]
    desk.change(item, changes, "invoiceitem.updated")
    if invoice is not None:
        _rewrite(desk, item, invoice)
    return item


def _rewrite(desk: Desk, item: Object, invoice: Object) -> None:
    """Have the line of a draft say what its item says now."""
    for line in lines_of(desk, invoice):
        if details(line)["invoice_item"] == item["id"]:
            desk.remove("line_item", line["id"])
            keep(desk, invoice, line_of(item))["_seq"] = line["_seq"]
    totaled(desk, invoice)
    desk.emit("invoice.updated", invoice)


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take an item away that is on no invoice, or on a draft."""
    item = desk.get(KIND, id)
    invoice = None if item["invoice"] is None else editable(desk.get("invoice", item["invoice"]))
    desk.emit("invoiceitem.deleted", item)
    item["deleted"] = True
    if invoice is not None:
        for line in lines_of(desk, invoice):
            if details(line)["invoice_item"] == id:
                desk.remove("line_item", line["id"])
        totaled(desk, invoice)
        desk.emit("invoice.updated", invoice)
    return item


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The item."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Items, newest first; `pending`: those that are on no invoice."""
    where = {name: params[name] for name in ("customer", "invoice") if params.get(name) is not None}
    waits = params.get("pending")
    found = desk.scan(KIND, lambda i: waits is None or waits is (i["invoice"] is None), **where)
    return page(params, ({**item, "created": item["date"]} for item in found), "/v1/invoiceitems")


def present(desk: Desk, item: Object) -> Object:
    """With the price itself, which older versions show."""
    from api.sandbox.presenting import present as presented  # the registry of presenters holds this one

    item.pop("created", None)
    price = desk.held("price", item["pricing"]["price_details"]["price"]) if item["pricing"] else None
    rates = [presented(desk, desk.get("tax_rate", id)) for id in item["tax_rates"] or ()]
    return {**item, "tax_rates": rates, "_price": None if price is None else presented(desk, price)}


ROUTES = (
    Route("POST", "/v1/invoiceitems", sdk.InvoiceItemCreateParams, create),
    Route("GET", "/v1/invoiceitems", sdk.InvoiceItemListParams, listed),
    Route("GET", "/v1/invoiceitems/{invoiceitem}", None, retrieve),
    Route("POST", "/v1/invoiceitems/{invoiceitem}", sdk.InvoiceItemUpdateParams, update),
    Route("DELETE", "/v1/invoiceitems/{invoiceitem}", None, delete),
)
PRESENTERS = {KIND: present}
PREFIXES = {"ii": KIND}
