"""Tax rates: how much tax, where and of which kind, in any API version. They are public: nothing here is sealed."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, need, plain
from ledger.translations.coupon import decimal_text


class FlatAmount(msgspec.Struct, gc=False):
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's tax rate."""

    object: str = ""
    id: str | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    display_name: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    percentage: Decimal | None | UnsetType = UNSET
    effective_percentage: Decimal | None | UnsetType = UNSET
    inclusive: bool | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    state: str | None | UnsetType = UNSET
    jurisdiction: str | None | UnsetType = UNSET
    jurisdiction_level: str | None | UnsetType = UNSET
    tax_type: str | None | UnsetType = UNSET
    rate_type: str | None | UnsetType = UNSET
    flat_amount: FlatAmount | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class TaxRate(msgspec.Struct, gc=False):
    """A tax rate, independent of the API version."""

    active: bool | None | UnsetType = UNSET
    display_name: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    percentage: str | UnsetType = UNSET
    """Percent as a decimal."""
    effective_percentage: str | None | UnsetType = UNSET
    """What automatic tax came to in the end, percent as a decimal."""
    inclusive: bool | UnsetType = UNSET
    """Whether the tax is in the price, rather than added to it."""
    country: str | None | UnsetType = UNSET
    state: str | None | UnsetType = UNSET
    jurisdiction: str | None | UnsetType = UNSET
    jurisdiction_level: str | None | UnsetType = UNSET
    tax_type: str | None | UnsetType = UNSET
    """`vat`, `sales_tax`, `gst` …"""
    rate_type: str | None | UnsetType = UNSET
    """`percentage` or `flat_amount`."""
    flat_amount_minor: int | None | UnsetType = UNSET
    """Minor units of `flat_currency`."""
    flat_currency: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> TaxRate:
    """A tax rate's facts. Raises Missing for the percentage, and whether it is inclusive."""
    flat = payload.flat_amount
    if not isinstance(flat, FlatAmount):
        flat = FlatAmount(None, None) if flat is None else FlatAmount()
    return TaxRate(
        active=payload.active,
        display_name=payload.display_name,
        description=payload.description,
        percentage=decimal_text(need(payload.percentage, "percentage"), "percentage"),
        effective_percentage=decimal_text(payload.effective_percentage, "effective_percentage"),
        inclusive=need(payload.inclusive, "inclusive"),
        country=payload.country,
        state=payload.state,
        jurisdiction=payload.jurisdiction,
        jurisdiction_level=payload.jurisdiction_level,
        tax_type=payload.tax_type,
        rate_type=payload.rate_type,
        flat_amount_minor=flat.amount,
        flat_currency=flat.currency,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


FAMILY = Family(
    name="tax_rate",
    model="tax_rates",
    object_types=("tax_rate",),
    event_types=("tax_rate.*",),
    payload=Payload,
    facts=TaxRate,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("active", False, ("active (all)",)),
        Whence("display_name", False, ("display_name (all)",)),
        Whence("description", False, ("description (all)",)),
        Whence("percentage", True, ("percentage (all)",)),
        Whence("effective_percentage", False, ("effective_percentage (since 2023)",)),
        Whence("inclusive", True, ("inclusive (all)",)),
        Whence("country", False, ("country (since 2020)",)),
        Whence("state", False, ("state (since 2020)",)),
        Whence("jurisdiction", False, ("jurisdiction (all)",)),
        Whence("jurisdiction_level", False, ("jurisdiction_level (since 2024)",)),
        Whence("tax_type", False, ("tax_type (since 2020)",)),
        Whence("rate_type", False, ("rate_type (since 2024)",)),
        Whence("flat_amount_minor", False, ("flat_amount.amount (since 2024; null when flat_amount is)",)),
        Whence("flat_currency", False, ("flat_amount.currency (since 2024; null when flat_amount is)",)),
        Whence("metadata", False, ("metadata (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
