"""From what the sandbox keeps to what Stripe shows, in the newest shape: what is computed is filled in here.

Keys that begin with `_` are the sandbox's own; `_includable` holds what is shown only when it is asked for by
`expand`. They go in the last step (`rendering`), after older shapes have been made of them.
"""

import copy
from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.state import Object
from api.sandbox.subjects import PRESENTERS


def present(desk: Desk, object: Object) -> Object:
    """A copy of the object as it is shown in the newest API version."""
    shown = copy.deepcopy(object)
    if shown.get("deleted"):
        return {"id": shown["id"], "object": shown["object"], "deleted": True}
    if shown.get("object") == "list":
        shown["data"] = [present(desk, item) for item in object["data"]]
        return shown
    presenter = PRESENTERS.get(shown.get("object", ""))
    return shown if presenter is None else presenter(desk, shown)


def stripped(value: Any) -> Any:
    """Without the sandbox's own keys, at any depth."""
    if isinstance(value, dict):
        return {key: stripped(inner) for key, inner in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [stripped(inner) for inner in value]
    return value
