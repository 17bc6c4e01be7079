"""Warnings of card issuers that a payment was fraud: https://docs.stripe.com/api/radar/early_fraud_warnings."""

from typing import Any

from stripe.params import radar as sdk

from api.sandbox.desk import Desk
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "radar.early_fraud_warning"
_URL = "/v1/radar/early_fraud_warnings"


def warned(desk: Desk, charge: Object) -> Object:
    """The issuer warns of a charge."""
    warning: Object = {
        "id": desk.new_id("issfr"),
        "object": KIND,
        "actionable": True,
        "charge": charge["id"],
        "created": desk.now_s,
        "fraud_type": "made_with_stolen_card",
        "livemode": desk.livemode,
        "payment_intent": charge["payment_intent"],
    }
    return desk.add(KIND, warning, event="radar.early_fraud_warning.created")


def acted(desk: Desk, charge: Object) -> None:
    """A charge that was refunded or disputed needs no more action."""
    for warning in desk.find(KIND, charge=charge["id"]):
        desk.change(warning, {"actionable": False}, "radar.early_fraud_warning.updated")


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The warning."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Warnings, newest first."""
    where = {name: params[name] for name in ("charge", "payment_intent") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), _URL)


ROUTES = (
    Route("GET", _URL, sdk.EarlyFraudWarningListParams, listed),
    Route("GET", _URL + "/{warning}", None, retrieve),
)
PREFIXES = {"issfr": KIND}
