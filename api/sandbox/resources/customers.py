"""Customers and their balance: https://docs.stripe.com/api/customers."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid, missing
from api.sandbox.listing import page
from api.sandbox.resources import customer_methods, discounting
from api.sandbox.resources.subscription_ending import end
from api.sandbox.resources.tax_settings import registered
from api.sandbox.resources.taxing import buyer_of
from api.sandbox.routes import Route
from api.sandbox.state import Object

_PLAIN = ("address", "description", "email", "name", "phone", "shipping")
_NAMES = ("business_name", "individual_name")
"""Shown when they were said alone."""


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A customer, on a test clock if one is named."""
    if params.get("test_clock") is not None:
        desk.clock = desk.get("test_helpers.test_clock", params["test_clock"], "test_clock")["id"]
    customer: Object = {
        "id": desk.new_id("cus", 14),
        "object": "customer",
        **{name: params.get(name) for name in _PLAIN},
        **{name: params[name] for name in _NAMES if params.get(name)},
        "balance": params.get("balance", 0),
        "created": desk.now_s,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": params.get("invoice_prefix") or desk.new_id("x", 8)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": desk.livemode,
        "metadata": metadata(None, params.get("metadata") or {}),
        "next_invoice_sequence": params.get("next_invoice_sequence", 1),
        "preferred_locales": params.get("preferred_locales") or [],
        "tax_exempt": params.get("tax_exempt") or "none",
        "test_clock": desk.clock,
        "_ip_address": (params.get("tax") or {}).get("ip_address"),
    }
    settings = params.get("invoice_settings") or {}
    customer["invoice_settings"] |= settings
    desk.add("customer", customer)
    desk.emit("customer.created", customer)
    customer_methods.take(desk, customer, params)
    customer_methods.check(desk, customer, params)
    discounting.of_customer(desk, customer, params)
    return customer


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is named."""
    customer = _present(desk, id)
    customer_methods.check(desk, customer, params)
    customer_methods.take(desk, customer, params)
    discounting.of_customer(desk, customer, params)
    changes: Object = {
        name: params[name] for name in (*_PLAIN, *_NAMES, "balance", "preferred_locales") if name in params
    }
    if params.get("default_source") is not None:
        changes["default_source"] = params["default_source"]
    if "tax_exempt" in params:
        changes["tax_exempt"] = params["tax_exempt"] or "none"
    if "metadata" in params:
        changes["metadata"] = metadata(customer["metadata"], params["metadata"])
    if "ip_address" in (params.get("tax") or {}):
        changes["_ip_address"] = params["tax"]["ip_address"]
    if "invoice_settings" in params:
        changes["invoice_settings"] = {**customer["invoice_settings"], **(params["invoice_settings"] or {})}
    desk.change(customer, changes, "customer.updated")
    return customer


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The customer; one that was deleted as its stub."""
    return desk.get("customer", id)


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Delete a customer for ever, with its subscriptions: https://docs.stripe.com/api/customers/delete."""
    customer = _present(desk, id)
    for subscription in desk.find("subscription", lambda s: s["ended_at"] is None, customer=id):
        end(desk, subscription, "cancellation_requested")
    desk.emit("customer.deleted", customer)
    customer_methods.let_go(desk, customer)
    customer["deleted"] = True
    return customer


def delete_discount(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take a customer's own discount away."""
    customer = _present(desk, id)
    held = customer["discount"]
    if held is None:
        raise missing("discount", id)
    discounting.end(desk, held)
    customer["discount"] = None
    return {"id": held, "object": discounting.KIND, "deleted": True}


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Customers, newest first."""
    where = {name: params[name] for name in ("email", "test_clock") if params.get(name) is not None}
    return page(params, desk.scan("customer", **where), "/v1/customers")


def _present(desk: Desk, id: str) -> Object:
    customer = desk.get("customer", id)
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{id}'; it was deleted", "id", "resource_missing")
    return customer


def present(desk: Desk, customer: Object) -> Object:
    """The customer; where it is for tax, and its balance of invoice credit, on `expand`."""
    country = buyer_of(desk, customer).country
    place: Object = {
        "automatic_tax": "unrecognized_location",
        "ip_address": customer.get("_ip_address"),
        "location": None,
        "provider": "stripe",
    }
    if country is not None:
        state = (customer["address"] or {}).get("state")
        source = "shipping_destination" if customer["shipping"] else "billing_address"
        place["location"] = {"country": country, "source": source, "state": state}
        place["automatic_tax"] = "supported" if registered(desk, country) else "not_collecting"
    held = desk.held(discounting.KIND, customer["discount"])
    discount = None if held is None else discounting.present(desk, held)
    return {**customer, "discount": discount, "_includable": {"invoice_credit_balance": {}, "tax": place}}


ROUTES = (
    Route("POST", "/v1/customers", sdk.CustomerCreateParams, create),
    Route("GET", "/v1/customers", sdk.CustomerListParams, listed),
    Route("GET", "/v1/customers/{customer}", None, retrieve),
    Route("POST", "/v1/customers/{customer}", sdk.CustomerUpdateParams, update),
    Route("DELETE", "/v1/customers/{customer}", None, delete),
    Route("DELETE", "/v1/customers/{customer}/discount", None, delete_discount),
)
PRESENTERS = {"customer": present}
PREFIXES = {"cus": "customer"}
