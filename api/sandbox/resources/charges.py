"""Charges: each attempt to take money: https://docs.stripe.com/api/charges.

Knows what a charge is; refuses to know why one is made (`intent_course`) and what becomes of its money (`settling`).
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page, whole
from api.sandbox.resources import payment_methods
from api.sandbox.resources.bank_debits import ACH, SEPA
from api.sandbox.resources.cards import Decline
from api.sandbox.resources.method_details import charged
from api.sandbox.routes import Route
from api.sandbox.state import Object
from api.sandbox.times import DAY

KIND = "charge"
AUTHORIZED_S = 7 * DAY
"""How long an authorization holds: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method."""
_NO_ADVICE: Object = {"advice_code": None, "network_advice_code": None, "network_decline_code": None}
_FROM_INTENT = (
    "application",
    "application_fee_amount",
    "currency",
    "customer",
    "description",
    "livemode",
    "on_behalf_of",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def made(
    desk: Desk,
    intent: Object,
    method: Object,
    *,
    status: str,
    decline: Decline | None = None,
    mandate: str | None = None,
    authenticated: bool = False,
) -> Object:
    """A charge of an intent, as an attempt with a method ended: `succeeded`, `pending` or `failed`."""
    ok = status != "failed"
    captured = ok and intent["capture_method"] != "manual"
    data = intent["transfer_data"]
    details = charged(method, intent["amount"], ok=ok, mandate=mandate, authenticated=authenticated)
    if ok and method["type"] == "card" and not captured:
        details["card"]["capture_before"] = desk.now_s + AUTHORIZED_S
    charge: Object = {
        "id": desk.new_id("ch" if method["type"] == "card" else "py"),
        "object": KIND,
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application_fee": None,
        "balance_transaction": None,
        "billing_details": dict(method["billing_details"]),
        "calculated_statement_descriptor": (intent["statement_descriptor"] or "RECOUNT SANDBOX").upper(),
        "captured": captured,
        "created": desk.now_s,
        "destination": None if data is None else data["destination"],
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "fraud_details": {},
        "metadata": dict(intent["metadata"]),
        "order": None,
        "outcome": None if status == "pending" and method["type"] == ACH else outcome_of(method, decline),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": details,
        "radar_options": {},
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "source": None,
        "source_transfer": None,
        "status": status,
        "transfer_data": None if data is None else {"amount": data.get("amount"), "destination": data["destination"]},
        **{name: intent[name] for name in _FROM_INTENT},
        "_invoice": intent.get("_invoice"),
    }
    return desk.add(KIND, charge)


def outcome_of(method: Object, decline: Decline | None) -> Object:
    """What the network and Radar said: https://docs.stripe.com/api/charges/object#charge_object-outcome."""
    card = payment_methods.card_of(method)
    if card is None:
        ok = decline is None
        score = {"risk_level": "normal", "risk_score": 17} if method["type"] == SEPA else {"risk_level": "not_assessed"}
        return {
            **_NO_ADVICE,
            **score,
            "network_status": "approved_by_network" if ok else "declined_by_network",
            "reason": None if ok else "generic_decline",
            "seller_message": "Payment complete." if ok else "The bank returned the debit.",
            "type": "authorized" if ok else "issuer_declined",
        }
    risk = {"risk_level": card.risk, "risk_score": {"normal": 17, "elevated": 66, "highest": 94}[card.risk]}
    if decline is None:
        complete = {"network_status": "approved_by_network", "reason": None, "seller_message": "Payment complete."}
        return {**_NO_ADVICE, **risk, **complete, "type": "authorized"}
    if decline.blocked:
        blocked = {"network_status": "not_sent_to_network", "reason": "highest_risk_level", "type": "blocked"}
        return {**_NO_ADVICE, **risk, **blocked, "seller_message": "Stripe blocked this payment as too risky."}
    reason = decline.decline_code or decline.code
    said = "The bank did not return any further details with this decline."
    if reason != "generic_decline":
        said = f"The bank returned the decline code `{reason}`."
    declined = {"network_status": "declined_by_network", "reason": reason, "type": "issuer_declined"}
    return {**_NO_ADVICE, **risk, **declined, "seller_message": said}


def present(desk: Desk, charge: Object) -> Object:
    """The charge; its refunds on `expand`."""
    from api.sandbox.presenting import present as shown  # which has this presenter among others

    if charge["status"] == "succeeded":
        charge["receipt_url"] = f"https://pay.stripe.com/receipts/payment/{charge['id']}"
    refunds = [shown(desk, r) for r in desk.scan("refund", charge=charge["id"])][::-1]
    return {**charge, "_includable": {"refunds": whole(refunds, f"/v1/charges/{charge['id']}/refunds", 10)}}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is noted of a charge."""
    charge = desk.get(KIND, id)
    names = ("description", "receipt_email", "shipping", "transfer_group")
    changes: Object = {name: params[name] for name in names if name in params}
    if "fraud_details" in params:
        changes["fraud_details"] = params["fraud_details"] or {}
    if "metadata" in params:
        changes["metadata"] = metadata(charge["metadata"], params["metadata"])
    if params.get("customer") is not None:
        if charge["customer"] is not None:
            raise invalid("You may only set a customer on a charge that has none.", "customer")
        changes["customer"] = desk.get("customer", params["customer"], "customer")["id"]
    desk.change(charge, changes, "charge.updated")
    return charge


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The charge."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Charges, newest first."""
    names = ("customer", "payment_intent", "transfer_group")
    where = {name: params[name] for name in names if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/charges")


ROUTES = (
    Route("GET", "/v1/charges", sdk.ChargeListParams, listed),
    Route("GET", "/v1/charges/{charge}", None, retrieve),
    Route("POST", "/v1/charges/{charge}", sdk.ChargeUpdateParams, update),
)
PRESENTERS = {KIND: present}
PREFIXES = {"ch": KIND, "py": KIND}
