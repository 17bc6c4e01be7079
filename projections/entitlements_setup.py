"""What is held back until its setup is done: grants of purchases that are not live.

Where all that sells a feature waits for setup, the feature is held back, an operator's grant included; where something
else sells it too, only what waits says `pending_setup`. Refuses to know steps and approvals: `setups` does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from projections.base import Row
from projections.entitlements_schedule import GRANTED, HOLDS, OVERRIDE, Grant, Segment

PENDING = "pending_setup"


def awaiting_setup(grants: Iterable[Grant], rows: Mapping[str, Sequence[Row]]) -> Iterator[Grant]:
    """The grants as setup leaves them, and what holds features back."""
    waiting = {(s.account, s.placement): s for s in rows["setups"] if s.live_s is None}
    if not waiting:
        yield from grants
        return
    found = [(grant, _case(grant, rows, waiting)) for grant in grants]
    elsewhere = {
        g.feature for g, case in found if case is None and g.source["by"] not in (OVERRIDE, *HOLDS) and _granted(g)
    }
    held: dict[tuple[str, str, str], Grant] = {}
    for grant, case in found:
        if case is not None and grant.feature in elsewhere:
            yield grant._replace(segments=tuple(_pending(s) for s in grant.segments))
            continue
        yield grant
        if case is not None:
            hold = Grant(grant.feature, (Segment(PENDING, None, None),), False, None, _source(case))
            held.setdefault((grant.feature, case.account, case.placement), hold)
    yield from held.values()


def _case(grant: Grant, rows: Mapping[str, Sequence[Row]], waiting: Mapping[tuple[str, str], Row]) -> Row | None:
    """The case that a grant waits for, if any. Stripe's own word waits where all that it tells of does."""
    source = grant.source
    if source["by"] == "plan":
        return waiting.get((source["account"], source["placement"]))
    if source["by"] == "subscription":
        return waiting.get((source["account"], source["subscription"]))
    if source["by"] != "stripe":
        return None
    theirs = [
        waiting.get((s.account, s.id))
        for s in sorted(rows["subscriptions"], key=lambda s: (s.account, s.id))
        if (s.account, s.customer) == (source["account"], source["customer"])
        and s.status not in ("canceled", "incomplete_expired")
    ]
    return theirs[0] if theirs and None not in theirs else None


def _granted(grant: Grant) -> bool:
    return any(s.state in GRANTED for s in grant.segments)


def _pending(segment: Segment) -> Segment:
    return segment._replace(state=PENDING) if segment.state in GRANTED else segment


def _source(case: Row) -> dict[str, Any]:
    return {"by": "setup", "account": case.account, "placement": case.placement, "step": case.next_step}
