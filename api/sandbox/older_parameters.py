"""Parameters that older API versions accepted, beside those of the SDK's types or in place of them.

By the name of the SDK's class. Source: https://docs.stripe.com/changelog, and the types of older SDKs.
"""

from typing import Any, Literal, NamedTuple


class Older(NamedTuple):
    """A parameter that is gone or means something else: until which API version it had this type."""

    until: str
    type: Any
    instead: str | None = None
    """The newer parameter, which was not required then."""


_TYPES = Older("2026-09-30", list[str])
_ANCHOR = Older("2026-09-30", Literal["now", "unchanged"])
_NAMED_PRICE = {"price": Older("2025-03-31", str), "unit_amount": Older("2025-03-31", int)}
_ITERATED = {"iterations": Older("2025-09-30", int), "coupon": Older("2025-03-31", str)}
_CODES = {"coupon": Older("2025-03-31", str), "promotion_code": Older("2025-03-31", str)}
_SPEED = {"preferred_settlement_speed": Older("2026-03-25", Literal["", "fastest", "standard"])}
#: By the name of the parameters' class: https://docs.stripe.com/changelog.
OLDER: dict[str, dict[str, Older]] = {
    "PaymentIntentCreateParams": {"payment_method_types": _TYPES},
    "PaymentIntentUpdateParams": {"payment_method_types": _TYPES},
    "PaymentIntentConfirmParams": {"payment_method_types": _TYPES},
    "SetupIntentCreateParams": {"payment_method_types": _TYPES},
    "SessionCreateParams": {
        "payment_method_types": _TYPES,
        "ui_mode": Older("2026-03-25", Literal["hosted", "embedded", "custom"]),
    },
    "SubscriptionCreateParams": {
        **_CODES,
        "plan": Older("2025-03-31", str),
        "quantity": Older("2025-03-31", int),
    },
    "SubscriptionUpdateParams": {**_CODES, "billing_cycle_anchor": _ANCHOR},
    "SubscriptionResumeParams": {"billing_cycle_anchor": _ANCHOR},
    "InvoiceCreatePreviewParamsSubscriptionDetails": {
        "billing_cycle_anchor": Older("2026-09-30", Literal["now", "unchanged"] | int)
    },
    "SubscriptionScheduleCreateParamsPhase": _ITERATED,
    "SubscriptionScheduleUpdateParamsPhase": _ITERATED,
    **{f"PaymentIntent{act}ParamsPaymentMethodOptionsUsBankAccount": _SPEED for act in ("Create", "Update", "Confirm")},
    "AccountCreateParamsDocuments": {"proof_of_registration": Older("2026-03-25", dict[str, Any])},
    "PaymentMethodUpdateParams": {"payto": Older("2026-03-25", dict[str, Any])},
    "SessionCreateParamsLineItem": {"dynamic_tax_rates": Older("2026-03-25", list[str])},
    "InvoiceItemCreateParams": _NAMED_PRICE,
    "InvoiceItemUpdateParams": _NAMED_PRICE,
    "PromotionCodeCreateParams": {"coupon": Older("2025-09-30", str, "promotion")},
    "CustomerCreateParams": _CODES,
    "CustomerUpdateParams": _CODES,
}
