"""Rebuilding read models: the record that somebody asked for it, before it runs. One stream a request.

Refuses to know read models: whoever runs the rebuild has checked their names.
"""

from hashlib import sha256

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


def rebuild_id(person: str, idempotency_key: str) -> str:
    """The id of the rebuild that a person asks for with this key: the same however often it is tried."""
    return "rbd_" + sha256(f"{len(person)}:{person}{idempotency_key}".encode()).hexdigest()[:24]


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
