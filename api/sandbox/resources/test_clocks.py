"""Test clocks: months in a moment: https://docs.stripe.com/billing/testing/test-clocks."""

from typing import Any

from stripe.params import test_helpers as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "test_helpers.test_clock"
_KEPT_S = 30 * 86_400


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A clock that stands at a time of one's choice."""
    clock: Object = {
        "id": desk.new_id("clock"),
        "object": KIND,
        "created": desk.wall_s,
        "deletes_after": desk.wall_s + _KEPT_S,
        "frozen_time": params["frozen_time"],
        "livemode": desk.livemode,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
        "_now_s": params["frozen_time"],
    }
    desk.add(KIND, clock)
    desk.emit("test_helpers.test_clock.created", clock)
    return clock


def advance(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Bring the clock forward; answered as `advancing`, and ready at the next look."""
    clock = desk.get(KIND, id)
    if params["frozen_time"] <= clock["_now_s"]:
        raise invalid("The frozen time must lie after the clock's present one.", "frozen_time")
    desk.change(clock, {"status": "advancing"}, "test_helpers.test_clock.advancing")
    clock["_to_s"] = params["frozen_time"]
    return clock


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The clock."""
    return desk.get(KIND, id)


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Delete the clock with its customers; nothing of theirs falls due any more."""
    clock = desk.get(KIND, id)
    for customer in desk.find("customer", test_clock=id):
        desk.emit("customer.deleted", customer)
        customer["deleted"] = True
    for due in list(desk.scan("_due", _clock=id)):
        desk.never(due["job"], due["of"])
    desk.emit("test_helpers.test_clock.deleted", clock)
    clock["deleted"] = True
    return clock


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Clocks, newest first."""
    return page(params, desk.scan(KIND), "/v1/test_helpers/test_clocks")


ROUTES = (
    Route("POST", "/v1/test_helpers/test_clocks", sdk.TestClockCreateParams, create),
    Route("GET", "/v1/test_helpers/test_clocks", sdk.TestClockListParams, listed),
    Route("GET", "/v1/test_helpers/test_clocks/{test_clock}", None, retrieve),
    Route("POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", sdk.TestClockAdvanceParams, advance),
    Route("DELETE", "/v1/test_helpers/test_clocks/{test_clock}", None, delete),
)
PREFIXES = {"clock": KIND}
