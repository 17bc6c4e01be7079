"""Reviews: payments that a person looks at before they are trusted, in any API version.

Where the payer sat (address, place, device) stays in the log: no fact carries it.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import CREATED, FINAL, Family, Reference, id_of, need


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's review."""

    object: str = ""
    id: str | UnsetType = UNSET
    open: bool | None | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    opened_reason: str | None | UnsetType = UNSET
    closed_reason: str | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class Review(msgspec.Struct, gc=False):
    """A review, independent of the API version."""

    open: bool | UnsetType = UNSET
    charge: str | None | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    reason: str | None | UnsetType = UNSET
    """Why it is open (`rule`, `manual`), or how it was closed (`approved`, `refunded`, `disputed` …)."""
    opened_reason: str | None | UnsetType = UNSET
    closed_reason: str | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Review:
    """A review's facts. Raises Missing("open")."""
    return Review(
        open=need(payload.open, "open"),
        charge=id_of(payload.charge),
        payment_intent=id_of(payload.payment_intent),
        reason=payload.reason,
        opened_reason=payload.opened_reason,
        closed_reason=payload.closed_reason,
        created_s=payload.created,
    )


FAMILY = Family(
    name="review",
    model="reviews",
    object_types=("review",),
    event_types=("review.*",),
    payload=Payload,
    facts=Review,
    translate=translate,
    rank=lambda verb, facts: CREATED if facts.open else FINAL,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, charge)",),
    whence=(
        Whence("open", True, ("open (all)",)),
        Whence("charge", False, ("charge (all; may be null)",)),
        Whence("payment_intent", False, ("payment_intent (since 2019)",)),
        Whence("reason", False, ("reason (all)",)),
        Whence("opened_reason", False, ("opened_reason (since 2019)",)),
        Whence("closed_reason", False, ("closed_reason (since 2019)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
