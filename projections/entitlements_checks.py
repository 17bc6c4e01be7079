"""Checks: may so much of a feature be used now? Closed where that cannot be told, unless the plan's policy is open.

Refuses to know what was used: a quota answers its limit and its period.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from projections.entitlements_schedule import OVERRIDE, deciding, standing

#: Why something is allowed or denied.
REASONS = {
    "granted": "It is granted, and the limit does not speak against it",
    "overage": "It is granted, and the plan lets it go on beyond the limit, as overage",
    "fail_open": "Nobody can tell just now, and the plan says that it may be used then",
    "not_granted": "Nothing grants it, or not yet",
    "denied": "An operator denied it",
    "over_limit": "The quantity alone is more than the limit",
    "pending_setup": "It was bought, and its setup is not done",
    "restricted": "What grants it is not paid yet",
    "suspended": "What grants it is unpaid or paused, or the service is suspended",
    "revoked": "What granted it is canceled, expired or over",
    "uncertain": "What is known may be out of date: an event could not be applied",
}
ALLOWING = frozenset({"granted", "overage", "fail_open"})


class Checked(NamedTuple):
    """The answer to a check."""

    allowed: bool
    reason: str
    """One of `REASONS`."""
    now: Mapping[str, Any]
    """The segment that holds."""
    remaining: int | None
    """What is left, where that can be told without counting use; None: it cannot, or there is no limit."""
    because: list[int]
    """Which of the sources decided."""


def check(
    segments: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
    *,
    quantity: int,
    now_s: float,
    stale: bool,
) -> Checked:
    """Whether `quantity` more may be used at a time, by a feature's stored row. `stale`: the row may be out of date."""
    now = standing(segments, now_s).now
    because = deciding(sources, now_s)
    reason = _reason(now, quantity, stale, any(sources[i]["by"] == OVERRIDE for i in because))
    return Checked(reason in ALLOWING, reason, now, None if now["granted"] else 0, because)


def _reason(now: Mapping[str, Any], quantity: int, stale: bool, overridden: bool) -> str:
    if not now["granted"]:
        if now["state"] == "none":
            return "not_granted"
        return "denied" if overridden else str(now["state"])
    beyond = now["limit"] is not None and quantity > now["limit"]
    if beyond and not now.get("soft"):
        return "over_limit"
    if stale:
        return "fail_open" if now.get("fail_open") else "uncertain"
    return "overage" if beyond else "granted"
