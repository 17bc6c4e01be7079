"""Payment links: a page at a fixed address where anybody may buy, in any API version.

Stripe gives no time of creation. What is sold there is not in the events: Stripe lists the lines elsewhere.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Json, Whence
from ledger.translations.base import Family, Reference, id_of, need, plain
from ledger.translations.groups import spoken


class Switch(msgspec.Struct, gc=False):
    enabled: bool | None | UnsetType = UNSET


class Redirect(msgspec.Struct, gc=False):
    url: str | None | UnsetType = UNSET


class AfterCompletion(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    redirect: Redirect | None | UnsetType = UNSET


class SubscriptionData(msgspec.Struct, gc=False):
    trial_period_days: int | None | UnsetType = UNSET


class CompletedSessions(msgspec.Struct, gc=False):
    count: int | None | UnsetType = UNSET
    limit: int | None | UnsetType = UNSET


class Restrictions(msgspec.Struct, gc=False):
    completed_sessions: CompletedSessions | None | UnsetType = UNSET


class Transfer(msgspec.Struct, gc=False):
    destination: Reference | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's payment link."""

    object: str = ""
    id: str | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    after_completion: AfterCompletion | None | UnsetType = UNSET
    allow_promotion_codes: bool | None | UnsetType = UNSET
    automatic_tax: Switch | None | UnsetType = UNSET
    tax_id_collection: Switch | None | UnsetType = UNSET
    invoice_creation: Switch | None | UnsetType = UNSET
    subscription_data: SubscriptionData | None | UnsetType = UNSET
    restrictions: Restrictions | None | UnsetType = UNSET
    payment_method_types: list[str] | None | UnsetType = UNSET
    allowed_payment_method_types: list[str] | None | UnsetType = UNSET
    application_fee_amount: int | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET
    transfer_data: Transfer | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET


class PaymentLink(msgspec.Struct, gc=False):
    """A payment link, independent of the API version."""

    active: bool | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    after_completion: str | None | UnsetType = UNSET
    """`hosted_confirmation` or `redirect`."""
    redirect_url: str | None | UnsetType = UNSET
    allow_promotion_codes: bool | None | UnsetType = UNSET
    automatic_tax: bool | None | UnsetType = UNSET
    tax_id_collection: bool | None | UnsetType = UNSET
    invoice_creation: bool | None | UnsetType = UNSET
    trial_period_days: int | None | UnsetType = UNSET
    sessions_completed: int | None | UnsetType = UNSET
    """Counted by Stripe only where there is a limit."""
    sessions_limit: int | None | UnsetType = UNSET
    payment_method_types: Json | None | UnsetType = UNSET
    """Null: whatever the seller's settings allow."""
    application_fee_minor: int | None | UnsetType = UNSET
    """In minor units of `currency`."""
    on_behalf_of: str | None | UnsetType = UNSET
    transfer_destination: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET


def translate(payload: Payload) -> PaymentLink:
    """A payment link's facts. Raises Missing("active")."""
    after = spoken(payload.after_completion, AfterCompletion)
    redirect = spoken(after.redirect, Redirect).url
    if redirect is UNSET and after.type is not UNSET:  # said of the type, nothing of a redirect: there is none
        redirect = None
    limited = spoken(spoken(payload.restrictions, Restrictions).completed_sessions, CompletedSessions)
    types = payload.payment_method_types
    return PaymentLink(
        active=need(payload.active, "active"),
        url=payload.url,
        currency=payload.currency,
        after_completion=after.type,
        redirect_url=redirect,
        allow_promotion_codes=payload.allow_promotion_codes,
        automatic_tax=spoken(payload.automatic_tax, Switch).enabled,
        tax_id_collection=spoken(payload.tax_id_collection, Switch).enabled,
        invoice_creation=spoken(payload.invoice_creation, Switch).enabled,
        trial_period_days=spoken(payload.subscription_data, SubscriptionData).trial_period_days,
        sessions_completed=limited.count,
        sessions_limit=limited.limit,
        payment_method_types=payload.allowed_payment_method_types if types is UNSET else types,
        application_fee_minor=payload.application_fee_amount,
        on_behalf_of=id_of(payload.on_behalf_of),
        transfer_destination=id_of(spoken(payload.transfer_data, Transfer).destination),
        metadata=plain(payload.metadata),
    )


FAMILY = Family(
    name="payment_link",
    model="payment_links",
    object_types=("payment_link",),
    event_types=("payment_link.*",),
    payload=Payload,
    facts=PaymentLink,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("active", True, ("active (all)",)),
        Whence("url", False, ("url (all)",)),
        Whence("currency", False, ("currency (since 2022)",)),
        Whence("after_completion", False, ("after_completion.type (all)",)),
        Whence("redirect_url", False, ("after_completion.redirect.url (all)",)),
        Whence("allow_promotion_codes", False, ("allow_promotion_codes (all)",)),
        Whence("automatic_tax", False, ("automatic_tax.enabled (all)",)),
        Whence("tax_id_collection", False, ("tax_id_collection.enabled (since 2022)",)),
        Whence("invoice_creation", False, ("invoice_creation.enabled (since 2022)",)),
        Whence(
            "trial_period_days", False, ("subscription_data.trial_period_days (all; null when subscription_data is)",)
        ),
        Whence("sessions_completed", False, ("restrictions.completed_sessions.count (since 2023)",)),
        Whence("sessions_limit", False, ("restrictions.completed_sessions.limit (since 2023)",)),
        Whence(
            "payment_method_types",
            False,
            ("payment_method_types (all, wins)", "allowed_payment_method_types (endive, where it stands alone)"),
        ),
        Whence("application_fee_minor", False, ("application_fee_amount (all)",)),
        Whence("on_behalf_of", False, ("on_behalf_of (all)",)),
        Whence("transfer_destination", False, ("transfer_data.destination (all; null when transfer_data is)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
    ),
)
