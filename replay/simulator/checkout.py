"""Checkout sessions: for a subscription, for a single purchase, or to save a card; completed, paid late, or expired.

Also the invoice payment that basil and later versions tell of, and a visit to the customer portal.
"""

from typing import Any

from replay.simulator.customers import Customer
from replay.simulator.invoices import Invoice
from replay.simulator.methods import billing_details
from replay.simulator.payments import Payment
from replay.simulator.subscriptions import Subscription
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


class Session:
    """One session as it is now."""

    __slots__ = ("amounts", "created_s", "currency", "customer", "discount", "id", "link", "mode", "paid", "status",
                 "told")  # fmt: skip

    def __init__(
        self, customer: Customer, mode: str, currency: str, amounts: tuple[int, int, int], seconds_ago: int, **told: Any
    ) -> None:
        """`amounts` are subtotal, discount and tax; `told` names what the session led to, such as `invoice`."""
        timeline = customer.timeline
        self.id = f"cs_{'live' if timeline.livemode else 'test'}_a1{timeline.ids.token(16)}"
        self.customer, self.mode, self.currency, self.amounts, self.told = customer, mode, currency, amounts, told
        self.created_s = timeline.now_s - seconds_ago
        self.status = "complete"
        self.paid = "paid" if sum(amounts) - 2 * amounts[1] > 0 else "no_payment_required"
        self.discount: str | None = None
        self.link: str | None = None

    def emit(self, type: str) -> None:
        """Say something of it as it is now."""
        timeline, account = self.customer.timeline, self.customer.shop.account
        timeline.emit(account, f"checkout.session.{type}", self.render(timeline.shape(account)))

    def render(self, shape: Shape) -> Object:
        """The session in the shape of a version."""
        customer, (subtotal, discounted, tax) = self.customer, self.amounts
        method = customer.method
        complete = self.status == "complete"
        rendered: Object = {
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": None,
            "after_expiration": None,
            "allow_promotion_codes": True,
            "amount_subtotal": subtotal,
            "amount_total": subtotal - discounted + tax,
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "billing_address_collection": "required",
            "cancel_url": "https://shop.example.com/canceled",
            "client_reference_id": customer.org_id,
            "client_secret": None,
            "consent": None,
            "consent_collection": None,
            "created": self.created_s,
            "currency": self.currency,
            "currency_conversion": None,
            "custom_fields": [],
            "custom_text": dict.fromkeys(_CUSTOM_TEXT),
            "customer": customer.id,
            "customer_account": None,
            "customer_creation": None,
            "customer_details": _details(customer),
            "customer_email": None,
            "discounts": [] if self.discount is None else [{"coupon": self.discount, "promotion_code": None}],
            "expires_at": self.created_s + 86_400,
            "invoice": None,
            "invoice_creation": None,
            "livemode": customer.timeline.livemode,
            "locale": "auto",
            "metadata": {},
            "mode": self.mode,
            "origin_context": None,
            "payment_intent": None,
            "payment_link": self.link,
            "payment_method_collection": "always" if self.mode == "subscription" else "if_required",
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": ["card" if method is None else method.kind],
            "payment_status": self.paid if complete else "unpaid",
            "permissions": None,
            "phone_number_collection": {"enabled": False},
            "recovered_from": None,
            "saved_payment_method_options": None,
            "setup_intent": None,
            "shipping_address_collection": None,
            "shipping_cost": None,
            "shipping_options": [],
            "status": self.status,
            "submit_type": None,
            "subscription": None,
            "success_url": "https://shop.example.com/thanks",
            "total_details": {"amount_discount": discounted, "amount_shipping": 0, "amount_tax": tax},
            "ui_mode": "hosted_page" if shape.dahlia else "hosted",
            "url": None,
            "wallet_options": None,
            **self.told,
        }
        if shape.basil:
            nothing = {"business_name": None, "individual_name": None}
            rendered["collected_information"] = {"shipping_details": None, **nothing}
        else:
            rendered["shipping_details"] = None
            rendered["collected_information"] = None
        if shape.dahlia:
            rendered |= {"integration_identifier": None, "managed_payments": {"enabled": False}}
        if shape.endive:
            rendered["allowed_payment_method_types"] = None
        return rendered


_CUSTOM_TEXT = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def _details(customer: Customer) -> Object:
    details = billing_details(customer)
    del details["tax_id"]
    tax_ids = [{"type": type, "value": value} for type, value in customer.tax_ids]
    return {**details, "business_name": None, "individual_name": None, "tax_exempt": "none", "tax_ids": tax_ids}


def for_subscription(subscription: Subscription, invoice: Invoice) -> Session:
    """The completed session that began a subscription."""
    amounts = (invoice.subtotal, invoice.discounted, invoice.tax)
    customer = subscription.customer
    told = {"invoice": invoice.id, "subscription": subscription.id}
    session = Session(customer, "subscription", subscription.currency, amounts, 90, **told)
    if invoice.discount is not None:
        session.discount = invoice.discount.coupon.id
    return session


def for_payment(payment: Payment) -> Session:
    """The session of a single purchase."""
    return Session(
        payment.customer, "payment", payment.currency, (payment.amount, 0, 0), 120, payment_intent=payment.intent
    )


def give_up(customer: Customer, amount: int) -> None:
    """Somebody looked, and did not buy: a day later the session is over."""
    session = Session(customer, "payment", customer.pays_in, (amount, 0, 0), 86_400)
    session.status = "expired"
    session.emit("expired")


def visit_portal(customer: Customer, configuration: str) -> None:
    """The customer looks at its invoices."""
    timeline, account = customer.timeline, customer.shop.account
    id = timeline.ids.long("bps", timeline.now_s, account.token)
    session = {
        "id": id,
        "object": "billing_portal.session",
        "configuration": configuration,
        "created": timeline.now_s,
        "customer": customer.id,
        "customer_account": None,
        "flow": None,
        "livemode": timeline.livemode,
        "locale": None,
        "on_behalf_of": None,
        "return_url": "https://shop.example.com/account",
        "url": f"https://billing.example.com/session/{id}",
    }
    timeline.emit(account, "billing_portal.session.created", session)


def rendered_invoice_payment(invoice: Invoice, id: str) -> Object:
    """What ties an invoice to its payment since basil."""
    customer = invoice.customer
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
