"""What a customer pays with, as far as it is said of the customer itself: a first method, a default, an old source."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import payment_methods, sources
from api.sandbox.state import Object


def take(desk: Desk, customer: Object, params: dict[str, Any]) -> None:
    """Attach the method (`payment_method`) or save the token (`source`) that a customer comes with."""
    if params.get("payment_method") is not None:
        method = payment_methods.resolved(desk, params["payment_method"])
        payment_methods.attach_to(desk, method, customer["id"])
        settings = params.get("invoice_settings") or {}
        if settings.get("default_payment_method") == params["payment_method"]:
            settings["default_payment_method"] = method["id"]
            customer["invoice_settings"]["default_payment_method"] = method["id"]
    if isinstance(params.get("source"), str):
        replaced = customer["default_source"]
        customer["default_source"] = None
        source = sources.added(desk, customer, params["source"])
        if replaced is not None:
            sources.delete(desk, {}, customer["id"], replaced)
        customer["default_source"] = source["id"]


def check(desk: Desk, customer: Object, params: dict[str, Any]) -> None:
    """Raises StripeError when the default that is named is not the customer's own."""
    id = (params.get("invoice_settings") or {}).get("default_payment_method")
    if id is not None:
        _own(desk, customer, id, "invoice_settings[default_payment_method]")
    if params.get("default_source") is not None:
        _own(desk, customer, params["default_source"], "default_source")


def _own(desk: Desk, customer: Object, id: str, param: str) -> None:
    held = desk.held(payment_methods.KIND, id)
    if held is None or held["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {id}. The payment method must be attached to the"
            " customer.",
            param,
            "resource_missing",
        )


def let_go(desk: Desk, customer: Object) -> None:
    """A customer is gone: its methods can be used no more."""
    for method in desk.find(payment_methods.KIND, customer=customer["id"]):
        method |= {"customer": None, "_detached": True}
