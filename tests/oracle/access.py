"""Entitlements by looking: for every stretch of time, ask each source what it grants there, and join the answers.

The product builds schedules and cuts them; this asks at a point of each stretch. The two meet in the segments.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

STRENGTH = ["active", "trialing", "grace", "pending_setup", "restricted", "suspended", "revoked"]
GRANTED = {"active", "trialing", "grace"}
MEANING = {
    "active": "active",
    "trialing": "trialing",
    "past_due": "grace",
    "incomplete": "restricted",
    "unpaid": "suspended",
    "paused": "suspended",
    "canceled": "revoked",
    "incomplete_expired": "revoked",
}
#: Before and after all times that anything says.
LONG_AGO, FAR_AHEAD = -(10**15), 10**15


class Grant(NamedTuple):
    """What one source says about one feature: a subscription, an operator's override, or Stripe's own endless word."""

    feature: str
    subscription: Row | None
    stated: bool
    limit: int | None
    source: Row
    override: Row | None = None

    def state_at(self, t: int) -> str | None:
        """Its word at a time; None before it says anything, or when it has run out."""
        if self.override is not None:
            return _overridden_at(self.override, t)
        return "active" if self.subscription is None else _state_at(self.subscription, t)

    def times(self) -> list[int]:
        """When its word may change."""
        s = self.override or self.subscription or {}
        names = ("start_date_s", "created_s", "ended_at_s", "canceled_at_s", "trial_end_s", "cancel_at_s")
        return [s[n] for n in (*names, "current_period_end_s", "from_s", "until_s") if s.get(n) is not None]


def _overridden_at(o: Row, t: int) -> str | None:
    if (o["from_s"] is not None and t < o["from_s"]) or (o["until_s"] is not None and t >= o["until_s"]):
        return None
    return "active" if o["granted"] else "revoked"


def _state_at(s: Row, t: int) -> str | None:
    state = MEANING.get(s["status"], "restricted")
    if state == "revoked":
        since = s["ended_at_s"] or s["canceled_at_s"]
        return "revoked" if since is None or t >= since else None
    end = s["cancel_at_s"]
    if end is None and s["cancel_at_period_end"] and s["current_period_end_s"] is not None:
        end = s["current_period_end_s"]
    if end is not None and t >= end:
        return "revoked"
    start = s["start_date_s"] or s["created_s"]
    if start is not None and t < start:
        return None
    if state == "trialing" and s["trial_end_s"] is not None and t >= s["trial_end_s"]:
        return "grace"  # until Stripe says how the trial ended, nobody is cut off
    return state


def entitlements(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every feature that some source of an organization mentions."""
    found = {}
    for mode, org in _organizations(rows):
        customers = {k for k, link in rows["org_links"].items() if (k[0], link["org"]) == (mode, org)}
        grants = [g for key in sorted(rows["subscriptions"], key=_by_account) for g in _sold(rows, key, customers)]
        grants += [
            g for key in sorted(rows["entitlement_summaries"], key=_by_account) for g in _told(rows, key, customers)
        ]
        grants += [_said(o) for key, o in rows["overrides"].items() if key[:2] == (mode, org)]
        for feature in {g.feature for g in grants}:
            mine = [g for g in grants if g.feature == feature]
            found[mode, org, feature] = {
                "mode": mode,
                "org": org,
                "feature": feature,
                "segments": _merged([_segment(mine, *span) for span in _spans(mine)]),
                "sources": [_source(g) for g in mine],
            }
    return found


def _organizations(rows: Rows) -> set[tuple[str, str]]:
    """Whoever is billed for a customer, or had something granted or denied."""
    linked = {(link["mode"], link["org"]) for link in rows["org_links"].values() if link["org"]}
    return linked | {(o["mode"], o["org"]) for o in rows["overrides"].values()}


def _said(o: Row) -> Grant:
    source = {"by": "override", "stream": o["stream"], "version": o["version"], "reason": o["reason"]}
    return Grant(o["feature"], None, o["limit"] is not None, o["limit"], source, o)


def overridden(acts: Iterable[Any]) -> dict[tuple[str, ...], Row]:
    """The last act on each feature, unless that ended it."""
    told: dict[tuple[str, ...], list[Any]] = {}
    for act in acts:
        told.setdefault((act.mode, act.org, act.feature), []).append(act)
    return {
        key: {
            **dict(zip(("mode", "org", "feature"), key, strict=True)),
            **{n: getattr(acts[-1], n) for n in ("granted", "limit", "from_s", "until_s", "reason")},
            "stream": f"override/{key[0]}/{_escaped(key[1])}:{_escaped(key[2])}",
            "version": len(acts),
        }
        for key, acts in told.items()
        if acts[-1].granted is not None
    }


