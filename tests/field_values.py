"""Values of the fields of our events, for laws: what their types have in common."""

from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st


def values_of(hint: Any, plain: Callable[[Any], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Values of a type: lists and dictionaries of others, anything that JSON can say for `Any`, else `plain` ones."""
    if hint is Any:
        return st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(), values_of(get_args(hint)[1], plain), max_size=3)
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0], plain), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return st.builds(hint, **{f.name: values_of(f.type, plain) for f in msgspec.structs.fields(hint)})
    return plain(hint)
