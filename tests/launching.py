"""An open launch gate, for tests that are about something else: the log says so, as two persons' acts would."""

from ledger.events import Metadata, NewEvent
from ledger.ids import Mode, launch_stream
from ledger.launch_events import CheckoutOpened
from ledger.store import Appended, Log

_META = Metadata(occurred_at_s=0, actor="ada")


def open_gate(log: Log, mode: Mode = "test") -> None:
    """Open direct checkout of a mode, whatever is proven: nobody answers for any area, so none can fall."""
    stream = launch_stream(mode)
    opened = CheckoutOpened(mode=mode, by="ada", why="tests sell")
    version = len(log.read_stream(stream)) + 1
    assert isinstance(log.append(NewEvent(stream, version, opened, _META)), Appended)
