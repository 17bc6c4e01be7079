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
METHOD = of_entries(
    "PaymentMeans",
    id=TEXT, type=TEXT, brand=TEXT, last4=TEXT, exp_month=INT, exp_year=INT, bank=TEXT, wallet=TEXT,
)  # fmt: skip
ATTEMPT = of_entries(
    "PaymentAttempt",
    {
        "captured_minor": "What it took",
        "released_minor": "What was authorized, let go, and told as a refund",
    },
    charge=TEXT, status=TEXT, amount_minor=INT, captured=BOOL, captured_minor=INT, released_minor=INT,
    failure_code=TEXT, outcome_type=TEXT, outcome_reason=TEXT, balance_transaction=TEXT, created_s=TIME,
)  # fmt: skip
REFUND_OF_PAYMENT = of_entries(
    "RefundOfPayment",
    {"released": "It gave back nothing: what was authorized and not taken was let go"},
    id=TEXT, charge=TEXT, amount_minor=INT, status=TEXT, reason=TEXT, released=BOOL, balance_transaction=TEXT,
    created_s=TIME,
)  # fmt: skip
DISPUTE_OF_PAYMENT = of_entries(
    "DisputeOfPayment",
    {"lost_minor": "What it has taken so far and not given back"},
    id=TEXT, charge=TEXT, amount_minor=INT, currency=TEXT, status=TEXT, reason=TEXT, lost_minor=INT,
    evidence_due_by_s=TIME, created_s=TIME,
)  # fmt: skip
MOVEMENT_OF_PAYMENT = of_entries("MovementOfPayment", source=TEXT, **_MONEY, currency=TEXT, available_on_s=TIME)
PAYMENT = of_table(
    "Payment",
    MODELS["payments"].table,
    "account payment org customer invoice currency status asked_minor received_minor refunded_minor lost_minor"
    " kept_minor pending_minor pending_refund_minor disputed_minor fee_minor net_minor settlement_currency"
    " application_fee_minor transfer_destination on_behalf_of available_on_s method attempts refunds disputes movements"
    " reconciled reconciled_reason created_s",
    notes={
        "account": NOTES["account"],
        "org": NOTES["org"],
        "payment": "The payment intent, or the charge where there is none",
        "lost_minor": "What disputes took and have not given back",
        "kept_minor": "Received less refunded and lost, before fees",
        "pending_minor": "Still under way",
        "pending_refund_minor": "On its way back",
        "disputed_minor": "In disputes that are not over",
        "fee_minor": "In `settlement_currency`, as movements tell; null: none arrived, or in several currencies",
        "net_minor": "What it moved the balance by, in `settlement_currency`",
        "movements": "The balance transactions that are known, in the currency of the balance",
        "reconciled": "Whether the balance transactions have all arrived and say the same",
        "reconciled_reason": "What is missing or differs",
    },
    org=TEXT, method=one(METHOD), attempts=many(ATTEMPT), refunds=many(REFUND_OF_PAYMENT),
    disputes=many(DISPUTE_OF_PAYMENT), movements=many(MOVEMENT_OF_PAYMENT),
)  # fmt: skip
