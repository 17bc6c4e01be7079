"""What each object shall say in every API version.

A story says most fields where the family's own `whence` table says that they live; what is more than a plain value
at a plain place is written out here.
"""

import re
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from msgspec import UnsetType
from samples import T
from schema_made import Schemas, Story

from ledger.translations.base import Family

#: A plain place in a `whence` table: a path, then versions or a remark in parentheses.
_PLACE = re.compile(r"^([a-z_]\w*(?:(?:\[\])?\.[a-z_]\w*)*)(?:, an id or expanded)?(?: \(.*\))?$")

#: Nothing is said at this place, although a `whence` table names it.
UNSAID: Final = object()
#: Said wherever an object has metadata.
_METADATA = {"org_id": "org_1", "features": "sso", "limit_seats": "5", "limit_broken": "no number"}
_DISCOUNTS = {
    "discount.id": "di_1",
    "discount.coupon.id": "half",
    "discounts[].id": "di_1",
    "discounts[].coupon.id": "half",
    "discounts[].source.coupon": "half",
}
_BOOKED = {
    "balance_transaction.id": "txn_1",
    "balance_transaction.type": "charge",
    "balance_transaction.amount": 900,
    "balance_transaction.fee": 43,
    "balance_transaction.net": 857,
    "balance_transaction.currency": "eur",
}
#: A tax of 19 %, added to the price, where it stood up to acacia and where it stands since.
_TAXES = {
    "tax_amounts[].amount": 190,
    "tax_amounts[].inclusive": False,
    "tax_amounts[].tax_rate": "txr_1",
    "tax_amounts[].taxability_reason": "standard_rated",
    "tax_amounts[].taxable_amount": 900,
    "taxes[].amount": 190,
    "taxes[].tax_behavior": "exclusive",
    "taxes[].tax_rate_details.tax_rate": "txr_1",
    "taxes[].taxability_reason": "standard_rated",
    "taxes[].taxable_amount": 900,
}
#: Where a price, what it is a line of, and its taxes stand on a line of an invoice, and on an invoice item.
_LINE = {
    "id": "il_1",
    "amount": 900,
    "currency": "eur",
    "quantity": 2,
    "period.start": T,
    "period.end": T + 9,
    "price.id": "price_1",
    "price.product": "prod_1",
    "price.unit_amount_decimal": "450",
    "pricing.price_details.price": "price_1",
    "pricing.price_details.product": "prod_1",
    "pricing.unit_amount_decimal": "450",
    "subscription": "sub_1",
    "subscription_item": "si_1",
    "parent.type": "subscription_item_details",
    "parent.subscription_item_details.subscription": "sub_1",
    "parent.subscription_item_details.subscription_item": "si_1",
    "discount_amounts[].amount": 55,
    "discount_amounts[].discount": "di_1",
    **_TAXES,
}
#: What is more than a plain value at a plain place: object -> place -> what is said there.
STORIES: dict[str, Story] = {
    "subscription": _DISCOUNTS
    | {
        "currency": "eur",
        "items.has_more": False,
        "items.data[].id": "si_1",
        "items.data[].quantity": 2,
        "items.data[].metadata": {"seat": "window"},
        "items.data[].current_period_start": T + 1,
        "items.data[].current_period_end": T + 2,
        "current_period_start": T + 1,
        "current_period_end": T + 2,
        "items.data[].price.id": "price_1",
        "items.data[].price.product": "prod_1",
        "items.data[].price.currency": "eur",
        "items.data[].price.unit_amount": 900,
        "items.data[].price.unit_amount_decimal": "900",
        "items.data[].price.billing_scheme": "per_unit",
        "items.data[].price.recurring.interval": "month",
        "items.data[].price.recurring.interval_count": 1,
        "items.data[].price.recurring.usage_type": "licensed",
    },
    "invoice": _DISCOUNTS
    | {
        "status": "paid",
        "paid": True,
        "tax": 190,
        **{f"total_{place}": told for place, told in _TAXES.items()},
        "total_discount_amounts[].amount": 55,
        "lines.has_more": False,
        **{f"lines.data[].{place}": told for place, told in _LINE.items()},
        "total_pretax_credit_amounts[].amount": 25,
        "total_pretax_credit_amounts[].type": "credit_balance_transaction",
        "total_pretax_credit_amounts[].credit_balance_transaction": "cbtxn_1",
    },
    "checkout.session": {
        "total_details.amount_tax": 19,
        "total_details.amount_discount": 5,
        "total_details.amount_shipping": 7,
        "discounts[].coupon": "half",
        "discounts[].promotion_code": "promo_1",
    },
    "payment_method": {
        "type": "card",
        "card.brand": "visa",
        "card.last4": "4242",
        "card.exp_month": 12,
        "card.exp_year": 2030,
        "card.country": "DE",
        "card.funding": "credit",
        "card.wallet.type": "apple_pay",
        "us_bank_account": UNSAID,
    },
    "mandate": {
        "payment_method_details.type": "bacs_debit",
        "payment_method_details.bacs_debit.reference": "1234",
        "payment_method_details.bacs_debit.network_status": "revoked",
        "payment_method_details.bacs_debit.revocation_reason": "account_closed",
    },
    "payout": {"destination.id": "ba_1", "destination.last4": "6789"},
    "application_fee": {
        "refunds.has_more": False,
        "refunds.data[].id": "fr_1",
        "refunds.data[].amount": 30,
    },
    "account": {
        "type": "express",
        "controller.type": "application",
        "requirements.errors[].code": "invalid_value_other",
        "requirements.errors[].reason": "It cannot be read",
        "requirements.errors[].requirement": "company.name",
        "capabilities.card_payments": "active",
    },
    "charge": _BOOKED
    | {
        "payment_method": "pm_1",
        "payment_method_details.type": "card",
        "payment_method_details.card.brand": "visa",
        "payment_method_details.card.last4": "4242",
        "payment_method_details.card.exp_month": 12,
        "payment_method_details.card.exp_year": 2030,
        "payment_method_details.card.wallet.type": "apple_pay",
        "source": UNSAID,
        "refunds.has_more": False,
        "refunds.data[].id": "re_1",
        "refunds.data[].amount": 200,
        "refunds.data[].status": "succeeded",
    },
    "refund": _BOOKED,
    "invoiceitem": {
        "unit_amount_decimal": "450",
        "price.id": "price_1",
        "price.product": "prod_1",
        "price.unit_amount_decimal": "450",
        "pricing.unit_amount_decimal": "450",
        "pricing.price_details.price": "price_1",
        "pricing.price_details.product": "prod_1",
        "discounts": ["di_1"],
        "tax_rates[].id": "txr_1",
    },
    "credit_note": {
        "type": "post_payment",
        "amount": 1090,
        "pre_payment_amount": 0,
        "post_payment_amount": 1090,
        "refund": "re_1",
        "refunds[].refund": "re_1",
        "refunds[].amount_refunded": 1090,
        "discount_amounts[].amount": 55,
        "discount_amounts[].discount": "di_1",
        **{place: told for place, told in _TAXES.items() if place.startswith("tax_amounts")},
        **{f"total_{place}": told for place, told in _TAXES.items() if place.startswith("taxes")},
        "lines.has_more": False,
        "lines.data[].id": "cnli_1",
        "lines.data[].type": "invoice_line_item",
        "lines.data[].amount": 900,
        "lines.data[].quantity": 2,
        "lines.data[].unit_amount_decimal": "450",
        "lines.data[].discount_amounts[].amount": 55,
        "lines.data[].discount_amounts[].discount": "di_1",
        **{f"lines.data[].{place}": told for place, told in _TAXES.items()},
    },
    "coupon": {"percent_off": 12.5, "currency_options": {"usd": {"amount_off": 600}}},
    "discount": {
        f"{coupon}.{field}": value
        for coupon in ("coupon", "source.coupon")
        for field, value in (
            ("id", "half"),
            ("percent_off", 50),
            ("amount_off", 500),
            ("currency", "eur"),
            ("duration", "once"),
        )
    },
    "tax_rate": {"percentage": 19.5, "effective_percentage": 19.25},
    "dispute": {
        "balance_transactions[].id": "txn_1",
        "balance_transactions[].type": "adjustment",
        "balance_transactions[].amount": -900,
        "balance_transactions[].fee": 1500,
        "balance_transactions[].net": -2400,
        "balance_transactions[].currency": "eur",
        "payment_method_details.type": "card",
        "payment_method_details.card.case_type": "chargeback",
        "payment_method_details.card.brand": "visa",
        "payment_method_details.card.network_reason_code": "10.4",
        "network_reason_code": "10.4",
    },
    "subscription_schedule": {
        "phases[].start_date": T,
        "phases[].end_date": T + 9,
        "phases[].items[].price": "price_1",
        "phases[].items[].quantity": 2,
        "phases[].coupon": "half",
        "phases[].discounts[].coupon": "half",
        "phases[].proration_behavior": "create_prorations",
        "phases[].collection_method": "send_invoice",
        "phases[].currency": "eur",
        "phases[].default_payment_method": "pm_1",
        "pause_schedules[].key": "winter",
        "pause_schedules[].pause.pause_at": T + 3,
        "pause_schedules[].pause.status.type": "scheduled",
        "pause_schedules[].resume.resume_at": T + 4,
        "pause_schedules[].resume.status.type": "scheduled",
    },
    "balance": {
        f"{kind}[].{field}": value
        for kind in (
            "available",
            "pending",
            "instant_available",
            "connect_reserved",
            "issuing.available",
            "refund_and_dispute_prefunding.available",
        )
        for field, value in (("amount", 700), ("currency", "eur"))
    },
    "transfer": {
        "reversals.has_more": False,
        "reversals.data[].id": "trr_1",
        "reversals.data[].amount": 30,
    },
    "entitlements.active_entitlement_summary": {
        "entitlements.has_more": False,
        "entitlements.data[].feature": "feat_1",
        "entitlements.data[].lookup_key": "sso",
    },
    "balance_transaction": {
        "exchange_rate": 1.25,
        "fee_details[].amount": 30,
        "fee_details[].currency": "eur",
        "fee_details[].type": "stripe_fee",
    },
    "product": {"marketing_features[].name": "Single sign-on", "features[].name": "Single sign-on"},
    "billing.credit_grant": {"applicability_config.scope.prices[].id": "price_1"},
    "billing.credit_balance_transaction": {
        "type": "credit",
        "credit.type": "credits_granted",
        "credit.amount.monetary.value": 500,
        "credit.amount.monetary.currency": "eur",
    },
}


