"""An answer in the API version that was asked for, with what shall be expanded: https://docs.stripe.com/expand."""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.presenting import present, stripped
from api.sandbox.state import Object
from api.sandbox.subjects import PREFIXES
from api.sandbox.versions import as_of_version

_MAX_DEPTH = 4


def rendered(desk: Desk, object: Object, expand: list[str] | None = None) -> Object:
    """The object as this request sees it. Raises StripeError for what cannot be expanded."""
    shown = as_of_version(present(desk, object), desk.version)
    for path in expand or ():
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH + (parts[0] == "data"):
            raise invalid(f"You cannot expand more than {_MAX_DEPTH} levels of a property. Property: {path}", "expand")
        _expand(desk, shown, parts, path)
    answer: Object = stripped(shown)
    return answer


def _expand(desk: Desk, shown: Any, parts: list[str], path: str) -> None:
    if isinstance(shown, list):
        for item in shown:
            _expand(desk, item, parts, path)
        return
    if not isinstance(shown, dict) or not parts:
        return
    name, *rest = parts
    includable = shown.get("_includable", {})
    if name in includable and name not in shown:
        shown[name] = as_of_version(includable[name], desk.version)
    if name not in shown:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    value = shown[name]
    if isinstance(value, str):
        value = shown[name] = _looked_up(desk, value, path)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = shown[name] = [_looked_up(desk, item, path) for item in value]
    _expand(desk, value, rest, path)


def _looked_up(desk: Desk, id: str, path: str) -> Object:
    kind = PREFIXES.get(id.rpartition("_")[0])
    kinds = (kind,) if kind else ("product", "price", "coupon")
    """Ids that people chose have no prefix."""
    for kind in kinds:
        found = desk.held(kind, id)
        if found is not None:
            shown: Object = as_of_version(present(desk, found), desk.version)
            return shown
    raise invalid(f"This property cannot be expanded ({path}).", "expand")
