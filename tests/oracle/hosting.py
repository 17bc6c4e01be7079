"""Hosting by looking: every event of hosting, in the log's order, priced the plainest way there is.

For each record, each second at which anything might change is a cut; between two cuts one looks up everything anew. So
slow that only small histories can be told, and without any step by step: what is in the log decides, not when it came.
It shares with the product one rule alone, because it is a definition: by an instant, a record has been used in whole
billionths, rounded down.
"""

import json
from fractions import Fraction
from itertools import pairwise
from typing import Any

DAY = 86_400
Key = tuple[str, str, int]


def accruals(said: list[Any]) -> dict[Key, Fraction]:
    """(organization, environment, day) -> what it costs, by all that was ever said; in exact minor units."""
    found: dict[Key, Fraction] = {}
    for namespace, record in _records(said):
        cuts = _cuts(said, record)
        for start, end in pairwise(cuts):
            used = Fraction(_used(record, end) - _used(record, start), 10**9)
            environment = _place(said, namespace, record["project"], start)
            made = _created(said, environment)
            rates = _rates(said, _card(said, made, start), start) if made is not None else None
            if made is None or rates is None:
                continue
            amount = used * Fraction(rates.rates.get(record["resource"], "0"))
            amount *= 1 + Fraction(rates.markup_percent) / 100
            amount *= 1 - _credit(said, environment, start) / 100
            key = (_owner(said, made, start), environment, start // DAY)
            found[key] = found.get(key, Fraction(0)) + amount
    return {key: amount for key, amount in found.items() if amount}


def _records(said: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    names = ("id", "resource", "from_s", "until_s", "quantity_e9", "project", "corrects")
    found = []
    for event in _of(said, "CostsRecorded"):
        for namespace, records in json.loads(bytes(event.usage)).items():
            found += [(namespace, dict(zip(names, record, strict=True))) for record in records]
    return found


def _of(said: list[Any], *names: str) -> list[Any]:
    return [event for event in said if type(event).__name__ in names]


def _cuts(said: list[Any], record: dict[str, Any]) -> list[int]:
    start, end = record["from_s"], record["until_s"]
    instants = [e.at_s for e in _of(said, "HostingPlaced", "EnvironmentMoved", "EnvironmentRateCardChanged")]
    instants += [t for e in _of(said, "OutageCredited") for t in (e.from_s, e.until_s)]
    instants += [e.effective_s for e in _of(said, "RateCardPublished")]
    instants += range((start // DAY + 1) * DAY, end, DAY)
    return sorted({start, end, *(t for t in instants if start < t < end)})


def _used(record: dict[str, Any], at_s: int) -> int:
    lasted = record["until_s"] - record["from_s"]
    whole = abs(record["quantity_e9"]) * (at_s - record["from_s"]) // lasted
    return whole if record["quantity_e9"] > 0 else -whole


def _place(said: list[Any], namespace: str, project: str | None, at_s: int) -> Any:
    """The namespace's own word, else its project's; of each the latest instant, of one instant the last word."""
    for kind, id in (("namespace", namespace), ("project", project)):
        words = [e for e in _of(said, "HostingPlaced") if (e.kind, e.id) == (kind, id) and e.at_s <= at_s]
        if words:
            return max(enumerate(words), key=lambda word: (word[1].at_s, word[0]))[1].environment
    return None


def _created(said: list[Any], environment: str | None) -> Any:
    return next((e for e in _of(said, "EnvironmentCreated") if e.environment == environment), None)


def _owner(said: list[Any], made: Any, at_s: int) -> str:
    moves = [e for e in _of(said, "EnvironmentMoved") if e.environment == made.environment and e.at_s <= at_s]
    return max(enumerate(moves), key=lambda m: (m[1].at_s, m[0]))[1].org if moves else str(made.org)


def _card(said: list[Any], made: Any, at_s: int) -> str:
    """Of all words that hold by then the one about the latest instant; of one instant, the last word."""
    card, since = made.rate_card, None
    for event in _of(said, "EnvironmentRateCardChanged"):
        if event.environment == made.environment and event.at_s <= at_s and (since is None or event.at_s >= since):
            card, since = event.rate_card, event.at_s
    return str(card)


def _rates(said: list[Any], card: str, at_s: int) -> Any:
    versions = [e for e in _of(said, "RateCardPublished") if e.card == card and e.effective_s <= at_s]
    return max(versions, key=lambda e: e.version) if versions else None


def _credit(said: list[Any], environment: str, at_s: int) -> Fraction:
    standing = {}
    for event in _of(said, "OutageCredited", "OutageWithdrawn"):
        if event.environment == environment:
            standing.pop(event.outage, None)
            if type(event).__name__ == "OutageCredited":
                standing[event.outage] = event
    return max((Fraction(o.percent) for o in standing.values() if o.from_s <= at_s < o.until_s), default=Fraction(0))
