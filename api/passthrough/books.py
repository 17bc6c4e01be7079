"""The log as spending needs it, and what is found out for deciders: charges, policies, and whether enough is known."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import psycopg

from api.database import Database
from commands.reconciliation_batches import Batches
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES
from commands.reservations_spending import policy_terms
from ledger import charge_claims
from ledger.charge_claims import Claims
from ledger.errors import Refused
from ledger.events import NewEvent, Recorded
from ledger.ids import Mode, reconciliation_stream
from ledger.passthrough import Terms
from ledger.passthrough_events import BatchLine, Charge, ProviderChargesRecorded
from ledger.store import Log, Outcome, Unit, as_role
from replay.differences import position
from replay.tables import LIVE

#: How long a batch waits until everything that was charged so far is known of.
WAIT_S = 10.0
_POLL_S = 0.05
_FOUND = f"""
SELECT provider, reference, record, category, occurred_s, cost_minor FROM {LIVE}.provider_charges
WHERE (mode, org, period, currency) = (%s, %s, %s, %s) ORDER BY occurred_s, provider, reference
"""
_WAITING = f"""
SELECT EXISTS (SELECT FROM {LIVE}.dirty WHERE derivation IN ('provider_charges', 'reconciliation_lines'))
    OR EXISTS (SELECT FROM {LIVE}.spreading WHERE derivation IN ('provider_charges', 'reconciliation_lines'))
"""


class NotCaughtUp(Refused):
    """The read models are behind the log, so that charges would be missed; ask again (is the worker running?)."""

    code = "not_caught_up"


class LogBooks:
    """The log, as `commands.passthrough.Books` has it."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        """All events of a stream, in its order."""
        return self.log.read_stream(stream)

    def append(self, *events: NewEvent) -> Outcome:
        """Append all events or none."""
        return self.log.append(*events)

    def read_heads(self, streams: Sequence[str]) -> Mapping[str, Recorded]:
        """The last event of each of these streams that has any."""
        return charge_claims.read_heads(self.log, streams)

    def claims_of(self, mode: Mode, provider: str, charges: Iterable[Charge]) -> Claims:
        """Which references are claimed, by the same content or by other."""
        return charge_claims.claims_of(self.log, mode, provider, charges)

    def append_claiming(self, event: ProviderChargesRecorded, unit: Unit) -> int | None:
        """Append a unit whose event records charges, their references claimed with it; None: some were taken."""
        return charge_claims.append_claiming(self.log, event, unit)


@contextlib.contextmanager
def books_of(database: Database) -> Iterator[LogBooks]:
    """The log of a database. Raises StoreUnavailable."""
    with database.log() as log:
        yield LogBooks(log)


def batches_of(books: LogBooks, mode: Mode, org: str, period: str) -> Batches:
    """All batches of an organization and month, from the log itself."""
    return RECONCILIATION_BATCHES.fold(r.event for r in books.read_stream(reconciliation_stream(mode, org, period)))


def policies_of(books: LogBooks, mode: Mode, org: str, batches: Batches, number: int) -> dict[str, tuple[Terms, ...]]:
    """What the approved versions of every policy say that a batch's charges are of."""
    batch = batches.get(number)
    categories = sorted({line.category for _, line in batch.lines()}) if batch is not None else []
    return {category: tuple(policy_terms(books, mode, org, category)) for category in categories}


def found_charges(database: Database, mode: Mode, org: str, period: str, currency: str) -> tuple[BatchLine, ...]:
    """Every charge of an organization, month and currency that the log holds now. Raises NotCaughtUp."""
    with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
        _wait(conn)
        rows = conn.execute(_FOUND, [mode, org, period, currency]).fetchall()
    return tuple(BatchLine(*row) for row in rows)


def _wait(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Until what the log holds now is known of."""
    row = conn.execute("SELECT coalesce(max(notification_id), 0) FROM ledger.events").fetchone()
    assert row is not None
    deadline = time.monotonic() + WAIT_S
    while True:
        waiting = conn.execute(_WAITING).fetchone()
        if position(conn) >= int(str(row[0])) and waiting is not None and not waiting[0]:
            return
        if time.monotonic() > deadline:
            raise NotCaughtUp
        time.sleep(_POLL_S)
