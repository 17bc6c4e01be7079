"""What checks of open features went by while the database could be asked, for when it cannot.

Only features whose plan says that they are open then (`fail_open`) are kept, only for the very credential and
organization that were answered, and not for long: meanwhile a revocation could not be learned of either.
"""

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from api.resources.answers import Fresh
from api.resources.entitlements import Stored

#: How long an answer may go by what was known.
KEPT_S = 900.0
_MOST = 10_000

_Key = tuple[bytes, str, str]


class Known(NamedTuple):
    """A feature's row, and how fresh it was."""

    row: Stored
    fresh: Fresh


class LastKnown:
    """The memory of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[_Key, tuple[float, Known]] = {}

    def note(self, authorization: str, org: str, feature: str, known: Known, *, is_open: bool) -> None:
        """Keep what was known just now, where the feature is open; forget it where it is not any more."""
        key = _key(authorization, org, feature)
        if not is_open:
            self._kept.pop(key, None)
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = (self._clock() + KEPT_S, known)

    def of(self, authorization: str, org: str, feature: str) -> Known | None:
        """What was known, if that is not too long ago."""
        kept = self._kept.get(_key(authorization, org, feature))
        return kept[1] if kept is not None and self._clock() < kept[0] else None


def _key(authorization: str, org: str, feature: str) -> _Key:
    """The credential itself is not kept."""
    return hashlib.blake2b(authorization.encode(), digest_size=16).digest(), org, feature
