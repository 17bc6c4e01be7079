"""Objects of Stripe's as somebody saw them: into a history as we keep them. Beside `samples`, which has the events."""

import json
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from samples import BASIL, T

from ledger import observing
from ledger.events import NewEvent, Recorded
from ledger.observing import Look, Sighting
from ledger.store import Appended, Log

KEY = b"k" * 32
Json = dict[str, Any]


class Seen(NamedTuple):
    """One answer of Stripe's: an object as it stood."""

    obj: Json
    at_s: int = T
    version: str | None = BASIL
    account: str = "platform"
    live: bool = False
    why: observing.Why = "fetch"

    @property
    def look(self) -> Look:
        return Look("live" if self.live else "test", self.account, self.at_s, self.version, self.why)

    @property
    def sighting(self) -> Sighting:
        return observing.open_sighting(json.loads(json.dumps(self.obj)), self.look)

    def new(self, known: Sequence[Recorded] = (), key: bytes = KEY, seed: int = 0) -> NewEvent | None:
        """The event to append after the known ones of its stream."""
        return observing.observed(self.sighting, key, known, random.Random(seed).randbytes)


def see(log: Log, *seen: Seen) -> None:
    """Append sightings in their order, as we do: once, however often the same is seen."""
    for each in seen:
        new = each.new(log.read_stream(each.sighting.stream))
        if new is not None:
            assert isinstance(log.append(new), Appended)
