"""Entitlements as people read them on a terminal, and as programs do. Reads nothing."""

from typing import Any

from projections.base import Row
from projections.entitlements_schedule import deciding, standing
from replay.cli.printing import number, say
from replay.entitlement_history import Change, told
from replay.export import time_of


def row_as_json(row: Row, now_s: float) -> dict[str, Any]:
    """An entitlement for programs."""
    because = deciding(row.sources, now_s)
    sources = [{**s, "decides": i in because} for i, s in enumerate(row.sources)]
    return {"feature": row.feature, **standing(row.segments, now_s).now, "segments": row.segments, "sources": sources}


def row_line(row: Row, now_s: float) -> tuple[str | None, ...]:
    """An entitlement as a line: feature, state, limit, until, why."""
    now = standing(row.segments, now_s).now
    why = ", ".join(_called(row.sources[i]) for i in deciding(row.sources, now_s))
    return row.feature, now["state"], _limit(now), _time(now["until_s"]), why or None


def _limit(now: Any) -> str | None:
    if not now["granted"]:
        return None
    much = "unlimited" if now["unlimited"] else number(now["limit"])
    return f"{much} a {now['period']}" if now.get("period") else much


def _called(source: Any) -> str:
    """What people know a source as."""
    if source["by"] == "override":
        return f"override ({source['reason']})"
    if source["by"] == "plan":
        return f"{source['plan']} version {source['version']} by {source['placement']}"
    if source["by"] == "service":
        return f"the service {source['service']}, {source['status']} ({source['reason']})"
    if source["by"] == "stripe":
        return f"Stripe's entitlements of {source['customer']}"
    return f"{source['subscription']} ({source['status']})"


def say_feature(row: Row, now_s: float) -> None:
    """Print everything about one entitlement."""
    now, following = standing(row.segments, now_s)
    until = f" until {_time(now['until_s'])}" if now["until_s"] is not None else ""
    say(f"{row.feature}: {now['state']}{until}, {_limit(now) or 'not granted'}")
    for segment in following:
        say(f"  from {_time(segment['from_s'])}: {segment['state']}, {_limit(segment) or 'not granted'}")
    because = deciding(row.sources, now_s)
    for i, source in enumerate(row.sources):
        say(f"  {'decided by' if i in because else 'beside it'} {_called(source)}")
        where = " ".join(f"{k} {source[k]}" for k in ("account", "item", "price", "stream") if source.get(k))
        version = f" version {source['version']}" if source["by"] == "override" else ""
        say(f"    {where}{version}")


def change_as_json(change: Change) -> dict[str, Any]:
    """A change for programs."""
    segments = change.row.segments if change.row is not None else ()
    now = standing(segments, change.at_s).now
    return {"at_s": change.at_s, "position": change.position, "cause": told(change.cause)._asdict(), **now}


def change_line(change: Change) -> tuple[str | None, ...]:
    """A change as a line: when, state, limit, cause, by whom."""
    segments = change.row.segments if change.row is not None else ()
    now, cause = standing(segments, change.at_s).now, told(change.cause)
    said = "time alone" if cause.kind == "time" else " ".join(filter(None, (cause.type or cause.event, cause.id)))
    by = f"{cause.actor}: {cause.reason}" if cause.reason else cause.actor
    return _time(change.at_s), now["state"], _limit(now), said, by


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{time_of(int(seconds * 1_000_000)):%Y-%m-%d %H:%M:%S}"
