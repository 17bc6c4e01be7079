"""Payments as Stripe shows them: payment methods, payment intents, charges, refunds and checkout sessions, rendered.

Decides nothing; whoever calls says what happened.
"""

from typing import NamedTuple

from replay.simulator.customers import Customer
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


class Payment(NamedTuple):
    """One attempt to collect money from a customer's card."""

    intent: str
    charge: str
    invoice: str | None
    amount: int
    currency: str
    succeeded: bool
    created_s: int
    refund: str | None = None
    refunded: int = 0


def billing_details(customer: Customer) -> Object:
    """What a payment method knows of its owner."""
    return {
        "address": customer.address,
        "email": customer.email,
        "name": customer.name,
        "phone": customer.phone,
        "tax_id": None,
    }


def rendered_method(customer: Customer, id: str) -> Object:
    """The customer's card; alike in all versions."""
    brand, last4, year = customer.card
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": billing_details(customer),
        "card": {
            "brand": brand,
            "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass"},
            "country": customer.country.code,
            "display_brand": brand,
            "exp_month": 1 + customer.number % 12,
            "exp_year": year,
            "fingerprint": f"fp{customer.prefix}{last4}",
            "funding": "credit",
            "generated_from": None,
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": customer.timeline.now_s,
        "customer": customer.id,
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "type": "card",
    }


def rendered_intent(customer: Customer, payment: Payment, shape: Shape, status: str) -> Object:
    """The payment intent behind an invoice."""
    failure = None
    if status == "requires_payment_method":
        failure = {
            "charge": payment.charge,
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            "type": "card_error",
        }
    rendered: Object = {
        "id": payment.intent,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": payment.amount if status == "succeeded" else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{payment.intent}_secret_{payment.intent[-12:]}",
        "confirmation_method": "automatic",
        "created": payment.created_s,
        "currency": payment.currency,
        "customer": customer.id,
        "description": "Subscription update",
        "last_payment_error": failure,
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "next_action": {"type": "use_stripe_sdk"} if status == "requires_action" else None,
        "on_behalf_of": None,
        "payment_method": customer.payment_method,
        "payment_method_configuration_details": None,
        "payment_method_options": None,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": "off_session",
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
    if shape.no_lists:
        rendered["latest_charge"] = None if status == "requires_action" else payment.charge
    else:
        charges = [] if status == "requires_action" else [rendered_charge(customer, payment, shape)]
        url = f"/v1/charges?payment_intent={payment.intent}"
        rendered["charges"] = {
            "object": "list", "data": charges, "has_more": False, "total_count": len(charges), "url": url
        }  # fmt: skip
    return rendered


def rendered_charge(customer: Customer, payment: Payment, shape: Shape) -> Object:
    """The charge that an attempt made."""
    ok = payment.succeeded
    brand, last4, year = customer.card
    rendered: Object = {
        "id": payment.charge,
        "object": "charge",
        "amount": payment.amount,
        "amount_captured": payment.amount if ok else 0,
        "amount_refunded": payment.refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": payment.charge.replace("ch_", "txn_") if ok else None,
        "billing_details": billing_details(customer),
        "calculated_statement_descriptor": "RECOUNT EXAMPLE",
        "captured": ok,
        "created": payment.created_s,
        "currency": payment.currency,
        "customer": customer.id,
        "description": "Subscription update",
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if ok else "card_declined",
        "failure_message": None if ok else "Your card has insufficient funds.",
        "fraud_details": {},
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network" if ok else "declined_by_network",
            "reason": None if ok else "insufficient_funds",
            "risk_level": "normal",
            "risk_score": 17,
            "seller_message": "Payment complete." if ok else "The bank returned the decline code `insufficient_funds`.",
            "type": "authorized" if ok else "issuer_declined",
        },
        "paid": ok,
        "payment_intent": payment.intent,
        "payment_method": customer.payment_method,
        "payment_method_details": {
            "card": {
                "amount_authorized": payment.amount if ok else None,
                "brand": brand,
                "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": None},
                "country": customer.country.code,
                "exp_month": 1 + customer.number % 12,
                "exp_year": year,
                "fingerprint": f"fp{customer.prefix}{last4}",
                "funding": "credit",
                "installments": None,
                "last4": last4,
                "mandate": None,
                "network": brand,
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": f"https://pay.example.com/receipts/{payment.charge}" if ok else None,
        "refunded": payment.refunded == payment.amount,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if ok else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }
    if not shape.basil:
        rendered["invoice"] = payment.invoice
    if not shape.no_lists:
        refunds = [] if payment.refund is None else [rendered_refund(customer, payment)]
        url = f"/v1/charges/{payment.charge}/refunds"
        rendered["refunds"] = {
            "object": "list", "data": refunds, "has_more": False, "total_count": len(refunds), "url": url
        }  # fmt: skip
    return rendered


def rendered_refund(customer: Customer, payment: Payment) -> Object:
    """The refund of a charge."""
    return {
        "id": payment.refund,
        "object": "refund",
        "amount": payment.refunded,
        "balance_transaction": None,
        "charge": payment.charge,
        "created": customer.timeline.now_s,
        "currency": payment.currency,
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": payment.intent,
        "reason": "requested_by_customer",
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
