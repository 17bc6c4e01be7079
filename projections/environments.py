"""Environments: one row each, with its owners and outages as they hold from which instant on."""

from typing import Any

import msgspec

from ledger.hosting_events import (
    EnvironmentArchived,
    EnvironmentCreated,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    EnvironmentRenamed,
    EnvironmentShared,
    EnvironmentUnshared,
    OutageCredited,
    OutageWithdrawn,
)
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "environments",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),
        Column("org", "text"),  # the owner by the latest instant that was said
        Column("name", "text"),
        Column("is_default", "boolean"),
        Column("state", "text"),
        Column("rate_card", "text"),  # by the latest instant that was said
        Column("shared_with", "text[]"),
        Column("orgs", "text[]"),
        Column("owners", "jsonb"),
        Column("rate_cards", "jsonb"),
        Column("outages", "jsonb"),
        Column("version", "bigint"),
        Column("created_us", "bigint", digested=False),
    ),
    indexes=("(mode, org)", "USING gin (orgs)"),
)


class _State(msgspec.Struct, array_like=True):
    org: str = ""
    name: str = ""
    default: bool = False
    archived: bool = False
    rate_card: str = ""
    shared: list[str] = []
    owners: dict[int, str] = {}
    outages: dict[str, tuple[int, int, str, str]] = {}
    version: int = 0
    created_us: int = 0
    cards: dict[int, str] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
_READS = (
    EnvironmentCreated,
    EnvironmentRenamed,
    EnvironmentShared,
    EnvironmentUnshared,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    EnvironmentArchived,
    OutageCredited,
    OutageWithdrawn,
)


def _keys(entry: Entry) -> tuple[Key, ...]:
    event: Any = entry.event
    return ((event.mode, event.environment),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    it = _decode(state) if state is not None else _State()
    event = entry.event
    it.version = entry.version
    match event:
        case EnvironmentCreated():
            it.org, it.name, it.default, it.rate_card = event.org, event.name, event.default, event.rate_card
            it.created_us = entry.recorded_at_us
        case EnvironmentRenamed():
            it.name = event.name
        case EnvironmentShared():
            it.shared = sorted({*it.shared, event.org})
        case EnvironmentUnshared():
            it.shared = sorted({*it.shared} - {event.org})
        case EnvironmentArchived():
            it.archived = True
        case EnvironmentMoved():
            it.owners = dict(sorted({**it.owners, event.at_s: event.org}.items()))
        case EnvironmentRateCardChanged():
            it.cards = dict(sorted({**it.cards, event.at_s: event.rate_card}.items()))
        case OutageCredited():
            told = (event.from_s, event.until_s, event.percent, event.reason)
            it.outages = {**it.outages, event.outage: told}
        case OutageWithdrawn():
            it.outages = {name: told for name, told in it.outages.items() if name != event.outage}
    return _encode(it)


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    owners: list[dict[str, Any]] = [{"org": it.org, "from_s": None}]
    owners += [{"org": org, "from_s": at_s} for at_s, org in it.owners.items()]
    cards: list[dict[str, Any]] = [{"rate_card": it.rate_card, "from_s": None}]
    cards += [{"rate_card": card, "from_s": at_s} for at_s, card in it.cards.items()]
    outages = [
        {"outage": name, "from_s": from_s, "until_s": until_s, "percent": percent, "reason": reason}
        for name, (from_s, until_s, percent, reason) in sorted(it.outages.items())
    ]
    state_name = "archived" if it.archived else "active"
    return _TABLE.row(
        *key,
        owners[-1]["org"],
        it.name,
        it.default,
        state_name,
        cards[-1]["rate_card"],
        it.shared,
        sorted({o["org"] for o in owners} | {*it.shared}),
        owners,
        cards,
        outages,
        it.version,
        it.created_us,
    )


ENVIRONMENTS = Projection("environments", 2, _TABLE, tuple(e.NAME for e in _READS), _keys, _apply, _to_row)
