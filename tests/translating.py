"""One object through the translations: an event around it, and what the translation says, by field name.

Knows `ledger.translations` from outside. Refuses to know any family.
"""

import json
from typing import Any

from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Translation
from ledger.translations import FAMILIES, translate

AT = 1_700_000_000
FIELDS = {f.model: f.facts.__struct_fields__ for f in FAMILIES}
Json = dict[str, Any]


def event(obj: Json, kind: str, previous: Json | None = None, **fields: Any) -> StripeEventReceived:
    """An event about `obj` as the log would hold it, but that nothing is sealed."""
    body: Json = {"object": obj}
    if previous is not None:
        body["previous_attributes"] = previous
    stated: Json = {
        "event_id": "evt_1",
        "created_s": AT,
        "mode": "test",
        "account": "platform",
        "api_version": None,
        "endpoint": "platform",
        **fields,
    }
    payload = json.dumps({"id": stated["event_id"], "type": kind, "data": body})
    return StripeEventReceived(type=kind, payload=Raw(payload.encode()), **stated)


def said(obj: Json, kind: str, previous: Json | None = None, **fields: Any) -> Translation:
    """What an event about `obj` says."""
    return translate(event(obj, kind, previous, **fields))


def fact(obj: Json, kind: str, previous: Json | None = None, **fields: Any) -> ObjectFact:
    """The same, where it must say something."""
    found = said(obj, kind, previous, **fields)
    assert isinstance(found, ObjectFact), found
    return found


def spoken(found: ObjectFact) -> Json:
    """What a fact speaks of, by field name."""
    names = [name for i, name in enumerate(FIELDS[found.model]) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


def was(found: ObjectFact) -> Json:
    """What a fact says was before it, by field name."""
    return {FIELDS[found.model][i]: value for i, value in (found.was or {}).items()}
