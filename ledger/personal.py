"""Which fields of Stripe's objects are personal: one table.

Each object type names the keys that are personal anywhere below it, down to the next object. A type that is not
in the table gets `EVERYWHERE`: better a sealed field too many than a name in the clear. Country stays plain, and
of a postal code its first three characters, because tax needs them.
"""

from functools import cache

#: Inside anything that looks like an address (it has a line or a postal code).
ADDRESS = frozenset({"line1", "line2", "city", "state", "postal_code", "town", "zip"})
ADDRESS_MARKS = frozenset({"line1", "postal_code"})
#: A key that ends so holds an address, whole or in part.
ADDRESS_SUFFIX = "address"

#: Keys that are personal wherever they stand in an object that the table does not know better.
EVERYWHERE = frozenset({
    "name", "first_name", "last_name", "maiden_name", "full_name", "given_name", "family_name", "company_name",
    "customer_name", "cardholder_name", "account_holder_name", "individual_name", "business_name", "individual",
    "email", "customer_email", "receipt_email", "billing_email", "contact_email", "support_email",
    "payer_email", "verified_email", "e_mail", "phone", "customer_phone", "support_phone", "phone_number",
    "ip", "ip_address", "customer_ip", "customer_purchase_ip", "client_ip", "user_agent",
    "dob", "ssn_last_4", "id_number", "verified_name", "customer_signature",
    "address_line1", "address_line2", "address_city", "address_state", "address_zip", "tracking_number",
    "description", "comment", "note", "notes", "memo", "footer", "message_to_customer", "internal_note",
    "customer_communication", "uncategorized_text", "access_activity_log",
    "client_secret",  # no person's, but whoever reads it may go on with the payment
})  # fmt: skip

_NOTHING: frozenset[str] = frozenset()
#: What the platform itself writes in its catalogue, and what is nothing but amounts and references, holds no person.
PUBLIC = (
    "invoice_payment", "balance", "application_fee", "capability",
    "product", "price", "plan", "coupon", "promotion_code", "tax_rate", "tax_code", "shipping_rate",
    "entitlements.feature", "entitlements.active_entitlement", "product_feature", "billing.meter",
    "billing.credit_balance_transaction",
    "billing_portal.configuration",
)  # fmt: skip

#: Sellers, and the persons behind them: names in every script, and what the seller says of itself.
_SELLER = EVERYWHERE | {
    "display_name", "product_description", "gender", "name_kana", "name_kanji", "first_name_kana", "first_name_kanji",
    "last_name_kana", "last_name_kanji", "full_name_aliases",
}  # fmt: skip

#: A dispute's evidence: free text, and where and how to find the payer.
EVIDENCE = frozenset({
    "customer_email_address", "billing_address", "shipping_address", "shipping_tracking_number",
    "customer_device_fingerprint", "customer_device_id", "cancellation_rebuttal", "refund_refusal_explanation",
    "duplicate_charge_explanation", "product_description", "cancellation_policy_disclosure",
    "refund_policy_disclosure",
})  # fmt: skip

#: The table: object type -> keys that are personal in it. Absent: `EVERYWHERE`.
BY_OBJECT: dict[str, frozenset[str]] = {
    **dict.fromkeys(PUBLIC, _NOTHING),
    # invoice_settings.custom_fields[].value is free text; up to 2018 a VAT id stood on the customer itself
    "customer": EVERYWHERE | {"value", "business_vat_id", "tax_info"},
    "invoice": EVERYWHERE | {"value"},
    "tax_id": EVERYWHERE | {"value", "verified_address"},
    "account": _SELLER,
    "person": _SELLER,
    # who sent the money, and what they wrote beside it
    "customer_cash_balance_transaction": EVERYWHERE | {"sender_name", "sender_branch", "reference"},
    "checkout.session": EVERYWHERE | {"value"},  # tax ids, and answers to the page's own questions
    "subscription_schedule": EVERYWHERE | {"value"},  # invoice_settings.custom_fields[].value, as an invoice has it
    "quote": EVERYWHERE | {"header"},
    # who pays, in the words of the method: a tax number, an account with a wallet
    "payment_method": EVERYWHERE | {"tax_id", "payer_id", "buyer_id", "cashtag", "vpa", "pay_id"},
    "charge": EVERYWHERE | {"tax_id", "payer_name", "payer_id", "buyer_id", "cashtag", "vpa", "pay_id"},
    "dispute": EVERYWHERE | EVIDENCE,
    # where the payer sat
    "review": EVERYWHERE | {"billing_zip", "city", "latitude", "longitude", "region", "browser", "device"},
    "source": EVERYWHERE | {"verified_phone", "account_number", "iban", "refund_iban", "refund_account_holder_name"},
}
#: Keys whose whole value is free of persons even in a personal object.
PLAIN_PARENTS = frozenset({"plan", "price", "product", "recurring", "automatic_tax", "payment_settings"})


def personal_keys(object_type: str | None) -> frozenset[str]:
    """The keys that are personal in an object of this type (None: unknown)."""
    return BY_OBJECT.get(object_type or "", EVERYWHERE)


@cache
def with_address(personal: frozenset[str]) -> frozenset[str]:
    """The same keys and those of an address."""
    return personal | ADDRESS
