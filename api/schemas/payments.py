"""What answers about payments hold: the trail of each payment, and the objects of Stripe's that it is made of."""

from api.schemas.shape import BOOL, END, INT, MAP, NOTES, TEXT, TEXTS, TIME, many, of_entries, of_table, one
from projections import MODELS

_MONEY = dict.fromkeys(("id", "type"), TEXT) | dict.fromkeys(("amount_minor", "fee_minor", "net_minor"), INT)
MOVEMENT = of_entries("BalanceMovement", **_MONEY, currency=TEXT, available_on_s=TIME)
REFUND_OF_CHARGE = of_entries(
    "RefundOfCharge", id=TEXT, amount_minor=INT, status=TEXT, reason=TEXT, created_s=TIME, balance_transaction=TEXT
)
CHARGE = of_table(
    "Charge",
    MODELS["charges"].table,
    "account id org customer payment payment_intent invoice status captured currency amount_minor"
    " amount_captured_minor amount_refunded_minor failure_code outcome_type outcome_reason network_status"
    " network_decline_code risk_level risk_score payment_method payment_method_type brand last4 exp_month exp_year bank"
    " wallet disputed dispute balance_transaction failure_balance_transaction movement application_fee"
    " application_fee_amount_minor on_behalf_of transfer transfer_destination transfer_amount_minor transfer_group"
    " source_transfer receipt_number refunds refunds_complete review created_s" + END,
    notes={
        **NOTES,
        "payment": "The payment that it is an attempt of: its payment intent, or itself",
        "amount_refunded_minor": "Of an amount captured in part, what was let go counts as refunded",
        "movement": "Its balance transaction, where an event carried it",
        "refunds": "Those that the charge itself carried; see refunds for all",
        "refunds_complete": "Whether these are all",
    },
    org=TEXT, movement=one(MOVEMENT), refunds=many(REFUND_OF_CHARGE), metadata=MAP, stale=BOOL,
)  # fmt: skip
REFUND = of_table(
    "Refund",
    MODELS["refunds"].table,
    "account id org customer charge payment_intent amount_minor currency status reason pending_reason failure_reason"
    " next_action destination_type balance_transaction failure_balance_transaction movement receipt_number"
    " transfer_reversal source_transfer_reversal created_s" + END,
    notes={**NOTES, "customer": "Its own, or its charge's", "movement": "Its balance transaction"},
    org=TEXT, movement=one(MOVEMENT), metadata=MAP, stale=BOOL,
)  # fmt: skip
DISPUTE = of_table(
    "Dispute",
    MODELS["disputes"].table,
    "account id org customer charge payment_intent amount_minor currency status reason network_reason_code case_type"
    " payment_method_type is_charge_refundable evidence_due_by_s has_evidence past_due submission_count movements"
    " created_s" + END,
    notes={
        **NOTES,
        "customer": "Its charge's",
        "movements": "What it took from the balance (below zero) and gave back",
    },
    org=TEXT, customer=TEXT, movements=many(MOVEMENT), metadata=MAP, stale=BOOL,
)  # fmt: skip
PAYMENT_METHOD = of_table(
    "PaymentMethod",
    MODELS["payment_methods"].table,
    "account id org customer deleted detached type brand last4 exp_month exp_year expires_s country funding wallet bank"
    " billing_country status allow_redisplay created_s" + END,
    notes={**NOTES, "expires": "When a card stops being good: the end of its month, in UTC"},
    org=TEXT, metadata=MAP, stale=BOOL,
)  # fmt: skip
CHECKOUT_DISCOUNT = of_entries("CheckoutDiscount", coupon=TEXT, promotion_code=TEXT)
CHECKOUT = of_table(
    "Checkout",
    MODELS["checkouts"].table,
    "account id org customer status payment_status async_payment purpose currency amount_subtotal_minor"
    " amount_total_minor amount_tax_minor amount_discount_minor amount_shipping_minor discounts automatic_tax"
    " automatic_tax_status converted_from_currency converted_from_total_minor presentment_currency"
    " presentment_total_minor subscription payment_intent setup_intent invoice payment_link recovered_from"
    " client_reference_id terms_of_service promotions name email phone country shipping_country tax_exempt"
    " payment_method_types url expires_at_s created_s" + END,
    notes={
        **NOTES,
        "purpose": "`payment`, `subscription` or `setup`",
        "async_payment": "What became of a payment that took days",
    },
    org=TEXT, discounts=many(CHECKOUT_DISCOUNT), payment_method_types=TEXTS, metadata=MAP, stale=BOOL,
)  # fmt: skip
