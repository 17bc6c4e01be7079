"""Notices that were raised; and what reactions that watch a derivation have done, with what is left for them to do.

A difference between what should be and what has been done is a row of a derivation: the reaction closes it by an event,
and the row is gone. So whatever comes late, again or in another order, what is left is right.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ledger.events import DifferenceClosed, NoticeRaised
from ledger.ids import key_of
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

_encode = msgspec.msgpack.Encoder().encode

_NOTICES = Table(
    "notices",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("type", "text"),
        Column("org", "text"),
        Column("endpoint", "text"),
        Column("said", "jsonb"),
        Column("at_s", "bigint"),
        Column("raised_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("(mode, org)",),
)


class _Raised(msgspec.Struct, array_like=True):
    said: NoticeRaised
    raised_us: int
    position: int


_raised = msgspec.msgpack.Decoder(_Raised).decode


def _notice_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, NoticeRaised)
    return ((said.mode, said.notice_id),)


def _apply_notice(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, NoticeRaised)
    return _encode(_Raised(entry.event, entry.recorded_at_us, entry.position))


def _notice_row(key: Key, state: bytes) -> Row:
    it = _raised(state)
    said = it.said
    return _NOTICES.row(*key, said.type, said.org, said.endpoint_id, said.said, said.at_s, it.raised_us, it.position)


NOTICES = Projection("notices", 1, _NOTICES, (NoticeRaised.NAME,), _notice_keys, _apply_notice, _notice_row)

_CLOSED = Table(
    "closed_differences",
    ("mode", "reaction", "item"),
    (
        Column("mode", "text"),
        Column("reaction", "text"),
        Column("item", "text"),
        Column("key", "text[]"),
        Column("whose", "text"),  # the first part of the key
        Column("done", "jsonb"),
        Column("closed", "bigint"),
        Column("silent", "boolean"),
        Column("closed_us", "bigint", digested=False),
        Column("position", "bigint", digested=False),
    ),
    indexes=("(mode, reaction, whose)", "(reaction, mode, closed_us)"),
)


class _Closed(msgspec.Struct, array_like=True):
    key: tuple[str, ...]
    done: Any
    closed: int
    silent: bool
    closed_us: int
    position: int


_closed = msgspec.msgpack.Decoder(_Closed).decode


def _closed_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, DifferenceClosed)
    return ((said.mode, said.reaction, key_of(said.key)),)


def _apply_closed(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    assert isinstance(said, DifferenceClosed)
    return _encode(_Closed(said.key, said.done, entry.version, said.silent, entry.recorded_at_us, entry.position))


def _closed_row(key: Key, state: bytes) -> Row:
    it = _closed(state)
    return _CLOSED.row(*key, list(it.key), it.key[0], it.done, it.closed, it.silent, it.closed_us, it.position)


CLOSED_DIFFERENCES = Projection(
    "closed_differences", 1, _CLOSED, (DifferenceClosed.NAME,), _closed_keys, _apply_closed, _closed_row
)

_CHANGES = Table(
    "entitlement_changes",
    ("mode", "org", "feature"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("feature", "text"),
        Column("was", "jsonb"),
        Column("now", "jsonb"),
        Column("closed", "bigint"),
    ),
)
#: What of a segment is told.
TOLD = ("state", "granted", "limit", "unlimited", "kind", "period", "reset", "soft", "from_s", "until_s")


def told(segment: Mapping[str, Any]) -> dict[str, Any]:
    """A segment of an entitlement as it is told to those who are not to know the rest."""
    return {name: segment.get(name) for name in TOLD}


def _changes(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    now = {row.feature: [told(s) for s in row.segments] for row in rows["entitlements"]}
    done = {row.key[1]: row for row in rows["closed_differences"]}
    found = []
    for feature in sorted(now.keys() | done.keys()):
        known = done.get(feature)
        was = known.done if known is not None else None
        if was != now.get(feature):
            closed = known.closed if known is not None else 0
            found.append(_CHANGES.row(*key, feature, was, now.get(feature), closed))
    return found


ENTITLEMENT_CHANGES = Derivation(
    "entitlement_changes",
    1,
    _CHANGES,
    ("mode", "org"),
    inputs=(
        Input("entitlements", ("mode", "org"), lambda key, _: [key], ("feature", "segments")),
        Input(
            "closed_differences",
            ("mode", "reaction", "whose"),
            lambda key, _: [(key[0], "entitlement_changes", key[1])],
            ("key", "done", "closed"),
        ),
    ),
    affects={
        "entitlements": lambda row: [(row.mode, row.org)],
        "closed_differences": lambda row: [(row.mode, row.whose)] if row.reaction == "entitlement_changes" else [],
    },
    derive=_changes,
)
