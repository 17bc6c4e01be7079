"""Payment intents as they are asked for: https://docs.stripe.com/api/payment_intents. Their course: `intent_course`."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import amounts, intent_course, intents, settled, transfers, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = intent_course.KIND
_PLAIN = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """An intent; with `confirm` it is tried at once. Raises StripeError when the card is declined: the intent stays."""
    if params.get("confirmation_token") is not None:
        raise invalid("The sandbox has no confirmation tokens.", "confirmation_token")
    if params.get("off_session") is not None and not params.get("confirm"):
        raise invalid("You may only set `off_session` together with `confirm=true`.", "off_session")
    intent = new(desk, params)
    method = intents.method_for(desk, intent, params)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if intent["automatic_payment_methods"] is not None:
        intents.connect_banks(intent)
    desk.add(KIND, intent, event="payment_intent.created")
    if not params.get("confirm"):
        return intent
    _try(desk, intent, params)
    return _answered(desk, intent, params)


def new(desk: Desk, params: dict[str, Any]) -> Object:
    """An intent with no method yet, not kept yet. Raises StripeError for amounts and accounts that cannot be."""
    currency = params["currency"].lower()
    amounts.check(params["amount"], currency)
    if params.get("customer") is not None:
        desk.get("customer", params["customer"], "customer")
    data = params.get("transfer_data")
    if data is not None:
        transfers.destination(desk, data["destination"], "transfer_data[destination]")
    connected = worlds.platform_of(desk) is not None
    amounts.check_fee(params.get("application_fee_amount"), params["amount"], allowed=connected or data is not None)
    types = intents.types_taken(params, currency)
    id = desk.new_id("pi")
    return {
        "id": id,
        "object": KIND,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": worlds.application_of(desk),
        "application_fee_amount": params.get("application_fee_amount"),
        "automatic_payment_methods": intents.automatic(params),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method") or "automatic_async",
        "client_secret": intents.secret(desk, id),
        "confirmation_method": params.get("confirmation_method") or "automatic",
        "created": desk.now_s,
        "currency": currency,
        "customer": params.get("customer"),
        "customer_account": None,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": desk.livemode,
        "managed_payments": {"enabled": False},
        "metadata": metadata(None, params.get("metadata") or {}),
        "next_action": None,
        "on_behalf_of": params.get("on_behalf_of"),
        "payment_method": None,
        "payment_method_configuration_details": intents.configuration(params),
        "payment_method_options": intents.options(types, params.get("payment_method_options")),
        "payment_method_types": types,
        "payment_record": None,
        "processing": None,
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None if data is None else dict(data),
        **{name: params.get(name) for name in _PLAIN},
        "shipping": _shipping(params.get("shipping")),
    }


def _shipping(said: dict[str, Any] | None) -> Object | None:
    """Where it is sent, with what was left unsaid."""
    if said is None:
        return None
    address = {**dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")), **said["address"]}
    return {**dict.fromkeys(("carrier", "phone", "tracking_number")), **said, "address": address}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what was not tried yet. No event says so."""
    intent = desk.get(KIND, id)
    tried = intent["status"] in ("succeeded", "canceled", "processing", "requires_capture")
    if tried and params.keys() - {"metadata", "description", "receipt_email", "shipping"}:
        allowed = "updated: requires_payment_method, requires_confirmation, requires_action."
        raise intents.unexpected(intent, "update", allowed)
    changed(desk, intent, params)
    return intent


