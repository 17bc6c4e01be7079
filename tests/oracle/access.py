"""Entitlements by looking: for every stretch of time, ask each source what it grants there, and join the answers.

The product builds schedules and cuts them; this asks at a point of each stretch. The two meet in the segments.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from oracle.service import service_of
from oracle.setups import waits

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
    """What one source says about one feature: a subscription, a plan, an operator's override, or Stripe's endless word.

    A plan that came by a subscription has both.
    """

    feature: str
    subscription: Row | None
    stated: bool
    limit: int | None
    source: Row
    override: Row | None = None
    placement: Row | None = None
    definition: Row = {}  # noqa: RUF012 # never changed
    hold: str | None = None
    """The state in which a service holds it back from `ended_s` on, whatever is granted."""
    ended: str | None = None
    """The state in which its closed service leaves it from `ended_s` on."""
    ended_s: int = LONG_AGO
    waits: bool = False
    """Whether it is not set up yet, though something else grants the same."""

    def state_at(self, t: int) -> str | None:
        """Its word at a time; None before it says anything, or when it has run out."""
        if self.hold is not None:
            return self.hold if t >= self.ended_s else None
        word = self._own_word(t)
        if self.ended is not None and word in GRANTED and t >= self.ended_s:
            return self.ended
        return "pending_setup" if self.waits and word in GRANTED else word

    def _own_word(self, t: int) -> str | None:
        if self.override is not None:
            return _overridden_at(self.override, t)
        if self.placement is not None and self.subscription is None:
            return _placed_at(self.placement, t)
        if self.subscription is None:
            return "active"
        if self.placement is not None:
            promised = self._promised()
            if promised is not None:
                started = self.subscription["start_date_s"] or self.subscription["created_s"]
                return "revoked" if t >= promised else "active" if t >= started else None
        return _state_at(self.subscription, t)

    def _promised(self) -> int | None:
        """When a commitment that was paid is delivered, where that is after the subscription's end."""
        assert self.subscription is not None
        return promised_until(self.subscription, self.definition.get("commitment"))

    def times(self) -> list[int]:
        """When its word may change."""
        s = self.override or self.subscription or self.placement or {}
        names = ("start_date_s", "created_s", "ended_at_s", "canceled_at_s", "trial_end_s", "cancel_at_s")
        found = [s[n] for n in (*names, "current_period_end_s", "from_s", "until_s") if s.get(n) is not None]
        promised = self._promised() if self.placement is not None and self.subscription is not None else None
        found += [self.ended_s] if self.hold or self.ended else []
        return found if promised is None else [*found, promised]

    def meant(self) -> tuple[str | None, str | None, str | None]:
        """Kind, period and reset of its limit."""
        quota = self.definition.get("quotas", {}).get(self.feature)
        if quota is not None:
            return "quota", quota["period"], quota["reset"]
        return ("gauge" if self.feature in self.definition.get("gauges", {}) else None), None, None

    def policy(self, name: str) -> bool:
        """Whether the plan's service policy names the feature under this."""
        return self.feature in self.definition.get("service_policy", {}).get(name, ())


def _placed_at(placement: Row, t: int) -> str | None:
    if placement["from_s"] is not None and t < placement["from_s"]:
        return None
    over = placement["until_s"] is not None and t >= placement["until_s"]
    return "revoked" if over or placement["refunded"] else "active"


def promised_until(s: Row, commitment: Row | None) -> int | None:
    """When what was paid for is delivered, of a subscription that ends earlier and was never short of money."""
    ended = MEANING.get(s["status"]) == "revoked"
    end = (s["ended_at_s"] or s["canceled_at_s"]) if ended else s["cancel_at_s"]
    if not ended and end is None and s["cancel_at_period_end"]:
        end = s["current_period_end_s"]
    start = s["start_date_s"] or s["created_s"]
    if (
        commitment is None
        or end is None
        or start is None
        or s["cancellation_reason"] in ("payment_failed", "payment_disputed")
    ):
        return None
    if not ended and (s["status"] != "active" or start >= end):
        return None
    paid, delivered = commitment["paid_months"], commitment["delivered_months"]
    for months in range(0, 1200, delivered):
        paid_up, over = _months_after(start, months + paid), _months_after(start, months + delivered)
        if paid_up <= end < over:
            return over
    return None


