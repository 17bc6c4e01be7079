"""Deliveries: what is to be sent to whom, and what became of it. One row a notice and endpoint.

Outgoing work is a read model: a worker reads what is due, sends it, and appends what came of it. Folding sends nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec

from ledger.events import DeliveryFailed, DeliveryRequested, DeliverySucceeded
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

STATES = ("due", "delivered", "dead")

_ATTEMPTS = Table(
    "delivery_attempts",
    ("mode", "notice", "endpoint"),
    (
        Column("mode", "text"),
        Column("notice", "text"),
        Column("endpoint", "text"),
        Column("state", "text"),
        Column("attempts", "bigint"),
        Column("next_s", "bigint"),
        Column("status", "bigint"),
        Column("fault", "text"),
        Column("last_s", "bigint"),
        Column("version", "bigint"),
    ),
)


class _State(msgspec.Struct, array_like=True):
    state: str
    attempts: int
    """Since somebody asked for it last."""
    next_s: int | None
    status: int | None
    fault: str | None
    last_s: int | None
    version: int
    """Of the delivery's stream."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (DeliverySucceeded, DeliveryFailed, DeliveryRequested))
    return ((said.mode, said.notice_id, said.endpoint_id),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    if isinstance(said, DeliverySucceeded):
        return _encode(_State("delivered", said.attempt, None, said.status, None, said.at_s, entry.version))
    if isinstance(said, DeliveryFailed):
        how = "dead" if said.next_s is None else "due"
        return _encode(_State(how, said.attempt, said.next_s, said.status, said.fault, said.at_s, entry.version))
    assert isinstance(said, DeliveryRequested)
    known = _decode(state) if state is not None else None
    status, fault = (known.status, known.fault) if known is not None else (None, None)
    last_s = known.last_s if known is not None else None
    return _encode(_State("due", 0, said.at_s, status, fault, last_s, entry.version))


def _to_row(key: Key, state: bytes) -> Row:
    return _ATTEMPTS.row(*key, *msgspec.structs.astuple(_decode(state)))


DELIVERY_ATTEMPTS = Projection(
    "delivery_attempts",
    1,
    _ATTEMPTS,
    (DeliverySucceeded.NAME, DeliveryFailed.NAME, DeliveryRequested.NAME),
    _keys,
    _apply,
    _to_row,
)

_DELIVERIES = Table(
    "deliveries",
    ("mode", "notice", "endpoint"),
    (
        *_ATTEMPTS.columns[:3],
        Column("type", "text"),
        Column("org", "text"),
        *_ATTEMPTS.columns[3:],
        Column("at_s", "bigint"),
        Column("position", "bigint", digested=False),  # of the notice: the order in which an organization's go out
    ),
    indexes=("(mode, endpoint, org, position) WHERE state = 'due'", "(mode, position)"),
)


def _listens(endpoint: Row, notice: Row) -> bool:
    """Whether the endpoint was there when the notice was raised, and asked for such."""
    there = endpoint.added_position < notice.position and (
        endpoint.removed_position is None or notice.position < endpoint.removed_position
    )
    if notice.endpoint is not None:
        return there and bool(endpoint.id == notice.endpoint)
    wanted = not endpoint.types or notice.type in endpoint.types
    return there and wanted and (endpoint.org is None or endpoint.org == notice.org)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    attempts = {a.endpoint: a for a in rows["delivery_attempts"]}
    made = []
    for notice in rows["notices"]:
        for endpoint in sorted(rows["endpoints"], key=lambda e: e.id):
            if _listens(endpoint, notice):
                tried = attempts.get(endpoint.id)
                state = tried[3:] if tried is not None else ("due", 0, notice.at_s, None, None, None, 0)
                made.append(
                    _DELIVERIES.row(*key, endpoint.id, notice.type, notice.org, *state, notice.at_s, notice.position)
                )
    return made


DELIVERIES = Derivation(
    "deliveries",
    1,
    _DELIVERIES,
    ("mode", "notice"),
    inputs=(
        Input("notices", ("mode", "id"), lambda key, _: [key]),
        # An endpoint listens from one position of the log to another: those that come or go later change no row, so
        # that a change of theirs need not be followed.
        Input("endpoints", ("mode",), lambda key, _: [key[:1]]),
        Input("delivery_attempts", ("mode", "notice"), lambda key, _: [key]),
    ),
    affects={
        "notices": lambda row: [(row.mode, row.id)],
        "delivery_attempts": lambda row: [(row.mode, row.notice)],
    },
    derive=_derive,
)
