"""Placements: in which environment a namespace or a project is, from which instant on. One stream a subject.

An instant may lie in the past or ahead; what was said of other instants stays. Refuses to know environments: whoever
asks has looked whether the environment is there and not archived.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.hosting_rules import require_instant, require_key
from commands.identifiers import require_mode
from ledger.events import Event
from ledger.hosting_events import HostingPlaced
from ledger.ids import Mode, key_of, placing_stream


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Place a namespace, or a project with those of its namespaces that have no place of their own; or cut it over."""

    mode: Mode
    kind: Literal["namespace", "project"]
    id: str
    environment: str | None = None
    """None: in the default environment of `org`; with neither, in none from then on."""
    at_s: int
    org: str | None = None


class Placed(NamedTuple):
    """Where it is from which instant on, as its events left it."""

    at: Mapping[int, str | None] = MappingProxyType({})


def evolve(placed: Placed, event: Event) -> Placed:
    """The subject after an event."""
    return Placed({**placed.at, event.at_s: event.environment}) if isinstance(event, HostingPlaced) else placed


def decide(command: Place, placed: Placed) -> tuple[Event, ...]:
    """Place it. What was said already is no event. Raises Invalid (`bad_key`, `bad_instant`)."""
    require_mode(command.mode)
    require_key(command.id, f"a {command.kind}")
    require_instant(command.at_s)
    if command.at_s in placed.at and placed.at[command.at_s] == command.environment:
        return ()
    said = HostingPlaced(
        mode=command.mode,
        kind=command.kind,
        id=command.id,
        environment=command.environment,
        at_s=command.at_s,
    )
    return (said,)


PLACEMENTS: Decider[Place, Placed] = Decider(Placed(), evolve, decide)

PLACE = Act(
    "place",
    Place,
    PLACEMENTS,
    lambda command: placing_stream(command.mode, command.kind, command.id),
    lambda command: About(f"{command.kind}/{key_of((command.id,))}", command.mode, org=command.org),
    weight=20,
)
