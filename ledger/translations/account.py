"""Accounts: connected sellers, and the platform itself: what they may do and what Stripe still wants to know of them.

Persons stay in the log: of names only the business's is read, sealed as it came. Capabilities and external accounts
have events, and families, of their own; whether the seller has authorized us is in the events of the application.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.events import StripeEventReceived
from ledger.facts import Instant, Json, Sealed, Whence
from ledger.ids import PLATFORM
from ledger.translations.account_payload import (
    BusinessProfile,
    Payload,
    account_type,
    business_type,
    controller,
    faults,
    fields,
    requirements,
    requirements_of,
)
from ledger.translations.base import FINAL, UPDATED, Family, Missing, need, plain


class Account(msgspec.Struct, gc=False):
    """A Stripe account, independent of the API version."""

    type: str | None | UnsetType = UNSET
    """`standard`, `express`, `custom`, or `none` where only the controller tells."""
    controller: Json | None | UnsetType = UNSET
    """Who is responsible: `type`, `fees_payer`, `losses`, `requirement_collection`, `dashboard`."""
    country: str | None | UnsetType = UNSET
    default_currency: str | None | UnsetType = UNSET
    business_type: str | None | UnsetType = UNSET
    email: Sealed | None | UnsetType = UNSET
    business_name: Sealed | None | UnsetType = UNSET
    business_url: str | None | UnsetType = UNSET
    charges_enabled: bool | UnsetType = UNSET
    payouts_enabled: bool | UnsetType = UNSET
    details_submitted: bool | None | UnsetType = UNSET
    currently_due: tuple[str, ...] | None | UnsetType = UNSET
    """What must be given by `current_deadline_s`."""
    eventually_due: tuple[str, ...] | None | UnsetType = UNSET
    past_due: tuple[str, ...] | None | UnsetType = UNSET
    """What was not given in time."""
    pending_verification: tuple[str, ...] | None | UnsetType = UNSET
    """What was given and Stripe is looking at."""
    requirement_errors: Json | None | UnsetType = UNSET
    """What was given and is wrong: `requirement`, `code`, `reason`."""
    disabled_reason: str | None | UnsetType = UNSET
    current_deadline_s: Instant | None | UnsetType = UNSET
    future_due: tuple[str, ...] | None | UnsetType = UNSET
    """What coming rules will ask for."""
    future_deadline_s: Instant | None | UnsetType = UNSET
    capabilities: Json | None | UnsetType = UNSET
    """Capability to its status: `active`, `inactive`, `pending`."""
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Account:
    """An account's facts. Raises Missing for whether charges and payouts are enabled."""
    due, future = requirements_of(payload), requirements(payload.future_requirements)
    profile = payload.business_profile
    if not isinstance(profile, BusinessProfile):
        old = BusinessProfile(payload.business_name, payload.business_url)
        profile = BusinessProfile(None, None) if profile is None else old
    payouts = payload.payouts_enabled if payload.payouts_enabled is not UNSET else payload.transfers_enabled
    return Account(
        type=account_type(payload),
        controller=controller(payload.controller),
        country=payload.country,
        default_currency=payload.default_currency,
        business_type=business_type(payload),
        email=payload.email,
        business_name=profile.name,
        business_url=profile.url,
        charges_enabled=need(payload.charges_enabled, "charges_enabled"),
        payouts_enabled=need(payouts, "payouts_enabled"),
        details_submitted=payload.details_submitted,
        currently_due=fields(due.currently_due),
        eventually_due=fields(due.eventually_due),
        past_due=fields(due.past_due),
        pending_verification=fields(due.pending_verification),
        requirement_errors=faults(due.errors),
        disabled_reason=due.disabled_reason,
        current_deadline_s=due.current_deadline,
        future_due=fields(future.currently_due),
        future_deadline_s=future.current_deadline,
        capabilities=payload.capabilities,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


class ApplicationPayload(msgspec.Struct, gc=False):
    """What we read of Stripe's application: the object is the platform's, the account is the event's."""

    object: str = ""
    id: str | None | UnsetType = UNSET


class AccountAuthorization(msgspec.Struct, gc=False):
    """Whether a connected account lets the platform act for it. The id is the account's."""

    authorized: bool | UnsetType = UNSET
    application: str | None | UnsetType = UNSET


def seller_of(event: StripeEventReceived) -> str:
    """The connected account that an event is about. Raises Missing("account") where it is about none."""
    if event.account == PLATFORM:
        raise Missing("account")
    return event.account


FAMILY = Family(
    name="account",
    model="account_objects",
    object_types=("account",),
    event_types=("account.*",),
    payload=Payload,
    facts=Account,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("type", False, ("managed (up to 2017-04-06)", "type (2017-05-25 on)")),
        Whence(
            "controller",
            False,
            (
                "controller.type (since 2021)",
                "controller.fees, losses, requirement_collection, stripe_dashboard (2024)",
            ),
        ),
        Whence("country", False, ("country (all)",)),
        Whence("default_currency", False, ("default_currency (all)",)),
        Whence("business_type", False, ("legal_entity.type (up to 2019-02-11)", "business_type (2019-02-19 on)")),
        Whence("email", False, ("email (all)",)),
        Whence("business_name", False, ("business_name (up to 2019-02-11)", "business_profile.name (2019-02-19 on)")),
        Whence("business_url", False, ("business_url (up to 2019-02-11)", "business_profile.url (2019-02-19 on)")),
        Whence("charges_enabled", True, ("charges_enabled (all)",)),
        Whence("payouts_enabled", True, ("transfers_enabled (up to 2017-02-14)", "payouts_enabled (2017-04-06 on)")),
        Whence("details_submitted", False, ("details_submitted (all)",)),
        Whence(
            "currently_due",
            False,
            ("verification.fields_needed (up to 2019-02-11)", "requirements.currently_due (2019-02-19 on)"),
        ),
        Whence("eventually_due", False, ("requirements.eventually_due (2019-02-19 on)",)),
        Whence("past_due", False, ("requirements.past_due (2019-02-19 on)",)),
        Whence("pending_verification", False, ("requirements.pending_verification (since 2019)",)),
        Whence("requirement_errors", False, ("requirements.errors[] (since 2020)",)),
        Whence(
            "disabled_reason",
            False,
            ("verification.disabled_reason (up to 2019-02-11)", "requirements.disabled_reason (2019-02-19 on)"),
        ),
        Whence(
            "current_deadline_s",
            False,
            ("verification.due_by (up to 2019-02-11)", "requirements.current_deadline (2019-02-19 on)"),
        ),
        Whence("future_due", False, ("future_requirements.currently_due (since 2021)",)),
        Whence("future_deadline_s", False, ("future_requirements.current_deadline (since 2021)",)),
        Whence("capabilities", False, ("capabilities (2019-02-19 on)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (2017-05-25 on)",)),
    ),
)


def _tell(verb: str, facts: AccountAuthorization) -> None:
    facts.authorized = verb == "authorized"


AUTHORIZATION = Family(
    name="account_authorization",
    model="account_authorizations",
    object_types=("application",),
    event_types=("account.application.authorized", "account.application.deauthorized"),
    payload=ApplicationPayload,
    facts=AccountAuthorization,
    translate=lambda payload: AccountAuthorization(application=payload.id),
    tell=_tell,
    identify=lambda payload, event: seller_of(event),
    rank=lambda verb, facts: UPDATED if facts.authorized else FINAL,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("authorized", True, ("the event's type (all)",)),
        Whence("application", False, ("id (all)",)),
    ),
)
