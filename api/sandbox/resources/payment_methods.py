"""Payment methods: made, attached to a customer, detached: https://docs.stripe.com/api/payment_methods.

Knows what a method is; refuses to know payments. The number of a card or account is kept beside it (`_number`), for
those who ask what a bank would say.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid, missing
from api.sandbox.listing import page
from api.sandbox.resources import bank_debits, cards
from api.sandbox.resources.method_details import details_of
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "payment_method"
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A method that is nobody's yet."""
    if params.get("type") is None:
        raise invalid("Missing required param: type.", "type", "parameter_missing")
    return desk.add(KIND, described(desk, params))


def described(desk: Desk, params: dict[str, Any]) -> Object:
    """The method that parameters describe: those of its creation, or of `payment_method_data`."""
    shown, kept = details_of(desk, params["type"], params.get(params["type"]) or {})
    return _method(desk, params["type"], shown, kept, params)


def _method(desk: Desk, type: str, shown: Object, kept: Object, said: dict[str, Any]) -> Object:
    return {
        "id": desk.new_id("pm"),
        "object": KIND,
        "allow_redisplay": said.get("allow_redisplay") or "unspecified",
        "billing_details": billing(None, said.get("billing_details")),
        type: shown,
        "created": desk.now_s,
        "customer": None,
        "customer_account": None,
        "livemode": desk.livemode,
        "metadata": metadata(None, said.get("metadata") or {}),
        "type": type,
        **kept,
    }


def billing(held: Object | None, said: dict[str, Any] | None) -> Object:
    """Whose method it is, as far as was said."""
    held = held or {}
    said = said or {}
    address = {**dict.fromkeys(_ADDRESS), **(held.get("address") or {}), **(said.get("address") or {})}
    plain = {name: said.get(name, held.get(name)) for name in ("email", "name", "phone", "tax_id")}
    return {"address": address, **plain}


def resolved(desk: Desk, id: str, param: str = "payment_method") -> Object:
    """The method of an id, for use; a ready-made one (`pm_card_visa`, `tok_visa`) is made afresh.

    Raises StripeError: `resource_missing`.
    """
    held = desk.held(KIND, id)
    if held is not None:
        return desk.get(KIND, id, param)
    made = _ready_made(desk, id)
    if made is None:
        raise missing_method(id, param)
    return desk.add(KIND, made)


def missing_method(id: str, param: str = "payment_method") -> StripeError:
    """There is none of this id."""
    error = missing("PaymentMethod", id, param)
    error.body["message"] += (
        "; It's possible this PaymentMethod exists on one of your connected accounts, in which case you should retry"
        " this request on that connected account."
        " Learn more at https://stripe.com/docs/connect/authentication"
    )
    return error


def _ready_made(desk: Desk, id: str) -> Object | None:
    card = cards.named(id) if id.startswith("pm_") else None
    if card is not None:
        year = _year(desk.now_s) + 1
        shown, kept = details_of(desk, "card", {"number": card.number, "exp_month": 12, "exp_year": year, "cvc": "123"})
        return _method(desk, "card", shown, kept, {})
    account = bank_debits.NAMED.get(id)
    if account is None:
        return None
    kind, number = account
    said = {"iban": number} if kind == bank_debits.SEPA else {"account_number": number, "routing_number": "110000000"}
    shown, kept = details_of(desk, kind, said)
    kept = {name: value for name, value in kept.items() if name != "_typed"}
    owner = {"billing_details": {"name": "Jenny Rosen", "email": "jenny@example.com"}}
    return _method(desk, kind, shown, kept, owner)


def _year(at_s: int) -> int:
    return 1970 + at_s // 31_556_952


