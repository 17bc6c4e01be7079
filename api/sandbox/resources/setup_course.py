"""The course of a setup intent: https://docs.stripe.com/payments/paymentintents/lifecycle."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources import bank_debits, intents, mandates, payment_methods
from api.sandbox.resources.cards import Decline
from api.sandbox.state import Object

ATTEMPT = "setup_attempt"
_FAILED = "setup_intent_authentication_failure"
DAY_S = 86_400


def attempt(desk: Desk, intent: Object, method: Object, *, said: dict[str, Any]) -> Object:
    """Try to save a method. The intent says what came of it."""
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    intent["latest_attempt"] = _attempted(desk, intent, method)["id"]
    if method["type"] in bank_debits.DEBITS:
        single = intent["_single_use"] if intent["usage"] == "on_session" else None
        mandate = mandates.granted(desk, method, said.get("mandate_data"), single)
        intent["single_use_mandate" if single else "mandate"] = mandate["id"]
    options = intent["payment_method_options"].get(method["type"], {})
    if _unverified(method, options.get("verification_method")):
        return _ask(desk, intent, _microdeposits(desk, intent))
    card = payment_methods.card_of(method)
    if card is not None and card.asks in ("always", "until_set_up", "on_session"):
        return _ask(desk, intent, intents.next_action(intent, said.get("return_url")))
    return _saved(desk, intent, method)


def _unverified(method: Object, how: str | None) -> bool:
    """Whether small deposits must show whose a bank account is: by wish, or where its number was typed."""
    return how == "microdeposits" or (
        method["type"] == bank_debits.ACH and bool(method.get("_typed")) and how != "skip"
    )


def _attempted(desk: Desk, intent: Object, method: Object) -> Object:
    attempted: Object = {
        "id": desk.new_id("setatt"),
        "object": ATTEMPT,
        "application": intent["application"],
        "created": desk.now_s,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": desk.livemode,
        "on_behalf_of": intent["on_behalf_of"],
        "payment_method": method["id"],
        "payment_method_details": {method["type"]: {}, "type": method["type"]},
        "setup_error": None,
        "setup_intent": intent["id"],
        "status": "requires_confirmation",
        "usage": intent["usage"],
    }
    return desk.add(ATTEMPT, attempted)


def _ended(desk: Desk, intent: Object, status: str) -> None:
    attempted = desk.get(ATTEMPT, intent["latest_attempt"])
    attempted |= {"status": status, "setup_error": intent["last_setup_error"]}


def _ask(desk: Desk, intent: Object, action: Object) -> Object:
    intent |= {"status": "requires_action", "next_action": action}
    _ended(desk, intent, "requires_action")
    desk.emit("setup_intent.requires_action", intent)
    return intent


def _microdeposits(desk: Desk, intent: Object) -> Object:
    url = f"https://payments.stripe.com/microdeposit/{intent['id']}"
    deposits = {
        "arrival_date": (desk.now_s // DAY_S + 1) * DAY_S,
        "hosted_verification_url": url,
        "microdeposit_type": "descriptor_code",
    }
    return {"type": "verify_with_microdeposits", "verify_with_microdeposits": deposits}


def _saved(desk: Desk, intent: Object, method: Object) -> Object:
    """The method is the customer's from now on, unless its bank says no."""
    card = payment_methods.card_of(method)
    if card is not None and card.declines is not None and (card.refused or card.asks):
        return _fail(desk, intent, intents.error_of(desk, card.declines, method, None))
    if intent["customer"] is not None:
        payment_methods.attach_to(desk, method, intent["customer"])
    method["_set_up"] = True
    intent |= {"status": "succeeded", "next_action": None}
    _ended(desk, intent, "succeeded")
    desk.emit("setup_intent.succeeded", intent)
    return intent


def _fail(desk: Desk, intent: Object, error: Object) -> Object:
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_setup_error": error}
    intent["next_action"] = None
    _ended(desk, intent, "failed")
    desk.emit("setup_intent.setup_failed", intent)
    return intent


def complete(desk: Desk, intent: Object, *, succeed: bool) -> Object:
    """The customer has done what was asked, or has failed."""
    method = desk.get(payment_methods.KIND, intent["payment_method"])
    if succeed:
        return _saved(desk, intent, method)
    said = "The latest attempt to set up the payment method has failed because authentication failed."
    error = intents.error_of(desk, Decline(_FAILED, None, said), method, None)
    return _fail(desk, intent, {**error, "type": "invalid_request_error"})
