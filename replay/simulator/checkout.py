"""A checkout session, rendered when it completes, and the invoice payment that basil and later versions tell of."""

from replay.simulator.customers import Customer
from replay.simulator.invoices import Invoice
from replay.simulator.payments import billing_details
from replay.simulator.subscriptions import Subscription
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


def rendered_session(subscription: Subscription, invoice: Invoice, shape: Shape) -> Object:
    """The completed session that began a subscription."""
    customer = subscription.customer
    timeline = customer.timeline
    details = billing_details(customer) | {"tax_exempt": "none", "tax_ids": []}
    del details["tax_id"]
    rendered: Object = {
        "id": f"cs_{'live' if timeline.livemode else 'test'}_a1{timeline.ids.token(16)}",
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": True,
        "amount_subtotal": invoice.subtotal,
        "amount_total": invoice.total,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "billing_address_collection": "required",
        "cancel_url": "https://shop.example.com/canceled",
        "client_reference_id": customer.org_id,
        "consent": None,
        "consent_collection": None,
        "created": timeline.now_s - 90,
        "currency": subscription.currency,
        "custom_fields": [],
        "customer": customer.id,
        "customer_creation": None,
        "customer_details": details,
        "customer_email": None,
        "expires_at": timeline.now_s + 86_310,
        "invoice": invoice.id,
        "invoice_creation": None,
        "livemode": timeline.livemode,
        "locale": "auto",
        "metadata": {},
        "mode": "subscription",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "paid" if invoice.total else "no_payment_required",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_options": [],
        "status": "complete",
        "submit_type": None,
        "subscription": subscription.id,
        "success_url": "https://shop.example.com/thanks",
        "total_details": {"amount_discount": invoice.discounted, "amount_shipping": 0, "amount_tax": invoice.tax},
        "ui_mode": "hosted",
        "url": None,
    }
    if shape.basil:
        rendered["collected_information"] = {"shipping_details": None}
    else:
        rendered["shipping_details"] = None
    return rendered


def rendered_invoice_payment(customer: Customer, invoice: Invoice, id: str) -> Object:
    """What ties an invoice to its payment since basil."""
    now_s = customer.timeline.now_s
    return {
        "id": id,
        "object": "invoice_payment",
        "amount_paid": invoice.amount_paid,
        "amount_requested": invoice.amount_due,
        "created": invoice.finalized_s,
        "currency": invoice.currency,
        "invoice": invoice.id,
        "is_default": True,
        "livemode": customer.timeline.livemode,
        "payment": {"payment_intent": invoice.payment_intent, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now_s},
    }
