"""The schedule of one debt: which state its policy has when, as segments in UTC seconds. No clock, no rows.

A day is 86,400 seconds, in every time zone and in the night when clocks change. A fresh start (a partial payment, a new
payment method, an operator's recovery) begins the stages anew: then the first stage lasts longer, or, where that one
closes the service, begins with the next failure. What an operator promised keeps stages that close from beginning.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.service_policy import CLOSED, SEVERITY

DAY_S = 86_400


class Segment(NamedTuple):
    """A state that holds in [from_s, until_s); None: until something changes."""

    state: str
    from_s: int
    until_s: int | None


class Owed(NamedTuple):
    """What of a debt its schedule depends on."""

    stages: Sequence[Mapping[str, Any]]
    """`state` and `days` each, from the mildest to the severest."""
    start_s: int | None
    """When retries were over; None: they are not."""
    fresh_s: Sequence[int]
    failed_s: Sequence[int]
    retries_within_days: int | None


def ladder(owed: Owed, not_before_s: int | None = None) -> list[Segment]:
    """The segments of a debt, without gaps. `not_before_s`: until when an operator promised that nothing closes.

    A stage of no days has a segment of no length: it is there to be stepped through.
    """
    if owed.start_s is None:
        return []
    anchor_s = max([owed.start_s, *owed.fresh_s])
    begin: int | None = owed.start_s
    if owed.stages[0]["state"] in CLOSED and anchor_s > owed.start_s:
        begin = _failed_again(owed, anchor_s)
    found: list[Segment] = []
    for n, stage in enumerate(owed.stages):
        if begin is None:
            break
        if stage["state"] in CLOSED and not_before_s is not None and begin < not_before_s:
            begin = not_before_s
            if found:
                found[-1] = found[-1]._replace(until_s=begin)
        lasts = stage["days"]
        end = None if lasts is None else (max(begin, anchor_s) if n == 0 else begin) + lasts * DAY_S
        found.append(Segment(stage["state"], begin, end))
        begin = end
    return found


def _failed_again(owed: Owed, anchor_s: int) -> int | None:
    """When a debt counts again after a fresh start, where already its first stage closes the service."""
    later = [at_s for at_s in owed.failed_s if at_s > anchor_s]
    if owed.retries_within_days is not None:
        later.append(anchor_s + owed.retries_within_days * DAY_S)
    return min(later, default=None)


def severest(ladders: Mapping[str, Sequence[Segment]]) -> list[dict[str, Any]]:
    """The schedule of a service from those of its debts, by name: at each time the severest state, and whose it is.

    Of several debts that come to the same, the first by name. Times when no debt counts are left out.
    """
    every = [s for segments in ladders.values() for s in segments]
    cuts = sorted({t for s in every for t in (s.from_s, s.until_s) if t is not None})
    found: list[dict[str, Any]] = []
    for n, start in enumerate(cuts):
        there = [(s.state, name) for name, segments in sorted(ladders.items()) for s in segments if _holds(s, start)]
        if not there:
            continue
        state, debt = max(there, key=lambda said: SEVERITY[said[0]])
        end = cuts[n + 1] if n + 1 < len(cuts) else None
        last = found[-1] if found else None
        if last is not None and (last["state"], last["debt"], last["until_s"]) == (state, debt, start):
            last["until_s"] = end
        else:
            found.append({"state": state, "from_s": start, "until_s": end, "debt": debt})
    return found


def _holds(segment: Segment, at_s: int) -> bool:
    return segment.from_s <= at_s and (segment.until_s is None or at_s < segment.until_s)


def standing(schedule: Iterable[Mapping[str, Any]], at_s: int | None) -> Mapping[str, Any] | None:
    """The segment of a stored schedule that holds at a time; None: no debt counts then."""
    if at_s is None:
        return None
    for segment in schedule:
        if segment["from_s"] <= at_s and (segment["until_s"] is None or at_s < segment["until_s"]):
            return segment
    return None
