"""What may be decided about reconciliation batches: opened, collected, reviewed, approved, reopened, invoiced.

Pure. What was charged and which policies hold is found out at the edge, and comes with the command; a policy that was
approved never unsays what it covered, so nothing is billed under one that does not hold. Approving takes somebody who
did not review.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec

from commands.base import Decider
from commands.identifiers import require_mode, require_org
from commands.passthrough import require_currency
from commands.reconciliation_batches import (
    NOT_INVOICED,
    UNDER_WAY,
    Batch,
    Batches,
    evolve,
    kept,
    must_be,
)
from commands.reconciliation_batches_approving import ApproveBatch, OfBatch, approved
from commands.reconciliation_batches_invoicing import BeginIssuing, FollowInvoice, MoveInvoice, invoiced
from commands.reconciliation_batches_reviewing import ReviewCharges, reviewed
from ledger.errors import NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode
from ledger.passthrough import exact, require_period, told
from ledger.passthrough_events import (
    BatchDiscarded,
    BatchLine,
    BatchLinesCollected,
    BatchOpened,
    BatchReopened,
    BatchReviewStarted,
    Statement,
)

_ZERO = Decimal(0)
#: Charges in one event at most.
CHUNK = 1_000


class OpenBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Open a reconciliation batch of an organization and month: it collects what was charged in a currency."""

    mode: Mode
    org: str
    period: str
    currency: str
    by: str
    why: str
    now_s: int
    found: tuple[BatchLine, ...]
    """Every charge of the organization, month and currency."""


class CollectBatch(OfBatch, frozen=True, kw_only=True):
    """Take into a batch what was charged since it was opened."""

    found: tuple[BatchLine, ...]


class StartReview(OfBatch, frozen=True, kw_only=True):
    """Let a batch take in nothing more, and compare it with what the providers' statements say."""

    statements: dict[str, Decimal]
    """Provider -> the total of its statement for the month, in minor units of the batch's currency."""


class ReopenBatch(OfBatch, frozen=True, kw_only=True):
    """Review a batch again that was approved, and not invoiced yet."""


class DiscardBatch(OfBatch, frozen=True, kw_only=True):
    """Drop a batch that was not invoiced; its charges are free for another."""


Command: TypeAlias = (
    OpenBatch
    | CollectBatch
    | StartReview
    | ReviewCharges
    | ApproveBatch
    | ReopenBatch
    | DiscardBatch
    | MoveInvoice
    | BeginIssuing
    | FollowInvoice
)


class _Where(NamedTuple):
    """Which batch, as its events say it."""

    mode: Mode
    org: str
    period: str
    number: int


def decide(command: Command, batches: Batches) -> tuple[Event, ...]:
    """What follows from a command; what is so already is no event.

    Raises Invalid (`bad_period`, `bad_currency`, `bad_amount`, `not_one_charge`, …), NotFound, Refused: `batch_open`,
    `batch_state`, `statement_missing`, `charge_held`, `later_batch`, and what approving raises.
    """
    require_mode(command.mode)
    require_org(command.org)
    require_period(command.period)
    if isinstance(command, OpenBatch):
        return _open(command, batches)
    batch = batches.get(command.number)
    if batch is None:
        raise NotFound(f"{command.org} has no batch {command.number} for {command.period}")
    where = _Where(command.mode, command.org, command.period, command.number)
    said = {**where._asdict(), "by": command.by, "why": command.why, "at_s": command.now_s}
    if isinstance(command, CollectBatch):
        must_be(batch, "collecting")
        return tuple(_collected(where, command.found, batches, batch))
    if isinstance(command, StartReview):
        return _start(command, batches, batch, said)
    if isinstance(command, ReviewCharges):
        return tuple(reviewed(command, batches, batch, said))
    if isinstance(command, ApproveBatch):
        must_be(batch, "in_review")
        return approved(where._asdict(), command, batches, batch)
    if isinstance(command, (MoveInvoice, BeginIssuing, FollowInvoice)):
        return invoiced(command, batch, said)
    return _drop(command, batches, batch, said)


def _open(command: OpenBatch, batches: Batches) -> tuple[Event, ...]:
    require_currency(command.currency)
    for number, batch in batches.items():
        if batch.opened.currency == command.currency and batch.state in UNDER_WAY:
            raise Refused(f"batch {number} is {batch.state}: finish it, or discard it", code="batch_open")
    where = _Where(command.mode, command.org, command.period, max(batches, default=0) + 1)
    opened = BatchOpened(
        **where._asdict(), currency=command.currency, by=command.by, why=command.why, at_s=command.now_s
    )
    return (opened, *_collected(where, command.found, batches, Batch(opened)))


def _collected(
    where: _Where, found: Sequence[BatchLine], batches: Batches, batch: Batch
) -> Iterator[BatchLinesCollected]:
    """What no batch has, in chunks."""
    taken = kept(batches)
    new = {(line.provider, line.reference): line for line in found}
    lines = [line for key, line in new.items() if key not in taken]
    for n, start in enumerate(range(0, len(lines), CHUNK), len(batch.chunks) + 1):
        some = tuple(lines[start : start + CHUNK])
        cost = sum((Decimal(line.cost) for line in some), _ZERO)
        yield BatchLinesCollected(**where._asdict(), chunk=n, count=len(some), cost=told(cost), collected=some)


def _start(command: StartReview, batches: Batches, batch: Batch, said: Mapping[str, Any]) -> tuple[Event, ...]:
    must_be(batch, "collecting")
    recorded: dict[str, dict[str, Decimal]] = {}
    for other in batches.values():
        if other.opened.currency == batch.opened.currency and other.state != "discarded":
            for _, line in other.lines():
                recorded.setdefault(line.provider, {})[line.reference] = Decimal(line.cost)
    missing = sorted({line.provider for _, line in batch.lines()} - command.statements.keys())
    if missing:
        raise Refused(f"say what the statements of {', '.join(missing)} come to", code="statement_missing")
    statements = tuple(
        Statement(provider, told(exact(total)), told(sum(recorded.get(provider, {}).values(), _ZERO)))
        for provider, total in sorted(command.statements.items())
    )
    return (BatchReviewStarted(**said, statements=statements),)


def _drop(
    command: ReopenBatch | DiscardBatch, batches: Batches, batch: Batch, said: Mapping[str, Any]
) -> tuple[Event, ...]:
    """Reopen or discard: neither after it was invoiced, or may have been."""
    if isinstance(command, DiscardBatch):
        if batch.state == "discarded":
            return ()
        must_be(batch, *sorted(UNDER_WAY | NOT_INVOICED))
        return (BatchDiscarded(**said),)
    must_be(batch, *sorted(NOT_INVOICED))
    for number, other in batches.items():
        same = other.opened.currency == batch.opened.currency
        if number > batch.opened.number and same and other.state != "discarded":
            raise Refused(f"batch {number} came after it: discard that one first", code="later_batch")
    return (BatchReopened(**said),)


RECONCILIATION_BATCHES: Decider[Command, Batches] = Decider({}, evolve, decide)
