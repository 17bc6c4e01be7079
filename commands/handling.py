"""Running a decider over a log: read the stream, fold, decide, append, and again when the stream moved.

The log comes as an argument; nothing here opens a connection.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from commands.base import Decider
from ledger.errors import StreamMoved
from ledger.events import Event, Metadata, NewEvent, Recorded
from ledger.store import Appended, Outcome

Command = TypeVar("Command")
State = TypeVar("State")

#: How often a command is decided anew before its caller is told that others keep writing.
ATTEMPTS = 10


class Journal(Protocol):
    """As much of the log as a command needs."""

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        """All events of a stream, in its order."""

    def append(self, *events: NewEvent) -> Outcome:
        """Append all events or none."""


class Handled(NamedTuple):
    """What a command led to."""

    events: tuple[Event, ...]
    """Empty when everything was so already."""
    position: int | None
    """Where the last of them stands in the log."""


def handle(
    journal: Journal, stream: str, decider: Decider[Command, State], command: Command, metadata: Metadata
) -> Handled:
    """Decide `command` over `stream` and append what follows from it, durably.

    Raises what the decider raises, StoreUnavailable, and StreamMoved when `ATTEMPTS` writers came first.
    """
    for _ in range(ATTEMPTS):
        history = journal.read_stream(stream)
        events = decider.decide(command, decider.fold(r.event for r in history))
        if not events:
            return Handled((), None)
        first = history[-1].version + 1 if history else 1
        outcome = journal.append(*(NewEvent(stream, first + i, e, metadata) for i, e in enumerate(events)))
        if isinstance(outcome, Appended):
            return Handled(events, outcome.positions[-1])
    raise StreamMoved(f"others keep writing to {stream}; try again")
