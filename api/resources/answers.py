"""Answers: content with how fresh it is, its ETag, and waiting for a position. Knows no resource and no framework.

`position`: everything in the log up to it is in the answer. It is the checkpoint of the read models, lowered while a
change that concerns the answer waits to be derived. `as_of`: when that checkpoint last moved; with nothing new in the
log it stands still, so an old time says that nothing happened since, not that the answer lags.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from api import spreadsheet
from api.accepting import preferred
from api.problems import Problem
from api.schemas import iso_of
from replay.tables import LIVE

WAIT_S = 2.0
_POLL_S = 0.02

_encode = msgspec.json.Encoder().encode
Found = TypeVar("Found")


class Fresh(NamedTuple):
    """How fresh an answer is."""

    position: int
    as_of: str


def fresh(position: int, moved_at: datetime, oldest_waiting: int | None) -> Fresh:
    """Freshness from a checkpoint and the oldest position that concerns the answer and is not derived yet."""
    if oldest_waiting is not None and oldest_waiting <= position:
        position = oldest_waiting - 1
    return Fresh(position, iso_of(moved_at))


class Concern(NamedTuple):
    """What waits to be derived and concerns an answer: one key of a derivation, or any (None)."""

    derivation: str
    key: Sequence[str | None] | None = None


def oldest_waiting(concerns: Sequence[Concern]) -> tuple[str, list[Any]]:
    """The SQL, and its parameters, of the oldest position among `concerns`."""
    parts: list[str] = []
    params: list[Any] = []
    for derivation, key in concerns:
        if key is not None:
            parts.append(f"(SELECT position FROM {LIVE}.dirty WHERE derivation = %s AND key = %s::text[])")
            params += [derivation, list(key)]
        else:
            for bulk in ("NOT bulk", "bulk"):  # each by the index that the queue is drained by
                parts.append(f"(SELECT min(position) FROM {LIVE}.dirty WHERE derivation = %s AND {bulk})")
                params.append(derivation)
        parts.append(f"(SELECT min(position) FROM {LIVE}.spreading WHERE derivation = %s)")
        params.append(derivation)
    return f"least({', '.join(parts)})" if parts else "NULL::bigint", params


def reaching(min_position: int | None, ask: Callable[[], tuple[Found, Fresh]]) -> tuple[Found, Fresh]:
    """What `ask` finds once it is at `min_position` or later. Raises Problem("not_yet") after two seconds."""
    found, how_fresh = ask()
    if min_position is None or how_fresh.position >= min_position:
        return found, how_fresh
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        time.sleep(_POLL_S)
        found, how_fresh = ask()
        if how_fresh.position >= min_position:
            return found, how_fresh
    raise Problem("not_yet")


class Answer(NamedTuple):
    """An answer as it goes out, whatever serves it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def answer(content: dict[str, Any], how_fresh: Fresh, if_none_match: str | None) -> Answer:
    """`content` with its freshness. The ETag covers the content alone: what did not change is not sent again."""
    encoded = _encode(content)
    etag = f'"{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"'
    position = str(how_fresh.position)
    headers = [("ETag", etag), ("Recount-Position", position), ("Recount-As-Of", how_fresh.as_of), *KEYED_HEADERS]
    if if_none_match is not None and _matches(if_none_match, etag):
        return Answer(304, headers, b"")
    headers.append(("Content-Type", "application/json"))
    beside = f'"position":{position},"as_of":"{how_fresh.as_of}"}}'
    return Answer(200, headers, encoded[:-1] + (b"," if content else b"") + beside.encode())


def list_answer(
    content: dict[str, Any],
    how_fresh: Fresh,
    columns: Sequence[str],
    link: Callable[[str], str],
    asked: Callable[[str, str], str],
) -> Answer:
    """A page of a list, in JSON or CSV, whichever is liked better. Raises Problem("not_acceptable").

    `link`: the address of the page that a cursor begins. `asked`: a header of the request, or what it is otherwise.
    """
    media_type = preferred(asked("Accept", ""), LISTS_ARE)
    if media_type is None:
        raise Problem("not_acceptable")
    made = answer(content, how_fresh, asked("If-None-Match", ""))
    if media_type == spreadsheet.MEDIA_TYPE:
        made = _as_csv(content, columns, link, asked("If-None-Match", ""), made)
    return made._replace(headers=[*(h for h in made.headers if h[0] != "Vary"), ("Vary", "Authorization, Accept")])


def _as_csv(
    content: dict[str, Any], columns: Sequence[str], link: Callable[[str], str], if_none_match: str, as_json: Answer
) -> Answer:
    body = spreadsheet.written(columns, content["data"])
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = [("ETag", etag), *(h for h in as_json.headers if h[0] not in ("ETag", "Content-Type"))]
    if content["next_cursor"] is not None:
        headers.append(("Link", f'<{link(content["next_cursor"])}>; rel="next"'))
    if _matches(if_none_match, etag):
        return Answer(304, headers, b"")
    return Answer(200, [*headers, ("Content-Type", spreadsheet.CONTENT_TYPE)], body)


#: What a list can be answered in, the one that is answered unasked first.
LISTS_ARE = ("application/json", spreadsheet.MEDIA_TYPE)


#: On everything that an API key was needed for.
KEYED_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Vary", "Authorization"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)


def _matches(given: str, etag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, weak or strong, or any."""
    return given.strip() == "*" or any(tag.strip().removeprefix("W/") == etag for tag in given.split(","))
