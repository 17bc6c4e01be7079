"""What each answer holds: an explicit list of fields a resource, from which come its schema, its SQL and its JSON.

Here what the first resources answer; payments, sellers and billing's other objects have modules of their own.
"""

from typing import Any

from marshmallow import Schema, fields

from api.schemas.billing import DISCOUNT_AMOUNT, TAX
from api.schemas.shape import (
    BOOL,
    END,
    INT,
    MAP,
    NOTES,
    TEXT,
    TEXTS,
    TIME,
    Kind,
    Member,
    Shape,
    iso,
    iso_of,
    many,
    of_entries,
    of_table,
)
from projections import MODELS

DISCOUNT = of_entries("Discount", id=TEXT, coupon=TEXT)
ITEM = of_entries(
    "SubscriptionItem",
    id=TEXT, price=TEXT, product=TEXT, lookup_key=TEXT, nickname=TEXT, quantity=INT, unit_amount_minor=INT,
    unit_amount_decimal=TEXT, currency=TEXT, interval=TEXT, interval_count=INT, usage_type=TEXT, billing_scheme=TEXT,
    current_period_start_s=TIME, current_period_end_s=TIME, metadata=MAP, price_metadata=MAP,
)  # fmt: skip
CUSTOMER = of_table(
    "Customer",
    MODELS["customers"].table,
    "account id org claimed_by deleted name email phone description country balance_minor currency delinquent"
    " tax_exempt default_payment_method created_s" + END,
    notes={**NOTES, "balance_minor": "Credit (negative) or debt (positive) applied to the next invoice"},
    org=TEXT, claimed_by=TEXT, metadata=MAP, stale=BOOL,
)  # fmt: skip
SUBSCRIPTION = of_table(
    "Subscription",
    MODELS["subscriptions"].table,
    "account id org customer status currency collection_method items items_complete price_ids product_ids"
    " current_period_start_s current_period_end_s trial_start_s trial_end_s cancel_at_s cancel_at_period_end"
    " canceled_at_s ended_at_s cancellation_reason pause_behavior pause_resumes_at_s discounts latest_invoice"
    " default_payment_method schedule billing_mode start_date_s created_s" + END,
    notes=NOTES,
    org=TEXT, items=many(ITEM), discounts=many(DISCOUNT), metadata=MAP, stale=BOOL,
)  # fmt: skip
INVOICE_LINE = of_entries(
    "InvoiceLine",
    id=TEXT, amount_minor=INT, currency=TEXT, price=TEXT, product=TEXT, unit_amount_decimal=TEXT, quantity=INT,
    quantity_decimal=TEXT, period_start_s=TIME, period_end_s=TIME, proration=BOOL, subscription=TEXT,
    subscription_item=TEXT, invoice_item=TEXT, discounts=many(DISCOUNT_AMOUNT), taxes=many(TAX),
)  # fmt: skip
INVOICE_PAYMENT = of_entries(
    "InvoicePayment",
    id=TEXT, status=TEXT, amount_requested_minor=INT, amount_paid_minor=INT, is_default=BOOL, payment_intent=TEXT,
    charge=TEXT, payment_record=TEXT,
)  # fmt: skip
INVOICE = of_table(
    "Invoice",
    MODELS["invoices"].table,
    "account id org customer subscription status number currency collection_method billing_reason amount_due_minor"
    " amount_paid_minor amount_remaining_minor subtotal_minor total_minor total_excluding_tax_minor tax_minor"
    " discount_minor credit_grants_minor shipping_minor starting_balance_minor ending_balance_minor"
    " balance_applied_minor amount_overpaid_minor amount_paid_off_stripe_minor pre_payment_credit_notes_minor"
    " post_payment_credit_notes_minor taxes reverse_charge customer_tax_exempt automatic_tax_enabled"
    " automatic_tax_status automatic_tax_disabled_reason discounts paid paid_out_of_band attempt_count attempted"
    " next_payment_attempt_s due_date_s auto_advance hosted_invoice_url invoice_pdf payment_intent charge payments"
    " default_payment_method period_start_s period_end_s finalized_at_s paid_at_s voided_at_s"
    " marked_uncollectible_at_s lines lines_complete line_count deleted created_s" + END,
    notes={
        **NOTES,
        "lines": "As far as Stripe sent them",
        "lines_complete": "False: Stripe cut the list short, and the rest waits to be fetched",
        "payments": "As far as the invoice listed them",
    },
    org=TEXT, taxes=many(TAX), discounts=many(DISCOUNT), payments=many(INVOICE_PAYMENT), lines=many(INVOICE_LINE),
    metadata=MAP, stale=BOOL,
)  # fmt: skip
CATALOG_PRICE = of_entries(
    "CatalogPrice",
    id=TEXT, active=BOOL, deleted=BOOL, currency=TEXT, unit_amount_minor=INT, unit_amount_decimal=TEXT, type=TEXT,
    interval=TEXT, interval_count=INT, usage_type=TEXT, lookup_key=TEXT, nickname=TEXT, trial_period_days=INT,
    features=TEXTS, limits=MAP,
)  # fmt: skip
PRODUCT = of_table(
    "CatalogProduct",
    MODELS["catalog"].table,
    "account product name active deleted known features limits marketing_features prices lookup_keys metadata",
    notes={
        **NOTES,
        "known": "False: a price names the product, which has not been seen itself",
        "features": "Keys of the features that its metadata grants",
        "limits": "Feature to its limit; null is unlimited",
    },
    features=TEXTS, limits=MAP, marketing_features=TEXTS, prices=many(CATALOG_PRICE), metadata=MAP,
)  # fmt: skip
ORG_CUSTOMER = of_entries("OrganizationCustomer", account=TEXT, customer=TEXT, claimed_by=TEXT)
ORGANIZATION = of_table(
    "Organization",
    MODELS["organizations"].table,
    "org customers accounts subscriptions delinquent created_s",
    notes={
        "subscriptions": "How many subscriptions it has in each status",
        "delinquent": "Whether Stripe calls one of its customers delinquent",
        "created": "When its first customer was created",
    },
    customers=many(ORG_CUSTOMER), subscriptions=MAP,
)  # fmt: skip
STRIPE_EVENT = of_table(
    "StripeEvent",
    MODELS["stripe_events"].table,
    "account id type state reason api_versions object object_id customer org_claim endpoint conflicts handled"
    " handled_by handled_why created_s received_us positions",
    notes={
        "account": NOTES["account"],
        "state": "`applied`, `stored_only`, `waiting`, `quarantined` or `conflict`",
        "handled": "`released` or `dismissed` by an operator, while that holds",
        "positions": "Where its renderings stand in the log",
    },
)
SOURCE_SEGMENT = of_entries("SourceSegment", state=TEXT, from_s=TIME, until_s=TIME)
SOURCE = of_entries(
    "EntitlementSource",
    {
        "by": "`subscription` (to what the catalogue describes), `plan`, `stripe` (its own entitlements), `override`;"
        " or `service`, which holds back what the others grant",
        "service": "The service that is closed, and `status` its state",
        "decides": "Whether it decides the answer now; limits of what is granted add up, so several may",
        "through": "How the plan was come by: `subscription`, `checkout`, `invoice` or `agreement`",
        "placement": "The subscription's id, or the session's, invoice's or agreement's",
        "version": "Of the plan; of an override, which event of its stream it is",
        "stream": "The stream of the event that decided, in the log",
        "reason": "Why, where a person decided",
    },
    by=TEXT, decides=BOOL, account=TEXT, customer=TEXT, subscription=TEXT, item=TEXT, price=TEXT, product=TEXT,
    quantity=INT, status=TEXT, plan=TEXT, version=INT, through=TEXT, placement=TEXT, stream=TEXT, reason=TEXT,
    service=TEXT, limit=INT, unlimited=BOOL, kind=TEXT, period=TEXT, reset=TEXT, segments=many(SOURCE_SEGMENT),
)  # fmt: skip
SEGMENT = of_entries(
    "EntitlementSegment",
    state=TEXT, granted=BOOL, limit=INT, unlimited=BOOL, kind=TEXT, period=TEXT, reset=TEXT, soft=BOOL,
    from_s=TIME, until_s=TIME,
)  # fmt: skip
#: The state that a feature is in, and how a limit is meant: what an entitlement, a check and a change tell alike.
STANDING: dict[str, fields.Field[Any]] = {
    "state": fields.String(
        required=True,
        metadata={
            "description": "`active`, `trialing` or `grace` (granted); `pending_setup`, `restricted`, `suspended`,"
            " `revoked` or `none` (not)"
        },
    ),
    "limit": fields.Integer(required=True, allow_none=True, metadata={"description": "null where unlimited"}),
    "unlimited": fields.Boolean(required=True),
    "kind": fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "How the limit is meant: `quota` (so much a period), `gauge` (so much at a time); null:"
            " nobody says"
        },
    ),
    "period": fields.String(required=True, allow_none=True, metadata={"description": "Of a quota"}),
    "reset": fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "When a quota begins anew: `calendar` (in UTC), `anniversary` (counted from what was sold)"
            " or `never`"
        },
    ),
    "soft": fields.Boolean(required=True, metadata={"description": "Whether it goes on beyond its limit, as overage"}),
}
ENTITLEMENT: type[Schema] = Schema.from_dict(
    {
        "feature": fields.String(required=True),
        "granted": fields.Boolean(required=True, metadata={"description": "Whether it may be used now"}),
        **STANDING,
        "from": fields.DateTime(required=True, allow_none=True, metadata={"description": "Since when; null: always"}),
        "until": fields.DateTime(
            required=True, allow_none=True, metadata={"description": "Until when, as far as is known; null: open"}
        ),
        "next": fields.List(
            fields.Nested(SEGMENT.schema), required=True, metadata={"description": "What follows with time alone"}
        ),
        "sources": fields.List(
            fields.Nested(SOURCE.schema), required=True, metadata={"description": "What grants it, or granted it"}
        ),
        "stale": fields.Boolean(required=True, metadata={"description": NOTES["stale"]}),
    },
    name="Entitlement",
)
PARKED_KEY: type[Schema] = Schema.from_dict(
    {
        "key": fields.List(fields.String(), required=True),
        "position": fields.Integer(required=True),
        "error": fields.String(required=True),
        "parked_at": fields.DateTime(required=True),
    },
    name="ParkedKey",
)
PROJECTION: type[Schema] = Schema.from_dict(
    {
        "name": fields.String(required=True),
        "kind": fields.String(required=True, metadata={"description": "`projection` or `derivation`"}),
        "group": fields.String(required=True, metadata={"description": "Models that advance together"}),
        "version": fields.Integer(required=True),
        "current": fields.Boolean(required=True, metadata={"description": "Whether it is built as now defined"}),
        "built_at": fields.DateTime(required=True, allow_none=True),
        "position": fields.Integer(required=True),
        "moved_at": fields.DateTime(required=True),
        "leading": fields.Boolean(required=True, metadata={"description": "Whether a worker leads its group"}),
        "lag_events": fields.Integer(
            required=True, metadata={"description": "Events of the log that it has not read; at most a million count"}
        ),
        "lag_seconds": fields.Float(required=True, metadata={"description": "Age of the oldest of them"}),
        "dirty": fields.Integer(required=True, metadata={"description": "Keys of this mode to derive anew"}),
        "spreading": fields.Integer(
            required=True, metadata={"description": "Changes of this mode whose reach is still being found"}
        ),
        "parked": fields.List(fields.Nested(PARKED_KEY), required=True, metadata={"description": "Keys set aside"}),
    },
    name="ReadModel",
)

__all__ = [
    "BOOL", "CATALOG_PRICE", "CUSTOMER", "DISCOUNT", "ENTITLEMENT", "INT", "INVOICE", "ITEM", "MAP", "ORGANIZATION",
    "PARKED_KEY", "PRODUCT", "PROJECTION", "SEGMENT", "SOURCE", "SOURCE_SEGMENT", "STANDING", "STRIPE_EVENT",
    "SUBSCRIPTION", "TAX",
    "TEXT", "TEXTS", "TIME", "Kind", "Member", "Shape", "iso", "iso_of", "many", "of_entries", "of_table",
]  # fmt: skip
