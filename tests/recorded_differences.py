"""What may differ between a recorded answer of Stripe and the sandbox's, line by line, each with its reason.

`date` of a line: the API version that brought the difference; it holds for recordings of older ones alone.
"""

from typing import Any

Json = dict[str, Any]

_PAYINS = "liberapay.com__TestPayinsStripe"

#: Endpoints of recordings that the sandbox does not have.
UNKNOWN_ENDPOINTS = {
    "GET /v1/issuing/cardholders": "Recount issues no cards",
    "POST /v1/issuing/cardholders": "Recount issues no cards",
    "POST /v1/issuing/cards": "Recount issues no cards",
}
#: What acacia, the sandbox's oldest version, no longer has: (object, property) -> (date, what came of it).
GONE = {
    ("customer", "account_balance"): ("2019-10-17", "`balance`"),
    ("customer", "tax_info"): ("2019-12-03", "`tax_ids`"),
    ("customer", "tax_info_verification"): ("2019-12-03", "`tax_ids.data.verification`"),
    ("customer", "default_currency"): ("2020-08-27", "`currency`"),
    ("invoice", "rendering_options"): ("2024-04-10", "`rendering`"),
    ("person.relationship", "account_opener"): ("2019-10-08", "`representative`"),
}
#: What has another value by now: (object, property) -> (date, what came of it).
OTHERWISE = {("payment_intent", "capture_method"): ("2024-04-10", "`automatic_async`, where nothing was said")}
#: What is no longer shown unasked: (object, property) -> (date, where it is asked for).
ASKED_APART = {
    ("customer", "sources"): ("2020-08-27", "/v1/customers/{id}/sources"),
    ("customer", "subscriptions"): ("2020-08-27", "/v1/subscriptions?customer={id}"),
    ("customer", "tax_ids"): ("2020-08-27", "/v1/customers/{id}/tax_ids"),
    ("payment_intent", "charges"): ("2022-11-15", "/v1/charges?payment_intent={id}"),
    ("charge", "refunds"): ("2022-11-15", "/v1/refunds?charge={id}"),
}
#: Where the sandbox's answer is of another type than the recorded one, or lacks it: place -> why.
EXCUSED = {
    "account.tos_acceptance.user_agent": "the sandbox keeps no client's name",
    "charge.payment_method_details.sepa_debit.expected_debit_date": "came to all versions in 2026; the sandbox's older"
    " ones are held to Stripe's types of their own time, which lack it",
    "balance_transaction.exchange_rate": "the sandbox has a balance in each currency, and converts none",
    "payment_intent.payment_method_configuration_details.parent": "the sandbox's platform has one configuration",
    "person.verification.status": "the sandbox believes a person at once",
    **dict.fromkeys(
        (
            *(f"balance_transaction.{name}" for name in ("fee", "fee_details[].amount", "net")),
            *(
                f"{_PAYINS}[{i}] balance_transaction.{name}"
                for i in (23, 39, 57, 77)
                for name in ("amount", "currency")
            ),
        ),
        "what Stripe takes is each account's own, and the sandbox converts no currency",
    ),
    **{f"{_PAYINS}[{i}] balance_transaction.status": "days went by here, where seconds did there" for i in (37, 70)},
    **dict.fromkeys(
        (
            *(
                f"payment_intent.payment_method_options.{type}"
                for type in ("acss_debit", "afterpay_clearpay", "alipay", "cashapp", "klarna", "wechat_pay")
            ),
            "checkout.session.payment_method_options.us_bank_account",
            "checkout.session.payment_method_options.wechat_pay",
        ),
        "which methods an account offers of its own is its dashboard's matter; the sandbox's offers cards and debits",
    ),
    "pay__test_connect_direct_subscription[2] charge.balance_transaction": "recorded as an id though its expansion was"
    " asked for",
}
#: Of these properties the values are equal too.
SAME = frozenset(
    """amount amount_capturable amount_captured amount_due amount_off amount_overpaid amount_paid amount_received
    amount_refunded amount_remaining billing_reason cancel_at_period_end capture_method captured collection_method
    currency disputed duration fee interval interval_count livemode mode net paid payment_status percent_off proration
    quantity refunded reversed status subtotal total unit_amount usage""".split()
)


def _days(replay: Any) -> None:
    replay.wait(14)


def _income(replay: Any) -> None:
    """The platform has money of its own."""
    said = {"amount": 100_000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True}
    replay.make("POST", "/v1/payment_intents", return_url="https://shop.example", **said)


#: What happened between two requests without one: before which exchange, and what.
MEANWHILE: dict[tuple[str, int], tuple[Any, ...]] = {
    (_PAYINS, 31): (_days,),  # a SEPA debit comes: in seconds where it was recorded, in days here
    (_PAYINS, 65): (_days,),
    ("pay__test_connect_transfer", 5): (_income,),
}
