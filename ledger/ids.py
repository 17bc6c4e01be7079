"""Names of subjects and streams, and the two modes that never mix."""

from typing import Literal

Mode = Literal["live", "test"]
MODES: tuple[Mode, Mode] = ("live", "test")

#: The Stripe account that is the platform's own; connected accounts carry their `acct_…` id.
PLATFORM = "platform"


def mode_of(livemode: bool) -> Mode:
    """Stripe's `livemode` flag as a mode."""
    return "live" if livemode else "test"


def stripe_stream(mode: Mode, account: str, event_id: str) -> str:
    """The stream of one Stripe event: its renderings are the versions."""
    return f"stripe/{mode}/{account}/{event_id}"


def misrouted_stream(secret_mode: Mode, account: str, event_id: str) -> str:
    """Where an event goes whose mode is not the mode of the secret that signed it."""
    return f"misrouted/{secret_mode}/{account}/{event_id}"


def link_stream(mode: Mode, account: str, customer: str) -> str:
    """The stream of an operator's links of one Stripe customer to an organization."""
    return f"org_link/{mode}/{account}/{customer}"


def key_stream(key_id: str) -> str:
    """The stream of one API key: issued, then perhaps revoked."""
    return f"api_key/{key_id}"


def subject_of(mode: Mode, account: str, owner: str) -> str:
    """Whose personal fields these are: a Stripe customer, or the object or event that stands alone."""
    return f"{mode}/{account}/{owner}"
