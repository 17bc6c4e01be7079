"""Cards saved the old way, as sources of a customer: https://docs.stripe.com/api/cards.

Each is a payment method of the same id, too, so whatever pays by a method pays by these.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid, missing
from api.sandbox.listing import page
from api.sandbox.resources import cards, method_details, payment_methods
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "card"
_ADDRESS = ("city", "country", "line1", "line2", "state", "zip")
_BRANDS = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


def shown_source(id: str, shown: Object, customer: str | None, said: dict[str, Any]) -> Object:
    """The card as a source, from how it looks as a method."""
    source: Object = {
        "id": id,
        "object": KIND,
        **{f"address_{name}": said.get(f"address_{name}") for name in _ADDRESS},
        "address_line1_check": None,
        "address_zip_check": None,
        "brand": _BRANDS[shown["brand"]],
        "country": shown["country"],
        "cvc_check": "unchecked" if said.get("cvc") else None,
        "dynamic_last4": None,
        "exp_month": shown["exp_month"],
        "exp_year": shown["exp_year"],
        "fingerprint": shown["fingerprint"],
        "funding": shown["funding"],
        "last4": shown["last4"],
        "metadata": {},
        "name": said.get("name"),
        "regulated_status": "unregulated",
        "tokenization_method": None,
        "wallet": None,
    }
    return source if customer is None else {**source, "customer": customer}


def added(desk: Desk, customer: Object, token: str, noted: dict[str, Any] | None = None) -> Object:
    """A token's card is the customer's from now on; the first is the default.

    Raises StripeError when it is declined.
    """
    shown, kept = method_details.details_of(desk, "card", {"token": token})
    card = cards.numbered(kept["_number"])
    if card.refused and card.declines is not None:
        no = card.declines
        raise StripeError(402, "card_error", no.message, code=no.code, decline_code=no.decline_code)
    id = desk.new_id("card")
    source = shown_source(id, shown, customer["id"], {})
    source["metadata"] = metadata(None, noted or {})
    method: Object = {
        "id": id,
        "object": payment_methods.KIND,
        "allow_redisplay": "unspecified",
        "billing_details": payment_methods.billing(None, None),
        "card": shown,
        "created": desk.now_s,
        "customer": customer["id"],
        "customer_account": None,
        "livemode": desk.livemode,
        "metadata": {},
        "type": "card",
        **kept,
    }
    desk.add(payment_methods.KIND, method)
    desk.add(KIND, source, event="customer.source.created")
    if customer["default_source"] is None:
        desk.change(customer, {"default_source": id}, "customer.updated")
    return source


def create(desk: Desk, params: dict[str, Any], customer: str) -> Object:
    """Save a token's card."""
    if not isinstance(params["source"], str):
        raise invalid("The sandbox saves cards by their tokens.", "source")
    return added(desk, desk.get("customer", customer), params["source"], params.get("metadata"))


def _owned(desk: Desk, customer: str, id: str) -> Object:
    desk.get("customer", customer)
    held = desk.held(KIND, id)
    if held is None or held.get("deleted") or held["customer"] != customer:
        raise missing("source", id)
    return desk.get(KIND, id)


def retrieve(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """One source."""
    return _owned(desk, customer, id)


def update(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """Change what is noted of a card."""
    source = _owned(desk, customer, id)
    changes: Object = {name: said for name, said in params.items() if name in source and name != "metadata"}
    if "metadata" in params:
        changes["metadata"] = metadata(source["metadata"], params["metadata"])
    desk.change(source, changes, "customer.source.updated")
    return source


def delete(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """Forget a card; another becomes the default."""
    source = _owned(desk, customer, id)
    owner = desk.get("customer", customer)
    desk.emit("customer.source.deleted", source)
    source["deleted"] = True
    desk.get(payment_methods.KIND, id).update({"customer": None, "_detached": True})
    if owner["default_source"] == id:
        left = next((s["id"] for s in desk.scan(KIND, customer=customer)), None)
        desk.change(owner, {"default_source": left}, "customer.updated")
    return source


def listed(desk: Desk, params: dict[str, Any], customer: str) -> Object:
    """A customer's sources, newest first."""
    desk.get("customer", customer)
    return page(params, desk.scan(KIND, customer=customer), f"/v1/customers/{customer}/sources")


_ALL = "/v1/customers/{customer}/sources"
ROUTES = (
    Route("POST", _ALL, sdk.CustomerPaymentSourceCreateParams, create),
    Route("GET", _ALL, sdk.CustomerPaymentSourceListParams, listed),
    Route("GET", _ALL + "/{source}", None, retrieve),
    Route("POST", _ALL + "/{source}", sdk.CustomerPaymentSourceUpdateParams, update),
    Route("DELETE", _ALL + "/{source}", sdk.CustomerPaymentSourceDeleteParams, delete),
)
PREFIXES = {"card": KIND}
