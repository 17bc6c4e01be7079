"""What each object shall say in every API version, and what which version cannot say, with the reason.

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

#: The API versions that the schemas describe.
VERSIONS = (
    "2023-10-16", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil", "2025-10-29.clover", "2026-02-25.clover",
    "2026-06-24.dahlia", "2026-10-28.endive",
)  # fmt: skip
_UP_TO_ACACIA, _BASIL_ON = VERSIONS[:3], VERSIONS[3:]

#: Objects that the schemas do not describe, and why.
NO_SCHEMA = {
    "v2.core.event": "a thin event is no object; the schemas are of objects",
    "billing.alert_triggered": "it comes in events alone, and the schemas are of what the API returns",
}
#: Objects that came after the oldest of the schemas -> their first version.
SINCE = {
    "entitlements.active_entitlement_summary": "2024-06-20",
    "billing.credit_grant": "2025-02-24.acacia",
    "billing.credit_balance_transaction": "2025-02-24.acacia",
}
#: (object, field) -> the versions in which the story cannot be told, and why.
SILENT: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("subscription", "billing_mode"): (_UP_TO_ACACIA, "billing modes came in basil"),
    ("invoice", "paid_out_of_band"): (_BASIL_ON, "basil took it away; the invoice's payments tell"),
    ("balance_transaction", "balance_type"): (_UP_TO_ACACIA, "balance types came in basil"),
    ("plan", "lookup_key"): (VERSIONS, "a plan has none: its price, which has the same id, tells"),
    ("plan", "tax_behavior"): (VERSIONS, "a plan has none: its price, which has the same id, tells"),
}
#: (object, field) -> why versions say it differently.
DIFFERENT: dict[tuple[str, str], str] = {}
#: (object, field) -> why the story says nothing there, in any version.
EMPTY: dict[tuple[str, str], str] = {
    ("billing.credit_balance_transaction", "invoice"): "the story is of a grant, which no invoice has used",
    ("billing.credit_balance_transaction", "invoice_line"): "the story is of a grant, which no invoice has used",
}

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
        "total_tax_amounts[].amount": 190,
        "total_tax_amounts[].inclusive": False,
        "total_tax_amounts[].tax_rate": "txr_1",
        "total_tax_amounts[].taxability_reason": "standard_rated",
        "total_taxes[].amount": 190,
        "total_taxes[].tax_behavior": "exclusive",
        "total_taxes[].tax_rate_details.tax_rate": "txr_1",
        "total_taxes[].taxability_reason": "standard_rated",
        "total_discount_amounts[].amount": 55,
        "lines.has_more": False,
        "lines.data[].id": "il_1",
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
            if allowed and value is not None and not any(_within(found[1], known) for known in story):
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
    if mark == "json" or hint not in (str, int, bool):
        return None
    if hint is str:
        listed = [v for choice in allowed for v in (*choice.get("enum", ()), choice.get("const")) if v is not None]
        return listed[0] if listed else f"{field}_1"
    return True if hint is bool else T + number if mark == "instant" else 100 + number
