"""The order rule once more, field by field over everything that was ever said, as the design writes it down."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple


class Said(NamedTuple):
    """One rendering of one event about one object."""

    at_s: int
    event_id: str
    api_version: str
    rank: int
    fetched: bool
    now: dict[str, Any]
    before: dict[str, Any]
    """What the fields that it changed held before it."""


def last_words(said: Sequence[Said], fields: Iterable[str], personal: Collection[str]) -> tuple[dict[str, Any], bool]:
    """The last word on every field, None where nobody spoke; and whether a tie on one was left to the event id."""
    values: dict[str, Any] = {}
    undecided = False
    for field in fields:
        speaking = [s for s in said if field in s.now]
        if not speaking:
            values[field] = None
            continue
        second = max(s.at_s for s in speaking)
        left = _not_outdone([s for s in speaking if s.at_s == second])
        values[field] = max(left, key=lambda s: s.event_id).now[field]
        told = [s.now[field] for s in left]
        if field not in personal and any(v != told[0] for v in told):
            undecided = True
    return values, undecided


def _not_outdone(tied: list[Said]) -> list[Said]:
    """Of the facts of one second those that nothing but their ids tells apart."""
    rank = max(s.rank for s in tied)
    tied = [s for s in tied if s.rank == rank]
    followed = [s for s in tied if any(_follows(t, s) and not _follows(s, t) for t in tied)]
    tied = [s for s in tied if s not in followed] or tied
    tied = [s for s in tied if s.fetched] or tied
    return [s for s in tied if all(s.api_version >= t.api_version for t in tied if t.event_id == s.event_id)]


def _follows(later: Said, earlier: Said) -> bool:
    """Whether what was before `later` is what `earlier` says, as far as both speak."""
    if later.event_id == earlier.event_id:
        return False
    both = [f for f in later.before if f in earlier.now]
    return both != [] and all(later.before[f] == earlier.now[f] for f in both)
