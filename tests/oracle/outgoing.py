"""What is due, what nobody was told of yet, and what is to be sent, by looking at everything at once.

`met` are (mode, kind, key, at_s) of deadlines that were met; `told` maps (mode, org, feature) to what was told last and
how often; notices, endpoints and attempts are plain dictionaries.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oracle import passthrough, service

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
Key = tuple[str, ...]

SEGMENT = ("state", "granted", "limit", "unlimited", "kind", "period", "reset", "soft", "from_s", "until_s")


def _spelled(*parts: str) -> str:
    return ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in parts)


def _shown(segments: list[Row]) -> list[Row]:
    return [{name: s.get(name) for name in SEGMENT} for s in segments]


def _due_times(rows: Rows) -> Iterable[tuple[Key, int, Row]]:
    """Every due time that there ever is, met or not: (mode, kind, key), when, and what is known of it."""
    for (mode, account, id), s in rows["subscriptions"].items():
        if s["status"] == "trialing" and s["trial_end_s"] is not None:
            about = {"account": account, "customer": s["customer"], "subscription": id}
            whose = {"org": None, "account": account if s["customer"] else None, "customer": s["customer"] or None}
            yield (mode, "trial.ending", _spelled(account, id)), s["trial_end_s"], {**whose, "about": about}
    for (mode, org, feature), o in rows["overrides"].items():
        whose = {"org": org, "account": None, "customer": None}
        if o["until_s"] is not None:
            about = {"feature": feature, "granted": o["granted"]}
            yield (mode, "override.ending", _spelled(org, feature)), o["until_s"], {**whose, "about": about}
    for (mode, org, feature), e in rows["entitlements"].items():
        whose = {"org": org, "account": None, "customer": None}
        shown = _shown(e["segments"])
        for place, segment in enumerate(shown):
            if segment["until_s"] is not None:
                then = shown[place + 1] if place + 1 < len(shown) else None
                about = {"feature": feature, "before": segment, "now": then}
                where = (mode, "entitlement.turning", _spelled(org, feature))
                yield where, segment["until_s"], {**whose, "about": about}
    if "service_states" in rows:
        yield from service.due_times(rows)
    for (mode, area), a in rows.get("launch_areas", {}).items():
        if a["signed"] and a["until_s"] is not None:
            whose = {"org": None, "account": None, "customer": None}
            yield (mode, "launch.sign_off_ending", _spelled(area)), a["until_s"], {**whose, "about": {"area": area}}
        for span in (a["holds"] or ()) if a["signed"] else ():
            if span["until_s"] is not None:
                whose = {"org": None, "account": None, "customer": None}
                about = {"area": area, "holds": a["holds"]}
                yield (mode, "launch.policies_over", _spelled(area)), span["until_s"], {**whose, "about": about}
    if "reservations" in rows:
        yield from passthrough.due_times(rows)


def deadlines(rows: Rows, met: Iterable[tuple[str, str, str, int]] = ()) -> dict[Key, Row]:
    """The earliest due time of each kind and key that was not met."""
    done = set(met)
    left: dict[Key, list[tuple[int, Row]]] = {}
    for where, at_s, about in _due_times(rows):
        if (*where, at_s) not in done:
            left.setdefault(where, []).append((at_s, about))
    names = ("mode", "kind", "key")
    found = {}
    for where, times in left.items():
        at_s, about = min(times, key=lambda t: t[0])
        found[where] = {**dict(zip(names, where, strict=True)), "at_s": at_s, **about}
    return found


def entitlement_changes(rows: Rows, told: Mapping[Key, tuple[Any, int]] | None = None) -> dict[Key, Row]:
    """Features that are not as they were told last."""
    said = told or {}
    found = {}
    for key in rows["entitlements"].keys() | said.keys():
        row = rows["entitlements"].get(key)
        now = _shown(row["segments"]) if row is not None else None
        was, closed = said.get(key, (None, 0))
        if now != was:
            names = dict(zip(("mode", "org", "feature"), key, strict=True))
            found[key] = {**names, "was": was, "now": now, "closed": closed}
    return found


def receivers(notice: Row, endpoints: Iterable[Row]) -> set[str]:
    """The endpoints that a notice goes to. `at` of a notice, `from` and `to` of an endpoint are places in the log."""
    there = [e for e in endpoints if e["from"] < notice["at"] and (e["to"] is None or notice["at"] < e["to"])]
    if notice["endpoint"] is not None:
        return {e["id"] for e in there if e["id"] == notice["endpoint"]}
    asked = [e for e in there if not e["types"] or notice["type"] in e["types"]]
    return {e["id"] for e in asked if e["org"] in (None, notice["org"])}
