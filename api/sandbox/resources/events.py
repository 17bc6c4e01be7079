"""Events of the last 30 days: https://docs.stripe.com/api/events."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

_LISTED_S = 30 * 86_400


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Events, newest first; `type` may end in `.*`."""
    return page(params, (e for e in desk.scan("event") if _asked(desk, e, params)), "/v1/events")


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The event."""
    return desk.get("event", id)


def _asked(desk: Desk, event: Object, params: dict[str, Any]) -> bool:
    if desk.wall_s - event["_wall_s"] > _LISTED_S:
        return False
    if "delivery_success" in params and event.get("_delivered", True) is not params["delivery_success"]:
        return False
    types = params.get("types") or ([params["type"]] if params.get("type") else None)
    return types is None or any(
        event["type"] == t or (t.endswith("*") and event["type"].startswith(t[:-1])) for t in types
    )


def present(desk: Desk, event: Object) -> Object:
    """The event in the version of the request."""
    from api.sandbox.events import shown  # which presents objects, and so needs this module's registry

    return shown(event, desk.version)


ROUTES = (
    Route("GET", "/v1/events", sdk.EventListParams, listed),
    Route("GET", "/v1/events/{event}", None, retrieve),
)
PRESENTERS = {"event": present}
PREFIXES = {"evt": "event"}
