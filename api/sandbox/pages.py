"""The pages that Stripe hosts, completable in a browser: checkout, payment links, the bank's question, the portal.

Nothing here is proof of anything: what happened is told by events.
"""

from decimal import Decimal
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError
from api.sandbox.resources import actions, checkout_sessions, payment_links, portal, portal_tasks
from api.sandbox.resources.checkout_completion import Form, complete
from api.sandbox.resources.pricing import written
from api.sandbox.sandbox import Sandbox
from api.sandbox.state import Object

Page = str | Response | tuple[str, int]
#: Ready-made methods to choose from: https://docs.stripe.com/testing.
_METHODS = {
    "card": [
        ("pm_card_visa", "Visa •••• 4242: works"),
        ("pm_card_mastercard", "Mastercard •••• 4444: works"),
        ("pm_card_authenticationRequired", "Visa •••• 3184: the bank wants to see you"),
        ("pm_card_chargeDeclined", "Visa •••• 0002: is declined"),
        ("pm_card_chargeCustomerFail", "Visa •••• 0341: can be saved, then fails"),
    ],
    "us_bank_account": [("pm_usBankAccount_success", "US bank account •••• 6789: takes days")],
    "sepa_debit": [("pm_success_de", "SEPA debit: takes days"), ("pm_failed_de", "SEPA debit: fails after days")],
}


def make_pages(sandbox: Sandbox) -> Blueprint:
    """The routes of all pages."""
    pages = Blueprint("pages", __name__, template_folder="templates")

    @pages.errorhandler(StripeError)
    def explain(error: StripeError) -> tuple[str, int]:
        return _message("This does not work", error.body["message"]), error.status

    @pages.route("/c/pay/<id>", methods=["GET", "POST"])
    def checkout(id: str) -> Page:
        error = None
        if request.method == "POST":
            try:
                with sandbox.desk_of(checkout_sessions.KIND, id) as desk:
                    session = complete(desk, id, _form())
                return _after(session)
            except StripeError as declined:
                if declined.status != 402:
                    raise
                error = declined.body["message"]
        with sandbox.desk_of(checkout_sessions.KIND, id) as desk:
            session = desk.get(checkout_sessions.KIND, id)
            return _closed(session) if session["status"] != "open" else _checkout(desk, session, error)

    @pages.get("/test_<token>")
    def link(token: str) -> Page:
        id = f"plink_{token}"
        with sandbox.desk_of(payment_links.KIND, id) as desk:
            session = payment_links.visit(desk, id, request.args.get("client_reference_id"))
        return redirect(f"/c/pay/{session['id']}")

    @pages.get("/receipts/payment/<id>")
    def receipt(id: str) -> Page:
        with sandbox.desk_of("charge", id) as desk:
            charge = desk.get("charge", id)
        amount = written(Decimal(charge["amount"] - charge["amount_refunded"]), charge["currency"])
        return _message("Receipt", f"{amount} paid; {charge['description'] or charge['id']}")

    @pages.route("/3d_secure_2/hosted", methods=["GET", "POST"])
    def action() -> Page:
        kind = "setup_intent" if "setup_intent" in request.args else "payment_intent"
        id = request.args.get(kind, "")
        if request.method == "GET":
            return render_template("action.html")
        with sandbox.desk_of(kind, id) as desk:
            intent = actions.complete_action(desk, id, succeed=request.form.get("succeed") == "1")
            session = desk.held(checkout_sessions.KIND, intent.get("_session"))
        if session is not None:
            return _after(session) if session["status"] == "complete" else redirect(f"/c/pay/{session['id']}")
        return _message("Done", "You can go back to where you came from.")

    @pages.route("/p/session/<id>", methods=["GET", "POST"])
    def manage(id: str) -> Page:
        error = None
        if request.method == "POST":
            try:
                with sandbox.desk_of(portal.SESSION, id) as desk:
                    portal_tasks.do(desk, id, request.form.to_dict())
            except StripeError as refused:
                error = refused.body["message"]
        with sandbox.desk_of(portal.SESSION, id) as desk:
            methods = _METHODS["card"]
            return render_template("portal.html", error=error, methods=methods, **portal_tasks.shown(desk, id))

    return pages


def _form() -> Form:
    said = {name: value.strip() for name, value in request.form.items() if value.strip()}
    return Form(**{name: said[name] for name in Form.__struct_fields__ if name in said})


def _after(session: Object) -> Page:
    """Where the buyer goes: back to the seller, or on to the bank."""
    if session["status"] == "open":
        id = str(session.get("_action") or session["payment_intent"] or session["setup_intent"])
        kind = "setup_intent" if id.startswith("seti_") else "payment_intent"
        return redirect(f"/3d_secure_2/hosted?{kind}={id}")
    url = session["success_url"] or session.get("return_url")
    if url is None:
        return _message("Thank you", "Your order is complete.")
    return redirect(url.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _closed(session: Object) -> str:
    said = {"complete": "This order is complete already.", "expired": "This checkout has expired."}
    return _message("Nothing to do", said[session["status"]], session["cancel_url"])


def _message(heading: str, message: str, url: str | None = None) -> str:
    return render_template("message.html", heading=heading, message=message, url=url)


def _checkout(desk: Desk, session: Object, error: str | None) -> str:
    customer = desk.held("customer", session["customer"]) or {}
    email = session["customer_email"] or customer.get("email")
    setup = session["mode"] == "setup"
    pays = setup or session["amount_total"] > 0 or session["payment_method_collection"] == "always"
    amounts: dict[str, Any] = {}
    if not setup:
        currency, details = session["currency"], session["total_details"]
        amounts = {
            "lines": [
                {**line, "amount": written(Decimal(line["amount_subtotal"]), currency)} for line in session["_lines"]
            ],
            "discount": details["amount_discount"] and written(Decimal(details["amount_discount"]), currency),
            "tax": details["amount_tax"] and written(Decimal(details["amount_tax"]), currency),
            "total": written(Decimal(session["amount_total"]), currency),
        }
    return render_template(
        "checkout.html",
        heading={"payment": "Pay", "subscription": "Subscribe", "setup": "Save a payment method"}[session["mode"]],
        button={"payment": "Pay", "subscription": "Subscribe", "setup": "Save"}[session["mode"]],
        error=error,
        email=email,
        email_fixed=email is not None,
        pays=pays,
        codes=session["allow_promotion_codes"],
        methods=[m for type in session["payment_method_types"] for m in _METHODS.get(type, [])],
        cancel_url=session["cancel_url"],
        **amounts,
    )
