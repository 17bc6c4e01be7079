"""A checkout page as a program completes it: the endpoints behind Stripe's own page, which the Stripe CLI asks.

They are no part of Stripe's published API, so no type of the SDK's holds their parameters.
"""

from typing import Any, NotRequired, TypedDict

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import checkout_sessions
from api.sandbox.resources.checkout_completion import Form, complete
from api.sandbox.routes import Route
from api.sandbox.state import Object


class ConfirmParams(TypedDict):
    """What is filled in."""

    payment_method: str
    expected_amount: NotRequired[int]


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What the page of a session knows of it."""
    return _page(desk.get(checkout_sessions.KIND, id))


def confirm(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Buy what the page offers, at the price that the buyer saw."""
    session = checkout_sessions.open_session(desk, id)
    if params.get("expected_amount") not in (None, session["amount_total"]):
        raise invalid("The amount has changed since the page was shown.", "expected_amount", "checkout_amount_mismatch")
    method = desk.get("payment_method", params["payment_method"], "payment_method")
    billing = method["billing_details"]
    form = Form(
        payment_method=method["id"],
        email=billing["email"],
        name=billing["name"],
        country=billing["address"]["country"],
        postal_code=billing["address"]["postal_code"],
    )
    return _page(complete(desk, id, form))


def _page(session: Object) -> Object:
    return {
        "id": f"ppage_{session['id'].rpartition('_')[2][:24]}",
        "object": "checkout.payment_page",
        "livemode": session["livemode"],
        "mode": session["mode"],
        "payment_intent": session["payment_intent"],
        "session_id": session["id"],
        "status": session["status"],
    }


ROUTES = (
    Route("GET", "/v1/payment_pages/{session}", None, retrieve),
    Route("POST", "/v1/payment_pages/{session}/confirm", ConfirmParams, confirm),
)
