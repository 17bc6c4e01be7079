"""Consequences: commands that follow from something else than a person's asking, appended with the receipt of it.

The receipt is an event at a version that only one can take: its primary key is all that keeps a reaction from being
taken twice, or a deadline from being met twice, by however many processes at once.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from commands.base import Decider, Journal
from ledger.errors import Refused
from ledger.events import Event, Metadata, NewEvent
from ledger.store import Appended

#: How often what follows is decided anew while others keep writing to the same streams.
ATTEMPTS = 10


class Follow(NamedTuple):
    """A command that follows: how it is decided, and the stream of its subject."""

    decider: Decider[Any, Any]
    stream: str
    command: Any
    gate: bool = False
    """Whether, where this one is refused, nothing that comes after it follows either."""
    known: "Known | None" = None
    """What it has to know beside its subject."""


class Known(NamedTuple):
    """What a command has to know beside its subject, as it stands when it is decided."""

    streams: tuple[str, ...]
    complete: Callable[..., Any]
    """From the command and the events of each stream, the command as it is decided."""


class Receipt(NamedTuple):
    """The event that may be appended once, and where."""

    stream: str
    version: int
    event: Event


def append_once(journal: Journal, receipt: Receipt, follows: Iterable[Follow], metadata: Metadata) -> bool:
    """Append the receipt and what follows as one unit. False: it was there before, and nothing was appended.

    Of two that come at once with the very same, both may be told True: it is in the log once.

    A command that is refused has no consequence: the receipt alone is kept. Raises StoreUnavailable.
    """
    follows = tuple(follows)
    assert len({f.stream for f in follows}) == len(follows), "two commands of one receipt on one stream"
    for _ in range(ATTEMPTS):
        if len(journal.read_stream(receipt.stream)) >= receipt.version:
            return False
        unit = [NewEvent(receipt.stream, receipt.version, receipt.event, metadata)]
        for follow in follows:
            try:
                unit += decided(journal, follow, metadata)
            except Refused:
                if follow.gate:
                    break
        if isinstance(journal.append(*unit), Appended):
            return True
    return False


def decided(journal: Journal, follow: Follow, metadata: Metadata) -> list[NewEvent]:
    """What a command comes to, next in its stream. Raises what its decider raises."""
    history, command = journal.read_stream(follow.stream), follow.command
    if follow.known is not None:
        others = [[r.event for r in journal.read_stream(stream)] for stream in follow.known.streams]
        command = follow.known.complete(command, *others)
    events = follow.decider.decide(command, follow.decider.fold(r.event for r in history))
    return [NewEvent(follow.stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
