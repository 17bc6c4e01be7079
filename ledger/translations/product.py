"""Products: what is sold, and which features it grants, in any API version.

A catalogue is public: nothing here is sealed. What a product costs is its prices' matter.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, Reference, id_of, need
from ledger.translations.features import parse_features


class MarketingFeature(msgspec.Struct, gc=False):
    name: str | None | UnsetType = UNSET


class TaxDetails(msgspec.Struct, gc=False):
    tax_code: Reference | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's product."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    default_price: Reference | str | None | UnsetType = UNSET
    marketing_features: list[MarketingFeature] | None | UnsetType = UNSET
    features: list[MarketingFeature] | None | UnsetType = UNSET
    attributes: list[str] | None | UnsetType = UNSET
    statement_descriptor: str | None | UnsetType = UNSET
    unit_label: str | None | UnsetType = UNSET
    tax_code: Reference | str | None | UnsetType = UNSET
    tax_details: TaxDetails | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | UnsetType = UNSET
    updated: int | None | UnsetType = UNSET


class Product(msgspec.Struct, gc=False):
    """A product, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    default_price: str | None | UnsetType = UNSET
    features: Json | UnsetType = UNSET
    """Keys of the features that its metadata grants (`ledger.translations.features`)."""
    limits: Json | UnsetType = UNSET
    """Feature to its limit, None for unlimited."""
    metadata_faults: Json | UnsetType = UNSET
    """Metadata keys that do not follow the convention."""
    marketing_features: Json | None | UnsetType = UNSET
    """Names shown on a pricing table; they grant nothing."""
    statement_descriptor: str | None | UnsetType = UNSET
    unit_label: str | None | UnsetType = UNSET
    tax_code: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET
    updated_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Product:
    """A product's facts. Raises Missing("name") when a product that lives has none."""
    if payload.deleted is True and payload.name is UNSET:
        return Product(deleted=True)
    metadata = payload.metadata
    granted = parse_features(metadata)
    return Product(
        deleted=payload.deleted is True,
        active=payload.active,
        name=need(payload.name, "name"),
        description=payload.description,
        default_price=id_of(payload.default_price),
        features=granted.features,
        limits=granted.limits,
        metadata_faults=granted.faults,
        marketing_features=_marketing(payload),
        statement_descriptor=payload.statement_descriptor,
        unit_label=payload.unit_label,
        tax_code=_tax_code(payload),
        metadata={} if metadata is None else metadata,
        created_s=payload.created,
        updated_s=payload.updated,
    )


def _marketing(payload: Payload) -> list[str] | UnsetType | None:
    listed = payload.marketing_features
    if isinstance(listed, UnsetType):
        listed = payload.features
    if isinstance(listed, UnsetType):
        return payload.attributes
    if listed is None:
        return None
    return [feature.name for feature in listed if isinstance(feature.name, str)]


def _tax_code(payload: Payload) -> Any:
    details = payload.tax_details
    if isinstance(payload.tax_code, UnsetType) and not isinstance(details, UnsetType):
        return id_of(details.tax_code) if details is not None else None
    return id_of(payload.tax_code)


FAMILY = Family(
    name="product",
    model="products",
    object_types=("product",),
    event_types=("product.*",),
    payload=Payload,
    facts=Product,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("active", False, ("active (all)",)),
        Whence("name", True, ("name (all; not on a deleted stub)",)),
        Whence("description", False, ("description (all)",)),
        Whence("default_price", False, ("default_price (since 2022)",)),
        Whence("features", False, ("metadata.features, metadata.limit_* (all)",)),
        Whence("limits", False, ("metadata.limit_* (all)",)),
        Whence("metadata_faults", False, ("metadata.features, metadata.limit_* (all)",)),
        Whence(
            "marketing_features",
            False,
            ("attributes (up to 2020)", "features[].name (2023-10-16)", "marketing_features[].name (2024-04-10 on)"),
        ),
        Whence("statement_descriptor", False, ("statement_descriptor (all)",)),
        Whence("unit_label", False, ("unit_label (all)",)),
        Whence("tax_code", False, ("tax_code (since 2021)", "tax_details.tax_code (endive, where tax_code is absent)")),
        Whence("metadata", False, ("metadata (all)",)),
        Whence("created_s", False, ("created (all)",)),
        Whence("updated_s", False, ("updated (all)",)),
    ),
)