def changed(desk: Desk, intent: Object, params: dict[str, Any]) -> None:
    """Set what is named, as an update or a confirmation may."""
    currency = (params.get("currency") or intent["currency"]).lower()
    amount: int = params["amount"] if "amount" in params else intent["amount"]
    amounts.check(amount, currency)
    if params.get("customer") is not None:
        desk.get("customer", params["customer"], "customer")
    if "application_fee_amount" in params:
        allowed = worlds.platform_of(desk) is not None or intent["transfer_data"] is not None
        amounts.check_fee(params["application_fee_amount"], amount, allowed=allowed)
        intent["application_fee_amount"] = params["application_fee_amount"]
    intent |= {"amount": amount, "currency": currency}
    names = (*_PLAIN, "customer", "setup_future_usage", "capture_method")
    intent |= {name: params[name] for name in names if name in params}
    if "shipping" in params:
        intent["shipping"] = _shipping(params["shipping"])
    if "metadata" in params:
        intent["metadata"] = metadata(intent["metadata"], params["metadata"])
    if params.get("payment_method_types"):
        intent |= {"payment_method_types": params["payment_method_types"], "automatic_payment_methods": None}
    types = intent["payment_method_types"]
    said = {**intent["payment_method_options"], **(params.get("payment_method_options") or {})}
    intent["payment_method_options"] = intents.options(types, said)
    method = intents.method_for(desk, intent, params)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def confirm(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Try to take the money. Raises StripeError when the card is declined: what happened stays."""
    intent = desk.get(KIND, id)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        allowed = "confirmed: requires_confirmation, requires_action."
        if intent["status"] == "succeeded":
            raise invalid(
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously"
                " confirmed.",
                code="payment_intent_unexpected_state",
            )
        raise intents.unexpected(intent, "confirm", allowed)
    changed(desk, intent, {name: value for name, value in params.items() if name not in ("return_url", "mandate_data")})
    _try(desk, intent, params)
    settled.tell(desk, intent)
    return _answered(desk, intent, params)


def _try(desk: Desk, intent: Object, params: dict[str, Any]) -> None:
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the"
            " PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a"
            " payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    method = intents.fitting(intent, desk.get("payment_method", intent["payment_method"], "payment_method"))
    off_session = params.get("off_session") not in (None, False)
    intent_course.attempt(desk, intent, method, off_session=off_session, said=params)


def _answered(desk: Desk, intent: Object, params: dict[str, Any]) -> Object:
    if intent["last_payment_error"] is not None:
        raise intents.as_answer(desk, intent, intent["last_payment_error"])
    if intent["status"] == "requires_action" and params.get("error_on_requires_action"):
        raise invalid(
            "This payment required an authentication action to complete, but `error_on_requires_action` was set.",
            code="authentication_required",
        )
    return intent


def capture(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take what was authorized."""
    intent = desk.get(KIND, id)
    if intent["status"] != "requires_capture":
        raise intents.unexpected(intent, "capture", "captured: requires_capture.")
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount_capturable"]
    if not 0 < amount <= intent["amount_capturable"]:
        raise invalid("The amount to capture exceeds what is capturable.", "amount_to_capture", "amount_too_large")
    if "metadata" in params:
        intent["metadata"] = metadata(intent["metadata"], params["metadata"])
    intent_course.capture(desk, intent, amount, params.get("application_fee_amount"))
    settled.tell(desk, intent)
    return intent


def cancel(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Give up an intent whose money did not come."""
    intent = desk.get(KIND, id)
    if intent["status"] not in _CANCELABLE or intent["status"] == "processing":
        raise intents.unexpected(intent, "cancel", f"canceled: {', '.join(_CANCELABLE[:-1])}.")
    intent_course.cancel(desk, intent, params.get("cancellation_reason"))
    settled.tell(desk, intent)
    return intent


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The intent."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Intents, newest first."""
    where = {} if params.get("customer") is None else {"customer": params["customer"]}
    return page(params, desk.scan(KIND, **where), "/v1/payment_intents")


_ONE = "/v1/payment_intents/{intent}"
ROUTES = (
    Route("POST", "/v1/payment_intents", sdk.PaymentIntentCreateParams, create),
    Route("GET", "/v1/payment_intents", sdk.PaymentIntentListParams, listed),
    Route("GET", _ONE, sdk.PaymentIntentRetrieveParams, retrieve),
    Route("POST", _ONE, sdk.PaymentIntentUpdateParams, update),
    Route("POST", _ONE + "/confirm", sdk.PaymentIntentConfirmParams, confirm),
    Route("POST", _ONE + "/capture", sdk.PaymentIntentCaptureParams, capture),
    Route("POST", _ONE + "/cancel", sdk.PaymentIntentCancelParams, cancel),
)
PREFIXES = {"pi": KIND}
