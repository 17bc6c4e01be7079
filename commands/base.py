"""What a decider is: where a subject begins, how an event changes it, and what a command makes of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ledger.events import Event, NewEvent, Recorded
from ledger.store import Outcome

Command = TypeVar("Command")
State = TypeVar("State")


@dataclass(frozen=True)
class Decider(Generic[Command, State]):
    """A pure decision: command and history in, events out.

    `decide` returns no events for what is so already. It raises Refused, Invalid or NotFound.
    """

    initial: State
    evolve: Callable[[State, Event], State]
    decide: Callable[[Command, State], tuple[Event, ...]]

    def fold(self, history: Iterable[Event]) -> State:
        """The subject as its events left it."""
        state = self.initial
        for event in history:
            state = self.evolve(state, event)
        return state


class Journal(Protocol):
    """As much of the log as a command needs."""

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        """All events of a stream, in its order."""

    def append(self, *events: NewEvent) -> Outcome:
        """Append all events or none."""
