"""States by key, small: what a rebuild's memory is made of.

Long states are compressed (an invoice's to half, for 2 µs a touch), and the parts of keys that all rows share (mode,
account) are held once.
"""

from sys import intern

from ledger.codec import compress, decompress
from projections.base import Key

#: Below this compressing gains nothing.
_LONG = 400
#: What no MessagePack value begins with (https://github.com/msgpack/msgpack/blob/master/spec.md#formats).
_COMPRESSED = b"\xc1"


class PackedStates:
    """A dictionary of states for the length of a rebuild."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Key, bytes | None] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key) -> bytes | None:
        """The state of a key, None where there is none."""
        return _opened(self._held.get(key))

    def __setitem__(self, key: Key, state: bytes | None) -> None:
        if state is not None and len(state) >= _LONG:
            state = _COMPRESSED + compress(state)
        if key not in self._held:
            key = (*(intern(part) for part in key[:-1]), key[-1])
        self._held[key] = state

    def popitem(self) -> tuple[Key, bytes | None]:
        """Take some key and its state out."""
        key, state = self._held.popitem()
        return key, _opened(state)


def _opened(state: bytes | None) -> bytes | None:
    if state is not None and state[:1] == _COMPRESSED:
        return decompress(memoryview(state)[1:])
    return state
