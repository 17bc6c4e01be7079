"""Version-independent facts: what a Stripe event says about one object, whatever API version it came in.

A fact speaks of some fields and is silent about others: absent is not null. The types here mark what a field is, and
from them come the columns of read models, the digest and the API (`projections.tables`).
"""

from typing import Annotated, Any, NamedTuple

from ledger.ids import Mode

#: A personal field: a sealed token (`ledger.sealing`), never plaintext. No digest or order rule covers it.
Sealed = Annotated[str, "sealed"]
#: Whole seconds since the epoch, as Stripe gives times. Such a field's name ends in `_s`.
Instant = Annotated[int, "instant"]
#: A list or a dictionary, kept as it is.
Json = Annotated[Any, "json"]


class ObjectFact(NamedTuple):
    """One event's word about one object."""

    model: str
    """The read model that it folds into, e.g. `customers`."""
    object: str
    """Stripe's type of the object."""
    mode: Mode
    account: str
    id: str
    customer: str | None
    """The Stripe customer that the object belongs to; or belonged to, where the event took it away."""
    claim: str | None
    """The organization that the platform's metadata names."""
    at_s: int
    event_id: str
    api_version: str
    """Empty when Stripe did not say."""
    rank: int
    """Lifecycle rank within a second: created < updated < final < deleted."""
    fetched: bool
    """From an object that we fetched, rather than from an event."""
    mask: int
    """Bit i is set when the fact speaks of the family's field i."""
    values: tuple[Any, ...]
    """The fields spoken of, in the family's order."""
    was: dict[int, Any] | None
    """What changed fields held before, by field number, where `previous_attributes` tells."""


class StoredOnly(NamedTuple):
    """The type has no translation: stored and visible, moves nothing."""

    object: str | None
    """Stripe's type of the object, where the payload tells."""
    object_id: str | None
    customer: str | None


class Waiting(NamedTuple):
    """The event is not whole: something must be fetched first."""

    reason: str
    object: str | None = None
    """Stripe's type of what must be fetched, where the event tells."""
    object_id: str | None = None


class Quarantined(NamedTuple):
    """The payload lacks what its type must have. Shown to people, never turned into nulls."""

    reason: str


Translation = ObjectFact | StoredOnly | Waiting | Quarantined


class Whence(NamedTuple):
    """Where a field lives in which API versions: one row of a family's table."""

    field: str
    required: bool
    places: tuple[str, ...]
    """`path (versions)`, oldest first."""


def unmoved(*fields: str) -> tuple[Whence, ...]:
    """Rows of fields that every version keeps under their own name, the unit at its end aside."""
    return tuple(Whence(f, False, (f"{f.removesuffix('_s').removesuffix('_minor')} (all)",)) for f in fields)
