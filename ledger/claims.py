"""Claims: every id of a cost event counts once, for ever, in the transaction that appends the batch it comes in.

A batch is one event; the ids of its records stand in a table beside the log (docs/decisions/0015-cost-claims.md).
Refuses to know what a record costs.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
import psycopg

from ledger import codec
from ledger.errors import Refused, StoreUnavailable
from ledger.events import Metadata, NewEvent
from ledger.hosting_events import CostRecord, CostsRecorded
from ledger.ids import Mode, costs_stream
from ledger.store import Log

DAY_S = 86_400
_EPOCH = date(1970, 1, 1)
#: How often claims are looked at anew while others claim the same ids.
_ATTEMPTS = 10
#: Records of a namespace, by namespace.
Usage = Mapping[str, Sequence[CostRecord]]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, tuple[CostRecord, ...]]).decode
_CLAIMED = "SELECT id, digest::text FROM ledger.cost_claims WHERE mode = %b AND id = ANY(%b)"
_APPEND = "SELECT ledger.append_costs(%b, %b, %b::text[]::uuid[], %b, %b, %b, %b)"


class IdTaken(Refused):
    """A cost event with this id is in the log and says something else; a correction has an id of its own."""

    code = "cost_event_conflict"


class Claimed(NamedTuple):
    """What became of a batch."""

    accepted: int
    repeated: int
    """Records that were in the log already, saying the same."""
    position: int | None
    """None: nothing was new."""


def usage_of(event: CostsRecorded) -> dict[str, tuple[CostRecord, ...]]:
    """The records of a batch, by namespace."""
    return _decode(event.usage)


def days_of(record: CostRecord) -> range:
    """The UTC days that a record touches, as days since the epoch."""
    return range(record.from_s // DAY_S, (record.until_s - 1) // DAY_S + 1)


def append_costs(log: Log, mode: Mode, batch: str, source: str, usage: Usage, metadata: Metadata) -> Claimed:
    """Append what is new of a batch, its ids claimed with it. A record that is there and says the same is left out.

    Raises IdTaken naming the ids that say something else (then nothing of the batch is appended), StoreUnavailable.
    """
    wanted = {r.id: _digest(namespace, r) for namespace, records in usage.items() for r in records}
    for attempt in range(_ATTEMPTS):
        with log.connection() as conn:
            known = _known(conn, mode, wanted) if attempt else {}
            new = {n: [r for r in records if r.id not in known] for n, records in usage.items()}
            kept = {namespace: records for namespace, records in new.items() if records}
            if not kept:
                return Claimed(0, len(wanted), None)
            event = event_of(mode, batch if attempt == 0 else _rest(batch, kept), source, kept)
            ids = [r.id for records in kept.values() for r in records]
            try:
                position = _append(conn, event, ids, wanted, metadata)
            except psycopg.errors.UniqueViolation:
                continue  # some are claimed: look which, and what they say
            return Claimed(len(ids), len(wanted) - len(ids), position)
    raise StoreUnavailable("others keep claiming the same cost events; send the batch again")


def known_ids(log: Log, mode: Mode, ids: Iterable[str]) -> set[str]:
    """Which of these ids are claimed."""
    with log.connection() as conn:
        return {row[0] for row in conn.execute(_CLAIMED, [mode, list(ids)], binary=True)}


def unclaimed(conn: psycopg.Connection[Any], mode: Mode, stream: str, event: CostsRecorded) -> list[str]:
    """Ids of a batch in the log that its claims do not tell of as they should: none, unless somebody meddled."""
    wanted = {r.id: _digest(n, r) for n, records in usage_of(event).items() for r in records}
    rows = conn.execute(
        "SELECT id, digest::text, batch FROM ledger.cost_claims WHERE mode = %b AND id = ANY(%b)", [mode, list(wanted)]
    )
    held = {id: (digest, batch) for id, digest, batch in rows}
    return sorted(id for id, digest in wanted.items() if held.get(id) != (digest, stream))


def _known(conn: psycopg.Connection[Any], mode: Mode, wanted: Mapping[str, str]) -> set[str]:
    rows = conn.execute(_CLAIMED, [mode, list(wanted)], binary=True).fetchall()
    other = sorted(id for id, digest in rows if digest != wanted[id])
    if other:
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        raise IdTaken(f"other cost events have these ids: {', '.join(other[:5])}{more}")
    return {id for id, _ in rows}


def _append(
    conn: psycopg.Connection[Any], event: CostsRecorded, ids: list[str], wanted: Mapping[str, str], metadata: Metadata
) -> int:
    topic, state = codec.encode(event)
    digests = [wanted[id] for id in ids]
    stream = costs_stream(event.mode, event.batch)
    asked = [event.mode, ids, digests, stream, topic, state, codec.encode_metadata(metadata)]
    row = conn.execute(_APPEND, asked, prepare=True).fetchone()
    assert row is not None
    return int(row[0])


def event_of(mode: Mode, batch: str, source: str, usage: Usage) -> CostsRecorded:
    """A batch as the log keeps it."""
    days = {day for records in usage.values() for r in records for day in days_of(r)}
    return CostsRecorded(
        mode=mode,
        batch=batch,
        source=source,
        records=sum(map(len, usage.values())),
        namespaces=tuple(sorted(usage)),
        days=tuple(day_name(d) for d in sorted(days)),
        usage=msgspec.Raw(_encode({n: usage[n] for n in sorted(usage)})),
    )


def _rest(batch: str, usage: Usage) -> str:
    """The name of what is left of a batch: its own for each rest, so that a batch may come in parts."""
    ids = sorted(r.id for records in usage.values() for r in records)
    return f"{batch}+{sha256(_encode(ids)).hexdigest()[:16]}"


def _digest(namespace: str, record: CostRecord) -> str:
    """What a record says: half of its SHA-256, written as PostgreSQL writes a uuid."""
    half = sha256(_encode((namespace, record))).hexdigest()[:32]
    return f"{half[:8]}-{half[8:12]}-{half[12:16]}-{half[16:20]}-{half[20:]}"


@cache
def day_name(day: int) -> str:
    """`YYYY-MM-DD` of a day since the epoch."""
    return (_EPOCH + timedelta(day)).isoformat()


def day_number(name: str) -> int:
    """A day's number since the epoch, of its name."""
    return (date.fromisoformat(name) - _EPOCH).days


def new_batch(mode: Mode, event: CostsRecorded, metadata: Metadata) -> NewEvent:
    """A batch that an act of ours appends, whose ids nobody else can have."""
    return NewEvent(costs_stream(mode, event.batch), 1, event, metadata)
