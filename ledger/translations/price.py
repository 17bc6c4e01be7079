"""Prices, and plans, which are their old shape: what a product costs, in any API version.

Stripe shows a recurring price as a plan of the same id as well. Both fold into one model with one facts type; a plan
is silent about what it has no field for (lookup key, tax behavior). A catalogue is public: nothing here is sealed.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, Reference, id_of, need
from ledger.translations.features import parse_features


class Recurring(msgspec.Struct, gc=False):
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET
    usage_type: str | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET
    meter: str | None | UnsetType = UNSET


#: A price that is charged once.
_ONCE = Recurring(None, None, None, None, None)
_SILENT = Recurring()


class PricePayload(msgspec.Struct, gc=False):
    """What we read of Stripe's price."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    product: Reference | str | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    unit_amount: int | None | UnsetType = UNSET
    unit_amount_decimal: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    recurring: Recurring | None | UnsetType = UNSET
    billing_scheme: str | None | UnsetType = UNSET
    tiers_mode: str | None | UnsetType = UNSET
    lookup_key: str | None | UnsetType = UNSET
    nickname: str | None | UnsetType = UNSET
    tax_behavior: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | UnsetType = UNSET


class PlanPayload(msgspec.Struct, gc=False):
    """What we read of Stripe's plan."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    product: Reference | str | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    amount_decimal: str | None | UnsetType = UNSET
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET
    usage_type: str | None | UnsetType = UNSET
    billing_scheme: str | None | UnsetType = UNSET
    tiers_mode: str | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET
    nickname: str | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    meter: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | UnsetType = UNSET


class Price(msgspec.Struct, gc=False):
    """A price or a plan, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    product: str | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    unit_amount_minor: int | None | UnsetType = UNSET
    """Minor units of `currency`; None where tiers, a custom amount or a fraction of a minor unit make the price."""
    unit_amount_decimal: str | None | UnsetType = UNSET
    """The same in minor units as a decimal, exactly as Stripe gives it."""
    type: str | None | UnsetType = UNSET
    """`recurring` or `one_time`."""
    interval: str | None | UnsetType = UNSET
    interval_count: int | None | UnsetType = UNSET
    usage_type: str | None | UnsetType = UNSET
    billing_scheme: str | None | UnsetType = UNSET
    tiers_mode: str | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET
    lookup_key: str | None | UnsetType = UNSET
    nickname: str | None | UnsetType = UNSET
    tax_behavior: str | None | UnsetType = UNSET
    meter: str | None | UnsetType = UNSET
    features: Json | UnsetType = UNSET
    """Keys of the features that its metadata grants (`ledger.translations.features`)."""
    limits: Json | UnsetType = UNSET
    """Feature to its limit, None for unlimited."""
    metadata_faults: Json | UnsetType = UNSET
    """Metadata keys that do not follow the convention."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET


def translate_price(payload: PricePayload) -> Price:
    """A price's facts. Raises Missing("currency") when a price that lives has none."""
    if payload.deleted is True and payload.currency is UNSET:
        return Price(deleted=True)
    recurring = payload.recurring
    if not isinstance(recurring, Recurring):
        recurring = _ONCE if recurring is None else _SILENT
    metadata = payload.metadata
    granted = parse_features(metadata)
    return Price(
        deleted=payload.deleted is True,
        product=id_of(payload.product),
        active=payload.active,
        currency=need(payload.currency, "currency"),
        unit_amount_minor=payload.unit_amount,
        unit_amount_decimal=payload.unit_amount_decimal,
        type=payload.type,
        interval=recurring.interval,
        interval_count=recurring.interval_count,
        usage_type=recurring.usage_type,
        billing_scheme=payload.billing_scheme,
        tiers_mode=payload.tiers_mode,
        trial_period_days=recurring.trial_period_days,
        lookup_key=payload.lookup_key,
        nickname=payload.nickname,
        tax_behavior=payload.tax_behavior,
        meter=recurring.meter,
        features=granted.features,
        limits=granted.limits,
        metadata_faults=granted.faults,
        metadata={} if metadata is None else metadata,
        created_s=payload.created,
    )


