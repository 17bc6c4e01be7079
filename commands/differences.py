"""Differences that are held because they were many: an operator says that they may be acted on, or passed over."""

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from commands.reactions import WATCHES
from ledger.errors import NotFound, Refused
from ledger.events import DifferencesReleased, Event
from ledger.ids import Mode, held_stream


class ReleaseDifferences(msgspec.Struct, frozen=True, kw_only=True):
    """Let a reaction go on."""

    reaction: str
    mode: Mode
    silent: bool
    """Close what is held, and let nothing follow."""
    held: bool
    """Whether anything is held."""


def decide(command: ReleaseDifferences, released: None) -> tuple[Event, ...]:
    """Release. Raises NotFound for no reaction that watches, Refused("not_held")."""
    require_mode(command.mode)
    names = [w.name for w in WATCHES]
    if command.reaction not in names:
        raise NotFound(f"there is no reaction {command.reaction} to a derivation; there are {', '.join(names)}")
    if not command.held:
        raise Refused(f"nothing of {command.reaction} is held in {command.mode} mode", code="not_held")
    return (DifferencesReleased(reaction=command.reaction, mode=command.mode, silent=command.silent),)


HELD: Decider[ReleaseDifferences, None] = Decider(None, lambda state, event: None, decide)

#: It may tell hundreds at once.
RELEASE_DIFFERENCES = Act(
    "release_differences",
    ReleaseDifferences,
    HELD,
    lambda command: held_stream(command.reaction, command.mode),
    lambda command: About(f"reaction/{command.reaction}", command.mode),
    weight=30,
)
