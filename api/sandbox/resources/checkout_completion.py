"""A buyer fills in a checkout: who, with which method. What comes of it, at once or days later.

https://docs.stripe.com/payments/checkout/how-checkout-works. A browser's return proves nothing; its events do.
"""

from typing import Any

import msgspec

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import customers, payment_intents, payment_methods, setup_intents
from api.sandbox.resources.checkout_sessions import KIND, open_session, total
from api.sandbox.resources.discounting import Bearer, redeem
from api.sandbox.resources.subscription_begin import begin
from api.sandbox.state import Object


class Form(msgspec.Struct, kw_only=True):
    """What a buyer fills in."""

    payment_method: str | None = None
    """A `pm_…`, or one of the ready-made ids; None where nothing is to be paid."""
    email: str | None = None
    name: str | None = None
    country: str | None = None
    postal_code: str | None = None
    promotion_code: str | None = None


def price_for(desk: Desk, session: Object, form: Form) -> None:
    """Compute the amounts anew for this buyer: with the code and the place that were filled in."""
    if form.promotion_code and not session["_discounts"]:
        if not session["allow_promotion_codes"]:
            raise invalid("This session takes no promotion codes.", "promotion_code")
        named = (c for c in desk.scan("promotion_code") if c["code"].lower() == form.promotion_code.lower())
        code = next(named, None)
        if code is None:
            raise invalid("This promotion code does not exist.", "promotion_code", "resource_missing")
        bearer = Bearer(session["customer"], checkout_session=session["id"])
        session["_discounts"] = redeem(desk, [{"promotion_code": code["id"]}], bearer)
        session["discounts"] = [{"coupon": code["promotion"]["coupon"], "promotion_code": code["id"]}]
    total(desk, session, None if form.country is None else {"country": form.country})


def complete(desk: Desk, id: str, form: Form) -> Object:
    """Buy what a session offers. It stays open when a bank wants to see the buyer, or says no (StripeError)."""
    session = open_session(desk, id)
    if session["mode"] != "setup":
        price_for(desk, session, form)
    customer = _customer(desk, session, form)
    session["customer_details"] = _details(session, customer, form)
    if session["mode"] != "setup" and session["amount_total"] > 0:
        _pay(desk, session, customer, form)
    elif session["mode"] == "setup" or form.payment_method is not None:
        _set_up(desk, session, customer, form)
    else:
        _nothing_to_pay(desk, session)
    return session


def _customer(desk: Desk, session: Object, form: Form) -> Object | None:
    """Who buys: the customer that was named, else a new one where one is needed."""
    if session["customer"] is not None:
        return desk.get("customer", session["customer"], "customer")
    if session["customer_creation"] != "always":
        return None
    email = session["customer_email"] or form.email
    if email is None:
        raise invalid("An email is needed.", "email", "email_invalid")
    place = {"country": form.country, "postal_code": form.postal_code} if form.country else None
    customer = customers.create(desk, {"email": email, "name": form.name, **({"address": place} if place else {})})
    session["customer"] = customer["id"]
    return customer


def _details(session: Object, customer: Object | None, form: Form) -> Object:
    address = {"city": None, "country": form.country, "line1": None, "line2": None, "postal_code": form.postal_code}
    return {
        "address": {**address, "state": None},
        "business_name": None,
        "email": session["customer_email"] or form.email or (customer or {}).get("email"),
        "individual_name": None,
        "name": form.name or (customer or {}).get("name"),
        "phone": None,
        "tax_exempt": (customer or {}).get("tax_exempt", "none"),
        "tax_ids": [],
    }


def _method(desk: Desk, form: Form) -> str:
    if form.payment_method is None:
        raise invalid("A payment method is needed.", "payment_method", "parameter_missing")
    return str(payment_methods.resolved(desk, form.payment_method)["id"])


