"""What an answer of Stripe's shows, kept beside the answer: so that read models see it as they see a webhook."""

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from ledger.errors import Invalid
from ledger.events import NewEvent
from ledger.observing import Look, Sighting, open_sighting


class Observes(Protocol):
    """As much of `api.observing.Observer` as calls need."""

    def events(self, sightings: Iterable[Sighting]) -> tuple[NewEvent, ...]:
        """What to append so that these are known."""


class Seen(NamedTuple):
    """An object as Stripe showed it, and when."""

    object: dict[str, Any]
    """Secrets included: they are cut before anything is kept."""
    look: Look

    def sightings(self) -> tuple[Sighting, ...]:
        """It, ready to be kept; nothing where it is no object of its own, or none of our mode."""
        try:
            return (open_sighting(copy.deepcopy(self.object), self.look),)
        except Invalid:
            return ()
