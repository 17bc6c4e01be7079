"""What a customer does that no request of a seller can: be seen by the bank."""

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import intent_course, intents, payment_methods, settled, setup_course
from api.sandbox.state import Object


def complete_action(desk: Desk, id: str, *, succeed: bool) -> Object:
    """Do what an intent of payment or setup wants of its customer, or fail at it.

    Raises StripeError when the intent is unknown or wants nothing.
    """
    setup = id.startswith("seti_")
    intent = desk.get("setup_intent" if setup else "payment_intent", id)
    if intent["status"] != "requires_action":
        raise invalid(f"The intent {id} wants no action: it is {intent['status']}.", "intent")
    if setup:
        setup_course.complete(desk, intent, succeed=succeed)
    elif not succeed:
        _failed(desk, intent)
    elif intent["confirmation_method"] == "manual":
        intent |= {"status": "requires_confirmation", "next_action": None, "_authenticated": True}
    else:
        method = desk.get(payment_methods.KIND, intent["payment_method"])
        intent_course.attempt(desk, intent, method, authenticated=True)
    settled.tell(desk, intent)
    return intent


def _failed(desk: Desk, intent: Object) -> None:
    """The customer was not recognized: no charge is made."""
    from api.sandbox.presenting import present

    method = desk.get(payment_methods.KIND, intent["payment_method"])
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": {**intents.AUTHENTICATION_FAILED, "payment_method": present(desk, method)},
    }
    desk.emit("payment_intent.payment_failed", intent)
