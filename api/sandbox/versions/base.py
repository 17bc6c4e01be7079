"""What a difference between two API versions is."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A difference that came with a version."""

    since: str
    """The date of the first version that has it."""
    type: str
    """The `object` that differs."""
    undo: Callable[[dict[str, Any]], None]
    """Makes the older shape, in place, of one as it was right after the change. Keys with `_` may be read."""
