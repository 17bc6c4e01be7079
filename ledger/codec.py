"""Events to bytes and back, for ever: names, versions, upcasts, compression.

State is the event's JSON; from `COMPRESS_FROM` bytes on it is a zstd frame (level 1). The client compresses
because PostgreSQL's own pglz bounds appends at about 26,000 a second on two cores, and zstd does not
(docs/decisions/0003-zstd.md).
"""

import threading
from collections.abc import Callable
from typing import Any, cast

import msgspec
import zstandard

from ledger.events import EVENTS, Event, Metadata

COMPRESS_FROM = 512
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

#: (name, version stored) -> the same event as a dict of the next version. Chained until the current version.
UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}

_encode_json = msgspec.json.Encoder().encode
_TOPICS: dict[type[Event], str] = {e: f"{e.NAME}/{e.VERSION}" for e in EVENTS}
_DECODERS: dict[str, Callable[[bytes], Event]] = {
    topic: msgspec.json.Decoder(event).decode for event, topic in _TOPICS.items()
}
_BY_NAME: dict[str, type[Event]] = {e.NAME: e for e in EVENTS}
_local = threading.local()  # zstd contexts are not thread-safe


class UnknownEvent(Exception):
    """The log holds an event that this release does not know: it was written by a newer one."""


def topic_of(event: type[Event]) -> str:
    """The stored name of an event type with its current version, e.g. `organization.linked/1`."""
    return _TOPICS[event]


def version_of(name: str) -> int:
    """The current version of the event with this name."""
    return _BY_NAME[name].VERSION


def encode(event: Event) -> tuple[str, bytes]:
    """An event as (topic, state)."""
    state = _encode_json(event)
    if len(state) >= COMPRESS_FROM:
        state = _compressor().compress(state)
    return _TOPICS[type(event)], state


def decode(topic: str, state: bytes) -> Event:
    """The event of a stored (topic, state), brought to its current version.

    Raises UnknownEvent for a name or a version that this release does not know.
    """
    if state[:4] == _ZSTD_MAGIC:
        state = _decompressor().decompress(state)
    decoder = _DECODERS.get(topic)
    return decoder(state) if decoder is not None else _upcast(topic, state)


def _upcast(topic: str, state: bytes) -> Event:
    name, _, stored = topic.rpartition("/")
    event = _BY_NAME.get(name)
    if event is None or not stored.isdigit():
        raise UnknownEvent(topic)
    fields = msgspec.json.decode(state, type=dict[str, Any])
    for version in range(int(stored), event.VERSION):
        fields = UPCASTS[name, version](fields)
    if int(stored) > event.VERSION:
        raise UnknownEvent(topic)
    return msgspec.convert(fields, event)


encode_metadata: Callable[[Metadata], bytes] = msgspec.json.Encoder().encode
decode_metadata: Callable[[bytes], Metadata] = msgspec.json.Decoder(Metadata).decode


def _compressor() -> zstandard.ZstdCompressor:
    found = getattr(_local, "compressor", None)
    if found is None:
        found = _local.compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
    return cast("zstandard.ZstdCompressor", found)


def _decompressor() -> zstandard.ZstdDecompressor:
    found = getattr(_local, "decompressor", None)
    if found is None:
        found = _local.decompressor = zstandard.ZstdDecompressor()
    return cast("zstandard.ZstdDecompressor", found)
