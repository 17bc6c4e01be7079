"""A nested object as its fields: absent says nothing of any of them, null says that there is none of them."""

from functools import cache
from typing import TypeVar

import msgspec
from msgspec import UnsetType

Group = TypeVar("Group", bound=msgspec.Struct)


def spoken(given: Group | UnsetType | None, kind: type[Group]) -> Group:
    """`given`; or a `kind` all of whose fields are null, where it is null, or unset, where it is absent.

    For reading only: those two are the same for everybody.
    """
    if isinstance(given, UnsetType) or given is None:
        stand_in: Group = _all(kind, given)
        return stand_in
    return given


@cache
def _all(kind: type[Group], value: UnsetType | None) -> Group:
    return kind(*[value] * len(kind.__struct_fields__))
