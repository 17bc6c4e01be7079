"""Payment links: an offer with an address of its own; each visit is a checkout session.

https://docs.stripe.com/payment-links/api.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import checkout_items, checkout_sessions
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "payment_link"
HOST = "https://buy.stripe.com"
_PASSED_ON = (
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "currency",
    "customer_creation",
    "invoice_creation",
    "metadata",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_types",
    "phone_number_collection",
    "submit_type",
    "subscription_data",
    "tax_id_collection",
)


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A link for some prices: a subscription if one of them recurs."""
    said = params["line_items"]
    sold = [
        desk.get("price", item["price"], f"line_items[{i}][price]") for i, item in enumerate(said) if item.get("price")
    ]
    mode = "subscription" if any(price["recurring"] for price in sold) else "payment"
    items = checkout_items.asked_items(desk, said, mode, params.get("currency"))
    id = desk.new_id("plink")
    after = params.get("after_completion") or {"type": "hosted_confirmation", "hosted_confirmation": {}}
    link: Object = {
        "id": id,
        "object": KIND,
        "active": True,
        "after_completion": _after(after),
        "allow_promotion_codes": params.get("allow_promotion_codes", False),
        "application": None,
        "application_fee_amount": params.get("application_fee_amount"),
        "application_fee_percent": params.get("application_fee_percent"),
        "automatic_tax": {"enabled": False, "liability": None, **(params.get("automatic_tax") or {})},
        "billing_address_collection": params.get("billing_address_collection") or "auto",
        "consent_collection": None,
        "currency": items[0]["currency"],
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_creation": params.get("customer_creation") or ("always" if mode == "subscription" else "if_required"),
        "inactive_message": params.get("inactive_message"),
        "invoice_creation": None,
        "livemode": desk.livemode,
        "metadata": metadata(None, params.get("metadata") or {}),
        "on_behalf_of": params.get("on_behalf_of"),
        "optional_items": None,
        "payment_intent_data": None,
        "payment_method_collection": params.get("payment_method_collection") or "always",
        "payment_method_types": params.get("payment_method_types"),
        "phone_number_collection": params.get("phone_number_collection") or {"enabled": False},
        "restrictions": _restrictions(params.get("restrictions")),
        "shipping_address_collection": None,
        "shipping_options": [],
        "submit_type": params.get("submit_type") or "auto",
        "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never", **(params.get("tax_id_collection") or {})},
        "transfer_data": None,
        "url": f"{HOST}/test_{id[6:]}",
        "created": desk.now_s,
        "_said": {name: params[name] for name in _PASSED_ON if params.get(name) is not None},
        "_items": [{"price": item["price"], "quantity": item["quantity"]} for item in items],
        "_mode": mode,
    }
    return desk.add(KIND, link, event="payment_link.created")


def _after(said: dict[str, Any]) -> Object:
    type = said["type"]
    shown = {"custom_message": None, **(said.get(type) or {})} if type == "hosted_confirmation" else said.get(type)
    return {type: shown, "type": type}


def _restrictions(said: dict[str, Any] | None) -> Object | None:
    if said is None:
        return None
    return {"completed_sessions": {"count": 0, "limit": said["completed_sessions"]["limit"]}}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Whether it can be used, and its metadata."""
    link = desk.get(KIND, id)
    changes: Object = {name: params[name] for name in ("active", "allow_promotion_codes") if name in params}
    if "metadata" in params:
        changes["metadata"] = metadata(link["metadata"], params["metadata"])
    desk.change(link, changes, "payment_link.updated")
    return link


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The link."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Links, newest first."""
    where = {"active": params["active"]} if "active" in params else {}
    return page(params, desk.scan(KIND, **where), "/v1/payment_links")


def visit(desk: Desk, id: str, client_reference_id: str | None = None) -> Object:
    """Somebody follows a link: a session of their own. Raises StripeError when the link is inactive."""
    link = desk.get(KIND, id)
    limits = (link["restrictions"] or {}).get("completed_sessions")
    done = sum(1 for _ in desk.scan(checkout_sessions.KIND, payment_link=id, status="complete"))
    if not link["active"] or (limits is not None and done >= limits["limit"]):
        raise invalid(link["inactive_message"] or "This payment link is inactive.", "payment_link")
    said = {**link["_said"], "mode": link["_mode"], "line_items": link["_items"], "metadata": link["metadata"]}
    if client_reference_id is not None:
        said["client_reference_id"] = client_reference_id
    said["success_url"] = ((link["after_completion"].get("redirect")) or {}).get("url")
    return checkout_sessions.begin(desk, said, id)


def present(desk: Desk, link: Object) -> Object:
    """Stripe does not say when it was made."""
    return {name: value for name, value in link.items() if name != "created"}


ROUTES = (
    Route("POST", "/v1/payment_links", sdk.PaymentLinkCreateParams, create),
    Route("GET", "/v1/payment_links", sdk.PaymentLinkListParams, listed),
    Route("GET", "/v1/payment_links/{payment_link}", None, retrieve),
    Route("POST", "/v1/payment_links/{payment_link}", sdk.PaymentLinkUpdateParams, update),
)
PRESENTERS = {KIND: present}
PREFIXES = {"plink": KIND}
