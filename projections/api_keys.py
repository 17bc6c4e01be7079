"""Keys to the API: who may ask what. Never the key itself, only its keyed digest."""

import msgspec

from ledger.events import ApiKeyIssued, ApiKeyRevoked, ApiKeyRotated
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
        Column("successor", "text", digested=False),
        Column("issued_us", "bigint", digested=False),
        Column("expires_s", "bigint", digested=False),
    ),
    indexes=("(digest)", "(mode, issued_us, key_id)"),
)


class _State(msgspec.Struct, array_like=True):
    issued: ApiKeyIssued
    issued_us: int
    expires_s: int | None
    revoked: bool = False
    successor: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    return ((entry.event.key_id,),)  # type: ignore[attr-defined] # all events that it reads have one


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    event, at_us = entry.event, entry.recorded_at_us
    if isinstance(event, ApiKeyIssued):
        return _encode(_State(event, at_us, _after(at_us, event.lasts_s) if event.lasts_s is not None else None))
    if state is None:
        return None
    known = _decode(state)
    if isinstance(event, ApiKeyRotated):
        known.successor, until_s = event.successor, _after(at_us, event.overlap_s)
        known.expires_s = until_s if known.expires_s is None else min(known.expires_s, until_s)
    else:
        known.revoked = True
    return _encode(known)


def _after(at_us: int, lasts_s: int) -> int:
    """Unix seconds, rounded down: a key is valid for no longer than was said."""
    return at_us // 1_000_000 + lasts_s


def _to_row(key: Key, state: bytes) -> Row:
    known = _decode(state)
    issued = known.issued
    cells = (issued.digest, issued.mode, issued.role, issued.org, issued.account, issued.label, issued.person)
    return _TABLE.row(*key, *cells, known.revoked, known.successor, known.issued_us, known.expires_s)


_READS = (ApiKeyIssued.NAME, ApiKeyRevoked.NAME, ApiKeyRotated.NAME)
API_KEYS = Projection("api_keys", 3, _TABLE, _READS, _keys, _apply, _to_row)
