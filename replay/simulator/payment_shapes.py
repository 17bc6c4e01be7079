"""How payment intents and charges are rendered in each API version. Decides nothing about them."""

from replay.simulator.balances import transaction_of
from replay.simulator.methods import CARD, TRANSFER, charged
from replay.simulator.payments import Payment
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_NO_ADVICE: Object = {"advice_code": None, "network_advice_code": None, "network_decline_code": None}


def rendered_intent(payment: Payment, shape: Shape, status: str) -> Object:
    """The intent of a payment, in a status."""
    customer, method = payment.customer, payment.method
    fee = payment.fee
    rendered: Object = {
        "id": payment.intent,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": payment.amount if status == "succeeded" else 0,
        "application": None if fee is None else fee.application,
        "application_fee_amount": None if fee is None else fee.amount,
        "automatic_payment_methods": None,
        "canceled_at": customer.timeline.now_s if status == "canceled" else None,
        "cancellation_reason": "void_invoice" if status == "canceled" else None,
        "capture_method": "automatic",
        "client_secret": f"{payment.intent}_secret_{payment.intent[-12:]}",
        "confirmation_method": "automatic",
        "created": payment.intent_created_s,
        "currency": payment.currency,
        "customer": customer.id,
        "description": payment.description,
        "last_payment_error": _failure(payment) if status == "requires_payment_method" else None,
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "next_action": _next_action(payment) if status == "requires_action" else None,
        "on_behalf_of": None,
        "payment_method": method.id,
        "payment_method_configuration_details": None,
        "payment_method_options": None,
        "payment_method_types": [method.kind],
        "processing": None,
        "receipt_email": None,
        "review": payment.review,
        "setup_future_usage": "off_session" if method.kind != TRANSFER else None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    if shape.basil:
        rendered["excluded_payment_method_types"] = None
    else:
        rendered["invoice"] = payment.invoice
    if shape.clover:
        rendered["customer_account"] = None
    if shape.dahlia:
        rendered["managed_payments"] = {"enabled": False}
    if shape.endive:
        rendered |= {"allowed_payment_method_types": None, "payment_record": None}
    untried = status == "requires_action" or (status == "requires_payment_method" and payment.failure is None)
    if shape.no_lists:
        rendered["latest_charge"] = None if untried else payment.charge
    else:
        charges = [] if untried else [rendered_charge(payment, shape)]
        url = f"/v1/charges?payment_intent={payment.intent}"
        rendered["charges"] = {
            "object": "list", "data": charges, "has_more": False, "total_count": len(charges), "url": url
        }  # fmt: skip
    return rendered


def _failure(payment: Payment) -> Object | None:
    if payment.failure is None:
        return None
    code, message = payment.failure
    error: Object = {"charge": payment.charge, "code": code, "message": message}
    if payment.method.kind == CARD:
        return {**error, "decline_code": "insufficient_funds", "type": "card_error"}
    return {**error, "type": "invalid_request_error"}


def _next_action(payment: Payment) -> Object:
    if payment.method.kind != TRANSFER:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    instructions = {
        "amount_remaining": payment.amount - payment.arrived,
        "currency": payment.currency,
        "financial_addresses": [],
        "hosted_instructions_url": f"https://pay.example.com/bank_transfers/{payment.intent}",
        "reference": payment.intent[-8:].upper(),
        "type": transfer_network(payment.currency),
    }
    return {"display_bank_transfer_instructions": instructions, "type": "display_bank_transfer_instructions"}


def transfer_network(currency: str) -> str:
    """How a bank transfer in this currency comes."""
    country = {"usd": "us", "eur": "eu", "gbp": "gb", "jpy": "jp"}[currency]
    return f"{country}_bank_transfer"


def rendered_charge(payment: Payment, shape: Shape) -> Object:
    """The charge that an attempt made, as it is now."""
    customer, fee, method = payment.customer, payment.fee, payment.method
    ok, failed, amount, refunded = payment.status == "succeeded", payment.status == "failed", payment.amount, 0
    if payment.refunds:
        refunded = payment.refunded
    code, message = payment.failure or (None, None)
    rendered: Object = {
        "id": payment.charge,
        "object": "charge",
        "amount": amount,
        "amount_captured": 0 if failed else amount,
        "amount_refunded": refunded,
        "application": None if fee is None else fee.application,
        "application_fee": fee.id if fee is not None and ok else None,
        "application_fee_amount": None if fee is None else fee.amount,
        "balance_transaction": transaction_of(payment.charge) if ok else None,
        "billing_details": payment.billing,
        "calculated_statement_descriptor": "RECOUNT EXAMPLE",
        "captured": not failed,
        "created": payment.created_s,
        "currency": payment.currency,
        "customer": customer.id,
        "description": payment.description,
        "disputed": payment.disputed,
        "failure_balance_transaction": None,
        "failure_code": code,
        "failure_message": message,
        "fraud_details": {},
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": _outcome(payment),
        "paid": ok,
        "payment_intent": payment.intent,
        "payment_method": method.id,
        "payment_method_details": charged(customer, method, None if failed else amount),
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": f"https://pay.example.com/receipts/{payment.charge}" if ok else None,
        "refunded": refunded == amount and amount > 0,
        "review": payment.review,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": payment.status,
        "transfer_data": None,
        "transfer_group": None,
    }
    if not shape.basil:
        rendered["invoice"] = payment.invoice
    if not shape.no_lists:
        refunds = [refund.render(shape) for refund in reversed(payment.refunds)]
        url = f"/v1/charges/{payment.charge}/refunds"
        rendered["refunds"] = {
            "object": "list", "data": refunds, "has_more": False, "total_count": len(refunds), "url": url
        }  # fmt: skip
    return rendered


def _outcome(payment: Payment) -> Object:
    if payment.method.kind != CARD:
        return {
            **_NO_ADVICE,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "not_assessed",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    if payment.status == "failed":
        return {
            **_NO_ADVICE,
            "network_status": "declined_by_network",
            "reason": "insufficient_funds",
            "risk_level": "normal",
            "risk_score": 17,
            "seller_message": "The bank returned the decline code `insufficient_funds`.",
            "type": "issuer_declined",
        }
    suspicious = payment.review is not None
    return {
        **_NO_ADVICE,
        "network_status": "approved_by_network",
        "reason": "elevated_risk_level" if suspicious else None,
        "risk_level": "elevated" if suspicious else "normal",
        "risk_score": 66 if suspicious else 17,
        "seller_message": "Payment complete.",
        "type": "manual_review" if suspicious else "authorized",
    }
