"""Reviewing a reconciliation batch: what is accepted, adjusted, rejected or deferred, charge by charge.

What is accepted is held against policy and cap when it is, and once more when the batch is approved. What is held can
be rejected or deferred; accepted it is only by a policy that covers it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from commands.reconciliation_batches import Batch, Batches, Place, must_be, spent_of
from commands.reconciliation_batches_approving import OfBatch
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.passthrough import Terms, exact, match, told
from ledger.passthrough_events import BatchLine, BatchLinesReviewed, LineDecision

_ZERO = Decimal(0)


class ReviewCharges(OfBatch, frozen=True, kw_only=True):
    """Accept, adjust, reject or defer charges of a batch."""

    decision: Literal["accept", "adjust", "reject", "defer"]
    charges: tuple[str, ...] = ()
    """Each `provider/reference`; none: every one that nobody decided on, as far as that may be."""
    cost_minor: Decimal | None = None
    """What an adjusted one costs."""
    policies: dict[str, tuple[Terms, ...]]


def reviewed(command: ReviewCharges, batches: Batches, batch: Batch, said: Mapping[str, Any]) -> Iterator[Event]:
    """One event a chunk. Raises Invalid (`bad_amount`, `not_one_charge`), NotFound, Refused("charge_held")."""
    must_be(batch, "in_review")
    if (command.decision == "adjust") != (command.cost_minor is not None):
        raise Invalid("an adjusted charge has a cost, and no other", code="bad_amount")
    if command.decision == "adjust" and len(command.charges) != 1:
        raise Invalid("adjust one charge at a time: each has its own reason", code="not_one_charge")
    spent = spent_of(batches, batch)
    found: dict[int, list[LineDecision]] = {}
    for place, line in _chosen(command, batch):
        before = batch.decided.get(place)
        if before is not None and before.policy_version is not None:
            spent[line.category] -= Decimal(before.cost)
        decision = _decision(command, batch, line, place, spent)
        if decision is None:
            continue
        if decision.policy_version is not None:
            spent[line.category] = spent.get(line.category, _ZERO) + Decimal(decision.cost)
        if decision != before:
            found.setdefault(place.chunk, []).append(decision)
    for chunk, decided in sorted(found.items()):
        yield BatchLinesReviewed(**said, chunk=chunk, decided=tuple(decided))


def _chosen(command: ReviewCharges, batch: Batch) -> list[tuple[Place, BatchLine]]:
    if not command.charges:
        return [(place, line) for place, line in batch.lines() if place not in batch.decided]
    wanted = set(command.charges)
    chosen = [(place, line) for place, line in batch.lines() if f"{line.provider}/{line.reference}" in wanted]
    if len(chosen) < len(wanted):
        missing = sorted(wanted - {f"{line.provider}/{line.reference}" for _, line in chosen})
        raise NotFound(f"batch {batch.opened.number} has no charge {', '.join(missing[:5])}")
    return chosen


def _decision(
    command: ReviewCharges, batch: Batch, line: BatchLine, place: Place, spent: Mapping[str, Decimal]
) -> LineDecision | None:
    """What is decided; None: it is held, and nobody asked for it by name."""
    if command.decision in ("reject", "defer"):
        return LineDecision(place.line, command.decision, "0", None)
    cost = Decimal(line.cost) if command.cost_minor is None else exact(command.cost_minor)
    running = spent.get(line.category, _ZERO) + cost
    its = match(command.policies.get(line.category, ()), line.occurred_s, batch.opened.currency, running)
    early = line.occurred_s > command.now_s  # by the provider's clock: a policy may end before ours gets there
    if its.terms is None or early:
        if not command.charges:
            return None
        why = "it has not occurred yet" if early else its.held
        raise Refused(f"{line.provider}/{line.reference} is held: {why}", code="charge_held")
    return LineDecision(place.line, command.decision, told(cost), its.terms.version)
