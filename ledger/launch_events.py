"""Events of the launch gate. `ledger.events` lists them; no other file need know these.

Whether an area is proven is derived; what was seen, said and done about it is here.
"""

from typing import Any, ClassVar

from ledger.event_base import Event
from ledger.ids import Mode

#: The eleven areas, each with the path that it belongs to.
PATHS: dict[str, str] = {
    "products": "revenue",
    "prices": "revenue",
    "tax_posture": "revenue",
    "portal_settings": "revenue",
    "webhook_signing": "revenue",
    "entitlements": "entitlement",
    "setup_gating": "entitlement",
    "failed_payment": "service_control",
    "suspension": "service_control",
    "recovery": "service_control",
    "pass_through": "pass_through",
}
AREAS = tuple(PATHS)
#: Proven end to end, by events: each needs evidence, of its own mode or of test mode.
END_TO_END = ("entitlements", "setup_gating", "failed_payment", "suspension", "recovery")


class LaunchEvidenceRecorded(Event, frozen=True, kw_only=True, gc=False):
    """Events were found that prove an area end to end."""

    NAME: ClassVar[str] = "launch.evidence_recorded"

    mode: Mode
    """The mode that it is proven for."""
    area: str
    proven_in: Mode
    """The mode of the events: live may cite test."""
    events: tuple[dict[str, Any], ...]
    """Each with its `stream`, `version`, `event` (its name) and `shows`."""
    by: str
    why: str


class LaunchProbed(Event, frozen=True, kw_only=True, gc=False):
    """An area was tried, and it works, or does not. Recorded when that changed."""

    NAME: ClassVar[str] = "launch.probed"

    mode: Mode
    area: str
    passed: bool
    said: str
    by: str
    at_s: int


class LaunchAreaSignedOff(Event, frozen=True, kw_only=True, gc=False):
    """A person answers for an area that is proven."""

    NAME: ClassVar[str] = "launch.area_signed_off"

    mode: Mode
    area: str
    until_s: int | None
    """None: until it is revoked, or the area regresses."""
    by: str
    why: str


class LaunchSignOffRevoked(Event, frozen=True, kw_only=True, gc=False):
    """A person does not answer for an area any more."""

    NAME: ClassVar[str] = "launch.sign_off_revoked"

    mode: Mode
    area: str
    by: str
    why: str


class LaunchAreaReopened(Event, frozen=True, kw_only=True, gc=False):
    """An area that was signed off is not proven any more, or its sign-off ran out: it needs a person anew."""

    NAME: ClassVar[str] = "launch.area_reopened"

    mode: Mode
    area: str
    because: tuple[str, ...]


class CheckoutOpened(Event, frozen=True, kw_only=True, gc=False):
    """Direct checkout was opened."""

    NAME: ClassVar[str] = "launch.checkout_opened"

    mode: Mode
    by: str
    why: str


class CheckoutClosed(Event, frozen=True, kw_only=True, gc=False):
    """Direct checkout was closed, by a person or because an area is not ready any more."""

    NAME: ClassVar[str] = "launch.checkout_closed"

    mode: Mode
    by: str
    why: str
    area: str | None = None
    """The area that closed it; None: a person did."""


LAUNCH_EVENTS: tuple[type[Event], ...] = (
    LaunchEvidenceRecorded,
    LaunchProbed,
    LaunchAreaSignedOff,
    LaunchSignOffRevoked,
    LaunchAreaReopened,
    CheckoutOpened,
    CheckoutClosed,
)
