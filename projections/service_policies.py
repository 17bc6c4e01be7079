"""Service policies as they stand: the newest version of each, and whether it is enforced or only told.

A policy that was only enforced or softened is one of those that are there before any is published.
"""

from typing import Any

import msgspec

from ledger.service_events import ServicePolicyEnforced, ServicePolicyPublished, ServicePolicySoftened
from ledger.service_policy import BUILT_IN, written
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "service_policies",
    ("mode", "policy"),
    (
        Column("mode", "text"),
        Column("policy", "text"),
        Column("version", "bigint"),
        Column("enforced", "boolean"),
        Column("definition", "jsonb"),
    ),
)


class _State(msgspec.Struct, array_like=True):
    version: int = 0
    enforced: bool = False
    definition: dict[str, Any] | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (ServicePolicyPublished, ServicePolicyEnforced, ServicePolicySoftened))
    return ((said.mode, said.policy),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    known, said = _decode(state) if state is not None else _State(), entry.event
    if isinstance(said, ServicePolicyPublished):
        return _encode(_State(said.version, known.enforced, said.definition))
    return _encode(_State(known.version, isinstance(said, ServicePolicyEnforced), known.definition))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    definition = it.definition if it.definition is not None else written(BUILT_IN[key[1]])
    return _TABLE.row(*key, it.version, it.enforced, definition)


SERVICE_POLICIES = Projection(
    "service_policies",
    1,
    _TABLE,
    (ServicePolicyPublished.NAME, ServicePolicyEnforced.NAME, ServicePolicySoftened.NAME),
    _keys,
    _apply,
    _to_row,
)