def _months_after(start: int, months: int) -> int:
    begin = datetime.fromtimestamp(start, UTC)
    year, month = begin.year + (begin.month - 1 + months) // 12, (begin.month - 1 + months) % 12 + 1
    for day in (begin.day, 30, 29, 28):
        with suppress(ValueError):
            return int(begin.replace(year=year, month=month, day=day).timestamp())
    raise AssertionError("no month is shorter")


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
        planned = _planned(rows, mode, org, customers)
        theirs = {(g.source["account"], g.source["placement"], g.feature) for g in planned}
        grants = [g for g in grants if (g.source["account"], g.source["subscription"], g.feature) not in theirs]
        grants += planned
        grants += [
            g for key in sorted(rows["entitlement_summaries"], key=_by_account) for g in _told(rows, key, customers)
        ]
        grants += [_said(o) for key, o in rows["overrides"].items() if key[:2] == (mode, org)]
        grants = _set_up(rows, mode, _closed(rows, mode, org, grants))
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
    named = [*rows["overrides"].values(), *rows["plan_placements"].values()]
    return linked | {(row["mode"], row["org"]) for row in named if row["org"]}


def _planned(rows: Rows, mode: str, org: str, customers: set[tuple[str, ...]]) -> list[Grant]:
    """What the organization's plans say, each about all of its features."""
    found = []
    for key in sorted(rows["plan_placements"]):
        p = rows["plan_placements"][key]
        plan = rows["plans"].get((mode, p["plan_id"]))
        if (p["mode"], p["org"]) != (mode, org) or plan is None:
            continue
        s = rows["subscriptions"].get(key) if p["kind"] == "subscription" else None
        if p["kind"] == "subscription" and (s is None or (mode, s["account"], s["customer"]) not in customers):
            continue
        it = plan["definition"]
        limits = {**{f: q["limit"] for f, q in it.get("quotas", {}).items()}, **it.get("gauges", {})}
        for feature in sorted({*it.get("features", ()), *limits}):
            stated = feature in limits
            found.append(Grant(feature, s, stated, limits.get(feature), _placed(p, s), None, p, it))
    return found


def _placed(p: Row, s: Row | None) -> Row:
    price = p["why"].get("price")
    items = [i["id"] for i in (s["items"] or [] if s else []) if price and i["price"] == price]
    return {
        "by": "plan",
        "account": p["account"],
        "customer": p["customer"],
        "through": p["kind"],
        "placement": p["subscription"],
        "plan": p["plan"],
        "version": p["version"],
        "item": items[0] if items else None,
        "price": price,
        "status": s["status"] if s else None,
        "reason": p["why"].get("reason"),
    }


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


def _set_up(rows: Rows, mode: str, grants: list[Grant]) -> list[Grant]:
    """What waits for setup: a feature is held back where nothing but what waits sells it."""
    cases = [_waits_for(rows, mode, g) for g in grants]
    sold = [(g, case) for g, case in zip(grants, cases, strict=True) if g.override is None and g.hold is None]
    elsewhere = {
        g.feature for g, case in sold if case is None and any(g.state_at(t) in GRANTED for t, _ in _spans([g]))
    }
    found, holds = [], {}
    for g, case in zip(grants, cases, strict=True):
        if case is not None and g.feature in elsewhere:
            g = g._replace(waits=True)
        elif case is not None:
            source = {"by": "setup", **{n: case[n] for n in ("account", "placement")}, "step": case["next_step"]}
            hold = Grant(g.feature, None, False, None, source, hold="pending_setup")
            holds.setdefault((g.feature, case["account"], case["placement"]), hold)
        found.append(g)
    return found + list(holds.values())


def _ever_granted(g: Grant) -> bool:
    return any(g.state_at(t) in GRANTED for t, _ in _spans([g]))


def _waits_for(rows: Rows, mode: str, g: Grant) -> Row | None:
    if g.override is not None or g.hold is not None:
        return None
    if g.source["by"] == "stripe":
        theirs = [
            waits(rows, key)
            for key, s in sorted(rows["subscriptions"].items())
            if (s["mode"], s["account"], s["customer"]) == (mode, g.source["account"], g.source["customer"])
            and s["status"] not in ("canceled", "incomplete_expired")
        ]
        return theirs[0] if theirs and all(theirs) else None
    id = g.source["placement"] if g.source["by"] == "plan" else g.source["subscription"]
    return waits(rows, (mode, g.source["account"], id))


def _closed(rows: Rows, mode: str, org: str, grants: list[Grant]) -> list[Grant]:
    """What service control takes away: a feature is held back where all that sells it is closed."""
    shut = {
        key[2]: row
        for key, row in rows.get("service_states", {}).items()
        if key[:2] == (mode, org) and row["enforced"] and row["state"] in ("paused", "suspended", "cancelled")
    }
    ends = [_end(rows, shut, mode, g) for g in grants]
    left = {g.feature for g, end in zip(grants, ends, strict=True) if end is None and g.override is None}
    found, holds = [], {}
    for g, end in zip(grants, ends, strict=True):
        if end is not None and g.feature in left:
            g = g._replace(ended=end[1], ended_s=end[0]["closed_s"])
        elif end is not None:
            row, state = end
            why = row["why"]
            reason = why.get("reason") or (f"{why['invoice']} is unpaid" if why.get("invoice") else None)
            source = {"by": "service", "service": row["service"], "status": row["state"], "reason": reason}
            hold = Grant(g.feature, None, False, None, source, hold=state, ended_s=row["closed_s"])
            holds.setdefault((g.feature, row["service"]), hold)
        found.append(g)
    return found + list(holds.values())


