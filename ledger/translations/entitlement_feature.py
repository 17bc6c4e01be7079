"""Entitlement features: what Stripe's own entitlements are of. Stripe sends no events of them: fetched alone.

Came in 2023 and has had one shape since. A customer's summary names its features by id and lookup key; here is what
they are called. They are public: nothing here is sealed.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Json, Whence, unmoved
from ledger.translations.base import Family, need, plain


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's entitlement feature."""

    object: str = ""
    id: str | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    lookup_key: str | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET


class EntitlementFeature(msgspec.Struct, gc=False):
    """A feature of Stripe's own entitlements, independent of the API version."""

    lookup_key: str | UnsetType = UNSET
    """The seller's own name of it, by which entitlements know it."""
    name: str | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    """Whether it can be attached to more products."""
    metadata: Json | UnsetType = UNSET


def translate(payload: Payload) -> EntitlementFeature:
    """A feature's facts. Raises Missing("lookup_key")."""
    return EntitlementFeature(
        lookup_key=need(payload.lookup_key, "lookup_key"),
        name=payload.name,
        active=payload.active,
        metadata=plain(payload.metadata),
    )


FAMILY = Family(
    name="entitlement_feature",
    model="entitlement_features",
    object_types=("entitlements.feature",),
    event_types=("entitlements.feature.*",),
    payload=Payload,
    facts=EntitlementFeature,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, lookup_key)",),
    whence=(Whence("lookup_key", True, ("lookup_key (all)",)), *unmoved("name", "active", "metadata")),
)
