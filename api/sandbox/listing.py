"""Lists as Stripe pages them, newest first: https://docs.stripe.com/api/pagination."""

from collections.abc import Iterable
from typing import Any

from api.sandbox.errors import invalid, missing
from api.sandbox.state import Object

_LIMIT, _MAX_LIMIT = 10, 100


def page(params: dict[str, Any], found: Iterable[Object], url: str, max_limit: int = _MAX_LIMIT) -> Object:
    """One page of what was found, by `limit`, `starting_after`, `ending_before` and `created`."""
    limit = params.get("limit", _LIMIT)
    if not 1 <= limit <= max_limit:
        raise invalid(f"Invalid integer: {limit}; must be between 1 and {max_limit}", "limit")
    ordered = sorted(_created(params.get("created"), found), key=lambda o: (o.get("created", 0), o["_seq"]))[::-1]
    ids = [o["id"] for o in ordered]
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You cannot parameterize by both starting_after and ending_before.", "starting_after")
    if after is not None:
        rest = ordered[_index(ids, after, "starting_after") + 1 :]
        return _list(rest[:limit], url, more=len(rest) > limit)
    if before is not None:
        rest = ordered[: _index(ids, before, "ending_before")]
        return _list(rest[-limit:], url, more=len(rest) > limit)
    return _list(ordered[:limit], url, more=len(ordered) > limit)


def whole(items: list[Object], url: str, limit: int | None = None) -> Object:
    """A list that stands within an object: all of it, or its first items and `has_more`."""
    shown = items if limit is None else items[:limit]
    return {**_list(shown, url, more=len(shown) < len(items)), "total_count": len(items)}


def _list(items: list[Object], url: str, *, more: bool) -> Object:
    return {"object": "list", "data": items, "has_more": more, "url": url}


def _index(ids: list[str], id: str, param: str) -> int:
    if id not in ids:
        raise missing("object", id, param)
    return ids.index(id)


def _created(span: Any, found: Iterable[Object]) -> Iterable[Object]:
    """`created` is a second, or bounds: gt, gte, lt, lte."""
    if span is None:
        return found
    if isinstance(span, int):
        return (o for o in found if o["created"] == span)
    tests = {
        "gt": lambda at, bound: at > bound,
        "gte": lambda at, bound: at >= bound,
        "lt": lambda at, bound: at < bound,
        "lte": lambda at, bound: at <= bound,
    }
    return (o for o in found if all(tests[name](o["created"], bound) for name, bound in span.items()))
