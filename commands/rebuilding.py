"""Rebuilding read models: the record that somebody asked for it, before it runs. One stream a request.

Refuses to know read models: whoever runs the rebuild has checked their names.
"""

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from ledger.events import Event, RebuildRequested
from ledger.ids import rebuild_stream


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """Record that read models are about to be made anew."""

    id: str
    """Of this rebuild: made for it."""
    models: tuple[str, ...] = ()
    """Empty: all."""


def evolve(requested: bool, event: Event) -> bool:
    """Whether it was asked for."""
    return True


def decide(command: Rebuild, requested: bool) -> tuple[Event, ...]:
    """Record a request once; again is no event."""
    return () if requested else (RebuildRequested(id=command.id, models=command.models),)


REBUILDS: Decider[Rebuild, bool] = Decider(False, evolve, decide)
REBUILD = Act(
    "rebuild", Rebuild, REBUILDS, lambda command: rebuild_stream(command.id), lambda command: About("read_models")
)
