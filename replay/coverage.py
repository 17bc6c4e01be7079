"""From when to when the log is known to have no gap, and what of the rest Stripe can still tell. Looks only."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg

from ledger.ids import Mode
from replay.tables import LIVE

#: How long Stripe lists an event: https://docs.stripe.com/api/events
LISTED_FOR_S = 30 * 86_400
#: Nothing is said about what passed since the last look before that is so long ago: it comes every night.
ALARM_AFTER_S = 36 * 3_600


class Gap(NamedTuple):
    """A span of which nobody has looked whether every event came; half-open."""

    from_s: int
    to_s: int
    healable: bool
    """Whether Stripe still lists some of it."""


class Coverage(NamedTuple):
    """One Stripe account's events."""

    mode: Mode
    account: str
    spans: tuple[tuple[int, int], ...]
    gaps: tuple[Gap, ...]
    listed: int
    """At the last look, by Stripe."""
    appended: int
    """At the last look: how many the log had lacked."""
    appended_ever: int
    reconciled_us: int

    @property
    def to_s(self) -> int:
        """Until then the log is whole, exclusive."""
        return self.spans[-1][1] if self.spans else 0


def gaps_between(spans: Iterable[tuple[int, int]], now_s: int) -> list[Gap]:
    """What lies between the spans, and after the last one where that is too long ago."""
    found: list[Gap] = []
    before: int | None = None
    for start, end in spans:
        if before is not None and start > before:
            found.append(_gap(before, start, now_s))
        before = end
    if before is not None and now_s - before > ALARM_AFTER_S:
        found.append(_gap(before, now_s, now_s))
    return found


def _gap(from_s: int, to_s: int, now_s: int) -> Gap:
    return Gap(from_s, to_s, to_s > now_s - LISTED_FOR_S)


def coverage(conn: psycopg.Connection[Any], now_s: float, mode: Mode | None = None) -> list[Coverage]:
    """Every account's coverage, of one mode or both."""
    rows = conn.execute(
        "SELECT mode, account, covered, listed, appended, appended_ever, reconciled_us"
        f" FROM {LIVE}.event_coverage WHERE %s::text IS NULL OR mode = %s ORDER BY mode, account",
        [mode, mode],
    )
    found = []
    for its_mode, account, covered, *counts in rows:
        spans = tuple((s["from_s"], s["to_s"]) for s in covered)
        found.append(Coverage(its_mode, account, spans, tuple(gaps_between(spans, int(now_s))), *counts))
    return found
