"""What service control takes away: grants of a service that is closed, and enforced, from when that was done.

What is paid in advance goes by its own service, all else by `postpaid`. Where every sold source of a feature is closed,
the service holds the feature back, an operator's grant included; where another is open, only the closed ones end.
Refuses to know debts and policies: it goes by the last step, or an operator's word.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.service_policy import POSTPAID
from projections.base import Row
from projections.entitlements_schedule import GRANTED, OVERRIDE, Grant, Segment

#: What is paid in advance stands by itself. The same as of debts (`projections.service_debts`).
_IN_ADVANCE = frozenset({"subscription", "prepaid", "one_time"})
#: What a plan says of itself when it is unpaid, as a state of its features; `keep` closes nothing.
_WHEN_UNPAID = {"restrict": "restricted", "suspend": "suspended"}
_CLOSED = frozenset({"paused", "suspended", "cancelled"})


class _Closed(NamedTuple):
    """A service that is closed."""

    row: Row

    def state(self, when_unpaid: str) -> str | None:
        """What becomes of a feature; None: the plan keeps it."""
        if self.row.state == "cancelled":
            return "revoked"
        return "suspended" if self.row.by == "operator" else _WHEN_UNPAID.get(when_unpaid)

    def source(self) -> dict[str, Any]:
        """Why, for whoever asks."""
        return {"service": self.row.service, "status": self.row.state, "reason": _reason(self.row)}


def _reason(row: Row) -> str | None:
    why = row.why or {}
    return why.get("reason") or (f"{why['invoice']} is unpaid" if why.get("invoice") else None)


class _Plans:
    """Which service each subscription, purchase and agreement is, and what its plan does when it is unpaid."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        definitions = {p.id: p.definition for p in rows["plans"]}
        self._placed = {(p.account, p.subscription): definitions.get(p.plan_id) or {} for p in rows["plan_placements"]}
        self._subscriptions = [s for s in rows["subscriptions"] if s.status not in ("canceled", "incomplete_expired")]

    def services(self, grant: Grant) -> list[tuple[str, str]]:
        """(service, when unpaid) of what a grant came by; of Stripe's own word, all that its customer has."""
        source = grant.source
        if source["by"] == "stripe":
            theirs = [
                s for s in self._subscriptions if (s.account, s.customer) == (source["account"], source["customer"])
            ]
            return [self._of(s.account, s.id) for s in theirs]
        if source["by"] == OVERRIDE:
            return []
        return [self._of(source["account"], source["placement"] if source["by"] == "plan" else source["subscription"])]

    def _of(self, account: str, id: str) -> tuple[str, str]:
        definition = self._placed.get((account, id), {})
        model = definition.get("model")
        policy = definition.get("service_policy") or {}
        pooled = model is not None and model not in _IN_ADVANCE
        return (POSTPAID if pooled else f"{account}/{id}"), policy.get("when_unpaid") or "restrict"


def controlled(grants: Sequence[Grant], rows: Mapping[str, Sequence[Row]]) -> Iterator[Grant]:
    """The grants as service control leaves them, and what holds features back."""
    closed = {r.service: _Closed(r) for r in rows["service_states"] if r.enforced and r.state in _CLOSED}
    if not closed:
        yield from grants
        return
    plans = _Plans(rows)
    found = [(grant, _ending(grant, plans, closed)) for grant in grants]
    open_still = {g.feature for g, ending in found if ending is None and g.source["by"] != OVERRIDE}
    held: dict[tuple[str, str], Grant] = {}
    for grant, ending in found:
        if ending is None:
            yield grant
            continue
        by, state = ending
        since_s = by.row.closed_s if by.row.closed_s is not None else by.row.since_s
        if grant.feature in open_still:
            yield grant._replace(segments=_cut(grant.segments, state, since_s))
            continue
        yield grant
        hold = Grant(grant.feature, (Segment(state, since_s, None),), False, None, {"by": "service", **by.source()})
        held.setdefault((grant.feature, by.row.service), hold)
    yield from held.values()


def _ending(grant: Grant, plans: _Plans, closed: Mapping[str, _Closed]) -> tuple[_Closed, str] | None:
    """Which service ends a grant, and in which state; None: nothing does. Of several, all must be closed."""
    endings = []
    for service, when_unpaid in plans.services(grant):
        by = closed.get(service)
        state = by.state(when_unpaid) if by is not None else None
        if by is None or state is None:
            return None
        endings.append((by, state))
    return min(endings, key=lambda e: e[0].row.service) if endings else None


def _cut(segments: tuple[Segment, ...], state: str, since_s: int | None) -> tuple[Segment, ...]:
    """What is granted ends when the service was closed; the state of that stands instead."""
    found: list[Segment] = []
    for segment in segments:
        if segment.state not in GRANTED or since_s is None:
            found.append(segment if segment.state not in GRANTED else segment._replace(state=state))
            continue
        if segment.from_s is None or segment.from_s < since_s:
            ends = since_s if segment.until_s is None else min(since_s, segment.until_s)
            found.append(segment._replace(until_s=ends))
        if segment.until_s is None or segment.until_s > since_s:
            begins = since_s if segment.from_s is None else max(since_s, segment.from_s)
            found.append(Segment(state, begins, segment.until_s))
    return tuple(found)
