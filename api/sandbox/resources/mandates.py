"""Mandates: a customer's leave to debit a bank account: https://docs.stripe.com/api/mandates."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.resources import bank_debits
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "mandate"


def granted(
    desk: Desk, method: Object, said: dict[str, Any] | None, single: Object | None = None, named: str | None = None
) -> Object:
    """The mandate of a method, in force; made once. `single`: amount and currency, when it is for one payment; `named`:
    the one that a request chose. Raises StripeError: no such, or used up."""
    if named is not None and desk.get(KIND, named, "mandate")["status"] != "active":
        raise invalid(f"The mandate {named} is not active.", "mandate", "payment_intent_mandate_invalid")
    held = desk.held(KIND, named or method.get("_mandate"))
    if held is not None:
        return held
    acceptance = dict((said or {}).get("customer_acceptance") or {"type": "offline"})
    acceptance.setdefault("accepted_at", desk.now_s)
    acceptance.setdefault(acceptance["type"], {})
    if acceptance["type"] == "online":
        acceptance["online"] = {**dict.fromkeys(("ip_address", "user_agent")), **acceptance["online"]}
    type = method["type"]
    usage = "multi_use" if single is None else "single_use"
    mandate: Object = {
        "id": desk.new_id("mandate"),
        "object": KIND,
        "customer_acceptance": acceptance,
        "livemode": desk.livemode,
        usage: {} if single is None else {**single, "currency": single["currency"].lower()},
        "payment_method": method["id"],
        "payment_method_details": {"type": type, type: _details(desk, type)},
        "status": "active",
        "type": usage,
    }
    if single is None:
        method["_mandate"] = mandate["id"]
    return desk.add(KIND, mandate)


def _details(desk: Desk, type: str) -> Object:
    if type != bank_debits.SEPA:
        return {}
    reference = desk.new_id("m", 16)[2:].upper()
    return {"reference": reference, "url": f"https://payments.stripe.com/sepa_debit/mandate/{reference}"}


def spent(desk: Desk, id: str | None) -> None:
    """One that was for a single payment is used up by it."""
    held = desk.held(KIND, id)
    if held is not None and held["type"] == "single_use":
        end(desk, id)


def end(desk: Desk, id: str | None) -> None:
    """The bank revoked it."""
    held = desk.held(KIND, id)
    if held is not None:
        desk.change(held, {"status": "inactive"}, "mandate.updated")


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The mandate."""
    return desk.get(KIND, id)


ROUTES = (Route("GET", "/v1/mandates/{mandate}", sdk.MandateRetrieveParams, retrieve),)
PREFIXES = {"mandate": KIND}
