"""What answers about sellers and balances hold: accounts, payouts, bookings, and what the platform keeps."""

from api.schemas.shape import BOOL, INT, MAP, NOTES, TEXT, TIME, many, of_entries, of_table, one
from projections import MODELS

BLOCK = of_entries("AccountBlock", reason=TEXT, detail=TEXT)
REQUIREMENT_ERROR = of_entries("RequirementError", requirement=TEXT, code=TEXT, reason=TEXT)
CONTROLLER = of_entries(
    "AccountController", type=TEXT, fees_payer=TEXT, losses=TEXT, requirement_collection=TEXT, dashboard=TEXT
)
EXTERNAL_ACCOUNT = of_entries(
    "ExternalAccount",
    id=TEXT, kind=TEXT, last4=TEXT, brand=TEXT, country=TEXT, currency=TEXT, default_for_currency=BOOL, status=TEXT,
)  # fmt: skip
ACCOUNT = of_table(
    "Account",
    MODELS["accounts"].table,
    "account id connected known authorized can_charge can_be_paid blocked_by type controller country default_currency"
    " business_type charges_enabled payouts_enabled details_submitted currently_due eventually_due past_due"
    " pending_verification requirement_errors disabled_reason current_deadline_s future_due future_deadline_s"
    " capabilities external_accounts metadata created_s",
    notes={
        "account": NOTES["account"],
        "connected": "False: the platform's own",
        "known": "False: events came from it, and none about it",
        "authorized": "Whether it lets the platform act for it; null where Stripe never said",
        "can_charge": "Whether it can take payments for the platform now",
        "can_be_paid": "Whether it can be paid out now",
        "blocked_by": "What stands between it and both",
        "capabilities": "Each with its status",
        "metadata": NOTES["metadata"],
    },
    blocked_by=many(BLOCK), controller=one(CONTROLLER), requirement_errors=many(REQUIREMENT_ERROR), capabilities=MAP,
    external_accounts=many(EXTERNAL_ACCOUNT), metadata=MAP,
)  # fmt: skip
BOOKING = of_entries(
    "PayoutBooking",
    id=TEXT, type=TEXT, amount_minor=INT, fee_minor=INT, net_minor=INT, currency=TEXT, status=TEXT, available_on_s=TIME,
)  # fmt: skip
PAYOUT = of_table(
    "Payout",
    MODELS["payouts"].table,
    "account id status currency amount_minor paid_minor pending_minor returned_minor fee_minor reconciled bookings"
    " arrival_date_s automatic method source_type destination destination_type destination_last4 failure_code"
    " reconciliation_status balance_transaction failure_balance_transaction original_payout reversed_by trace_id"
    " metadata created_s",
    notes={
        "account": "Whose money was paid out: `platform`, or the connected account",
        "returned_minor": "What came back because it failed or was canceled",
        "reconciled": "Whether the bookings say the same; null: none has arrived",
        "bookings": "Its balance transactions",
        "metadata": NOTES["metadata"],
    },
    bookings=many(BOOKING), metadata=MAP,
)  # fmt: skip
FEE_REFUND = of_entries("FeeRefund", id=TEXT, amount_minor=INT, created_s=TIME)
APPLICATION_FEE = of_table(
    "ApplicationFee",
    MODELS["application_fees"].table,
    "account id seller amount_minor amount_refunded_minor currency refunded refunds refunds_complete application charge"
    " originating_transaction balance_transaction created_s changed_s undecided stale",
    notes={
        **NOTES,
        "seller": "The connected account that it was taken from",
        "refunds_complete": "Whether `refunds` are all",
    },
    refunds=many(FEE_REFUND), stale=BOOL,
)  # fmt: skip
FEE = of_entries("Fee", amount_minor=INT, currency=TEXT, type=TEXT, application=TEXT)
BALANCE_TRANSACTION = of_table(
    "BalanceTransaction",
    MODELS["balance_transactions"].table,
    "account id source type reporting_category balance_type amount_minor fee_minor net_minor currency exchange_rate"
    " fee_details status available_on_s created_s changed_s undecided stale",
    notes={
        **NOTES,
        "account": "Whose balance it moved: `platform`, or the connected account",
        "source": "What caused it: a charge, refund, dispute, payout …",
        "fee_details": "What the fee is made of",
    },
    fee_details=many(FEE), stale=BOOL,
)  # fmt: skip
