"""Claims of provider charges: every reference counts once, for ever, in the transaction that appends its record.

A record is one event; its references stand in a table beside the log, as the ids of cost events do
(docs/decisions/0015-cost-claims.md). Refuses to know which charge may be billed.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from ledger import codec
from ledger.events import Recorded
from ledger.ids import Mode
from ledger.passthrough_events import Charge, ProviderChargesRecorded
from ledger.store import Log, Unit, append_statement, appended_of

_encode = msgspec.json.Encoder().encode
_CLAIMED = (
    "SELECT reference, digest FROM ledger.charge_claims WHERE (mode, provider) = (%b, %b) AND reference = ANY(%b)"
)
#: In one order, so that who claims the same at once waits, and never for each other.
_CLAIM = (
    "INSERT INTO ledger.charge_claims (mode, provider, reference, digest, record)"
    ' SELECT %b, %b, n.r, n.d, %b FROM unnest(%b::text[], %b::uuid[]) AS n (r, d) ORDER BY n.r COLLATE "C"'
    " ON CONFLICT DO NOTHING"
)
_HEADS = (
    "SELECT e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.metadata"
    " FROM unnest(%b::text[]) AS s (id) CROSS JOIN LATERAL (SELECT * FROM ledger.events"
    ' WHERE originator_id = s.id COLLATE "C" ORDER BY originator_version DESC LIMIT 1) AS e'
)


class _Taken(Exception):
    """A claim, or a stream, that somebody else was first with: nothing of the unit is kept."""


class Claims(NamedTuple):
    """What is known of references."""

    same: frozenset[str]
    """Claimed, and saying the same."""
    other: frozenset[str]
    """Claimed, and saying something else."""


def digest_of(charge: Charge) -> UUID:
    """Half of the SHA-256 of what a charge says: 128 bits tell a redelivery from a conflict."""
    said = (charge.org, charge.category, charge.occurred_s, charge.currency, charge.cost, charge.reservation)
    return UUID(bytes=sha256(_encode(said)).digest()[:16])


def claims_of(log: Log, mode: Mode, provider: str, charges: Iterable[Charge]) -> Claims:
    """Which of these references are claimed, by the same content or by other. Raises StoreUnavailable."""
    wanted = {c.reference: digest_of(c) for c in charges}
    with log.connection() as conn:
        rows = conn.execute(_CLAIMED, [mode, provider, list(wanted)], binary=True).fetchall()
    same = frozenset(reference for reference, digest in rows if wanted[reference] == digest)
    return Claims(same, frozenset(reference for reference, _ in rows) - same)


def append_claiming(log: Log, event: ProviderChargesRecorded, unit: Unit) -> int | None:
    """Append a unit whose event records charges, their references claimed with it, or nothing of either.

    Returns the position of its first event; None: a reference or a stream of it was taken. Claims come before the
    append lock: whoever claims the same at once waits there and keeps nobody else from appending.
    """
    wanted = [(c.reference, digest_of(c)) for c in event.charges]
    references, digests = [r for r, _ in wanted], [d for _, d in wanted]
    claim = [event.mode, event.provider, event.record, references, digests]
    with log.connection() as conn:
        try:
            with conn.transaction():
                if conn.execute(_CLAIM, claim).rowcount < len(wanted):
                    raise _Taken
                rows = conn.execute(*append_statement([unit])).fetchall()
                (appended,) = appended_of([unit], rows)
                if appended is None:
                    raise _Taken
                return appended.positions[0]
        except _Taken:
            return None


def unclaimed(conn: psycopg.Connection[Any], event: ProviderChargesRecorded) -> list[str]:
    """References of a record that its claims do not tell of as they should: none, unless somebody meddled."""
    wanted: Mapping[str, UUID] = {c.reference: digest_of(c) for c in event.charges}
    rows = conn.execute(
        "SELECT reference, digest, record FROM ledger.charge_claims WHERE (mode, provider) = (%s, %s)"
        " AND reference = ANY(%s)",
        [event.mode, event.provider, list(wanted)],
    )
    held = {reference: (digest, record) for reference, digest, record in rows}
    return sorted(r for r, digest in wanted.items() if held.get(r) != (digest, event.record))


def read_heads(log: Log, streams: Sequence[str]) -> dict[str, Recorded]:
    """The last event of each of these streams that has any: for those whose every event says all. By the key's index.

    Raises StoreUnavailable.
    """
    with log.connection() as conn:
        rows = conn.execute(_HEADS, [list(streams)], binary=True).fetchall()
    return {
        stream: Recorded(position, stream, version, codec.decode(topic, state), metadata, 0)
        for position, stream, version, topic, state, metadata in rows
    }