def _end(rows: Rows, shut: dict[str, Row], mode: str, g: Grant) -> tuple[Row, str] | None:
    """The closed service that ends a grant, and the state that it leaves."""
    if g.override is not None:
        return None
    if g.source["by"] == "stripe":
        theirs = [
            s
            for s in rows["subscriptions"].values()
            if (s["mode"], s["account"], s["customer"]) == (mode, g.source["account"], g.source["customer"])
            and s["status"] not in ("canceled", "incomplete_expired")
        ]
        which = [(s["mode"], s["account"], s["id"]) for s in theirs]
    else:
        id = g.source["placement"] if g.source["by"] == "plan" else g.source["subscription"]
        which = [(mode, g.source["account"], id)]
    ends = []
    for key in which:
        row = shut.get(service_of(rows, key, key[2]))
        placement = rows["plan_placements"].get(key)
        plan = rows["plans"].get((key[0], placement["plan_id"])) if placement else None
        said = (plan["definition"].get("service_policy") or {}).get("when_unpaid") if plan else None
        if row is None:
            return None
        state = {"restrict": "restricted", "suspend": "suspended", "keep": None}[said or "restrict"]
        state = "suspended" if row["by"] == "operator" else state
        state = "revoked" if row["state"] == "cancelled" else state
        if state is None:
            return None
        ends.append((row, state))
    return min(ends, key=lambda e: e[0]["service"]) if ends else None


def _spans(grants: list[Grant]) -> list[tuple[int, int]]:
    times = sorted({LONG_AGO, FAR_AHEAD, *(t for g in grants for t in g.times())})
    return list(pairwise(times))


def _segment(grants: list[Grant], start: int, end: int) -> Row | None:
    """What holds from `start` to `end`, where nothing changes; None where nobody says anything."""
    words = [(g.state_at(start), g) for g in grants]
    speaking = [(state, g) for state, g in words if state is not None and g.hold is None]
    # an operator's word is the only one while it holds
    speaking = [(state, g) for state, g in speaking if g.override is not None] or speaking
    if not speaking:
        return None
    state = next(s for s in STRENGTH if s in {state for state, _ in speaking})
    holding = [state for state, g in words if state is not None and g.hold is not None]
    if state in GRANTED and holding:
        state = max(holding, key=STRENGTH.index)
    granted = state in GRANTED
    limit, meant = _limit([g for word, g in speaking if word in GRANTED], words) if granted else (0, (None,) * 3)
    spoken = [g for word, g in words if word is not None]
    return {
        "state": state,
        "granted": granted,
        "limit": limit,
        "unlimited": granted and limit is None,
        **dict(zip(("kind", "period", "reset"), meant, strict=True)),
        "soft": granted and any(g.policy("soft_limits") for g in spoken),
        "fail_open": granted and any(g.policy("fail_open") for g in spoken),
        "from_s": None if start == LONG_AGO else start,
        "until_s": None if end == FAR_AHEAD else end,
    }


Meant = tuple[str | None, ...]


def _limit(granting: list[Grant], words: list[tuple[str | None, Grant]]) -> tuple[int | None, Meant]:
    """How much, and how that is meant: limits that are meant alike add up, and of others the greatest counts."""
    stated = [(g.limit, g.meant()) for g in granting if g.stated]
    if not stated or any(limit is None for limit, _ in stated):
        return None, (None,) * 3
    sums = [(sum(n or 0 for n, m in stated if m == meant), [p or "" for p in meant], meant) for _, meant in stated]
    limit, _, meant = max(sums)
    if granting[0].override is not None:  # it says how much; what was sold, granted or not, says of what
        of_what = [
            (g.limit or 0, [p or "" for p in g.meant()], g.meant())
            for w, g in words
            if w and g.stated and not g.override
        ]
        return limit, max(of_what)[2] if of_what else meant
    return limit, meant


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
    return tuple(v for k, v in segment.items() if k not in ("from_s", "until_s"))


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
    meant = dict(zip(("kind", "period", "reset"), grant.meant(), strict=True))
    return {**grant.source, "limit": grant.limit, "unlimited": unlimited, **meant, "segments": segments}
