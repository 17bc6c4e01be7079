"""What customers pay with: cards, bank accounts that are debited, and transfers; how each is rendered.

Knows the details of each kind; refuses to know when one is attached or charged.
"""

from typing import NamedTuple

from replay.simulator.customers import Customer
from replay.simulator.timeline import Object

CARD, SEPA, ACH, TRANSFER = "card", "sepa_debit", "us_bank_account", "customer_balance"
_DEBITS = {"eur": SEPA, "usd": ACH}
_BRANDS = ("visa", "mastercard", "amex")
_BANK = "RECOUNT TEST BANK"


class Method(NamedTuple):
    """A payment method of one customer. A card that the network renews is replaced by one of the same id."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    created_s: int
    mandate: str | None = None
    """What allows the bank account to be debited."""

    @property
    def slow(self) -> bool:
        """Whether a payment takes days to succeed or fail."""
        return self.kind in (SEPA, ACH)


def some_method(customer: Customer, kind: str) -> Method:
    """A new method of a kind; not yet said to anybody."""
    timeline, account, old = customer.timeline, customer.shop.account, customer.method
    random, now_s = timeline.random, timeline.now_s
    brand = old.brand if old is not None and random.random() < 0.5 else random.choice(_BRANDS)
    id = timeline.ids.long("pm", now_s, account.token)
    mandate = id.replace("pm_", "mandate_") if kind in (SEPA, ACH) else None
    last4 = f"{random.randrange(10_000):04d}"
    return Method(id, kind, brand, last4, random.randint(1, 12), 2027 + random.randrange(5), now_s, mandate)


def debit_in(currency: str) -> str | None:
    """The kind of bank debit that there is in a currency."""
    return _DEBITS.get(currency)


def billing_details(customer: Customer) -> Object:
    """What a payment method knows of its owner."""
    return {
        "address": customer.address,
        "email": customer.email,
        "name": customer.name,
        "phone": customer.phone,
        "tax_id": None,
    }


def rendered_method(customer: Customer, method: Method, *, attached: bool = True) -> Object:
    """The method; alike in all versions."""
    details = {CARD: _card, SEPA: _sepa, ACH: _ach, TRANSFER: _transfer}[method.kind](customer, method)
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": billing_details(customer),
        method.kind: details,
        "created": method.created_s,
        "customer": customer.id if attached else None,
        "customer_account": None,
        "livemode": customer.timeline.livemode,
        "metadata": {},
        "type": method.kind,
    }


def _card(customer: Customer, method: Method) -> Object:
    return {
        "brand": method.brand,
        "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass"},
        "country": customer.country.code,
        "display_brand": method.brand,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "fingerprint": f"fp{customer.prefix}{method.last4}",
        "funding": "credit",
        "generated_from": None,
        "last4": method.last4,
        "networks": {"available": [method.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _sepa(customer: Customer, method: Method) -> Object:
    return {
        "bank_code": "37040044",
        "branch_code": "",
        "country": customer.country.code,
        "fingerprint": f"fp{customer.prefix}{method.last4}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": method.last4,
    }


def _ach(customer: Customer, method: Method) -> Object:
    return {
        "account_holder_type": "company",
        "account_type": "checking",
        "bank_name": _BANK,
        "financial_connections_account": None,
        "fingerprint": f"fp{customer.prefix}{method.last4}",
        "last4": method.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def _transfer(customer: Customer, method: Method) -> Object:
    return {}


def charged(customer: Customer, method: Method, amount: int | None) -> Object:
    """A charge's `payment_method_details`; `amount` is what a card's bank authorized."""
    kind = method.kind
    if kind == TRANSFER:
        return {TRANSFER: {}, "type": TRANSFER}
    details: Object
    if kind == CARD:
        details = {
            "amount_authorized": amount,
            "authorization_code": None,
            "brand": method.brand,
            "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": None},
            "country": customer.country.code,
            "electronic_commerce_indicator": None,
            "exp_month": method.exp_month,
            "exp_year": method.exp_year,
            "fingerprint": f"fp{customer.prefix}{method.last4}",
            "funding": "credit",
            "installments": None,
            "last4": method.last4,
            "mandate": None,
            "network": method.brand,
            "network_transaction_id": None,
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "transaction_link_id": None,
            "wallet": None,
        }
    else:
        details = (_sepa if kind == SEPA else _ach)(customer, method)
        details["mandate"] = method.mandate
        for field in ("generated_from", "financial_connections_account", "networks", "status_details"):
            details.pop(field, None)
        if kind == ACH:
            details["payment_reference"] = None
    return {kind: details, "type": kind}


def rendered_mandate(customer: Customer, method: Method, status: str) -> Object:
    """The mandate behind a bank account; alike in all versions."""
    details: Object = {"type": method.kind, method.kind: {}}
    if method.kind == SEPA:
        reference = method.id[-12:].upper()
        url = f"https://mandates.example.com/{reference}"
        details[SEPA] = {"reference": reference, "url": url}
    return {
        "id": method.mandate,
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": method.created_s,
            "online": {"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0 (example)"},
            "type": "online",
        },
        "livemode": customer.timeline.livemode,
        "multi_use": {},
        "payment_method": method.id,
        "payment_method_details": details,
        "status": status,
        "type": "multi_use",
    }
