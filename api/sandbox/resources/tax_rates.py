"""Tax rates that a seller keeps by hand: https://docs.stripe.com/api/tax_rates."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "tax_rate"
_PLAIN = ("active", "country", "description", "display_name", "jurisdiction", "state", "tax_type")


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A rate; its percentage never changes."""
    if not 0 <= params["percentage"] <= 100:
        raise invalid("Invalid percentage: must be between 0 and 100.", "percentage")
    return desk.add(KIND, {**made(desk, params), "id": desk.new_id("txr")}, event="tax_rate.created")


def made(desk: Desk, params: dict[str, Any]) -> Object:
    """A rate that is not kept yet, and has no id."""
    return {
        "object": KIND,
        "active": params.get("active", True),
        "country": params.get("country"),
        "created": desk.now_s,
        "description": params.get("description"),
        "display_name": params["display_name"],
        "effective_percentage": float(params["percentage"]),
        "flat_amount": None,
        "inclusive": params["inclusive"],
        "jurisdiction": params.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": desk.livemode,
        "metadata": metadata(None, params.get("metadata") or {}),
        "percentage": float(params["percentage"]),
        "rate_type": "percentage",
        "state": params.get("state"),
        "tax_type": params.get("tax_type"),
        "_percentage": str(params["percentage"]),
    }


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its names, its metadata and whether it can be used."""
    rate = desk.get(KIND, id)
    changes: Object = {name: params[name] for name in _PLAIN if name in params}
    if "metadata" in params:
        changes["metadata"] = metadata(rate["metadata"], params["metadata"])
    desk.change(rate, changes, "tax_rate.updated")
    return rate


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The rate."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Rates, newest first."""
    where = {name: params[name] for name in ("active", "inclusive") if name in params}
    return page(params, desk.scan(KIND, **where), "/v1/tax_rates")


ROUTES = (
    Route("POST", "/v1/tax_rates", sdk.TaxRateCreateParams, create),
    Route("GET", "/v1/tax_rates", sdk.TaxRateListParams, listed),
    Route("GET", "/v1/tax_rates/{tax_rate}", None, retrieve),
    Route("POST", "/v1/tax_rates/{tax_rate}", sdk.TaxRateUpdateParams, update),
)
PREFIXES = {"txr": KIND}
