"""Checkout sessions: what a buyer is offered, until it is bought, given up or run out.

https://docs.stripe.com/api/checkout/sessions. How one is paid is `checkout_completion`'s matter.
"""

from typing import Any

from stripe.params import checkout as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid
from api.sandbox.listing import page
from api.sandbox.resources import checkout_items, checkout_shapes
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.taxing import buyer_of
from api.sandbox.routes import Route
from api.sandbox.state import Object
from api.sandbox.times import DAY

KIND = "checkout.session"
HOST = "https://checkout.stripe.com"
"""Replaced by the sandbox's own address where an answer leaves it."""
_LEAST_S, _MOST_S = 1800, DAY
_MODES = {"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A session, with an address to send the buyer to."""
    return begin(desk, params)


def begin(desk: Desk, params: dict[str, Any], link: str | None = None) -> Object:
    """A session by its parameters; `link`: the payment link that it comes from."""
    mode = params.get("mode") or ("payment" if link else None)
    if mode is None:
        raise invalid("Missing required param: mode.", "mode", "parameter_missing")
    ui_mode = _MODES.get(params.get("ui_mode") or "hosted_page", params.get("ui_mode") or "hosted_page")
    checkout_shapes.check_urls(params, ui_mode)
    customer = None
    if params.get("customer") is not None:
        if params.get("customer_email") is not None:
            raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer")
        customer = desk.get("customer", params["customer"], "customer")
    expires_s = params.get("expires_at") or desk.now_s + DAY
    if not _LEAST_S <= expires_s - desk.now_s <= _MOST_S:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from creation.", "expires_at")
    id = desk.new_id(f"cs_{desk.mode}", 58)
    session: Object = {
        "id": id,
        "object": KIND,
        **checkout_shapes.plain(params, mode),
        "automatic_tax": checkout_shapes.automatic_tax(params),
        "client_secret": None if ui_mode == "hosted_page" else f"{id}_secret_{desk.new_id('x', 20)[2:]}",
        "created": desk.now_s,
        "currency": params.get("currency"),
        "customer": customer and customer["id"],
        "customer_details": None if customer is None else checkout_shapes.known(customer),
        "customer_creation": checkout_shapes.customer_creation(params, mode),
        "expires_at": expires_s,
        "livemode": desk.livemode,
        "metadata": metadata(None, params.get("metadata") or {}),
        "mode": mode,
        "payment_link": link,
        "payment_method_collection": checkout_shapes.method_collection(params, mode),
        "payment_method_types": checkout_shapes.method_types(params),
        "payment_status": "unpaid",
        "status": "open",
        "ui_mode": ui_mode,
        "url": f"{HOST}/c/pay/{id}" if ui_mode == "hosted_page" else None,
        "_items": [],
        "_said": {name: params.get(name) or {} for name in _FORWARDED},
    }
    if mode == "setup":
        session |= {"payment_status": "no_payment_required", "_lines": []}
        if params.get("line_items"):
            raise invalid("You can not pass `line_items` in `setup` mode.", "line_items")
    else:
        session["_items"] = checkout_items.asked_items(desk, params.get("line_items"), mode, params.get("currency"))
        bearer = Bearer(session["customer"], checkout_session=id)
        session["_discounts"] = redeem(desk, params.get("discounts") or [], bearer)
        session["discounts"] = _shown_discounts(desk, session)
        session["currency"] = session["_items"][0]["currency"]
        total(desk, session)
    desk.add(KIND, session)
    desk.later(expires_s, "expire_checkout_session", id)
    return session


_FORWARDED = ("payment_intent_data", "setup_intent_data", "subscription_data")


def _shown_discounts(desk: Desk, session: Object) -> list[Object]:
    held = (desk.get("discount", id) for id in session["_discounts"])
    return [{"coupon": d["source"]["coupon"], "promotion_code": d["promotion_code"]} for d in held]


def total(desk: Desk, session: Object, address: Object | None = None) -> None:
    """Compute the lines and the amounts anew: for what is known of the buyer by now."""
    customer = desk.held("customer", session["customer"])
    buyer = buyer_of(desk, customer, address)
    automatic = session["automatic_tax"]["enabled"]
    if automatic and buyer.country is not None:
        session["automatic_tax"] = {**session["automatic_tax"], "status": "complete"}
    data = session["_said"]["subscription_data"]
    trial = bool(data.get("trial_period_days") or data.get("trial_end"))
    lines, whole = checkout_items.totaled(
        desk, session["_items"], session["_discounts"], buyer, automatic=automatic, trial=trial
    )
    session |= {**whole, "_lines": lines}
    if whole["amount_total"] == 0 and session["mode"] == "payment":
        session["payment_status"] = "no_payment_required"


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The session."""
    return desk.get(KIND, id)


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its metadata."""
    session = desk.get(KIND, id)
    if "metadata" in params:
        session["metadata"] = metadata(session["metadata"], params["metadata"])
    return session


def expire(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Close an open session."""
    session = open_session(desk, id)
    desk.never("expire_checkout_session", id)
    ended(desk, id)
    return session


def open_session(desk: Desk, id: str) -> Object:
    """The session, if it is open. Raises StripeError."""
    session = desk.get(KIND, id)
    if session["status"] != "open":
        raise StripeError(
            400,
            "invalid_request_error",
            f'Only Checkout Sessions with a status in ["open"] can be used so. This one has a status of'
            f" {session['status']}.",
        )
    return session


def ended(desk: Desk, id: str) -> None:
    """A session that nobody completed in time."""
    session = desk.get(KIND, id)
    if session["status"] == "open":
        session |= {"status": "expired", "url": None}
        desk.emit("checkout.session.expired", session)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Sessions, newest first."""
    names = ("customer", "payment_intent", "payment_link", "status", "subscription")
    where = {name: params[name] for name in names if params.get(name) is not None}
    email = (params.get("customer_details") or {}).get("email")
    found = desk.scan(KIND, lambda s: email is None or (s["customer_details"] or {}).get("email") == email, **where)
    return page(params, found, "/v1/checkout/sessions")


def line_items(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What a session sells, in its order."""
    lines = desk.get(KIND, id)["_lines"]
    found = [{**line, "_seq": len(lines) - i} for i, line in enumerate(lines)]
    return page(params, found, f"/v1/checkout/sessions/{id}/line_items")


def present(desk: Desk, session: Object) -> Object:
    """Its lines are shown on request."""
    from api.sandbox.listing import whole
    from api.sandbox.presenting import present as shown

    lines = whole(session["_lines"], f"/v1/checkout/sessions/{session['id']}/line_items")
    session["_includable"] = {"line_items": shown(desk, lines)}
    return session


ROUTES = (
    Route("POST", "/v1/checkout/sessions", sdk.SessionCreateParams, create),
    Route("GET", "/v1/checkout/sessions", sdk.SessionListParams, listed),
    Route("GET", "/v1/checkout/sessions/{session}", None, retrieve),
    Route("POST", "/v1/checkout/sessions/{session}", sdk.SessionUpdateParams, update),
    Route("POST", "/v1/checkout/sessions/{session}/expire", None, expire),
    Route("GET", "/v1/checkout/sessions/{session}/line_items", sdk.SessionListLineItemsParams, line_items),
)
PRESENTERS = {KIND: present}
JOBS = {"expire_checkout_session": ended}
PREFIXES = {"cs_test": KIND, "cs_live": KIND}
