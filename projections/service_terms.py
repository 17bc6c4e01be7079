"""Which service policy a debt is under: the one that its plan names, in its newest version, with the plan's own grace.

Refuses to know the invoice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger.service_policy import BUILT_IN, STANDARD, written
from projections.base import Row


class Policy(NamedTuple):
    """The policy that counts for a debt."""

    key: str
    """As the plan names it."""
    version: int
    enforced: bool
    definition: Mapping[str, Any]
    plan_id: str | None
    known: bool
    """False: there is none of that name, and the standard one counts."""


def plan_of(rows: Mapping[str, Sequence[Row]]) -> Mapping[str, Any]:
    """What the plan says that the debt's subscription is on; nothing, where it is on none."""
    return next((p.definition for p in rows["plans"]), {})


def policy_key(rows: Mapping[str, Sequence[Row]]) -> str:
    """The policy that the plan names."""
    return (plan_of(rows).get("service_policy") or {}).get("policy") or STANDARD


def policy_of(rows: Mapping[str, Sequence[Row]]) -> Policy:
    """The policy that the plan names; one that nobody knows is told as that, and the standard one counts."""
    key = policy_key(rows)
    published = {p.policy: p for p in rows["service_policies"]}
    known = key in published or key in BUILT_IN
    used = key if known else STANDARD
    plan_id = next((p.id for p in rows["plans"]), None)
    row = published.get(used)
    if row is None:
        return Policy(key, 0, False, written(BUILT_IN[used]), plan_id, known)
    return Policy(key, row.version, row.enforced, row.definition, plan_id, known)


def stages_of(told: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    """The policy's stages, with the grace that the plan itself promises."""
    days = (plan_of(rows).get("service_policy") or {}).get("grace_days")
    stages = [dict(s) for s in told["stages"]]
    for stage in stages[:-1]:
        if stage["state"] == "grace" and days is not None:
            stage["days"] = days
    return stages
