"""From what the sandbox keeps to what Stripe shows, in the newest shape: what is computed is filled in here.

Keys that begin with `_` are the sandbox's own; `_includable` holds what is shown only when it is asked for by
`expand`. They go in the last step (`rendering`), after older shapes have been made of them.
"""

from typing import Any

from api.sandbox.copying import copied
from api.sandbox.desk import Desk
from api.sandbox.state import Object
from api.sandbox.subjects import PRESENTERS


def present(desk: Desk, object: Object) -> Object:
    """A copy of the object as it is shown in the newest API version."""
    if object.get("deleted"):
        return {"id": object["id"], "object": object["object"], "deleted": True}
    if object.get("object") == "list":
        return {k: [present(desk, item) for item in v] if k == "data" else copied(v) for k, v in object.items()}
    shown: Object = copied(object)
    presenter = PRESENTERS.get(shown.get("object", ""))
    return shown if presenter is None else presenter(desk, shown)


def stripped(value: Any) -> Any:
    """Without the sandbox's own keys, at any depth."""
    if isinstance(value, dict):
        return {key: stripped(inner) for key, inner in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [stripped(inner) for inner in value]
    return value
