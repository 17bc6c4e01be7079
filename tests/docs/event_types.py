"""The names of Stripe's event types, and what the registry of translations makes of each.

The names are a list of our own, `stripe_event_types.txt`, so that the pages can be written without Stripe's data.
"""

from pathlib import Path
from typing import NamedTuple

from ledger.translations import translator_of
from ledger.translations.base import Family

_LIST = Path(__file__).with_name("stripe_event_types.txt")


class Names(NamedTuple):
    """Event types, in the list's order."""

    snapshot: tuple[str, ...]
    """They carry the object as it was."""
    thin: tuple[str, ...]
    """They carry none: https://docs.stripe.com/event-destinations#thin-events"""


def names() -> Names:
    """Every event type that Stripe has had, as far as we know."""
    snapshot: list[str] = []
    thin: list[str] = []
    now = snapshot
    for line in _LIST.read_text().splitlines():
        if not line:
            now = thin
        elif not line.startswith("#"):
            about, _, verbs = line.rpartition(": ")
            now += [f"{about}.{verb}" if about else verb for verb in verbs.split()]
    return Names(tuple(snapshot), tuple(thin))


def family_of(event_type: str) -> Family | None:
    """Who translates events of this type."""
    translator = translator_of(event_type)
    return translator.family if translator is not None else None
