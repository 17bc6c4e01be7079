"""Importing a file of charges: read, sorted by the budgets that they move, recorded a few hundred at a time.

What was recorded is known again by its references: an import that was killed is run again, and goes on.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import IO, NamedTuple

from api.database import Database
from api.passthrough.books import LogBooks, books_of
from api.passthrough.files import Format, Read, Unread, format_of, mapping_of, read_charges
from api.settings import Settings
from commands.acts import Asked
from commands.passthrough import BudgetKey
from commands.provider_charges import MAX_CHARGES, GivenCharge, Recording, Source, prospect, record
from commands.reservations_budget import budget_of
from commands.reservations_spending import heads_of, policy_terms
from ledger.events import Metadata
from ledger.ids import Mode
from ledger.passthrough import Terms, match, period_of

#: Rows that are sorted together: what is more than this is read afterwards.
SLAB = 20_000
#: Refused rows that a report tells of one by one.
TOLD = 200


class RefusedRow(NamedTuple):
    """A row that was not recorded."""

    row: int
    reference: str | None
    code: str
    message: str


class Report(NamedTuple):
    """What became of a file, or would."""

    dry_run: bool
    rows: int
    recorded: int
    known: int
    """Recorded before, saying the same."""
    refused: int
    reasons: dict[str, int]
    """Code -> how many rows were refused for it."""
    refused_rows: tuple[RefusedRow, ...]
    """The first of them."""
    matched: int
    """Of those recorded: how many a policy covers."""
    held: dict[str, int]
    """Why -> how many it does not."""
    position: int | None


def import_charges(
    database: Database,
    settings: Settings,
    *,
    file: IO[str],
    kind: Format | None,
    path: str,
    mapping: str | None,
    provider: str,
    mode: Mode,
    asked: Asked,
    progress: Callable[[int], None] = lambda rows: None,
) -> Report:
    """Record every charge of a file, or tell what would become of it. Progress is told in rows.

    Raises Invalid (`bad_mapping`, `unreadable_file`, `not_a_provider`), StreamMoved, StoreUnavailable: what was
    recorded until then stays, and is known when the file is imported again.
    """
    mapped = mapping_of(mapping)
    source = Source(mode, provider, "import", asked.person)
    metadata = Metadata(occurred_at_s=asked.now_s, actor=asked.person, reason=asked.reason, mode=mode)
    tally = _Tally()
    with books_of(database) as books:
        outlook = _Outlook(books, mode)
        for slab in _slabs(read_charges(file, kind or format_of(path), mapped)):
            tally.unread(r for r in slab if isinstance(r, Unread))
            reads = sorted((r for r in slab if isinstance(r, Read)), key=_by_budget)
            for start in range(0, len(reads), MAX_CHARGES):
                some = reads[start : start + MAX_CHARGES]
                charges = [r.charge for r in some]
                outlook.see(charges)
                now_s = int(time.time())
                if asked.dry_run:
                    done = prospect(books, source, charges, now_s)
                else:
                    done = record(books, source, charges, now_s, metadata)
                tally.came(some, done)
                outlook.recorded(charges, done)
                progress(len(some))
    return tally.report(asked.dry_run, outlook)


def _slabs(rows: Iterator[Read | Unread]) -> Iterator[list[Read | Unread]]:
    while slab := list(itertools.islice(rows, SLAB)):
        yield slab


def _by_budget(read: Read) -> tuple[str, ...]:
    it = read.charge
    return it.org, it.category, it.currency, period_of(it.occurred_s)


class _Outlook:
    """Which of the recorded charges a policy covers, as things stand."""

    def __init__(self, books: LogBooks, mode: Mode) -> None:
        self._books = books
        self._mode = mode
        self._running: dict[BudgetKey, Decimal] = {}
        self._terms: dict[tuple[str, str], list[Terms]] = {}
        self.matched = 0
        self.held: Counter[str] = Counter()

    def see(self, charges: Iterable[GivenCharge]) -> None:
        """Look what was recorded before, ere these are."""
        new = {self._key(c) for c in charges} - self._running.keys()
        heads = heads_of(self._books, list(new)) if new else {}
        for key in new:
            head = heads.get(key.stream)
            self._running[key] = budget_of(head.event if head is not None else None).recorded
            if (key.org, key.category) not in self._terms:
                self._terms[key.org, key.category] = policy_terms(self._books, self._mode, key.org, key.category)

    def recorded(self, charges: Iterable[GivenCharge], done: Recording) -> None:
        """Count those that were recorded, or would be."""
        new = set(done.new)
        for charge in charges:
            if charge.reference in new:
                new.remove(charge.reference)
                key = self._key(charge)
                self._running[key] += charge.cost_minor
                terms = self._terms[key.org, key.category]
                its = match(terms, charge.occurred_s, charge.currency, self._running[key])
                if its.held is not None:
                    self.held[its.held] += 1
                else:
                    self.matched += 1

    def _key(self, charge: GivenCharge) -> BudgetKey:
        return BudgetKey(self._mode, charge.org, charge.category, period_of(charge.occurred_s), charge.currency)


class _Tally:
    """What became of the rows so far."""

    def __init__(self) -> None:
        self._rows = self._recorded = self._known = 0
        self._reasons: Counter[str] = Counter()
        self._told: list[RefusedRow] = []
        self._position: int | None = None

    def unread(self, rows: Iterable[Unread]) -> None:
        """Rows that are no charge."""
        for row in rows:
            self._rows += 1
            self._refused(RefusedRow(row.row, None, row.code, row.message))

    def came(self, reads: Iterable[Read], done: Recording) -> None:
        """What became of these."""
        rows: dict[str, int] = {}
        for read in reads:
            self._rows += 1
            rows[read.charge.reference] = read.row
        self._recorded += len(done.new)
        self._known += done.known
        self._position = done.position if done.position is not None else self._position
        for refusal in done.refused:
            told = RefusedRow(rows.get(refusal.reference, 0), refusal.reference, refusal.code, refusal.message)
            self._refused(told)

    def report(self, dry_run: bool, outlook: _Outlook) -> Report:
        """All of it."""
        return Report(
            dry_run=dry_run,
            rows=self._rows,
            recorded=self._recorded,
            known=self._known,
            refused=self._reasons.total(),
            reasons=dict(sorted(self._reasons.items())),
            refused_rows=tuple(sorted(self._told, key=lambda r: r.row)),
            matched=outlook.matched,
            held=dict(sorted(outlook.held.items())),
            position=self._position,
        )

    def _refused(self, row: RefusedRow) -> None:
        self._reasons[row.code] += 1
        if len(self._told) < TOLD:
            self._told.append(row)