def _nothing_to_pay(desk: Desk, session: Object) -> None:
    if session["payment_method_collection"] == "always" and session["mode"] == "subscription":
        raise invalid("A payment method is needed.", "payment_method", "parameter_missing")
    if session["mode"] == "subscription":
        _subscribe(desk, session, None)
    _completed(desk, session, "no_payment_required")


def _pay(desk: Desk, session: Object, customer: Object | None, form: Form) -> None:
    """Take the money. A subscription begins once it is taken, and not before."""
    asked = {"amount": session["amount_total"], "currency": session["currency"]}
    if session["mode"] == "subscription":
        asked["setup_future_usage"] = "off_session"
    intent = _intent(desk, session, customer, "payment_intent", asked)
    payment_intents.confirm(desk, {"payment_method": _method(desk, form)}, intent)


def _set_up(desk: Desk, session: Object, customer: Object | None, form: Form) -> None:
    """Save a method, to be used later."""
    intent = _intent(desk, session, customer, "setup_intent", {})
    setup_intents.confirm(desk, {"payment_method": _method(desk, form)}, intent)


def _intent(desk: Desk, session: Object, customer: Object | None, kind: str, asked: dict[str, Any]) -> str:
    """The session's intent, made when it is first needed. That of a subscription stays its own: Stripe hides it."""
    shown = session["mode"] != "subscription"
    name = kind if shown else "_action"
    if session.get(name) is None:
        said = {k: v for k, v in session["_said"][f"{kind}_data"].items() if v is not None}
        asked |= {**said, "payment_method_types": session["payment_method_types"]}
        if customer is not None:
            asked["customer"] = customer["id"]
        intent = (payment_intents if kind == "payment_intent" else setup_intents).create(desk, asked)
        intent["_session"] = session["id"]
        session[name] = intent["id"]
    return str(session[name])


def intent_stands(desk: Desk, intent: Object) -> None:
    """The intent of a session has come to an end, or to a stand."""
    session = desk.get(KIND, intent["_session"])
    status = intent["status"]
    if session["status"] == "open":
        if status in ("succeeded", "processing", "requires_capture"):
            if session["mode"] == "subscription":
                _subscribe(desk, session, intent)
            paid = {"setup_intent": "no_payment_required"}.get(intent["object"], "paid")
            _completed(desk, session, paid if status == "succeeded" else "unpaid")
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        if status == "succeeded":
            session["payment_status"] = "paid"
            desk.emit("checkout.session.async_payment_succeeded", session)
        elif status == "requires_payment_method":
            desk.emit("checkout.session.async_payment_failed", session)


def _subscribe(desk: Desk, session: Object, intent: Object | None) -> None:
    """Begin what was bought, its first invoice paid by the intent."""
    said = {k: v for k, v in session["_said"]["subscription_data"].items() if v is not None}
    sold = [(item, desk.get("price", item["price"])) for item in session["_items"]]
    asked: dict[str, Any] = {
        **said,
        "customer": session["customer"],
        "currency": session["currency"],
        "items": [_bought(item) for item, price in sold if price["recurring"]],
        "add_invoice_items": [_bought(item) for item, price in sold if not price["recurring"]],
        "discounts": [{"discount": id} for id in session["_discounts"]],
        "automatic_tax": {"enabled": session["automatic_tax"]["enabled"]},
    }
    if intent is not None:
        asked["default_payment_method"] = intent["payment_method"]
    paid = intent if intent is not None and intent["object"] == "payment_intent" else None
    subscription = begin(desk, asked, intent=paid)
    session |= {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}


def _bought(item: Object) -> dict[str, Any]:
    said = {"price": item["price"], "quantity": item["quantity"], "tax_rates": item["tax_rates"] or None}
    return {name: value for name, value in said.items() if value is not None}


def _completed(desk: Desk, session: Object, payment_status: str) -> None:
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    desk.never("expire_checkout_session", session["id"])
    desk.emit("checkout.session.completed", session)
