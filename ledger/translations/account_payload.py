"""What we read of Stripe's account, and its groups that moved between API versions.

Every field may be absent, in nested objects too: `previous_attributes` are read with the same types.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Fault(msgspec.Struct, gc=False):
    code: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    requirement: str | None | UnsetType = UNSET


class Requirements(msgspec.Struct, gc=False):
    """What Stripe wants to know of the seller; of a capability too."""

    currently_due: list[str] | None | UnsetType = UNSET
    eventually_due: list[str] | None | UnsetType = UNSET
    past_due: list[str] | None | UnsetType = UNSET
    pending_verification: list[str] | None | UnsetType = UNSET
    errors: list[Fault] | None | UnsetType = UNSET
    disabled_reason: str | None | UnsetType = UNSET
    current_deadline: int | None | UnsetType = UNSET


class Verification(msgspec.Struct, gc=False):
    """The same up to 2019-02-11."""

    fields_needed: list[str] | None | UnsetType = UNSET
    disabled_reason: str | None | UnsetType = UNSET
    due_by: int | None | UnsetType = UNSET


class BusinessProfile(msgspec.Struct, gc=False):
    name: str | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET


class LegalEntity(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Fees(msgspec.Struct, gc=False):
    payer: str | None | UnsetType = UNSET


class Losses(msgspec.Struct, gc=False):
    payments: str | None | UnsetType = UNSET


class Dashboard(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Controller(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    fees: Fees | None | UnsetType = UNSET
    losses: Losses | None | UnsetType = UNSET
    requirement_collection: str | None | UnsetType = UNSET
    stripe_dashboard: Dashboard | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's account."""

    object: str = ""
    id: str | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    managed: bool | None | UnsetType = UNSET
    controller: Controller | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    default_currency: str | None | UnsetType = UNSET
    business_type: str | None | UnsetType = UNSET
    legal_entity: LegalEntity | str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    business_name: str | None | UnsetType = UNSET
    business_url: str | None | UnsetType = UNSET
    business_profile: BusinessProfile | None | UnsetType = UNSET
    charges_enabled: bool | None | UnsetType = UNSET
    payouts_enabled: bool | None | UnsetType = UNSET
    transfers_enabled: bool | None | UnsetType = UNSET
    details_submitted: bool | None | UnsetType = UNSET
    requirements: Requirements | None | UnsetType = UNSET
    future_requirements: Requirements | None | UnsetType = UNSET
    verification: Verification | None | UnsetType = UNSET
    capabilities: dict[str, Any] | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


_NOTHING_DUE = Requirements(None, None, None, None, None, None, None)
_SILENT = Requirements()


def requirements(stated: Requirements | UnsetType | None) -> Requirements:
    """Requirements that can be read field by field: null is null in each of them, absent is silence."""
    if isinstance(stated, Requirements):
        return stated
    return _SILENT if stated is UNSET else _NOTHING_DUE


def requirements_of(payload: Payload) -> Requirements:
    """An account's requirements, as `verification` says them where the payload is of 2019-02-11 or before.

    https://docs.stripe.com/changelog/2019-02-19/account-api-changes: `fields_needed` became `currently_due`, `due_by`
    became `current_deadline`.
    """
    old = payload.verification
    if payload.requirements is UNSET and isinstance(old, Verification):
        return Requirements(
            currently_due=old.fields_needed, disabled_reason=old.disabled_reason, current_deadline=old.due_by
        )
    return requirements(payload.requirements)


def fields(listed: list[str] | UnsetType | None) -> tuple[str, ...] | UnsetType | None:
    """Names of fields in an order of their own: Stripe's means nothing."""
    return tuple(sorted(set(listed))) if isinstance(listed, list) else listed


def faults(listed: list[Fault] | UnsetType | None) -> list[dict[str, Any]] | UnsetType | None:
    """What was wrong with what the seller gave, by requirement."""
    if not isinstance(listed, list):
        return listed
    found = [{"requirement": f.requirement or None, "code": f.code or None, "reason": f.reason or None} for f in listed]
    found.sort(key=lambda f: (f["requirement"] or "", f["code"] or "", f["reason"] or ""))
    return found


def account_type(payload: Payload) -> str | UnsetType | None:
    """`standard`, `express`, `custom` or `none`; `managed` was the word for `custom` up to 2017-04-06."""
    if payload.type is not UNSET or not isinstance(payload.managed, bool):
        return payload.type
    return "custom" if payload.managed else "standard"


def business_type(payload: Payload) -> str | UnsetType | None:
    """`individual`, `company` …"""
    old = payload.legal_entity
    if payload.business_type is UNSET and isinstance(old, LegalEntity):
        return old.type
    return payload.business_type


def controller(stated: Controller | UnsetType | None) -> dict[str, Any] | UnsetType | None:
    """Who is responsible for what."""
    if not isinstance(stated, Controller):
        return stated
    fees, losses, dashboard = stated.fees, stated.losses, stated.stripe_dashboard
    return {
        "type": stated.type or None,
        "fees_payer": (fees.payer or None) if isinstance(fees, Fees) else None,
        "losses": (losses.payments or None) if isinstance(losses, Losses) else None,
        "requirement_collection": stated.requirement_collection or None,
        "dashboard": (dashboard.type or None) if isinstance(dashboard, Dashboard) else None,
    }
