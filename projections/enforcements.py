"""Enforcement: what the deployment system was asked about each environment, what it acknowledged, and what is to ask.

An environment is to be at zero while some service of its organization is closed, is enforced, and its policy says so;
or while the organization's own spending limit has its hosting stand still, which no policy softens.
An organization without environments is taken as one, `default`. Only the last request counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ledger.service_events import EnforcementAcknowledged, EnforcementAsked
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

DEFAULT = "default"
_CLOSED = ("paused", "suspended", "cancelled")
_KEY = (Column("mode", "text"), Column("org", "text"), Column("environment", "text"))

_TABLE = Table(
    "enforcements",
    ("mode", "org", "environment"),
    (
        *_KEY,
        Column("request", "text"),
        Column("wanted", "text"),
        Column("state", "text"),
        Column("attempt", "bigint"),
        Column("first_s", "bigint"),
        Column("asked_s", "bigint"),
        Column("due_s", "bigint"),
        Column("because", "jsonb"),
        Column("acknowledged_us", "bigint", digested=False),
    ),
    indexes=("(mode, state, org, environment)",),
)


class _State(msgspec.Struct, array_like=True):
    request: str
    wanted: str
    attempt: int
    first_s: int
    asked_s: int
    due_s: int
    because: dict[str, Any]
    acknowledged_us: int | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (EnforcementAsked, EnforcementAcknowledged))
    return ((said.mode, said.org, said.environment),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    known, said = _decode(state) if state is not None else None, entry.event
    if isinstance(said, EnforcementAsked):
        again = known is not None and known.request == said.request
        first_s = known.first_s if known is not None and again else said.at_s
        told = (said.request, said.wanted, said.attempt, first_s, said.at_s, said.due_s, said.because)
        return _encode(_State(*told))
    assert isinstance(said, EnforcementAcknowledged)
    if known is None or known.request != said.request:  # the decider lets none through
        return state
    return _encode(msgspec.structs.replace(known, acknowledged_us=entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    how = "acknowledged" if it.acknowledged_us is not None else "asked" if it.attempt == 1 else "overdue"
    told = (it.request, it.wanted, how, it.attempt, it.first_s, it.asked_s, it.due_s, it.because)
    return _TABLE.row(*key, *told, it.acknowledged_us)


ENFORCEMENTS = Projection(
    "enforcements", 1, _TABLE, (EnforcementAsked.NAME, EnforcementAcknowledged.NAME), _keys, _apply, _to_row
)

_REACTION = "enforcement_changes"
_CHANGES = Table(
    _REACTION,
    ("mode", "org", "environment"),
    (*_KEY, Column("was", "jsonb"), Column("now", "jsonb"), Column("closed", "bigint")),
)
_UP: dict[str, Any] = {"wanted": "up", "because": {}}
#: Its new owner's state counts: nothing is asked for the old one.
_MOVED: dict[str, Any] = {"wanted": "moved", "because": {}}


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    closed = {r.key[1]: r for r in rows["closed_differences"]}
    now = _wanted(rows)
    moved = {e.id: len(e.owners) > 1 for e in rows["environments"]}
    theirs = moved.keys() | ({DEFAULT} if not moved or DEFAULT in closed else set())
    found = []
    for environment in sorted(theirs | closed.keys()):
        known = closed.get(environment)
        # one that came from another owner may be in any state: it is asked for in any case
        was = known.done if known is not None else None if moved.get(environment) else _UP
        wanted = now if environment in theirs else _MOVED
        if was is None or was["wanted"] != wanted["wanted"]:
            found.append(_CHANGES.row(*key, environment, was, wanted, known.closed if known is not None else 0))
    return found


def _wanted(rows: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """What is to be asked about every environment, and by what: a debt before a limit."""
    for state in sorted(rows["service_states"], key=lambda r: r.service):
        if state.state in _CLOSED and state.enforced and state.scale_to_zero:
            return {"wanted": "zero", "because": {"service": state.service, "state": state.state}}
    if any(limit.stopped for limit in rows["spending_limits"]):
        return {"wanted": "zero", "because": {"spending_limit": "stopped"}}
    return _UP


ENFORCEMENT_CHANGES = Derivation(
    _REACTION,
    2,
    _CHANGES,
    ("mode", "org"),
    inputs=(
        Input(
            "service_states", ("mode", "org"), lambda key, _: [key], ("service", "state", "enforced", "scale_to_zero")
        ),
        Input("environments", ("mode", "org"), lambda key, _: [key], ("id", "owners")),
        Input("spending_limits", ("mode", "org"), lambda key, _: [key], ("stopped",)),
        Input(
            "closed_differences",
            ("mode", "reaction", "whose"),
            lambda key, _: [(key[0], _REACTION, key[1])],
            ("key", "done", "closed"),
        ),
    ),
    affects={
        "service_states": lambda row: [(row.mode, row.org)],
        "environments": lambda row: [(row.mode, row.org)],
        "spending_limits": lambda row: [(row.mode, row.org)],
        "closed_differences": lambda row: [(row.mode, row.whose)] if row.reaction == _REACTION else [],
    },
    derive=_derive,
)
