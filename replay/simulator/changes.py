"""What changed between two renderings of an object, in the form of Stripe's `previous_attributes`.

A partial patch of what was: nested objects name the changed keys alone, lists come whole, null means "was unset".
Refuses to know what the objects are.
"""

from typing import Any

_MISSING: Any = object()


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The values that `before` had where `after` differs. Empty when nothing differs."""
    previous: dict[str, Any] = {}
    for key, new in after.items():
        old = before.get(key, _MISSING)
        if old is new or old == new:
            continue
        if old is _MISSING:
            previous[key] = None
        elif type(old) is dict and type(new) is dict and old.get("id") == new.get("id"):
            previous[key] = previous_attributes(old, new)
        else:
            previous[key] = old
    for key in before:
        if key not in after:
            previous[key] = before[key]
    return previous
