"""Setup intents: a payment method being saved for later, in any API version. No money moves.

Never holds the client secret, nor what the bank's own page is told.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence, unmoved
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain
from ledger.translations.groups import spoken


class SetupError(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    code: str | None | UnsetType = UNSET
    decline_code: str | None | UnsetType = UNSET
    message: str | None | UnsetType = UNSET


class NextAction(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's setup intent."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    usage: str | None | UnsetType = UNSET
    payment_method: Reference | str | None | UnsetType = UNSET
    payment_method_types: list[str] | None | UnsetType = UNSET
    allowed_payment_method_types: list[str] | None | UnsetType = UNSET
    mandate: Reference | str | None | UnsetType = UNSET
    single_use_mandate: Reference | str | None | UnsetType = UNSET
    latest_attempt: Reference | str | None | UnsetType = UNSET
    next_action: NextAction | None | UnsetType = UNSET
    last_setup_error: SetupError | None | UnsetType = UNSET
    cancellation_reason: str | None | UnsetType = UNSET
    on_behalf_of: Reference | str | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class SetupIntent(msgspec.Struct, gc=False):
    """A setup intent, independent of the API version."""

    customer: str | None | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `succeeded`, `canceled`."""
    usage: str | None | UnsetType = UNSET
    """`off_session` or `on_session`."""
    payment_method: str | None | UnsetType = UNSET
    payment_method_types: Json | None | UnsetType = UNSET
    mandate: str | None | UnsetType = UNSET
    single_use_mandate: str | None | UnsetType = UNSET
    latest_attempt: str | None | UnsetType = UNSET
    next_action: str | None | UnsetType = UNSET
    """What the customer must do: `redirect_to_url`, `use_stripe_sdk`, `verify_with_microdeposits` …"""
    error_type: str | None | UnsetType = UNSET
    error_code: str | None | UnsetType = UNSET
    decline_code: str | None | UnsetType = UNSET
    error_message: str | None | UnsetType = UNSET
    cancellation_reason: str | None | UnsetType = UNSET
    on_behalf_of: str | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


#: Renamed in 2019-02-11: https://docs.stripe.com/changelog/2019-02-11
_RENAMED = {"requires_source": "requires_payment_method", "requires_source_action": "requires_action"}
_RANKS = {
    "requires_payment_method": 2,
    "requires_confirmation": 3,
    "requires_action": 4,
    "processing": 5,
    "succeeded": FINAL,
    "canceled": FINAL,
}


def translate(payload: Payload) -> SetupIntent:
    """A setup intent's facts. Raises Missing("status")."""
    status = need(payload.status, "status")
    error = spoken(payload.last_setup_error, SetupError)
    if isinstance(payload.last_setup_error, SetupError):  # what a given error does not have it has not
        error = SetupError(*(value or None for value in msgspec.structs.astuple(error)))
    types = payload.payment_method_types
    return SetupIntent(
        customer=id_of(payload.customer),
        status=_RENAMED.get(status, status),
        usage=payload.usage,
        payment_method=id_of(payload.payment_method),
        payment_method_types=payload.allowed_payment_method_types if types is UNSET else types,
        mandate=id_of(payload.mandate),
        single_use_mandate=id_of(payload.single_use_mandate),
        latest_attempt=id_of(payload.latest_attempt),
        next_action=spoken(payload.next_action, NextAction).type,
        error_type=error.type,
        error_code=error.code,
        decline_code=error.decline_code,
        error_message=error.message,
        cancellation_reason=payload.cancellation_reason,
        on_behalf_of=id_of(payload.on_behalf_of),
        description=payload.description,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


def rank(verb: str, facts: SetupIntent) -> int:
    """The order of one second. A declined attempt leads back to where it began, and says so by its event's name."""
    if verb == "created":
        return CREATED
    status = facts.status
    if verb == "setup_failed" and isinstance(status, str) and _RANKS.get(status, UPDATED) < FINAL:
        return _FAILED
    return _RANKS.get(status, UPDATED) if isinstance(status, str) else UPDATED


_FAILED = 6


FAMILY = Family(
    name="setup_intent",
    model="setup_intents",
    object_types=("setup_intent",),
    event_types=("setup_intent.*",),
    payload=Payload,
    facts=SetupIntent,
    translate=translate,
    rank=rank,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("status", True, ("status (all; renamed values in 2019-02-11)",)),
        *unmoved("usage"),
        Whence("payment_method", False, ("payment_method, an id or expanded (all)",)),
        Whence(
            "payment_method_types",
            False,
            ("payment_method_types (all, wins)", "allowed_payment_method_types (endive, where it stands alone)"),
        ),
        *unmoved("mandate", "single_use_mandate"),
        Whence("latest_attempt", False, ("latest_attempt (since 2020)",)),
        Whence("next_action", False, ("next_action.type (all)",)),
        Whence("error_type", False, ("last_setup_error.type (all)",)),
        Whence("error_code", False, ("last_setup_error.code (all)",)),
        Whence("decline_code", False, ("last_setup_error.decline_code (all)",)),
        Whence("error_message", False, ("last_setup_error.message (all)",)),
        *unmoved("cancellation_reason", "on_behalf_of", "description"),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        *unmoved("created_s"),
    ),
)
