"""What Stripe's schemas of eight API versions cannot tell of what we read, each with the reason."""

#: The API versions that the schemas describe.
VERSIONS = (
    "2023-10-16", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil", "2025-10-29.clover", "2026-02-25.clover",
    "2026-06-24.dahlia", "2026-10-28.endive",
)  # fmt: skip
#: (family, field) -> versions, reason.
Silences = dict[tuple[str, str], tuple[tuple[str, ...], str]]

#: Objects that the schemas do not describe, and why.
_IN_EVENTS_ALONE = "it comes in events alone, and the schemas are of what the API returns"
_NONE_OF_THEM = "the schemas are of 43 objects, and it is none of them"
NO_SCHEMA = {
    "v2.core.event": "a thin event is no object, and the schemas are of objects",
    "billing.alert_triggered": _IN_EVENTS_ALONE,
    "application": _IN_EVENTS_ALONE,
    "alipay_account": "older than the schemas",
    "bitcoin_receiver": "older than the schemas",
    **dict.fromkeys(
        ("payment_link", "source", "card", "bank_account", "quote", "billing_portal.configuration", "fee_refund",
         "capability", "review", "radar.early_fraud_warning", "tax.settings", "tax.registration", "cash_balance",
         "customer_cash_balance_transaction", "topup"),
        _NONE_OF_THEM,
    ),
}  # fmt: skip
#: (family, object): a described object in a role that is older than the schemas.
NOT_TOLD = {("payment_source", "account"): "an account as a customer's source went away before 2023"}
#: Objects that came after the oldest of the schemas -> their first version.
SINCE = {
    "entitlements.active_entitlement_summary": "2024-06-20",
    "invoice_payment": "2025-08-27.basil",
    "billing.credit_grant": "2025-02-24.acacia",
    "billing.credit_balance_transaction": "2025-02-24.acacia",
}


def _came(version: str, family: str, *fields: str) -> Silences:
    """Fields that the schemas have since a version: what is before it is silent."""
    before = tuple(v for v in VERSIONS if v < version)
    return {(family, field): (before, f"came between {before[-1]} and {version}") for field in fields}


def _went(version: str, why: str, family: str, *fields: str) -> Silences:
    """Fields that the schemas have no more since a version."""
    since = tuple(v for v in VERSIONS if v >= version)
    return {(family, field): (since, why) for field in fields}


def _never(why: str, family: str, *fields: str) -> Silences:
    return {(family, field): (VERSIONS, why) for field in fields}


_2024, _ACACIA, _BASIL, _CLOVER, _DAHLIA, _ENDIVE = (VERSIONS[i] for i in (1, 2, 3, 4, 6, 7))
#: The story of a family cannot tell a field in these versions, and why.
SILENT: Silences = {
    **_came(_BASIL, "subscription", "billing_mode"),
    **_came(_ACACIA, "invoice", "credit_grants_minor", "automatic_tax_disabled_reason"),
    **_came(_BASIL, "invoice", "amount_overpaid_minor", "payments"),
    **_came(_DAHLIA, "invoice", "amount_paid_off_stripe_minor"),
    **_went(_BASIL, "basil took it away; the invoice's payments tell", "invoice", "paid_out_of_band"),
    **_never("a plan has none: its price, which has the same id, tells", "plan", "lookup_key", "tax_behavior"),
    **_came(_CLOVER, "invoice_item", "net_amount_minor"),
    **_came(_DAHLIA, "invoice_item", "quantity_decimal"),
    **_came(_CLOVER, "invoice_payment", "payment_record"),
    **_came(_ACACIA, "tax_rate", "rate_type", "flat_amount_minor", "flat_currency"),
    **_came(_BASIL, "balance_transaction", "balance_type"),
    **_never("only checkout.session.async_payment_* tells", "checkout_session", "async_payment"),
    **_came(_ACACIA, "checkout_session", "discounts"),
    **_came(_BASIL, "checkout_session", "presentment_currency", "presentment_total_minor"),
    **_never("a payment method is detached, not deleted, and has no status", "payment_method", "deleted", "status"),
    **_never("the story is of a card, which has none", "payment_method", "bank"),
    **_came(_2024, "payment_method", "allow_redisplay"),
    **_never("the story is of a Bacs mandate, which has none", "mandate", "payment_schedule"),
    **_came(_ENDIVE, "subscription_schedule", "pauses"),
    **_came(_BASIL, "subscription_schedule", "billing_mode"),
    **_came(_BASIL, "balance", "prefunding_minor"),
    **_came(_2024, "payout", "application_fee", "application_fee_minor"),
    **_came(_ACACIA, "payout", "trace_id"),
    **_went(_BASIL, "basil took it away; the invoice's payments tell", "payment_intent", "invoice"),
    **_went(_BASIL, "basil took it away; the invoice's payments tell", "charge", "invoice"),
    **_came(_ACACIA, "charge", "network_decline_code"),
    **_never("older than the schemas", "charge", "dispute", "embedded_dispute"),
    **_came(_ENDIVE, "refund", "customer"),
    **_came(_BASIL, "refund", "pending_reason"),
    **_came(_2024, "dispute", "case_type"),
    **_never(
        "payouts were transfers up to 2017", "transfer", "status", "arrival_date_s", "method", "destination_type",
        "destination_last4", "failure_code",
    ),
}  # fmt: skip
#: (family, field) -> why versions say it differently.
DIFFERENT: dict[tuple[str, str], str] = {
    ("credit_note", "refunds"): "up to acacia a note named its one refund, and not how much of it was the note's",
}
#: (family, field) -> why the story says nothing there, in any version.
EMPTY: dict[tuple[str, str], str] = {
    ("credit_balance_transaction", "invoice"): "the story is of a grant, which no invoice has used",
    ("credit_balance_transaction", "invoice_line"): "the story is of a grant, which no invoice has used",
    ("charge", "bank"): "the story is of a card, which has none",
}
