"""Form bodies and queries with bracketed keys, as Stripe's libraries write them: `items[0][price]=…`, `expand[]=…`."""

from collections.abc import Iterable
from typing import Any

from api.sandbox.errors import invalid

_MAX_DEPTH = 12


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dictionaries and lists of strings. Raises StripeError for keys that contradict each other."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        path = _path(key)
        held: dict[str, Any] = root
        for i, part in enumerate(path[:-1]):
            part = part or _next(held, appends=i == len(path) - 2)
            inner = held.setdefault(part, {})
            if not isinstance(inner, dict):
                raise invalid(f"Invalid request: {key} contradicts another parameter", key)
            held = inner
        last = path[-1] or _next(held, appends=True)
        if isinstance(held.get(last), dict):
            raise invalid(f"Invalid request: {key} contradicts another parameter", key)
        held[last] = value
    return {name: _lists(value) for name, value in root.items()}


def _path(key: str) -> list[str]:
    head, *rest = key.split("[")
    if not head or len(rest) > _MAX_DEPTH or any(not part.endswith("]") for part in rest):
        raise invalid(f"Invalid request: malformed parameter name {key[:80]!r}")
    return [head, *(part[:-1] for part in rest)]


def _next(held: dict[str, Any], *, appends: bool) -> str:
    """The index that an empty pair of brackets stands for."""
    return str(len(held) if appends else max(len(held) - 1, 0))


def _lists(value: Any) -> Any:
    """Dictionaries whose keys are indices are lists."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(inner) for key, inner in value.items()}
