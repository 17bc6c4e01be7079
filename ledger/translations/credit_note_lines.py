"""The lines of a credit note: which lines of its invoice it takes back and how much of them, in any API version.

A line that stands for nothing on the invoice is a `custom_line_item`. What lines say in words stays in the log.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.translations.base import Reference, id_of, need
from ledger.translations.invoice_lines import is_complete
from ledger.translations.invoice_taxes import DiscountAmount, TaxAmount, each_discount, each_tax

# What stands in the list of lines defaults to null, not to UNSET: see `invoice_taxes`.


class Line(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    amount: int | None = None
    invoice_line_item: Reference | str | None = None
    quantity: int | None = None
    unit_amount: int | None = None
    unit_amount_decimal: str | None = None
    discount_amounts: list[DiscountAmount] | None = None
    tax_amounts: list[TaxAmount] | None = None
    taxes: list[TaxAmount] | None = None


class Lines(msgspec.Struct, gc=False):
    """The list as the payload carries it."""

    data: list[Line] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET
    total_count: int | None | UnsetType = UNSET


def lines_of(
    listed: Lines | UnsetType | None,
) -> tuple[list[dict[str, Any]] | UnsetType, bool | UnsetType, int | UnsetType]:
    """The lines as facts hold them, in Stripe's order; whether these are all; how many they are.

    Raises Missing for a line without an id or an amount.
    """
    if not isinstance(listed, Lines) or not isinstance(listed.data, list):
        return UNSET, UNSET, UNSET
    lines = [_line(line) for line in listed.data]
    return lines, is_complete(listed.has_more, listed.total_count, len(lines)), len(lines)


def _line(line: Line) -> dict[str, Any]:
    unit = line.unit_amount_decimal
    if unit is None and line.unit_amount is not None:
        unit = str(line.unit_amount)
    taxes = line.tax_amounts if line.taxes is None else line.taxes
    return {
        "id": need(line.id, "lines.data.id"),
        "type": line.type,
        "amount_minor": need(line.amount, "lines.data.amount"),
        "invoice_line": id_of(line.invoice_line_item) or None,
        "quantity": line.quantity,
        "unit_amount_decimal": unit,
        "discounts": None if line.discount_amounts is None else each_discount(line.discount_amounts),
        "taxes": None if taxes is None else each_tax(taxes),
    }
