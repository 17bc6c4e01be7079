"""The log as JSON lines: every event with all that the log knows of it, personal fields sealed as they are stored."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from ledger import store
from ledger.events import Recorded

_READ_ROWS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def time_of(microseconds: int) -> datetime:
    """A recording time as UTC, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


def iso(microseconds: int) -> str:
    """A recording time as ISO 8601, UTC, always with microseconds."""
    return time_of(microseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def line(recorded: Recorded) -> bytes:
    """One event as one line of JSON, without its end."""
    return _encode(
        {
            "position": recorded.position,
            "stream": recorded.stream,
            "version": recorded.version,
            "name": recorded.event.NAME,
            "recorded_at": iso(recorded.recorded_at_us),
            "metadata": msgspec.Raw(recorded.metadata),
            "event": recorded.event,
        }
    )


def events(conn: psycopg.Connection[Any], after: int = 0, upto: int | None = None) -> Iterator[Recorded]:
    """All events with a position in (`after`, `upto`], in order; `upto` None: up to the head as it is now."""
    upto = store.head(conn) if upto is None else upto
    while batch := store.read(conn, after, _READ_ROWS, upto):
        yield from batch
        after = batch[-1].position
