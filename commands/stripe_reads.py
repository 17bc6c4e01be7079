"""Where Stripe's objects are read: one by its id, all in a list. Pure, and a table, as `commands.stripe_operations` is
for what changes something.

Refuses to know who wants to read what, and the network. Source: https://docs.stripe.com/api.
"""

from typing import NamedTuple


class Read(NamedTuple):
    """How objects of one type are read."""

    one: str
    """The address of one, with `{}` for its id; without, where an account has but one."""
    listed: str | None = None
    """The address of the list of all."""
    beside: tuple[tuple[str, str], ...] = ()
    """What is asked for besides in the list, so that it is a list of all."""


def _in(path: str, *beside: tuple[str, str]) -> Read:
    return Read(f"{path}/{{}}", path, beside)


#: Object type -> how it is read. What is not here is told by events alone, or hangs on another object.
READS: dict[str, Read] = {
    "account": Read("/v1/accounts/{}"),
    "application_fee": _in("/v1/application_fees"),
    "balance": Read("/v1/balance"),
    "balance_transaction": _in("/v1/balance_transactions"),
    "billing.credit_balance_transaction": Read("/v1/billing/credit_balance_transactions/{}"),
    "billing.credit_grant": _in("/v1/billing/credit_grants"),
    "billing.meter": _in("/v1/billing/meters"),
    "billing_portal.configuration": _in("/v1/billing_portal/configurations"),
    "cash_balance": Read("/v1/customers/{}/cash_balance"),
    "charge": _in("/v1/charges"),
    "checkout.session": _in("/v1/checkout/sessions"),
    "coupon": _in("/v1/coupons"),
    "credit_note": _in("/v1/credit_notes"),
    "customer": _in("/v1/customers"),
    "dispute": _in("/v1/disputes"),
    # nobody is answered with a summary: it is made of the list of what a customer has
    "entitlements.active_entitlement_summary": Read("/v1/entitlements/active_entitlements"),
    "entitlements.feature": _in("/v1/entitlements/features"),
    "invoice": _in("/v1/invoices"),
    "invoice_payment": _in("/v1/invoice_payments"),
    "invoiceitem": _in("/v1/invoiceitems"),
    "mandate": Read("/v1/mandates/{}"),
    "payment_intent": _in("/v1/payment_intents"),
    "payment_link": _in("/v1/payment_links"),
    "payment_method": Read("/v1/payment_methods/{}"),
    "payout": _in("/v1/payouts"),
    "plan": _in("/v1/plans"),
    "price": _in("/v1/prices"),
    "product": _in("/v1/products"),
    "promotion_code": _in("/v1/promotion_codes"),
    "quote": _in("/v1/quotes"),
    "radar.early_fraud_warning": _in("/v1/radar/early_fraud_warnings"),
    "refund": _in("/v1/refunds"),
    "review": Read("/v1/reviews/{}"),
    "setup_intent": _in("/v1/setup_intents"),
    "source": Read("/v1/sources/{}"),
    "subscription": _in("/v1/subscriptions", ("status", "all")),
    "subscription_schedule": _in("/v1/subscription_schedules"),
    "tax.registration": _in("/v1/tax/registrations", ("status", "all")),
    "tax.settings": Read("/v1/tax/settings"),
    "tax_id": Read("/v1/tax_ids/{}"),
    "tax_rate": _in("/v1/tax_rates"),
    "topup": _in("/v1/topups"),
    "transfer": _in("/v1/transfers"),
}
SUMMARY = "entitlements.active_entitlement_summary"
