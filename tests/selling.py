"""What payloads of the selling side say: sealed as they would be stored, then translated; and the rows they fold to."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from histories import KEY, folded, received, remembered
from samples import Delivery, T, event

from ledger.facts import ObjectFact, Translation
from ledger.sealing import is_sealed, open_token
from ledger.translations import FAMILIES, translate

FIELDS = {f.model: f.facts.__struct_fields__ for f in FAMILIES}


def told(
    obj: Any, kind: str, previous: Any = None, version: str | None = None, account: str | None = None
) -> Translation:
    """What an event says, stored and translated as every event is."""
    body = event(1, kind, obj, version=version, previous=previous, account=account)
    return translate(received(Delivery(body, "connect" if account else "platform"), KEY).event)


def fact(obj: Any, kind: str, previous: Any = None, version: str | None = None) -> ObjectFact:
    found = told(obj, kind, previous, version)
    assert isinstance(found, ObjectFact), found
    return found


def spoken(found: ObjectFact) -> dict[str, Any]:
    """What a fact speaks of, by field name; what is sealed as `sealed <what it is>`."""
    names = [name for i, name in enumerate(FIELDS[found.model]) if found.mask >> i & 1]
    return {name: _shown(value) for name, value in zip(names, found.values, strict=True)}


def said(obj: Any, kind: str, previous: Any = None) -> dict[str, Any]:
    return spoken(fact(obj, kind, previous))


def was(found: ObjectFact) -> dict[str, Any]:
    return {FIELDS[found.model][i]: value for i, value in (found.was or {}).items()}


def row(model: str, *told_of: tuple[str, Any, int], account: str | None = None) -> dict[str, Any]:
    """The only row of a model after events of (type, object, seconds after the first), arriving latest first."""
    deliveries = [
        Delivery(event(number, kind, obj, at=T + after, account=account), "connect" if account else "platform")
        for number, (kind, obj, after) in enumerate(told_of)
    ]
    forth, back = (folded(remembered(order))[model] for order in (deliveries, deliveries[::-1]))
    assert forth == back
    (found,) = forth.values()
    return found


def without(facts: dict[str, Any], silent: set[str]) -> dict[str, Any]:
    assert silent <= facts.keys()
    return {field: value for field, value in facts.items() if field not in silent}


def _shown(value: Any) -> Any:
    return f"sealed {open_token(value, KEY)}" if is_sealed(value) else value


def in_corpus(*prefixes: str) -> Iterator[tuple[str, Any]]:
    """(file, event) of each of the third-party events of these types, where they lie beside."""
    folder = Path(os.environ["RECOUNT_STRIPE_CORPUS"])
    for path in sorted(folder.glob("events/*.json")):
        if path.name.startswith(prefixes):
            yield path.name, json.loads(path.read_bytes())
    for path in sorted(folder.glob("event_lists/*.json")):
        if path.name != "index.json":
            listed = json.loads(path.read_bytes())["data"]
            yield from ((path.name, e) for e in listed if e["type"].startswith(prefixes))
