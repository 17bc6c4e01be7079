"""Keys to the API: who may ask what. Never the key itself, only its keyed digest."""

import msgspec

from ledger.events import ApiKeyIssued, ApiKeyRevoked
from projections.base import Column, Entry, Key, Projection, Row, Table

#: Ids and digests of keys are random: what they are is no content that two installations could agree on, so the
#: model is left out of the digests. `verify` compares it like any other.
_COLUMNS = ("key_id", "digest", "mode", "role", "org", "account", "label", "person")

_TABLE = Table(
    "api_keys",
    ("key_id",),
    (
        *(Column(name, "text", digested=False) for name in _COLUMNS),
        Column("revoked", "boolean", digested=False),
        Column("issued_us", "bigint", digested=False),
    ),
    indexes=("(digest)",),
)


class _State(msgspec.Struct, array_like=True):
    issued: ApiKeyIssued
    issued_us: int
    revoked: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.key_id,),)  # type: ignore[attr-defined] # both events that it reads have one


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    if isinstance(entry.event, ApiKeyIssued):
        return _encode(_State(entry.event, entry.recorded_at_us, False))
    if state is None:
        return None
    known = _decode(state)
    return _encode(_State(known.issued, known.issued_us, True))


def _to_row(key: Key, state: bytes) -> Row:
    known = _decode(state)
    issued = known.issued
    return _TABLE.row(
        *key,
        issued.digest,
        issued.mode,
        issued.role,
        issued.org,
        issued.account,
        issued.label,
        issued.person,
        known.revoked,
        known.issued_us,
    )


API_KEYS = Projection("api_keys", 2, _TABLE, (ApiKeyIssued.NAME, ApiKeyRevoked.NAME), _keys, _apply, _to_row)
