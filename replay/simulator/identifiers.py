"""Ids in the look of Stripe's, from a seed and a counter: never repeated, never random.

Refuses to know what the ids are for. An event's id begins with its second, as Stripe's do, and goes on with
something that says nothing of the order within the second.
"""

from random import Random

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(low + high for high in _ALPHABET for low in _ALPHABET)
_SPAN = 62**8
_STRIDE = 91_019_387_654_321  # coprime with 62, so that counting in strides meets every tail before any repeats


def _six(number: int) -> str:
    """The lowest 6 base-62 digits of a number, the lowest first."""
    return _PAIRS[number % 3844] + _PAIRS[number // 3844 % 3844] + _PAIRS[number // 14_776_336 % 3844]


def _eight(number: int) -> str:
    """The lowest 8 base-62 digits of a number, the lowest first."""
    return _six(number) + _PAIRS[number // 56_800_235_584 % 3844]


class Identifiers:
    """The ids of one history."""

    def __init__(self, seed: int) -> None:
        self._offset = Random(f"{seed}/ids").randrange(_SPAN)
        self._count = 0
        self._extras = 0
        self._stamp_s = -1
        self._stamp = ""

    def _tail(self, extra: bool) -> int:
        """The next number of the story, or of what only some API versions have: these must not shift the others."""
        if extra:
            self._extras += 1
            n = 2 * self._extras + 1
        else:
            self._count += 1
            n = 2 * self._count
        return (self._offset + n * _STRIDE) % _SPAN

    def long(self, prefix: str, moment_s: int, token: str, extra: bool = False) -> str:
        """An id such as `in_1K2OXkHSaWXyvFpKYcsJI7yW`: moment, the account's token, tail."""
        if moment_s != self._stamp_s:
            # the highest digit first, so that ids sort roughly by time, as Stripe's do
            self._stamp_s, self._stamp = moment_s, _six(moment_s)[4::-1]
        return f"{prefix}_1{self._stamp}{token}{_eight(self._tail(extra))}"

    def short(self, prefix: str) -> str:
        """An id such as `cus_NSPHp4fOlXGw8P`."""
        tail = self._tail(False)
        return f"{prefix}_{_six(tail * 7 + 13)}{_eight(tail)}"

    def token(self, length: int = 10) -> str:
        """Letters and digits alone."""
        tail = self._tail(False)
        return (_eight(tail) + _eight(tail * 11 + 5))[:length]

    def key(self) -> str:
        """An idempotency key in the look of a UUID."""
        n = self._tail(False) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)
        text = f"{n:032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
