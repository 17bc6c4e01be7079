"""What a customer sees and does in the portal, within what its configuration allows."""

from decimal import Decimal
from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import customers, payment_methods, subscriptions
from api.sandbox.resources.invoice_lines import name_of
from api.sandbox.resources.portal import CONFIGURATION, SESSION
from api.sandbox.resources.pricing import written
from api.sandbox.resources.subscription_standing import items_of
from api.sandbox.state import Object

_OVER = ("canceled", "incomplete_expired")


def _session(desk: Desk, id: str) -> tuple[Object, Object]:
    session = desk.get(SESSION, id)
    features: Object = desk.get(CONFIGURATION, session["configuration"])["features"]
    desk.get("customer", session["customer"])
    return session, features


def shown(desk: Desk, id: str) -> dict[str, Any]:
    """What stands on the page."""
    session, features = _session(desk, id)
    customer = desk.get("customer", session["customer"])
    method = desk.held("payment_method", customer["invoice_settings"]["default_payment_method"])
    card = (method or {}).get("card")
    return {
        "subscriptions": [
            {
                "id": s["id"],
                "name": ", ".join(name_of(desk, desk.get("price", item["_price"])) for item in items_of(desk, s)),
                "status": "ends with the period" if s["cancel_at_period_end"] else s["status"],
                "ends": s["cancel_at_period_end"],
            }
            for s in desk.find("subscription", customer=customer["id"])
            if s["status"] not in _OVER
        ],
        "invoices": [
            {
                "number": i["number"] or "draft",
                "status": i["status"],
                "amount": written(Decimal(i["total"]), i["currency"]),
            }
            for i in desk.find("invoice", customer=customer["id"])
        ],
        "method": card and f"{card['brand']} •••• {card['last4']}",
        "may_cancel": features["subscription_cancel"]["enabled"],
        "may_pay": features["payment_method_update"]["enabled"],
        "shows_invoices": features["invoice_history"]["enabled"],
        "return_url": session["return_url"],
    }


def do(desk: Desk, id: str, said: dict[str, str]) -> None:
    """Do what the customer asked for. Raises StripeError for what its configuration does not allow."""
    session, features = _session(desk, id)
    task = said.get("do")
    if task == "method" and features["payment_method_update"]["enabled"]:
        _use_method(desk, session["customer"], said["payment_method"])
    elif task in ("cancel", "resume") and features["subscription_cancel"]["enabled"]:
        _end(desk, session["customer"], said["subscription"], features, ends=task == "cancel")
    else:
        raise invalid("This is not allowed here.", "do")


def _use_method(desk: Desk, customer: str, method: str) -> None:
    attached = payment_methods.attach(desk, {"customer": customer}, method)
    customers.update(desk, {"invoice_settings": {"default_payment_method": attached["id"]}}, customer)


def _end(desk: Desk, customer: str, id: str, features: Object, *, ends: bool) -> None:
    if desk.get("subscription", id)["customer"] != customer:
        raise invalid("The subscription is another customer's.", "subscription")
    if ends and features["subscription_cancel"]["mode"] == "immediately":
        subscriptions.cancel(desk, {}, id)
    else:
        subscriptions.update(desk, {"cancel_at_period_end": ends}, id)