def story_of(family: Family, object_type: str, versions: Sequence[Schemas]) -> Story:
    """The story of an object: its own words, and a plain value for each other field of the family.

    `versions` are the schemas that have the object: a value is one that they list, where they list values.
    """
    always = {"id": f"{object_type.rpartition('.')[2]}_1", "metadata": _METADATA}
    story: Story = {p: v for p, v in always.items() if any(s.at(object_type, p) for s in versions)}
    story |= STORIES.get(object_type, {})
    hints = get_type_hints(family.facts, include_extras=True)
    for number, (field, _, places) in enumerate(family.whence):
        if field == "deleted":  # what is told of lives
            continue
        for found in filter(None, map(_PLACE.match, places)):
            allowed = [choice for schemas in versions for choice in schemas.at(object_type, found[1])]
            value = _plain_value(field, hints[field], number, allowed)
            sayable = value is not None and any(s.can_say(object_type, found[1], value) for s in versions)
            if sayable and not any(_within(found[1], known) for known in story):
                story[found[1]] = value
    return {place: value for place, value in story.items() if value is not UNSAID}


def _within(place: str, known: str) -> bool:
    """Whether one of two places holds the other."""
    short, long = sorted((place, known), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}[]"))


def _plain_value(field: str, hint: Any, number: int, allowed: list[dict[str, Any]]) -> Any:
    """A value for a field of a plain type; None for what has parts."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (a for a in get_args(hint) if a not in (NoneType, UnsetType))
    mark = None
    if get_origin(hint) is Annotated:
        hint, mark = get_args(hint)
    if any(choice.get("items") == {"type": "string"} for choice in allowed):
        return [f"{field}_1"]
    if mark == "json" or hint not in (str, int, bool):
        return None
    if hint is str:
        listed = [v for choice in allowed for v in (*choice.get("enum", ()), choice.get("const")) if v is not None]
        return listed[0] if listed else f"{field}_1"
    return True if hint is bool else T + number if mark == "instant" else 100 + number
