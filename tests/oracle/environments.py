"""Environments, spending limits and tax terms by looking: all that was ever said of each, as a whole."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
Key = tuple[str, ...]


def environment_rows(decided: Iterable[tuple[Any, int]]) -> dict[str, dict[Key, Row]]:
    """The read models of what people say about hosting, and of how near limits came."""
    said = [event for event, _ in decided]
    environments: dict[Key, list[Any]] = {}
    limits: dict[Key, list[Any]] = {}
    terms: dict[Key, list[Any]] = {}
    for event in said:
        kind = event.NAME.partition(".")[0]
        if kind == "environment":
            environments.setdefault((event.mode, event.environment), []).append(event)
        elif kind == "spending_limit":
            limits.setdefault((event.mode, event.org), []).append(event)
        elif kind == "tax_terms":
            whose = f"org/{event.org}" if event.org is not None else "everybody"
            terms.setdefault((event.mode, whose), []).append(event)
    return {
        "environments": {key: _environment(key, mine) for key, mine in environments.items()},
        "spending_limits": {key: _limit(key, mine) for key, mine in limits.items()},
        "tax_terms": {key: _terms(key, mine[-1]) for key, mine in terms.items() if mine[-1].NAME == "tax_terms.set"},
    }


def _named(said: list[Any], *names: str) -> list[Any]:
    return [e for e in said if e.NAME.partition(".")[2] in names]


def _timeline(first: str, said: list[Any], what: str) -> list[Row]:
    """The last word about each instant, by instant; the first one holds from the beginning."""
    instants = sorted({e.at_s for e in said})
    words = [(at_s, [getattr(e, what) for e in said if e.at_s == at_s][-1]) for at_s in instants]
    return [{what: first, "from_s": None}, *({what: value, "from_s": at_s} for at_s, value in words)]


def _environment(key: Key, said: list[Any]) -> Row:
    made = said[0]
    names = [made.name, *(e.name for e in _named(said, "renamed"))]
    last = {e.org: e.NAME for e in _named(said, "shared", "unshared")}
    shared = sorted(org for org, name in last.items() if name == "environment.shared")
    owners = _timeline(made.org, _named(said, "moved"), "org")
    cards = _timeline(made.rate_card, _named(said, "rate_card_changed"), "rate_card")
    outages = {e.outage: e for e in _named(said, "outage_credited", "outage_withdrawn")}
    picked = ("outage", "from_s", "until_s", "percent", "reason")
    return {
        "mode": key[0], "id": key[1], "org": owners[-1]["org"], "name": names[-1], "is_default": made.default,
        "state": "archived" if _named(said, "archived") else "active", "rate_card": cards[-1]["rate_card"],
        "shared_with": shared, "orgs": sorted({o["org"] for o in owners} | set(shared)), "owners": owners,
        "rate_cards": cards, "version": len(said),
        "outages": [
            {name: getattr(e, name) for name in picked}
            for _, e in sorted(outages.items()) if e.NAME == "environment.outage_credited"
        ],
    }  # fmt: skip


def _limit(key: Key, said: list[Any]) -> Row:
    last = (_named(said, "set") or [None])[-1]
    reached = _named(said, "threshold_reached")
    month = reached[-1].month if reached else None
    switched = _named(said, "stopped", "resumed")
    return {
        "mode": key[0], "org": key[1], "limit_minor": last and last.limit_minor, "currency": last and last.currency,
        "hard_stop": bool(last and last.hard_stop), "month": month,
        "reached": sorted({e.percent for e in reached if e.month == month}),
        "spent": reached[-1].spent if reached else None,
        "stopped": bool(switched) and switched[-1].NAME == "spending_limit.stopped", "version": len(said),
    }  # fmt: skip


def _terms(key: Key, said: Any) -> Row:
    rates = [{"id": r.id, "percentage": r.percentage, "inclusive": r.inclusive} for r in said.tax_rates]
    plain = ("org", "automatic_tax", "tax_behavior", "tax_code", "tax_exempt")
    return {"mode": key[0], "id": key[1], "tax_rates": rates, **{name: getattr(said, name) for name in plain}}
