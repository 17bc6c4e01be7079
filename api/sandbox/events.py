"""Events: what happened, kept with the object as it was then. Rendered in an API version when it is shown.

https://docs.stripe.com/api/events/object. `previous_attributes` is the difference between the two renderings.
"""

from importlib import import_module
from typing import Any

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.presenting import present, stripped
from api.sandbox.state import Object
from api.sandbox.versions import as_of_version

#: What follows from events of a kind. Named, not imported: they keep events themselves.
_FOLLOW = {"customer.subscription.": ("features", "follow")}


def record(desk: Desk, type: str, object: Object, before: Object | None = None) -> Object:
    """Keep an event of the desk's account. Whoever listens is told after the request has been committed."""
    event = {
        "id": desk.new_id("evt"),
        "object": "event",
        "created": desk.now_s,
        "_wall_s": desk.wall_s,
        "livemode": desk.livemode,
        "request": dict(desk.request),
        "type": type,
        "_object": present(desk, object),
        "_before": None if before is None else present(desk, before),
    }
    if desk.work.state.faults.of_event(type, "webhook_never") is None:
        desk.add("event", event)
    for prefix, (module, function) in _FOLLOW.items():
        if type.startswith(prefix):
            getattr(import_module(f"api.sandbox.resources.{module}"), function)(desk, object)
    return event


def shown(event: Object, version: str, *, account: str | None = None, pending: int = 0) -> Object:
    """The event in an API version. `account`: a connected account's id, as its platform sees it."""
    object = as_of_version(copied(event["_object"]), version)
    data: Object = {"object": stripped(object)}
    if event["_before"] is not None:
        before = stripped(as_of_version(copied(event["_before"]), version))
        data["previous_attributes"] = _previous(before, data["object"])
    rendered: Object = {
        "id": event["id"],
        "object": "event",
        **({} if account is None else {"account": account}),
        "api_version": version,
        "created": event["created"],
        "data": data,
        "livemode": event["livemode"],
        "pending_webhooks": pending,
        "request": event["request"],
        "type": event["type"],
    }
    return rendered


def _previous(before: Any, now: Any) -> Object:
    """Old values of what changed: maps and list objects key by key, other objects and plain lists whole."""
    changed: Object = {}
    for name, was in before.items():
        value = now.get(name)
        if was == value:
            continue
        nested = isinstance(was, dict) and isinstance(value, dict) and was.get("object") in (None, "list")
        changed[name] = _previous(was, value) if nested else was
    for name in now.keys() - before.keys():
        changed[name] = None
    return changed
