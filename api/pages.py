"""Pages of a list: where the next one begins, as an opaque cursor that only we can have made.

A cursor is bound to its list, to whom it was given and to the filters: moved or altered it does not open.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from api.problems import Problem
from ledger.keys import MasterKey

_MARK_BYTES = 16


class Cursors:
    """Makes and opens cursors."""

    def __init__(self, master: MasterKey) -> None:
        # A secret of its own; no API key has this form.
        self._secret = bytes.fromhex(master.digest_of_api_key("recount/cursors/1"))

    def _mark(self, place: bytes, bound: Sequence[Any]) -> bytes:
        return hmac.digest(self._secret, msgspec.json.encode([place, bound]), "sha256")[:_MARK_BYTES]

    def make(self, place: Sequence[Any], bound: Sequence[Any]) -> str:
        """A cursor for "after `place`", valid with `bound` (the list, the caller, the filters) alone."""
        encoded = msgspec.json.encode(place)
        return _written(self._mark(encoded, bound) + encoded)

    def open(self, cursor: str, bound: Sequence[Any]) -> list[Any]:
        """The place that a cursor holds. Raises Problem("invalid_cursor")."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (ValueError, TypeError) as error:
            raise Problem("invalid_cursor") from error
        mark, encoded = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
        if not hmac.compare_digest(mark, self._mark(encoded, bound)) or _written(raw) != cursor:
            raise Problem("invalid_cursor")
        place: list[Any] = msgspec.json.decode(encoded)
        return place


def _written(raw: bytes) -> str:
    """The one way to write a cursor: base64 has several for the same bytes, of which one counts."""
    return urlsafe_b64encode(raw).decode().rstrip("=")
