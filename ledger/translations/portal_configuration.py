"""Configurations of Stripe's billing portal: what customers may do there by themselves, in any API version.

A session of the portal is a door that is open for minutes and moves nothing: its event is stored and has no row.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence, unmoved
from ledger.translations.base import Family, Reference, id_of, need, plain
from ledger.translations.groups import spoken


class Feature(msgspec.Struct, gc=False):
    """One thing that the portal may offer; each kind has some of these fields."""

    enabled: bool | None | UnsetType = UNSET
    allowed_updates: list[str] | None | UnsetType = UNSET
    default_allowed_updates: list[str] | None | UnsetType = UNSET
    mode: str | None | UnsetType = UNSET
    proration_behavior: str | None | UnsetType = UNSET
    products: list[dict[str, Any]] | None | UnsetType = UNSET


class Features(msgspec.Struct, gc=False):
    customer_update: Feature | None | UnsetType = UNSET
    invoice_history: Feature | None | UnsetType = UNSET
    payment_method_update: Feature | None | UnsetType = UNSET
    subscription_cancel: Feature | None | UnsetType = UNSET
    subscription_pause: Feature | None | UnsetType = UNSET
    subscription_update: Feature | None | UnsetType = UNSET


class LoginPage(msgspec.Struct, gc=False):
    enabled: bool | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET


class Profile(msgspec.Struct, gc=False):
    headline: str | None | UnsetType = UNSET
    privacy_policy_url: str | None | UnsetType = UNSET
    terms_of_service_url: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's portal configuration."""

    object: str = ""
    id: str | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    is_default: bool | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    application: Reference | str | None | UnsetType = UNSET
    business_profile: Profile | None | UnsetType = UNSET
    default_return_url: str | None | UnsetType = UNSET
    features: Features | None | UnsetType = UNSET
    login_page: LoginPage | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET
    updated: int | None | UnsetType = UNSET


class PortalConfiguration(msgspec.Struct, gc=False):
    """A portal configuration, independent of the API version."""

    active: bool | UnsetType = UNSET
    is_default: bool | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    application: str | None | UnsetType = UNSET
    headline: str | None | UnsetType = UNSET
    privacy_policy_url: str | None | UnsetType = UNSET
    terms_of_service_url: str | None | UnsetType = UNSET
    default_return_url: str | None | UnsetType = UNSET
    login_page: bool | None | UnsetType = UNSET
    """Whether customers may sign in at `login_page_url` by themselves."""
    login_page_url: str | None | UnsetType = UNSET
    customer_update: Json | None | UnsetType = UNSET
    """Which details a customer may change; empty when none."""
    invoice_history: bool | None | UnsetType = UNSET
    payment_method_update: bool | None | UnsetType = UNSET
    subscription_cancel: bool | None | UnsetType = UNSET
    cancel_mode: str | None | UnsetType = UNSET
    """`at_period_end` or `immediately`."""
    cancel_proration_behavior: str | None | UnsetType = UNSET
    subscription_pause: bool | None | UnsetType = UNSET
    subscription_update: Json | None | UnsetType = UNSET
    """What of a subscription may be changed (`price`, `quantity`, `promotion_code`); empty when nothing."""
    update_proration_behavior: str | None | UnsetType = UNSET
    update_products: Json | None | UnsetType = UNSET
    """What may be changed to: `product`, `prices`. Null where the payload does not list it."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET
    updated_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> PortalConfiguration:
    """A configuration's facts. Raises Missing("active")."""
    features = spoken(payload.features, Features)
    cancel = spoken(features.subscription_cancel, Feature)
    update = spoken(features.subscription_update, Feature)
    customer = spoken(features.customer_update, Feature)
    profile = spoken(payload.business_profile, Profile)
    login = spoken(payload.login_page, LoginPage)
    return PortalConfiguration(
        active=need(payload.active, "active"),
        is_default=payload.is_default,
        name=payload.name,
        application=id_of(payload.application),
        headline=profile.headline,
        privacy_policy_url=profile.privacy_policy_url,
        terms_of_service_url=profile.terms_of_service_url,
        default_return_url=payload.default_return_url,
        login_page=login.enabled,
        login_page_url=login.url,
        customer_update=_allowed(customer, customer.allowed_updates),
        invoice_history=spoken(features.invoice_history, Feature).enabled,
        payment_method_update=spoken(features.payment_method_update, Feature).enabled,
        subscription_cancel=cancel.enabled,
        cancel_mode=cancel.mode,
        cancel_proration_behavior=cancel.proration_behavior,
        subscription_pause=spoken(features.subscription_pause, Feature).enabled,
        subscription_update=_allowed(update, update.default_allowed_updates),
        update_proration_behavior=update.proration_behavior,
        update_products=_products(update),
        metadata=plain(payload.metadata),
        created_s=payload.created,
        updated_s=payload.updated,
    )


def _allowed(feature: Feature, updates: list[str] | UnsetType | None) -> list[str] | UnsetType | None:
    """What may be changed: nothing where the feature is switched off, whatever it lists."""
    return [] if feature.enabled is False else updates


def _products(feature: Feature) -> list[dict[str, Any]] | UnsetType | None:
    listed = feature.products
    if not isinstance(listed, list):
        return listed
    return [{"product": p.get("product"), "prices": p.get("prices") or []} for p in listed]


FAMILY = Family(
    name="portal_configuration",
    model="portal_configurations",
    object_types=("billing_portal.configuration",),
    event_types=("billing_portal.configuration.*",),
    payload=Payload,
    facts=PortalConfiguration,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("active", True, ("active (all)",)),
        *unmoved("is_default"),
        Whence("name", False, ("name (basil on)",)),
        *unmoved("application"),
        Whence("headline", False, ("business_profile.headline (all)",)),
        Whence("privacy_policy_url", False, ("business_profile.privacy_policy_url (all)",)),
        Whence("terms_of_service_url", False, ("business_profile.terms_of_service_url (all)",)),
        *unmoved("default_return_url"),
        Whence("login_page", False, ("login_page.enabled (since 2022)",)),
        Whence("login_page_url", False, ("login_page.url (since 2022)",)),
        Whence("customer_update", False, ("features.customer_update.enabled, allowed_updates (all)",)),
        Whence("invoice_history", False, ("features.invoice_history.enabled (all)",)),
        Whence("payment_method_update", False, ("features.payment_method_update.enabled (all)",)),
        Whence("subscription_cancel", False, ("features.subscription_cancel.enabled (all)",)),
        Whence("cancel_mode", False, ("features.subscription_cancel.mode (all)",)),
        Whence("cancel_proration_behavior", False, ("features.subscription_cancel.proration_behavior (all)",)),
        Whence("subscription_pause", False, ("features.subscription_pause.enabled (up to 2024-06-20)",)),
        Whence("subscription_update", False, ("features.subscription_update.enabled, default_allowed_updates (all)",)),
        Whence("update_proration_behavior", False, ("features.subscription_update.proration_behavior (all)",)),
        Whence("update_products", False, ("features.subscription_update.products[] (all, where expanded)",)),
        Whence("metadata", False, ("metadata (all)",)),
        *unmoved("created_s", "updated_s"),
    ),
)
