"""What objects look like in older API versions: one step for each difference, undone from the newest back.

Objects are kept in the newest shape, as Stripe does it (https://stripe.com/blog/api-versioning). The registry: one
line a subject.
"""

from typing import Any

from api.sandbox.versions import adjustments, billing, checkout, payments
from api.sandbox.versions.base import Change

NEWEST = "2026-10-28.endive"
SUPPORTED = ("2025-02-24.acacia", "2025-06-30.basil", "2025-10-29.clover", "2026-03-25.dahlia", NEWEST)
"""One of each release; any date from acacia on is accepted and takes the shape that holds on it."""
OLDEST = "2024-09-30"


_CHANGES: tuple[Change, ...] = tuple(
    sorted(
        (*adjustments.CHANGES, *billing.CHANGES, *checkout.CHANGES, *payments.CHANGES),
        key=lambda change: change.since,
        reverse=True,
    )
)


def as_of_version(shown: Any, version: str) -> Any:
    """The value, changed in place, with all objects in it in the shape of a version."""
    _walk(shown, version[:10])
    return shown


def _walk(value: Any, date: str) -> None:
    """Events were shown in their version already (`api.sandbox.events`); what was deleted is a stub in all of them."""
    if isinstance(value, list):
        for item in value:
            _walk(item, date)
    elif isinstance(value, dict) and value.get("object") != "event" and value.get("deleted") is not True:
        for name, inner in list(value.items()):
            if name != "_includable":
                _walk(inner, date)
        for change in _CHANGES:
            if change.since <= date:
                break
            if value.get("object") == change.type:
                change.undo(value)
