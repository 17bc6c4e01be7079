"""Plans: recurring prices as they were shown before 2020, and still are: https://docs.stripe.com/api/plans.

A plan is a view of the price with its id; none is kept.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import missing
from api.sandbox.listing import page
from api.sandbox.resources.prices import as_plan, new_price
from api.sandbox.routes import Route
from api.sandbox.state import Object


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A recurring price, said as a plan."""
    product = params.get("product")
    described: Object = {}
    described["product_data" if isinstance(product, dict) else "product"] = product
    period: Object = {
        "interval": params["interval"],
        **{n: params[n] for n in ("interval_count", "meter", "trial_period_days", "usage_type") if n in params},
    }
    same = ("active", "billing_scheme", "currency", "metadata", "nickname", "tiers", "tiers_mode")
    price = new_price(
        desk,
        {
            **{name: params[name] for name in same if name in params},
            **described,
            "recurring": period,
            "unit_amount": params.get("amount"),
            "unit_amount_decimal": params.get("amount_decimal"),
            "transform_quantity": params.get("transform_usage"),
        },
        id=params.get("id"),
    )
    return _as_plan(price)


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its name, metadata and trial days."""
    price = _held(desk, id)
    changes: Object = {name: params[name] for name in ("active", "nickname") if name in params}
    if "metadata" in params:
        changes["metadata"] = metadata(price["metadata"], params["metadata"])
    if "trial_period_days" in params:
        changes["recurring"] = {**price["recurring"], "trial_period_days": params["trial_period_days"]}
    before = as_plan(price)
    if desk.change(price, changes, "price.updated"):
        desk.emit("plan.updated", as_plan(price), before)
    return _as_plan(price)


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The plan."""
    return _as_plan(_held(desk, id))


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Nobody can subscribe to it any more; subscriptions keep it."""
    price = _held(desk, id)
    desk.emit("plan.deleted", as_plan(price))
    desk.change(price, {"active": False, "_gone": True}, "price.deleted")
    return {"id": id, "object": "plan", "deleted": True}


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Plans, newest first."""
    where = {name: params[name] for name in ("active", "product") if params.get(name) is not None}
    found = desk.scan("price", lambda p: p["recurring"] is not None and not p.get("_gone"), **where)
    return page(params, (_as_plan(price) for price in found), "/v1/plans")


def _held(desk: Desk, id: str) -> Object:
    price = desk.held("price", id)
    if price is None or price["recurring"] is None or price.get("_gone"):
        raise missing("plan", id)
    return desk.get("price", id)


def _as_plan(price: Object) -> Object:
    return {**as_plan(price), "_seq": price["_seq"]}


ROUTES = (
    Route("POST", "/v1/plans", sdk.PlanCreateParams, create),
    Route("GET", "/v1/plans", sdk.PlanListParams, listed),
    Route("GET", "/v1/plans/{plan}", None, retrieve),
    Route("POST", "/v1/plans/{plan}", sdk.PlanUpdateParams, update),
    Route("DELETE", "/v1/plans/{plan}", None, delete),
)
PREFIXES = {"plan": "price"}
