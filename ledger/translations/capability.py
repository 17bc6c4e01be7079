"""Capabilities: what a seller's account may be used for, and what Stripe wants to know before, in any API version.

Came in 2019. A capability's id is its name, so only its account makes it one: `(mode, account, id)`.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.account_payload import Requirements, fields, requirements
from ledger.translations.base import Family, Reference, id_of, need


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's capability."""

    object: str = ""
    id: str | UnsetType = UNSET
    account: Reference | str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    requested: bool | None | UnsetType = UNSET
    requested_at: int | None | UnsetType = UNSET
    requirements: Requirements | None | UnsetType = UNSET


class Capability(msgspec.Struct, gc=False):
    """What an account may be used for, e.g. `card_payments`, `transfers`; independent of the API version."""

    seller: str | UnsetType = UNSET
    """The account that has it."""
    status: str | UnsetType = UNSET
    """`active`, `inactive`, `pending`, `disabled`, `unrequested`."""
    requested: bool | None | UnsetType = UNSET
    requested_at_s: Instant | None | UnsetType = UNSET
    currently_due: tuple[str, ...] | None | UnsetType = UNSET
    eventually_due: tuple[str, ...] | None | UnsetType = UNSET
    past_due: tuple[str, ...] | None | UnsetType = UNSET
    pending_verification: tuple[str, ...] | None | UnsetType = UNSET
    disabled_reason: str | None | UnsetType = UNSET
    current_deadline_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Capability:
    """A capability's facts. Raises Missing for its account or status."""
    due = requirements(payload.requirements)
    return Capability(
        seller=need(id_of(payload.account), "account"),
        status=need(payload.status, "status"),
        requested=payload.requested,
        requested_at_s=payload.requested_at,
        currently_due=fields(due.currently_due),
        eventually_due=fields(due.eventually_due),
        past_due=fields(due.past_due),
        pending_verification=fields(due.pending_verification),
        disabled_reason=due.disabled_reason,
        current_deadline_s=due.current_deadline,
    )


FAMILY = Family(
    name="capability",
    model="account_capabilities",
    object_types=("capability",),
    event_types=("capability.*",),
    payload=Payload,
    facts=Capability,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, seller)",),
    whence=(
        Whence("seller", True, ("account (all; may be expanded)",)),
        Whence("status", True, ("status (all)",)),
        Whence("requested", False, ("requested (all)",)),
        Whence("requested_at_s", False, ("requested_at (all)",)),
        Whence("currently_due", False, ("requirements.currently_due (all)",)),
        Whence("eventually_due", False, ("requirements.eventually_due (all)",)),
        Whence("past_due", False, ("requirements.past_due (all)",)),
        Whence("pending_verification", False, ("requirements.pending_verification (since 2019)",)),
        Whence("disabled_reason", False, ("requirements.disabled_reason (all)",)),
        Whence("current_deadline_s", False, ("requirements.current_deadline (all)",)),
    ),
)
