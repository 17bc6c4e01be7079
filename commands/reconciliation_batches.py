"""Reconciliation batches: what is to be invoiced of a month's provider charges, and who looked at it.

One stream an organization and month, so that no two batches of it bill one charge, or pass a cap together. What may be
decided is in `commands.reconciliation_batches_deciding`; this is how its events are read.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from ledger.errors import Refused
from ledger.events import Event
from ledger.passthrough_events import (
    BatchApproved,
    BatchDiscarded,
    BatchInvoiceMoved,
    BatchInvoiceReady,
    BatchLine,
    BatchLinesCollected,
    BatchLinesReviewed,
    BatchOpened,
    BatchReopened,
    BatchReviewStarted,
    LineDecision,
    Statement,
)

State = Literal[
    "collecting", "in_review", "approved", "invoice_ready",
    "issuing", "issue_failed", "issued", "paid", "overdue", "void", "credited", "discarded",
]  # fmt: skip
#: While nobody was invoiced and nobody may have been: what can be reviewed again, or dropped.
NOT_INVOICED: frozenset[State] = frozenset({"approved", "invoice_ready", "issue_failed"})
#: While nothing of it can be dropped or voided any more.
SETTLED: frozenset[State] = frozenset({"paid", "credited"})
#: What still changes.
UNDER_WAY: frozenset[State] = frozenset({"collecting", "in_review"})
#: Where an invoice may go from where: our failure to issue it, and Stripe's states, are different lines.
INVOICE_LINES: Mapping[State, frozenset[State]] = {
    "invoice_ready": frozenset({"issuing"}),
    "issue_failed": frozenset({"issuing", "void"}),
    "issuing": frozenset({"issued", "issue_failed", "void"}),
    "issued": frozenset({"paid", "overdue", "void", "credited"}),
    "overdue": frozenset({"paid", "void", "credited"}),
    "paid": frozenset({"credited"}),
    "credited": frozenset({"credited"}),
}

#: (provider, reference): a charge, whichever batch it is in.
ChargeKey: TypeAlias = tuple[str, str]


class Place(NamedTuple):
    """Where a charge stands in a batch."""

    chunk: int
    line: int


class Batch(msgspec.Struct, frozen=True):
    """A batch as its events left it."""

    opened: BatchOpened
    state: State = "collecting"
    chunks: Mapping[int, tuple[BatchLine, ...]] = {}
    decided: Mapping[Place, LineDecision] = {}
    statements: tuple[Statement, ...] = ()
    persons: frozenset[str] = frozenset()
    """Who opened it, took part in collecting, or reviewed."""
    ready: BatchInvoiceReady | None = None
    invoice: str | None = None
    credited_minor: int = 0

    def lines(self) -> Iterator[tuple[Place, BatchLine]]:
        """Every charge in it with its place."""
        for chunk, lines in self.chunks.items():
            for number, line in enumerate(lines):
                yield Place(chunk, number), line

    def keeps(self, place: Place) -> bool:
        """Whether a charge of it can be in no other batch: all while it changes, then those it decided on."""
        if self.state == "discarded":
            return False
        decision = self.decided.get(place)
        return self.state in UNDER_WAY or (decision is not None and decision.decision != "defer")

    def billed(self) -> Iterator[tuple[BatchLine, LineDecision]]:
        """The charges that are billed by it, or will be."""
        if self.state == "discarded":
            return
        for place, decision in self.decided.items():
            if decision.policy_version is not None:
                yield self.chunks[place.chunk][place.line], decision


#: All batches of an organization and month, by number.
Batches: TypeAlias = Mapping[int, Batch]


def kept(batches: Batches) -> set[ChargeKey]:
    """Charges that some batch has, and no other may take."""
    return {
        (line.provider, line.reference)
        for batch in batches.values()
        for place, line in batch.lines()
        if batch.keeps(place)
    }


def must_be(batch: Batch, *states: str) -> None:
    """Raises Refused("batch_state") unless it is in one of these states."""
    if batch.state not in states:
        raise Refused(
            f"batch {batch.opened.number} is {batch.state}, and would have to be {' or '.join(states)}",
            code="batch_state",
        )


def evolve(batches: Batches, event: Event) -> Batches:
    """The batches after an event."""
    if isinstance(event, BatchOpened):
        return {**batches, event.number: Batch(event, persons=frozenset({event.by}))}
    number: int = event.number  # type: ignore[attr-defined] # every event of the stream has one
    return {**batches, number: _moved(batches[number], event)}


def _moved(batch: Batch, event: Event) -> Batch:
    replace = msgspec.structs.replace
    if isinstance(event, BatchLinesCollected):
        return replace(batch, chunks={**batch.chunks, event.chunk: event.collected})
    if isinstance(event, BatchReviewStarted):
        return replace(batch, state="in_review", statements=event.statements, persons=batch.persons | {event.by})
    if isinstance(event, BatchLinesReviewed):
        said = {Place(event.chunk, d.line): d for d in event.decided}
        return replace(batch, decided={**batch.decided, **said}, persons=batch.persons | {event.by})
    if isinstance(event, BatchApproved):
        return replace(batch, state="approved")
    if isinstance(event, BatchInvoiceReady):
        return replace(batch, state="invoice_ready", ready=event)
    if isinstance(event, BatchReopened):
        return replace(batch, state="in_review", ready=None, persons=batch.persons | {event.by})
    if isinstance(event, BatchDiscarded):
        return replace(batch, state="discarded", ready=None)
    assert isinstance(event, BatchInvoiceMoved)
    return replace(batch, state=event.state, invoice=event.invoice, credited_minor=event.credited_minor)


def spent_under(batches: Batches, own: Batch) -> dict[str, dict[int, Decimal]]:
    """Category -> version -> what is billed under it or an earlier one, before markup: what its cap is held against.

    Over all batches in the currency of `own`. Where refunds outweigh the charges of another batch they make room only
    when it is `SETTLED`: until then it could be dropped, and what had filled the room would be above the cap.
    """
    found: dict[str, dict[int, Decimal]] = {}
    costs = [(b, _costs(b)) for b in batches.values() if b.opened.currency == own.opened.currency]
    for category in {category for _, each in costs for category in each}:
        versions = sorted({version for _, each in costs for version in each.get(category, {})})
        found[category] = {
            version: sum((_counted(b, own, each.get(category, {}), version) for b, each in costs), Decimal(0))
            for version in versions
        }
    return found


def spent_of(batches: Batches, own: Batch) -> dict[str, Decimal]:
    """Category -> what is billed under all of its versions together."""
    return {category: each[max(each)] for category, each in spent_under(batches, own).items()}


def _costs(batch: Batch) -> dict[str, dict[int, Decimal]]:
    found: dict[str, dict[int, Decimal]] = {}
    for line, decision in batch.billed():
        assert decision.policy_version is not None
        its = found.setdefault(line.category, {})
        its[decision.policy_version] = its.get(decision.policy_version, Decimal(0)) + Decimal(decision.cost)
    return found


def _counted(batch: Batch, own: Batch, costs: Mapping[int, Decimal], version: int) -> Decimal:
    cost = sum((c for v, c in costs.items() if v <= version), Decimal(0))
    sure = batch.state in SETTLED or batch.opened.number == own.opened.number
    return cost if sure else max(cost, Decimal(0))
