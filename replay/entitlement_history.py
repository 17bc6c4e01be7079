"""How an entitlement came to be what it is: every change of its row, and the event or the moment that caused it.

Folds the organization's own events one by one, with the definitions that fold live, and looks after each at what the
feature's row became. What changed by the clock alone is told too, at the moment it did.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from ledger import store
from ledger.codec import decode_metadata
from ledger.events import Recorded, StripeEventReceived
from ledger.translations import FAMILIES
from projections import BILLING
from projections.base import Key, Row
from projections.entitlements import ENTITLEMENTS
from projections.entitlements_schedule import standing
from replay.as_of import closure
from replay.following import Following, upstream

_TOGETHER = 500


class Change(NamedTuple):
    """A change of an entitlement."""

    position: int
    """Of the event that caused it; what passed with time alone stands behind the newest event before it."""
    at_s: float
    """When we learned of it; when it came about, where time alone caused it."""
    cause: Recorded | None
    """None: time alone."""
    row: Row | None
    """The feature's row from then on; None: nothing grants it any more."""


_GROUP = upstream(BILLING, ENTITLEMENTS.name)
#: Stripe's names of the objects whose rows an entitlement is made of.
_TYPES = tuple(sorted({t for f in FAMILIES if f.model in {p.name for p in _GROUP.projections} for t in f.object_types}))


def history(
    conn: psycopg.Connection[Any],
    mode: str,
    org: str,
    feature: str,
    upto: int,
    now_s: float,
    *,
    account: str | None = None,
) -> Iterator[Change]:
    """Every change of a feature's row, oldest first, by what the log says up to a position, and by the clock up to now.

    With `account`, of the row as it would be if that seller were the only one. Costs a fold of the organization's own
    events about what it has, and of the catalogue.
    """
    found = closure(conn, mode, org, upto, types=_TYPES)
    events: Iterable[Recorded] = _merged(conn, found.positions, found.own)
    if account is not None:
        events = (e for e in events if _is_of(account, e.event))
    last = Change(0, 0.0, None, None)
    for change in _by_events(events, (mode, org, feature)):
        yield from _by_time(last, change.at_s)
        yield change
        last = change
    yield from _by_time(last, now_s)


def _is_of(account: str, event: Any) -> bool:
    """Whether an event is a seller's: what operators said of an organization is the platform's, a plan is its own's."""
    return getattr(event, "account", account) == account and not hasattr(event, "feature")


def _merged(conn: psycopg.Connection[Any], positions: Sequence[int], own: Sequence[Recorded]) -> Iterator[Recorded]:
    """All events in the log's order; Stripe's are read as they are needed."""
    waiting = list(own)
    for start in range(0, len(positions), _TOGETHER):
        for recorded in store.read_positions(conn, positions[start : start + _TOGETHER]):
            while waiting and waiting[0].position < recorded.position:
                yield waiting.pop(0)
            yield recorded
    yield from waiting


def _by_events(events: Iterable[Recorded], key: Key) -> Iterator[Change]:
    following = Following(_GROUP)
    known: Row | None = None
    for recorded in events:
        following.take(recorded)
        row = following.rows[ENTITLEMENTS.name].get(key)
        if row != known:
            yield Change(recorded.position, recorded.recorded_at_us / 1_000_000, recorded, row)
            known = row


def _by_time(last: Change, until_s: float) -> Iterator[Change]:
    """What the clock alone changes after a change, before the next one."""
    if last.row is None:
        return
    times = {t for s in last.row.segments for t in (s["from_s"], s["until_s"]) if t is not None}
    known = standing(last.row.segments, last.at_s).now
    for time_s in sorted(t for t in times if last.at_s < t <= until_s):
        now = standing(last.row.segments, time_s).now
        if now != known:
            yield Change(last.position, time_s, None, last.row)
            known = now


class Told(NamedTuple):
    """What caused a change, for people and programs."""

    kind: str
    """`event` or `time`."""
    event: str | None = None
    """The event's name in the log."""
    type: str | None = None
    """Stripe's type of the event."""
    id: str | None = None
    """Stripe's id of the event; or of the object that was seen."""
    account: str | None = None
    stream: str | None = None
    version: int | None = None
    actor: str | None = None
    reason: str | None = None
    occurred_at_s: int | None = None
    """When it happened at its source."""


def told(cause: Recorded | None) -> Told:
    """A change's cause."""
    if cause is None:
        return Told("time")
    event, metadata = cause.event, decode_metadata(cause.metadata)
    of_stripe = isinstance(event, StripeEventReceived)
    return Told(
        kind="event",
        event=event.NAME,
        type=event.type if of_stripe else None,
        id=event.event_id if of_stripe else getattr(event, "object_id", None),
        account=getattr(event, "account", None),
        stream=cause.stream,
        version=cause.version,
        actor=metadata.actor,
        reason=metadata.reason,
        occurred_at_s=metadata.occurred_at_s,
    )
