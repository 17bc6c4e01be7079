"""The audit: who did what, when, why, from where, on whose approval, to which subject; what was denied too.

One row a receipt or a denied attempt, named by its stream. Streams hold random keys, so no digest covers the rows;
`verify` compares them like any other.
"""

import msgspec

from ledger.events import AttemptDenied, ReceiptKept
from projections.base import Column, Entry, Key, Projection, Row, Table

#: The mode of what concerns both; it is shown in either.
BOTH = "both"

_TEXTS = (
    *("mode", "id", "act", "outcome", "code", "person", "reason", "origin", "key_id", "subject"),
    *("account", "org", "approval"),
)
_TABLE = Table(
    "audit_log",
    ("mode", "id"),
    (
        *(Column(name, "text", digested=False) for name in _TEXTS),
        Column("events", "jsonb", digested=False),
        Column("at_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=(
        "(position)",
        "(at_us)",
        "(org, position) WHERE org IS NOT NULL",
        "(subject, position)",
        "(person, position)",
        "(approval) WHERE approval IS NOT NULL",
    ),
)


class _State(msgspec.Struct, array_like=True):
    cells: tuple[str | None, ...]
    events: tuple[dict[str, object], ...]
    at_us: int
    position: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.mode or BOTH, entry.stream),)  # type: ignore[attr-defined] # both events that it reads have one


def _apply(state: bytes | None, entry: Entry) -> bytes:
    event = entry.event
    cells: tuple[str | None, ...]
    events: tuple[dict[str, object], ...] = ()
    if isinstance(event, ReceiptKept):
        outcome = "waiting" if event.waiting else "done" if event.events else "unchanged"
        cells = (event.act, outcome, None, event.person, event.reason, event.origin, event.key_id, event.subject)
        cells = (*cells, event.account, event.org, event.approval)
        events = event.events
    else:
        assert isinstance(event, AttemptDenied)
        cells = (event.act, "denied", event.code, event.person, None, event.origin, event.key_id, event.subject)
        cells = (*cells, None, event.org, None)
    return _encode(_State(cells, events, entry.recorded_at_us, entry.position))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    return _TABLE.row(*key, *it.cells, list(it.events), it.at_us, it.position)


AUDIT_LOG = Projection("audit_log", 1, _TABLE, (ReceiptKept.NAME, AttemptDenied.NAME), _keys, _apply, _to_row)
