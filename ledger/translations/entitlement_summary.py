"""Entitlement summaries: Stripe's own word on which features a customer has now. One a customer, and it has no id.

Came in 2024 and has had one shape since; older API versions send it as well. Refuses to know limits: Stripe has none.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Json, Whence
from ledger.translations.base import Family, Reference, id_of, need


class Entitlement(msgspec.Struct, gc=False):
    feature: Reference | str | None | UnsetType = UNSET
    lookup_key: str | None | UnsetType = UNSET


class EntitlementList(msgspec.Struct, gc=False):
    data: list[Entitlement] | None | UnsetType = UNSET
    has_more: bool | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's entitlement summary."""

    object: str = ""
    customer: Reference | str | None | UnsetType = UNSET
    entitlements: EntitlementList | None | UnsetType = UNSET


class EntitlementSummary(msgspec.Struct, gc=False):
    """The features that a customer has by Stripe's account, independent of the API version."""

    customer: str | UnsetType = UNSET
    entitlements: Json | UnsetType = UNSET
    """`{"feature", "lookup_key"}` each, by lookup key: Stripe's order means nothing."""
    complete: bool | UnsetType = UNSET
    """False when Stripe cut the list short: a feature that is not in it may be granted all the same."""


def translate(payload: Payload) -> EntitlementSummary:
    """A summary's facts. Raises Missing for a customer, the list, or a feature or lookup key in it."""
    entitlements = need(payload.entitlements or None, "entitlements")
    found = [
        {
            "feature": need(id_of(e.feature), "entitlements.data.feature"),
            "lookup_key": need(e.lookup_key, "entitlements.data.lookup_key"),
        }
        for e in need(entitlements.data, "entitlements.data")
    ]
    found.sort(key=lambda e: (e["lookup_key"], e["feature"]))
    return EntitlementSummary(
        customer=_customer(payload),
        entitlements=found,
        complete=entitlements.has_more is not True,
    )


def _customer(payload: Payload) -> str:
    """The customer's id, which is the summary's too, since it has none of its own. Raises Missing("customer")."""
    return str(need(id_of(payload.customer), "customer"))


FAMILY = Family(
    name="entitlement_summary",
    model="entitlement_summaries",
    object_types=("entitlements.active_entitlement_summary",),
    event_types=("entitlements.active_entitlement_summary.*",),
    payload=Payload,
    facts=EntitlementSummary,
    translate=translate,
    identify=lambda payload, event: _customer(payload),
    whence=(
        Whence("customer", True, ("customer, an id or expanded (all)",)),
        Whence("entitlements", True, ("entitlements.data[].feature, an id or expanded, and .lookup_key (all)",)),
        Whence("complete", False, ("entitlements.has_more (all; absent means complete)",)),
    ),
)
