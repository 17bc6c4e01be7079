"""Disputes: a customer's bank takes a payment back, or asks about it: https://docs.stripe.com/disputes.

Won or lost by what is handed in: `winning_evidence`, `losing_evidence` (https://docs.stripe.com/testing#evidence).
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.resources import balance, fraud_warnings
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "dispute"
DAY_S = 86_400
_FEE = 1500
_ANSWER_DAYS = 9
_EVIDENCE = """access_activity_log billing_address cancellation_policy cancellation_policy_disclosure
    cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip
    customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id
    product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date
    service_documentation shipping_address shipping_carrier shipping_date shipping_documentation
    shipping_tracking_number uncategorized_file uncategorized_text""".split()
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
_OPEN = ("needs_response", "warning_needs_response")
_DECIDED = {"winning_evidence": "won", "losing_evidence": "lost"}


def opened(desk: Desk, charge: Object, reason: str) -> Object:
    """The bank takes a charge back; with the reason `inquiry` it asks first, and takes nothing."""
    inquiry = reason == "inquiry"
    reason = "fraudulent" if inquiry else reason
    due_s = (desk.now_s // DAY_S + _ANSWER_DAYS) * DAY_S - 1
    dispute: Object = {
        "id": desk.new_id("du"),
        "object": KIND,
        "amount": charge["amount_captured"],
        "balance_transaction": None,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": desk.now_s,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_s,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": desk.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    _details(charge, dispute, inquiry)
    desk.add(KIND, dispute)
    charge |= {"disputed": True, "dispute": dispute["id"]}
    if inquiry:
        desk.emit("charge.dispute.created", dispute)
    else:
        _move(desk, dispute, -dispute["amount"])
        desk.emit("charge.dispute.created", dispute)
        desk.emit("charge.dispute.funds_withdrawn", dispute)
    fraud_warnings.acted(desk, charge)
    desk.later(due_s + 1, "dispute.overdue", dispute["id"])
    return dispute


def _details(charge: Object, dispute: Object, inquiry: bool) -> None:
    card = charge["payment_method_details"].get("card")
    if card is None:
        return
    dispute["network_reason_code"] = _NETWORK_CODES.get(dispute["reason"], "10.4")
    details = {
        "brand": card["brand"],
        "case_type": "inquiry" if inquiry else "chargeback",
        "network": card["network"],
        "network_reason_code": dispute["network_reason_code"],
    }
    dispute["payment_method_details"] = {"card": details, "type": "card"}


def _move(desk: Desk, dispute: Object, amount: int) -> None:
    """Money that the bank takes, with Stripe's fee, or gives back."""
    fees = (balance.stripe_fee(_FEE, dispute["currency"], "Dispute fee"),) if amount < 0 else ()
    said = f"Chargeback {'withdrawal' if amount < 0 else 'reversal'} for {dispute['charge']}"
    moved = balance.book(desk, "adjustment", dispute["id"], amount, dispute["currency"], fees=fees, description=said)
    dispute["balance_transaction"] = dispute["balance_transaction"] or moved["id"]
    dispute["balance_transactions"] = [*dispute["balance_transactions"], dict(moved)]


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Hand in evidence, to be judged in some days, or save it (`submit=false`)."""
    dispute = desk.get(KIND, id)
    changes: Object = {}
    if "metadata" in params:
        changes["metadata"] = metadata(dispute["metadata"], params["metadata"])
    if params.get("evidence"):
        if dispute["status"] not in _OPEN:
            raise invalid("Evidence can no longer be submitted for this dispute.", "evidence", "dispute_closed")
        changes["evidence"] = {**dispute["evidence"], **params["evidence"]}
        changes["evidence_details"] = {**dispute["evidence_details"], "has_evidence": True}
    handed_in = params.get("submit", True) and params.get("evidence") is not None
    if handed_in:
        count = dispute["evidence_details"]["submission_count"] + 1
        changes["evidence_details"] |= {"submission_count": count, "submission_method": "manual"}
        inquiry = dispute["status"].startswith("warning_")
        changes["status"] = "warning_under_review" if inquiry else "under_review"
    desk.change(dispute, changes, "charge.dispute.updated")
    word = (params.get("evidence") or {}).get("uncategorized_text")
    if handed_in and word in _DECIDED:
        _end(desk, dispute, _DECIDED[word])
    return dispute


def close(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Accept it: what was taken is lost."""
    dispute = desk.get(KIND, id)
    if dispute["status"] not in _OPEN:
        raise invalid("This dispute is already closed.", code="dispute_closed")
    _end(desk, dispute, "lost")
    return dispute


def overdue(desk: Desk, id: str) -> None:
    """Nobody answered in time: an inquiry ends, a dispute is lost. What is under review is judged at that time."""
    dispute = desk.get(KIND, id)
    if dispute["status"] in _OPEN or dispute["status"].endswith("under_review"):
        _end(desk, dispute, "lost")


def _end(desk: Desk, dispute: Object, status: str) -> None:
    if dispute["status"].startswith("warning_"):
        status = "warning_closed"
    details = {**dispute["evidence_details"], "due_by": None, "past_due": False}
    desk.never("dispute.overdue", dispute["id"])
    if status == "won":
        before = dict(dispute)
        _move(desk, dispute, dispute["amount"])
        dispute |= {"status": status, "evidence_details": details, "is_charge_refundable": False}
        desk.emit("charge.dispute.closed", dispute, before)
        desk.emit("charge.dispute.funds_reinstated", dispute)
        return
    ended = {"status": status, "evidence_details": details, "is_charge_refundable": False}
    desk.change(dispute, ended, "charge.dispute.closed")


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The dispute."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Disputes, newest first."""
    where = {name: params[name] for name in ("charge", "payment_intent") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/disputes")


ROUTES = (
    Route("GET", "/v1/disputes", sdk.DisputeListParams, listed),
    Route("GET", "/v1/disputes/{dispute}", None, retrieve),
    Route("POST", "/v1/disputes/{dispute}", sdk.DisputeUpdateParams, update),
    Route("POST", "/v1/disputes/{dispute}/close", None, close),
)
JOBS = {"dispute.overdue": overdue}
PREFIXES = {"du": KIND, "dp": KIND}
