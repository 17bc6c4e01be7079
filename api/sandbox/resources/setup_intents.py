"""Setup intents: a method is saved for later: https://docs.stripe.com/api/setup_intents."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import intents, settled, setup_course, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND, ATTEMPT = "setup_intent", setup_course.ATTEMPT
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_AMOUNTS, _CODE = [32, 45], "SM11AA"
"""What a test account's owner finds on it: https://docs.stripe.com/testing#microdeposits."""


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """An intent; with `confirm` it is tried at once."""
    if params.get("customer") is not None:
        desk.get("customer", params["customer"], "customer")
    types = intents.types_taken(params, None)
    id = desk.new_id("seti")
    intent: Object = {
        "id": id,
        "object": KIND,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "application": worlds.application_of(desk),
        "automatic_payment_methods": intents.automatic(params),
        "cancellation_reason": None,
        "client_secret": intents.secret(desk, id),
        "created": desk.now_s,
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "flow_directions": params.get("flow_directions"),
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": desk.livemode,
        "mandate": None,
        "metadata": metadata(None, params.get("metadata") or {}),
        "next_action": None,
        "on_behalf_of": params.get("on_behalf_of"),
        "payment_method": None,
        "payment_method_configuration_details": intents.configuration(params),
        "payment_method_options": intents.options(types, params.get("payment_method_options"), setup=True),
        "payment_method_types": types,
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage") or "off_session",
        "_single_use": params.get("single_use"),
    }
    method = intents.method_for(desk, intent, params)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    desk.add(KIND, intent, event="setup_intent.created")
    return _confirmed(desk, intent, params) if params.get("confirm") else intent


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what was not tried yet. No event says so."""
    intent = desk.get(KIND, id)
    if intent["status"] not in _OPEN:
        raise intents.unexpected(intent, "update", "updated: " + ", ".join(_OPEN) + ".")
    if params.get("customer") is not None:
        intent["customer"] = desk.get("customer", params["customer"], "customer")["id"]
    if "description" in params:
        intent["description"] = params["description"]
    if "metadata" in params:
        intent["metadata"] = metadata(intent["metadata"], params["metadata"])
    method = intents.method_for(desk, intent, params)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}
    return intent


def confirm(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Try to save the method. Raises StripeError when its bank says no."""
    intent = desk.get(KIND, id)
    if intent["status"] not in _OPEN:
        raise intents.unexpected(intent, "confirm", "confirmed: " + ", ".join(_OPEN) + ".")
    method = intents.method_for(desk, intent, params)
    if method is not None:
        intent["payment_method"] = method["id"]
    return _confirmed(desk, intent, params)


def _confirmed(desk: Desk, intent: Object, params: dict[str, Any]) -> Object:
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a"
            " payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
        )
    method = intents.fitting(intent, desk.get("payment_method", intent["payment_method"], "payment_method"))
    setup_course.attempt(desk, intent, method, said=params)
    settled.tell(desk, intent)
    if intent["last_setup_error"] is not None:
        raise intents.as_answer(desk, intent, intent["last_setup_error"])
    return intent


def cancel(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Give it up."""
    intent = desk.get(KIND, id)
    if intent["status"] not in _OPEN:
        raise intents.unexpected(intent, "cancel", "canceled: " + ", ".join(_OPEN) + ".")
    intent |= {"status": "canceled", "cancellation_reason": params.get("cancellation_reason"), "next_action": None}
    desk.emit("setup_intent.canceled", intent)
    settled.tell(desk, intent)
    return intent


def verify_microdeposits(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The owner of a bank account tells what came on it."""
    intent = desk.get(KIND, id)
    action = intent["next_action"] or {}
    if action.get("type") != "verify_with_microdeposits":
        raise intents.unexpected(intent, "verify microdeposits on", "verified: requires_action.")
    if params.get("amounts", _AMOUNTS) != _AMOUNTS or params.get("descriptor_code", _CODE) != _CODE:
        raise invalid(
            "The amounts provided do not match the amounts that were sent to the bank account.",
            code="payment_method_microdeposit_verification_amounts_mismatch",
        )
    setup_course.complete(desk, intent, succeed=True)
    settled.tell(desk, intent)
    return intent


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The intent."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Intents, newest first."""
    where = {name: params[name] for name in ("customer", "payment_method") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/setup_intents")


def attempts(desk: Desk, params: dict[str, Any]) -> Object:
    """The attempts of one intent, newest first."""
    return page(params, desk.scan(ATTEMPT, setup_intent=params["setup_intent"]), "/v1/setup_attempts")


_ONE = "/v1/setup_intents/{intent}"
ROUTES = (
    Route("POST", "/v1/setup_intents", sdk.SetupIntentCreateParams, create),
    Route("GET", "/v1/setup_intents", sdk.SetupIntentListParams, listed),
    Route("GET", _ONE, sdk.SetupIntentRetrieveParams, retrieve),
    Route("POST", _ONE, sdk.SetupIntentUpdateParams, update),
    Route("POST", _ONE + "/confirm", sdk.SetupIntentConfirmParams, confirm),
    Route("POST", _ONE + "/cancel", sdk.SetupIntentCancelParams, cancel),
    Route("POST", _ONE + "/verify_microdeposits", sdk.SetupIntentVerifyMicrodepositsParams, verify_microdeposits),
    Route("GET", "/v1/setup_attempts", sdk.SetupAttemptListParams, attempts),
)
PREFIXES = {"seti": KIND, "setatt": ATTEMPT}
