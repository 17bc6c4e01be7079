"""Taxes and discounts as invoices, their lines and credit notes list them, in any API version.

Knows what was charged and on what ground. Refuses to know rates: a tax names its rate by id alone.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from ledger.translations.base import Reference, id_of, need

# What stands in these lists defaults to null, not to UNSET: `previous_attributes` hold lists whole, so entries are
# never laid over each other.

#: The ground of a tax of nothing that the customer has to declare.
REVERSE_CHARGE = "reverse_charge"


class TaxRateDetails(msgspec.Struct, gc=False):
    tax_rate: Reference | str | None = None


class TaxAmount(msgspec.Struct, gc=False):
    """One tax; `inclusive` and `tax_rate` moved in basil."""

    amount: int | None = None
    inclusive: bool | None = None
    tax_behavior: str | None = None
    tax_rate: Reference | str | None = None
    tax_rate_details: TaxRateDetails | None = None
    taxability_reason: str | None = None
    taxable_amount: int | None = None


class DiscountAmount(msgspec.Struct, gc=False):
    amount: int | None = None
    discount: Reference | str | None = None


def each_tax(listed: Iterable[TaxAmount]) -> list[dict[str, Any]]:
    """`amount_minor`, `inclusive` (None: not told), `rate`, `reason`, `taxable_minor` of each.

    Raises Missing for a tax without an amount.
    """
    return [_tax(tax) for tax in listed]


def _tax(tax: TaxAmount) -> dict[str, Any]:
    inclusive, details = tax.inclusive, tax.tax_rate_details
    if inclusive is None and tax.tax_behavior is not None:
        inclusive = tax.tax_behavior == "inclusive"
    return {
        "amount_minor": need(tax.amount, "amount of a tax"),
        "inclusive": inclusive,
        "rate": id_of(details.tax_rate if details else tax.tax_rate) or None,
        "reason": tax.taxability_reason,
        "taxable_minor": tax.taxable_amount,
    }


def is_reverse_charged(taxes: Iterable[dict[str, Any]]) -> bool:
    """Whether any of these taxes is the customer's to declare."""
    return any(tax["reason"] == REVERSE_CHARGE for tax in taxes)


def each_discount(listed: Iterable[DiscountAmount]) -> list[dict[str, Any]]:
    """`discount` (its id) and `amount_minor` of each. Raises Missing for a discount without an amount."""
    return [
        {"discount": id_of(d.discount) or None, "amount_minor": need(d.amount, "amount of a discount")} for d in listed
    ]


def discount_sum(listed: Iterable[DiscountAmount]) -> int:
    """All discounts together, minor units. Raises Missing for a discount without an amount."""
    return sum([int(need(d.amount, "amount of a discount")) for d in listed])
