"""What every event of the log is. Knows no event: those are in `ledger.events` and the files that it lists."""

from typing import ClassVar

import msgspec

#: The payload of an event that has none, or whose payload stands apart (`ledger.codec`).
NO_PAYLOAD = msgspec.Raw()


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every event has: a stable name and the version of its shape."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
