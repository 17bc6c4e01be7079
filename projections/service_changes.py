"""What of a service's schedule has come and is not done yet: the next step, and never the one after it.

No clock: time has passed as far as its due times were met (`deadlines_met`, kind `service.boundary`) and an operator
spoke. So a step is never taken before its boundary, a reader that is late takes each one by one, and a fact that comes
late leads to the same. Getting better goes at once; getting worse goes stage by stage of the leading debt's policy.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.ids import item_parts, key_of
from ledger.service_policy import SEVERITY
from projections.base import Column, Derivation, Input, Key, Row, Table
from projections.service_ladder import standing

#: The kind of deadline at every boundary of a schedule.
BOUNDARY = "service.boundary"
_REACTION = "service_changes"

_TABLE = Table(
    _REACTION,
    ("mode", "org", "service"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("service", "text"),
        Column("was", "jsonb"),
        Column("now", "jsonb"),
        Column("closed", "bigint"),
    ),
)
#: What of the leading debt is told with a step.
_BECAUSE = ("account", "invoice", "why", "failed", "plan_id", "policy", "policy_version", "scale_to_zero")
_OPEN: dict[str, Any] = {"state": "active", "enforced": False, "boundary_s": None, "because": {}}


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    states = {r.service: r for r in rows["service_states"]}
    closed = {r.key[1]: r for r in rows["closed_differences"]}
    met = {item_parts(r.key)[1]: max(r.met_s) for r in rows["deadlines_met"] if r.met_s}
    found = []
    for service in sorted(states.keys() | closed.keys()):
        known = closed.get(service)
        was = known.done if known is not None and known.done is not None else _OPEN
        state = states.get(service)
        now = _next(was, state, _passed(state, met.get(service))) if state is not None else _OPEN
        if (was["state"], was["enforced"]) != (now["state"], now["enforced"]):
            found.append(_TABLE.row(*key, service, was, now, known.closed if known is not None else 0))
    return found


def _passed(state: Row | None, met_s: int | None) -> int | None:
    """The latest time that is known to have passed for a service."""
    said_s = state.said_s if state is not None else None
    return max((t for t in (met_s, said_s) if t is not None), default=None)


def _next(was: Mapping[str, Any], state: Row, passed_s: int | None) -> dict[str, Any]:
    """The state to step to from what was done."""
    segment = standing(state.schedule, passed_s)
    if segment is None:
        return _OPEN
    debt = next(d for d in state.debts if f"{d['account']}/{d['invoice']}" == segment["debt"])
    target = segment["state"]
    worse = [s for s in debt["segments"] if SEVERITY[was["state"]] < SEVERITY[s["state"]] <= SEVERITY[target]]
    to = worse[0] if worse else next(s for s in debt["segments"] if s["state"] == target)
    because = {name: debt[name] for name in _BECAUSE}
    return {"state": to["state"], "enforced": debt["enforced"], "boundary_s": to["from_s"], "because": because}


SERVICE_CHANGES = Derivation(
    _REACTION,
    1,
    _TABLE,
    ("mode", "org"),
    inputs=(
        Input("service_states", ("mode", "org"), lambda key, _: [key], ("service", "schedule", "debts", "said_s")),
        Input(
            "closed_differences",
            ("mode", "reaction", "whose"),
            lambda key, _: [(key[0], _REACTION, key[1])],
            ("key", "done", "closed"),
        ),
        Input(
            "deadlines_met",
            ("mode", "kind", "key"),
            lambda key, rows: [(key[0], BOUNDARY, key_of((key[1], r.service))) for r in rows["service_states"]],
            ("met_s",),
        ),
    ),
    affects={
        "service_states": lambda row: [(row.mode, row.org)],
        "closed_differences": lambda row: [(row.mode, row.whose)] if row.reaction == _REACTION else [],
        "deadlines_met": lambda row: [(row.mode, item_parts(row.key)[0])] if row.kind == BOUNDARY else [],
    },
    derive=_derive,
)