def _escaped(part: str) -> str:
    return "".join({"%": "%25", "/": "%2F", ":": "%3A"}.get(letter, letter) for letter in part)


def _by_account(key: tuple[str, ...]) -> tuple[str, ...]:
    return key[1:]


def _sold(rows: Rows, key: tuple[str, ...], customers: set[tuple[str, ...]]) -> list[Grant]:
    s = rows["subscriptions"][key]
    if (s["mode"], s["account"], s["customer"]) not in customers:
        return []
    grants = []
    for item in s["items"] or []:
        price = rows["prices"].get((s["mode"], s["account"], item["price"])) or {}
        product_id = item["product"] or price.get("product")
        product = rows["products"].get((s["mode"], s["account"], product_id)) or {}
        limits = {**(product.get("limits") or {}), **(price.get("limits") or {})}
        for feature in sorted({*(product.get("features") or []), *(price.get("features") or [])}):
            source = {
                "by": "subscription",
                "account": s["account"],
                "customer": s["customer"],
                "subscription": s["id"],
                "item": item["id"],
                "price": item["price"],
                "product": product_id,
                "quantity": item["quantity"],
                "status": s["status"],
            }
            grants.append(Grant(feature, s, feature in limits, limits.get(feature), source))
    return grants


def _told(rows: Rows, key: tuple[str, ...], customers: set[tuple[str, ...]]) -> list[Grant]:
    if key not in customers:
        return []
    summary = rows["entitlement_summaries"][key]
    source = {"by": "stripe", "account": summary["account"], "customer": summary["id"]}
    return [Grant(e["lookup_key"] or e["feature"], None, False, None, source) for e in summary["entitlements"]]


def _spans(grants: list[Grant]) -> list[tuple[int, int]]:
    times = sorted({LONG_AGO, FAR_AHEAD, *(t for g in grants for t in g.times())})
    return list(pairwise(times))


def _segment(grants: list[Grant], start: int, end: int) -> Row | None:
    """What holds from `start` to `end`, where nothing changes; None where nobody says anything."""
    words = [(g.state_at(start), g) for g in grants]
    speaking = [(state, g) for state, g in words if state is not None]
    # an operator's word is the only one while it holds
    speaking = [(state, g) for state, g in speaking if g.override is not None] or speaking
    if not speaking:
        return None
    state = next(s for s in STRENGTH if s in {state for state, _ in speaking})
    limit: int | None = 0
    unlimited = False
    if state in GRANTED:
        stated = [g.limit for word, g in speaking if word in GRANTED and g.stated]
        unlimited = not stated or None in stated
        limit = None if unlimited else sum(n for n in stated if n is not None)
    return {
        "state": state,
        "granted": state in GRANTED,
        "limit": limit,
        "unlimited": unlimited,
        "kind": None,
        "period": None,
        "reset": None,
        "fail_open": False,
        "from_s": None if start == LONG_AGO else start,
        "until_s": None if end == FAR_AHEAD else end,
    }


def _merged(segments: list[Row | None]) -> list[Row]:
    """Neighbors that say the same, as one; stretches where nobody speaks left out."""
    merged: list[Row] = []
    for segment in segments:
        if segment is None:
            continue
        last = merged[-1] if merged else None
        if last and last["until_s"] == segment["from_s"] and _word(last) == _word(segment):
            last["until_s"] = segment["until_s"]
        else:
            merged.append(dict(segment))
    return merged


def _word(segment: Row) -> tuple[Any, ...]:
    return segment["state"], segment["limit"], segment["unlimited"]


def _source(grant: Grant) -> Row:
    own = [(t, e, grant.state_at(t)) for t, e in _spans([grant])]
    segments: list[Row] = []
    for start, end, state in own:
        if state is None:
            continue
        if segments and segments[-1]["state"] == state and segments[-1]["until_s"] == start:
            segments[-1]["until_s"] = end
        else:
            segments.append({"state": state, "from_s": start, "until_s": end})
    for segment in segments:
        segment["from_s"] = None if segment["from_s"] == LONG_AGO else segment["from_s"]
        segment["until_s"] = None if segment["until_s"] == FAR_AHEAD else segment["until_s"]
    unlimited = not grant.stated or grant.limit is None
    return {**grant.source, "limit": grant.limit, "unlimited": unlimited, "segments": segments}
