"""What answers about billing's other objects hold: credit notes, schedules, meters, credit, how customers are taxed."""

from api.schemas.shape import BOOL, END, INT, MAP, NOTES, TEXT, TIME, many, of_entries, of_table
from projections import MODELS

TAX = of_entries("Tax", amount_minor=INT, inclusive=BOOL, rate=TEXT, reason=TEXT, taxable_minor=INT)
DISCOUNT_AMOUNT = of_entries("DiscountAmount", discount=TEXT, amount_minor=INT)
CREDIT_NOTE_LINE = of_entries(
    "CreditNoteLine",
    id=TEXT, type=TEXT, amount_minor=INT, invoice_line=TEXT, quantity=INT, unit_amount_decimal=TEXT,
    discounts=many(DISCOUNT_AMOUNT), taxes=many(TAX),
)  # fmt: skip
CREDIT_NOTE_REFUND = of_entries("CreditNoteRefund", refund=TEXT, amount_minor=INT)
CREDIT_NOTE = of_table(
    "CreditNote",
    MODELS["credit_notes"].table,
    "account id org customer invoice number status type reason currency amount_minor subtotal_minor total_minor"
    " total_excluding_tax_minor tax_minor taxes reverse_charge shipping_minor discount_minor discounts"
    " pre_payment_minor post_payment_minor out_of_band_minor refunds customer_balance_transaction pdf lines"
    " lines_complete line_count effective_at_s voided_at_s created_s" + END,
    notes={
        **NOTES,
        "amount_minor": "What is taken back in all, with tax and after discounts",
        "type": "`pre_payment` lowers what is due, `post_payment` gives something back",
        "lines_complete": "False: Stripe cut the list short",
    },
    org=TEXT, taxes=many(TAX), discounts=many(DISCOUNT_AMOUNT), refunds=many(CREDIT_NOTE_REFUND),
    lines=many(CREDIT_NOTE_LINE), metadata=MAP, stale=BOOL,
)  # fmt: skip
PHASE_DISCOUNT = of_entries("PhaseDiscount", coupon=TEXT, discount=TEXT, promotion_code=TEXT)
PHASE_ITEM = of_entries("PhaseItem", price=TEXT, quantity=INT, discounts=many(PHASE_DISCOUNT), metadata=MAP)
PHASE = of_entries(
    "SchedulePhase",
    start_s=TIME, end_s=TIME, trial_end_s=TIME, items=many(PHASE_ITEM), invoiced_once=many(PHASE_ITEM),
    discounts=many(PHASE_DISCOUNT), proration_behavior=TEXT, billing_cycle_anchor=TEXT, collection_method=TEXT,
    currency=TEXT, default_payment_method=TEXT, metadata=MAP,
)  # fmt: skip
PAUSE = of_entries("SchedulePause", key=TEXT, pause_at_s=TIME, pause_status=TEXT, resume_at_s=TIME, resume_status=TEXT)
SCHEDULE = of_table(
    "Schedule",
    MODELS["schedules"].table,
    "account id org customer status subscription released_subscription end_behavior current_phase_start_s"
    " current_phase_end_s phases price_ids pauses collection_method billing_cycle_anchor default_payment_method"
    " billing_mode canceled_at_s completed_at_s released_at_s created_s" + END,
    notes=NOTES,
    org=TEXT, phases=many(PHASE), pauses=many(PAUSE), metadata=MAP, stale=BOOL,
)  # fmt: skip
METER = of_table(
    "Meter",
    MODELS["meters"].table,
    "account id display_name event_name status formula event_time_window customer_mapping customer_key value_key"
    " deactivated_at_s created_s updated_s changed_s undecided stale",
    notes=NOTES,
    stale=BOOL,
)
_SUMS = dict.fromkeys(
    ("granted_minor", "applied_minor", "reinstated_minor", "expired_minor", "voided_minor", "other_minor",
     "remaining_minor"),
    INT,
)  # fmt: skip
GRANT = of_entries(
    "CreditGrant",
    grant=TEXT, category=TEXT, priority=INT, **_SUMS, confirmed=BOOL, from_s=TIME, until_s=TIME,
)  # fmt: skip
CREDIT_SEGMENT = of_entries("CreditSegment", available_minor=INT, from_s=TIME, until_s=TIME)
CURRENCY_CREDIT = of_entries(
    "CurrencyCredit", currency=TEXT, **_SUMS, grants=many(GRANT), segments=many(CREDIT_SEGMENT)
)
CREDIT_BALANCE = of_table(
    "CreditBalance",
    MODELS["credit_balances"].table,
    "account customer org currencies balances",
    notes={
        "account": NOTES["account"],
        "org": NOTES["org"],
        "balances": "By currency: what was granted, used and is left as booked; what may be used when",
    },
    org=TEXT, balances=many(CURRENCY_CREDIT),
)  # fmt: skip
TAX_ID = of_entries("TaxId", id=TEXT, type=TEXT, country=TEXT, verification_status=TEXT)
TAX_PROFILE = of_table(
    "TaxProfile",
    MODELS["tax_profiles"].table,
    "account customer org known deleted tax_exempt country tax_ids reverse_charge_expected newest_invoice"
    " automatic_tax_enabled automatic_tax_status automatic_tax_disabled_reason",
    notes={
        "account": NOTES["account"],
        "org": NOTES["org"],
        "known": "False: others name the customer, which has not been seen itself",
        "reverse_charge_expected": "By the customer's exemption, else by its newest invoice; null: nothing tells",
    },
    org=TEXT, tax_ids=many(TAX_ID),
)  # fmt: skip
DISCOUNT_GIVEN = of_table(
    "DiscountGiven",
    MODELS["discounts"].table,
    "account id org customer deleted subscription subscription_item invoice invoice_item checkout_session coupon"
    " promotion_code percent_off amount_off_minor currency duration start_s end_s changed_s undecided stale",
    notes={**NOTES, "deleted": "Whether it is over or was taken away"},
    org=TEXT, stale=BOOL,
)  # fmt: skip
