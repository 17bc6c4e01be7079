"""What was seen of Stripe's objects into the log: keys for their personal fields, the next version of their streams.

Asks Stripe nothing: whoever looked hands over what it answered (`ledger.observing`).
"""

import secrets
from collections.abc import Iterable

from ledger.errors import StoreUnavailable
from ledger.events import NewEvent
from ledger.keys import KeyStore
from ledger.observing import Sighting, observed
from ledger.store import Appended, Log

#: Tries to find a free version where others see the same object at once.
_ATTEMPTS = 10


class Observer:
    """Keeps sightings. Safe to use from several threads and processes at once."""

    def __init__(self, ledger: Log, keys: KeyStore) -> None:
        self._log = ledger
        self._keys = keys

    def events(self, sightings: Iterable[Sighting]) -> tuple[NewEvent, ...]:
        """What to append so that these are known, e.g. in one unit with the answer to the call that showed them.

        Empty where nothing is new. When the unit meets a Conflict, ask again: a stream may have moved.
        Raises StoreUnavailable.
        """
        sightings = tuple(sightings)
        keys = self._keys.ensure([s.subject for s in sightings])
        made: dict[str, list[NewEvent]] = {}
        seen: set[tuple[str, str]] = set()
        for sighting in sightings:
            if sighting.email:
                self._keys.index_email(sighting.subject, sighting.email)
            here = (sighting.stream, sighting.object_type)
            if here in seen:  # one answer may hold an object twice, and says the same of it
                continue
            seen.add(here)
            mine = made.setdefault(sighting.stream, [])
            known = self._log.read_stream(sighting.stream)
            new = observed(sighting, keys[sighting.subject], known, secrets.token_bytes)
            if new is not None:
                mine.append(new._replace(version=new.version + len(mine)))
        return tuple(new for events in made.values() for new in events)

    def keep(self, sightings: Iterable[Sighting]) -> int:
        """Append what is new of these, each by itself. Returns how many were. Raises StoreUnavailable."""
        return sum(self._keep(sighting) for sighting in sightings)

    def _keep(self, sighting: Sighting) -> bool:
        for _ in range(_ATTEMPTS):
            new = self.events([sighting])
            if not new:
                return False
            if isinstance(self._log.append(*new), Appended):
                return True
        raise StoreUnavailable("the object's stream kept moving")
