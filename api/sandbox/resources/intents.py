"""What intents of payment and of setup have in common: the methods they take, what a customer must do, errors."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import bank_debits, payment_methods
from api.sandbox.resources.cards import Decline
from api.sandbox.state import Object

_DEBIT_IN = {"usd": bank_debits.ACH, "eur": bank_debits.SEPA}
_CONFIGURATION = {"id": "pmc_1RecountSandbox", "parent": None}
_DOCS = "https://stripe.com/docs/error-codes/"
AUTHENTICATION_FAILED: Object = {
    "code": "payment_intent_authentication_failure",
    "doc_url": _DOCS + "payment-intent-authentication-failure",
    "message": "We are unable to authenticate your payment method. Please choose a different payment method and try"
    " again.",
    "type": "invalid_request_error",
}


def types_taken(params: dict[str, Any], currency: str | None) -> list[str]:
    """Of which types a method may be: those that are named, else those of the sandbox's own configuration.

    That has no type that leads away to another page, so no `return_url` is wanted to confirm.
    """
    named = params.get("payment_method_types") or params.get("allowed_payment_method_types")
    if named:
        return list(named)
    debits = list(bank_debits.DEBITS) if currency is None else [_DEBIT_IN[currency]] if currency in _DEBIT_IN else []
    refused = params.get("excluded_payment_method_types") or ()
    return [type for type in ("card", "link", *debits) if type not in refused]


def automatic(params: dict[str, Any]) -> Object | None:
    """`automatic_payment_methods`: on, unless types are named or it is switched off."""
    if params.get("payment_method_types"):
        return None
    said = params.get("automatic_payment_methods")
    if said is not None and not said["enabled"]:
        return None
    return {"allow_redirects": (said or {}).get("allow_redirects") or "always", "enabled": True}


def configuration(params: dict[str, Any]) -> Object | None:
    """Which configuration's methods are taken."""
    return None if automatic(params) is None else dict(_CONFIGURATION)


_OPTIONS: dict[str, Object] = {
    "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "link": {"persistent_token": None},
    bank_debits.ACH: {"mandate_options": {}, "verification_method": "automatic"},
    bank_debits.SEPA: {"mandate_options": {}},
}


def options(types: list[str], said: dict[str, Any] | None, *, setup: bool = False) -> Object:
    """`payment_method_options`, as they are when nothing was said, and what was."""
    shown: Object = {}
    for type in types:
        if setup and type == "link":
            continue
        shown[type] = {**_OPTIONS.get(type, {}), **((said or {}).get(type) or {})}
        if setup and type == "card":
            shown[type].pop("installments", None)
        if type == bank_debits.ACH and "financial_connections" in shown[type]:
            shown[type]["financial_connections"] = {"prefetch": [], **shown[type]["financial_connections"]}
    return shown


def connect_banks(intent: Object) -> None:
    """With automatic methods a bank account is found by its owner's log-in at the bank."""
    found = intent["payment_method_options"].get(bank_debits.ACH)
    if found is not None:
        found.setdefault("financial_connections", {"permissions": ["payment_method"], "prefetch": []})
        found.setdefault("transaction_purpose", "unspecified")


def method_for(desk: Desk, intent: Object, params: dict[str, Any]) -> Object | None:
    """The method that a request names or describes, fit for the intent; None when it says nothing of it."""
    data = params.get("payment_method_data")
    if params.get("payment_method") is not None:
        method = payment_methods.resolved(desk, params["payment_method"])
    elif data is not None:
        method = desk.add(payment_methods.KIND, payment_methods.described(desk, data))
    else:
        return None
    return fitting(intent, method)


def fitting(intent: Object, method: Object) -> Object:
    """The method. Raises StripeError when it is another customer's, or of a type that is not taken."""
    if method["type"] not in intent["payment_method_types"]:
        name = intent["object"].title().replace("_", "")
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {name}. Please attempt to use a"
            f" different PaymentMethod with one of the following allowed types: "
            f"{', '.join(intent['payment_method_types'])}.",
            "payment_method",
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        if intent["customer"] is None:
            raise invalid(
                f"The customer of the payment method is {method['customer']}; please include it as `customer`.",
                "payment_method",
            )
        raise invalid(
            f"The provided PaymentMethod does not belong to the customer {intent['customer']}.", "payment_method"
        )
    if method.get("_detached") or (method.get("_spent") and method["customer"] is None):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared"
            " with a connected account without Customer attachment, or was detached from a Customer. It may not be"
            " used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            "payment_method",
        )
    return method


def asks(desk: Desk, method: Object, *, off_session: bool) -> bool:
    """Whether the bank wants to see the customer: https://docs.stripe.com/testing#authentication-and-setup."""
    card = payment_methods.card_of(method)
    if card is None:
        return False
    if card.asks == "until_set_up":
        return not (off_session and method.get("_set_up"))
    return card.asks == "always" or (card.asks == "on_session" and not off_session)


def next_action(intent: Object, return_url: str | None) -> Object:
    """What the customer must do: be seen by the bank."""
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?{intent['object']}={intent['id']}"
    if return_url is not None:
        return {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}
    sdk = {"source": f"src_{intent['id'].partition('_')[2]}", "stripe_js": url, "type": "three_d_secure_redirect"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def error_of(desk: Desk, decline: Decline, method: Object, charge: str | None) -> Object:
    """`last_payment_error` and `last_setup_error`."""
    from api.sandbox.presenting import present  # whose registry has the modules that import this one

    error: Object = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": _DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": present(desk, method),
        "type": "card_error" if method["type"] == "card" else "invalid_request_error",
    }
    if charge is not None:
        error["charge"] = charge
    if decline.code == "card_declined":
        error |= {"advice_code": "try_again_later", "network_decline_code": "01"}
    return {name: value for name, value in error.items() if value is not None}


def as_answer(desk: Desk, intent: Object, error: Object) -> StripeError:
    """The error that the request gets for which an attempt failed. What happened stays."""
    from api.sandbox.presenting import stripped
    from api.sandbox.rendering import rendered

    answer = StripeError(402 if error["type"] == "card_error" else 400, error["type"], error["message"], keeps=True)
    answer.body |= {name: value for name, value in stripped(error).items() if name != "payment_method"}
    if error.get("payment_method") is not None:
        held = desk.held(payment_methods.KIND, error["payment_method"]["id"])
        answer.body["payment_method"] = rendered(desk, held or error["payment_method"])
    answer.body[intent["object"]] = rendered(desk, intent)
    return answer


def unexpected(intent: Object, doing: str, allowed: str) -> StripeError:
    """The intent's status does not allow it."""
    name = intent["object"].title().replace("_", "")
    return invalid(
        f"You cannot {doing} this {name} because it has a status of {intent['status']}. Only a {name} with one of the"
        f" following statuses may be {allowed}",
        code=f"{intent['object']}_unexpected_state",
    )


def secret(desk: Desk, id: str) -> str:
    """A client secret."""
    return f"{id}_{desk.new_id('secret')}"
