"""Names of subjects and streams, and the two modes that never mix."""

from collections.abc import Iterable, Sequence
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


def event_item(account: str, event_id: str) -> str:
    """What a Stripe event is called on the list of what is set aside, within its mode."""
    return _joined((account, event_id))


def parked_item(model: str, key: Sequence[str]) -> str:
    """The same for a parked key of a read model; the mode, with which most keys begin, is left out."""
    return _joined((model, *(key[1:] if key[0] in MODES else key)))


def item_parts(item: str) -> tuple[str, ...]:
    """What an item's name was made of."""
    return tuple(p.replace("%3A", ":").replace("%2F", "/").replace("%25", "%") for p in item.split(":"))


def _joined(parts: Iterable[str]) -> str:
    return ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in parts)


def released_stream(mode: Mode, account: str, event_id: str) -> str:
    """The stream of what operators did about one Stripe event that was set aside."""
    return f"quarantine/{mode}/{account}/{event_id}"


def parked_stream(mode: Mode, item: str) -> str:
    """The stream of what operators did about one parked key, by its item."""
    return f"parked/{mode}/{item}"


def receipt_stream(person: str, idempotency_key: str) -> str:
    """The stream of a person's act: one event, so that its key counts once."""
    return f"receipt/{_joined((person, idempotency_key))}"


def attempt_stream(id: str) -> str:
    """The stream of an act that was denied."""
    return f"attempt/{id}"


def approval_stream(id: str) -> str:
    """The stream of an act that waits for a second person."""
    return f"approval/{id}"


def override_stream(mode: Mode, org: str, feature: str) -> str:
    """The stream of what operators said about one feature of an organization."""
    return f"override/{mode}/{_joined((org, feature))}"


def feature_subject(org: str, feature: str) -> str:
    """What the audit calls a feature of an organization."""
    return f"entitlement/{_joined((org, feature))}"


def key_stream(key_id: str) -> str:
    """The stream of one API key: issued, then perhaps revoked."""
    return f"api_key/{key_id}"


def subject_of(mode: Mode, account: str, owner: str) -> str:
    """Whose personal fields these are: a Stripe customer, or the object or event that stands alone."""
    return f"{mode}/{account}/{owner}"