def translate_plan(payload: PlanPayload) -> Price:
    """A plan's facts, as the price that it is. Raises Missing("currency") when a plan that lives has none."""
    if payload.deleted is True and payload.currency is UNSET:
        return Price(deleted=True)
    metadata = payload.metadata
    granted = parse_features(metadata)
    return Price(
        deleted=payload.deleted is True,
        product=id_of(payload.product),
        active=payload.active,
        currency=need(payload.currency, "currency"),
        unit_amount_minor=payload.amount,
        unit_amount_decimal=payload.amount_decimal,
        type="recurring",
        interval=payload.interval,
        interval_count=payload.interval_count,
        usage_type=payload.usage_type,
        billing_scheme=payload.billing_scheme,
        tiers_mode=payload.tiers_mode,
        trial_period_days=payload.trial_period_days,
        # up to 2018-01-23 a plan had a name of its own and no product
        nickname=payload.nickname if payload.nickname or payload.name is UNSET else payload.name,
        meter=payload.meter,
        features=granted.features,
        limits=granted.limits,
        metadata_faults=granted.faults,
        metadata={} if metadata is None else metadata,
        created_s=payload.created,
    )


#: Where both shapes have a field at the same place.
_COMMON = {
    "deleted": Whence("deleted", False, ("deleted (all; absent means false)",)),
    "active": Whence("active", False, ("active (since 2018)",)),
    "currency": Whence("currency", True, ("currency (all; not on a deleted stub)",)),
    "billing_scheme": Whence("billing_scheme", False, ("billing_scheme (since 2018)",)),
    "tiers_mode": Whence("tiers_mode", False, ("tiers_mode (since 2018)",)),
    "features": Whence("features", False, ("metadata.features, metadata.limit_* (all)",)),
    "limits": Whence("limits", False, ("metadata.limit_* (all)",)),
    "metadata_faults": Whence("metadata_faults", False, ("metadata.features, metadata.limit_* (all)",)),
    "metadata": Whence("metadata", False, ("metadata (all)",)),
    "created_s": Whence("created_s", False, ("created (all)",)),
}


def _table(*own: Whence) -> tuple[Whence, ...]:
    rows = _COMMON | {row.field: row for row in own}
    return tuple(rows[name] for name in Price.__struct_fields__)


PRICE = Family(
    name="price",
    model="prices",
    object_types=("price",),
    event_types=("price.*",),
    payload=PricePayload,
    facts=Price,
    translate=translate_price,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=_table(
        Whence("product", False, ("product (all; may be expanded)",)),
        Whence("unit_amount_minor", False, ("unit_amount (all)",)),
        Whence("unit_amount_decimal", False, ("unit_amount_decimal (all)",)),
        Whence("type", False, ("type (all)",)),
        Whence("interval", False, ("recurring.interval (all; null when recurring is)",)),
        Whence("interval_count", False, ("recurring.interval_count (all; null when recurring is)",)),
        Whence("usage_type", False, ("recurring.usage_type (all; null when recurring is)",)),
        Whence("trial_period_days", False, ("recurring.trial_period_days (where stated; null when recurring is)",)),
        Whence("lookup_key", False, ("lookup_key (all)",)),
        Whence("nickname", False, ("nickname (all)",)),
        Whence("tax_behavior", False, ("tax_behavior (since 2021)",)),
        Whence("meter", False, ("recurring.meter (since 2024; null when recurring is)",)),
    ),
)

PLAN = Family(
    name="plan",
    model="prices",
    object_types=("plan",),
    event_types=("plan.*",),
    payload=PlanPayload,
    facts=Price,
    translate=translate_plan,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=_table(
        Whence("product", False, ("product (2018-02-05 on; may be expanded)",)),
        Whence("unit_amount_minor", False, ("amount (all)",)),
        Whence("unit_amount_decimal", False, ("amount_decimal (since 2019)",)),
        Whence("type", False, ("always recurring",)),
        Whence("interval", False, ("interval (all)",)),
        Whence("interval_count", False, ("interval_count (all)",)),
        Whence("usage_type", False, ("usage_type (since 2018)",)),
        Whence("trial_period_days", False, ("trial_period_days (all)",)),
        Whence("lookup_key", False, ("never: a plan is silent",)),
        Whence("nickname", False, ("name (up to 2018-01-23)", "nickname (2018-02-05 on)")),
        Whence("tax_behavior", False, ("never: a plan is silent",)),
        Whence("meter", False, ("meter (since 2024)",)),
    ),
)
