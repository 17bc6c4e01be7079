"""What a route of the sandbox is, and which one a request means."""

import re
from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from api.sandbox.state import Object


class Route(msgspec.Struct, frozen=True, dict=True):
    """One endpoint of Stripe's: https://docs.stripe.com/api."""

    method: str
    path: str
    """`/v1/customers/{customer}`: what stands in braces goes to the handler, in its order."""
    params: type | None
    """The SDK's type of its parameters; None: it takes none but `expand`."""
    handle: Callable[..., Object]
    """`handle(desk, params, *ids)`: the object, or the list, that is answered."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of the whole path."""
        return re.compile(re.sub(r"\{\w+\}", "([^/]+)", self.path))


def matching(routes: Sequence[Route], method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a request and the ids in its path. A path spelled out beats one with ids."""
    found = [(r, m.groups()) for r in routes if r.method == method and (m := r.pattern.fullmatch(path))]
    return min(found, key=lambda f: len(f[1]), default=None)
