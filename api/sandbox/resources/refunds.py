"""Refunds: https://docs.stripe.com/refunds. Of cards they succeed at once, of bank debits days later, some fail."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import (
    application_fees,
    balance,
    bank_debits,
    fraud_warnings,
    payment_methods,
    settling,
    worlds,
)
from api.sandbox.resources import transfers as moving
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "refund"
_DAYS = 5


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """Send back what a charge or an intent brought, or a part of it."""
    charge = _charge(desk, params)
    return refund(
        desk,
        charge,
        params.get("amount"),
        reason=params.get("reason"),
        reverse_transfer=bool(params.get("reverse_transfer")),
        refund_application_fee=bool(params.get("refund_application_fee")),
        noted=params.get("metadata") or {},
    )


def _charge(desk: Desk, params: dict[str, Any]) -> Object:
    if params.get("charge") is not None:
        return desk.get("charge", params["charge"], "charge")
    if params.get("payment_intent") is None:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = desk.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None:
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            "payment_intent",
        )
    return desk.get("charge", intent["latest_charge"])


def refund(
    desk: Desk,
    charge: Object,
    amount: int | None = None,
    *,
    reason: str | None = None,
    reverse_transfer: bool = False,
    refund_application_fee: bool = False,
    noted: dict[str, Any] | None = None,
) -> Object:
    """Send back (the rest of) a charge. Raises StripeError when it brought less, or was disputed."""
    amount = _refundable(desk, charge, amount)
    settling.settle(desk, charge)
    method = desk.held(payment_methods.KIND, charge["payment_method"])
    card = None if method is None else payment_methods.card_of(method)
    debit = method is not None and method["type"] in bank_debits.DEBITS
    pending = debit or (card is not None and card.refund == "pending")
    id = desk.new_id("re" if charge["id"].startswith("ch_") else "pyr")
    given: Object = {
        "id": id,
        "object": KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": desk.now_s,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": _destination(charge),
        "metadata": metadata(None, noted or {}),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        given["pending_reason"] = "processing"
    if reverse_transfer:
        given["transfer_reversal"] = _reversed(desk, charge, amount, id)
    if refund_application_fee:
        _fee_back(desk, charge, amount)
    _book(desk, charge, given)
    if pending or (card is not None and card.refund == "failed"):
        desk.later(desk.now_s + _DAYS * bank_debits.DAY_S, "refund.settle", id)
    return given


def _refundable(desk: Desk, charge: Object, amount: int | None) -> int:
    """How much goes back. Raises StripeError."""
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(
            f"Charge {charge['id']} cannot be refunded: it is {charge['status']}, captured: {charge['captured']}.",
            "charge",
            "charge_not_refundable",
        )
    if charge["refunded"]:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    dispute = desk.held("dispute", charge["dispute"])
    if dispute is not None and dispute["status"] != "won" and not dispute["is_charge_refundable"]:
        said = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(said, "charge", "charge_disputed")
    left = int(charge["amount"]) - int(charge["amount_refunded"])
    if amount is None:
        return left
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if amount > left:
        shown = f"{charge['currency'].upper()} {amount / 100:.2f}", f"{charge['currency'].upper()} {left / 100:.2f}"
        raise invalid(f"Refund amount ({shown[0]}) is greater than unrefunded amount on charge ({shown[1]})", "amount")
    return amount


def _destination(charge: Object) -> Object:
    type = charge["payment_method_details"]["type"]
    if type == "card":
        card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
        return {"card": card, "type": "card"}
    where = {"us_bank_account": "us_bank_transfer", "sepa_debit": "eu_bank_transfer"}.get(type)
    if where is None:
        return {"type": type}
    return {where: {"reference": None, "reference_status": "pending"}, "type": where}


def _reversed(desk: Desk, charge: Object, amount: int, refund: str) -> str:
    if charge.get("transfer") is None:
        raise invalid("Charge has no associated transfer to reverse.", "reverse_transfer")
    transfer = desk.get("transfer", charge["transfer"])
    share = transfer["amount"] * amount // charge["amount"]
    return str(moving.reverse(desk, transfer, share or None, {"_refund": refund})["id"])


def _fee_back(desk: Desk, charge: Object, amount: int) -> None:
    if charge["application_fee"] is None:
        raise invalid("Charge has no application fee to refund.", "refund_application_fee")
    platform = worlds.platform_of(desk) or desk
    fee = platform.get(application_fees.KIND, charge["application_fee"])
    share = fee["amount"] * amount // charge["amount"]
    application_fees.given_back(platform, fee, share or None)


def _book(desk: Desk, charge: Object, given: Object) -> None:
    type = "refund" if charge["id"].startswith("ch_") else "payment_refund"
    said = f"REFUND FOR CHARGE ({charge['description']})" if charge["description"] else "REFUND FOR CHARGE"
    booked = balance.book(desk, type, given["id"], -given["amount"], given["currency"], description=said)
    given["balance_transaction"] = booked["id"]
    desk.add(KIND, given)
    refunded = charge["amount_refunded"] + given["amount"]
    desk.change(charge, {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}, "charge.refunded")
    desk.emit("refund.created", given)
    desk.emit("charge.refund.updated", given)
    desk.emit("refund.updated", given)
    fraud_warnings.acted(desk, charge)


def settle(desk: Desk, id: str) -> None:
    """What the customer's bank made of a refund, days later."""
    given = desk.get(KIND, id)
    charge = desk.get("charge", given["charge"])
    method = desk.get(payment_methods.KIND, given["payment_method"])
    card = payment_methods.card_of(method)
    told = ("charge.refund.updated", "refund.updated")
    if card is None or card.refund != "failed":
        given.pop("pending_reason", None)
        desk.change(given, {"status": "succeeded"}, *told)
        return
    back = balance.book(desk, "refund_failure", id, given["amount"], given["currency"])
    failed = {"status": "failed", "failure_reason": "unknown", "failure_balance_transaction": back["id"]}
    desk.change(given, failed, *told, "refund.failed")
    refunded = charge["amount_refunded"] - given["amount"]
    desk.change(charge, {"amount_refunded": refunded, "refunded": False}, "charge.updated")


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change its metadata."""
    given = desk.get(KIND, id)
    if "metadata" in params:
        changes = {"metadata": metadata(given["metadata"], params["metadata"])}
        desk.change(given, changes, "charge.refund.updated", "refund.updated")
    return given


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The refund."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Refunds, newest first."""
    where = {name: params[name] for name in ("charge", "payment_intent") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/refunds")


def of_charge(desk: Desk, params: dict[str, Any], charge: str) -> Object:
    """The refunds of a charge."""
    desk.get("charge", charge)
    return page(params, desk.scan(KIND, charge=charge), f"/v1/charges/{charge}/refunds")


ROUTES = (
    Route("POST", "/v1/refunds", sdk.RefundCreateParams, create),
    Route("GET", "/v1/refunds", sdk.RefundListParams, listed),
    Route("GET", "/v1/refunds/{refund}", None, retrieve),
    Route("POST", "/v1/refunds/{refund}", sdk.RefundUpdateParams, update),
    Route("GET", "/v1/charges/{charge}/refunds", sdk.RefundListParams, of_charge),
)
JOBS = {"refund.settle": settle}
PREFIXES = {"re": KIND, "pyr": KIND}