def attach(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Save a method for a customer: https://docs.stripe.com/api/payment_methods/attach."""
    if params.get("customer") is None:
        raise invalid("You must provide `customer`.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    try:
        method = resolved(desk, id)
    except StripeError as error:
        error.status = 404
        raise
    attach_to(desk, method, customer["id"])
    return method


def attach_to(desk: Desk, method: Object, customer: str) -> None:
    """The method is the customer's from now on. Its bank is asked: raises StripeError when it says no."""
    if method["customer"] == customer:
        return
    if method["customer"] is not None:
        said = "The payment method you provided has already been attached to a customer."
        raise invalid(said, code="payment_method_unexpected_state")
    if method.get("_detached") or method.get("_spent"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a"
            " Customer, and may not be used again.",
            "payment_method",
        )
    card = card_of(method)
    if card is not None and card.refused and card.declines is not None:
        no = card.declines
        raise StripeError(
            402,
            "card_error",
            no.message,
            code=no.code,
            decline_code=no.decline_code,
            advice_code="try_again_later",
            network_decline_code="01",
        )
    method["customer"] = customer
    if method["type"] == "card":
        method["card"]["checks"] = {**method["card"]["checks"], "cvc_check": "pass"}
    if desk.clock is not None:
        method["_clock"] = desk.clock
    desk.emit("payment_method.attached", method)


def card_of(method: Object) -> cards.Card | None:
    """The test card behind a method, if it is one."""
    return cards.numbered(method["_number"]) if method["type"] == "card" else None


def detach(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Forget a customer's method; it can never be used again."""
    method = _present(desk, id)
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            "payment_method",
        )
    customer = desk.get("customer", method["customer"], "customer")
    method["_detached"] = True
    desk.change(method, {"customer": None}, "payment_method.detached")
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == id:
        desk.change(customer, {"invoice_settings": {**settings, "default_payment_method": None}}, "customer.updated")
    return method


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change whose it is, when a card ends, and what is noted of it. Only one that is attached."""
    method = _present(desk, id)
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.", "payment_method")
    changes: Object = {}
    if "billing_details" in params:
        changes["billing_details"] = billing(method["billing_details"], params["billing_details"])
    if params.get("allow_redisplay"):
        changes["allow_redisplay"] = params["allow_redisplay"]
    if "metadata" in params:
        changes["metadata"] = metadata(method["metadata"], params["metadata"])
    if "card" in params:
        ends = {name: params["card"][name] for name in ("exp_month", "exp_year") if name in params["card"]}
        changes["card"] = {**method["card"], **ends}
    desk.change(method, changes, "payment_method.updated")
    return method


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The method; of a ready-made one (`pm_card_visa`) a fresh copy."""
    made = None if desk.held(KIND, id) is not None else _ready_made(desk, id)
    return _present(desk, id) if made is None else desk.add(KIND, made)


def _present(desk: Desk, id: str) -> Object:
    if desk.held(KIND, id) is None:
        error = missing_method(id)
        error.status = 404
        raise error
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """The methods of a customer, newest first."""
    if params.get("customer") is None:
        return page(params, (), "/v1/payment_methods")
    desk.get("customer", params["customer"], "customer")
    return _of_customer(desk, params, params["customer"], "/v1/payment_methods")


def of_customer(desk: Desk, params: dict[str, Any], customer: str) -> Object:
    """The same, by the customer's own path."""
    desk.get("customer", customer)
    return _of_customer(desk, params, customer, f"/v1/customers/{customer}/payment_methods")


def one_of_customer(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """One method of a customer."""
    desk.get("customer", customer)
    method = _present(desk, id)
    if method["customer"] != customer:
        raise missing_method(id)
    return method


def _of_customer(desk: Desk, params: dict[str, Any], customer: str, url: str) -> Object:
    type = params.get("type")
    found = desk.scan(KIND, lambda m: type is None or m["type"] == type, customer=customer)
    return page(params, found, url)


ROUTES = (
    Route("POST", "/v1/payment_methods", sdk.PaymentMethodCreateParams, create),
    Route("GET", "/v1/payment_methods", sdk.PaymentMethodListParams, listed),
    Route("GET", "/v1/payment_methods/{method}", None, retrieve),
    Route("POST", "/v1/payment_methods/{method}", sdk.PaymentMethodUpdateParams, update),
    Route("POST", "/v1/payment_methods/{method}/attach", sdk.PaymentMethodAttachParams, attach),
    Route("POST", "/v1/payment_methods/{method}/detach", None, detach),
    Route("GET", "/v1/customers/{customer}/payment_methods", sdk.CustomerPaymentMethodListParams, of_customer),
    Route("GET", "/v1/customers/{customer}/payment_methods/{method}", None, one_of_customer),
)
PREFIXES = {"pm": KIND}
