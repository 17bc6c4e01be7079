"""Acts on reconciliation batches: what each weighs, and what it concerns.

A second person is a rule of approving itself, so that no installation can do without; none of them waits for another.
"""

from typing import Any

from commands.acts import About, Act
from commands.reconciliation_batches import Batches
from commands.reconciliation_batches_approving import ApproveBatch
from commands.reconciliation_batches_deciding import (
    RECONCILIATION_BATCHES,
    CollectBatch,
    Command,
    DiscardBatch,
    OpenBatch,
    ReopenBatch,
    StartReview,
)
from commands.reconciliation_batches_reviewing import ReviewCharges
from ledger.ids import key_of, reconciliation_stream


def batch_id(period: str, number: int) -> str:
    """What people call a batch of an organization: `2025-10.1`."""
    return f"{period}.{number}"


def _stream(command: Command) -> str:
    return reconciliation_stream(command.mode, command.org, command.period)


def _about(command: Command) -> About:
    which = command.period if isinstance(command, OpenBatch) else batch_id(command.period, command.number)
    return About(f"reconciliation/{key_of((command.org, which))}", command.mode, None, command.org)


def _act(name: str, command: type[Any], weight: int = 10) -> Act[Any, Batches]:
    return Act(name, command, RECONCILIATION_BATCHES, _stream, _about, weight)


OPEN_BATCH = _act("open_batch", OpenBatch)
COLLECT_BATCH = _act("collect_batch", CollectBatch)
START_REVIEW = _act("start_review", StartReview)
REVIEW_CHARGES = _act("review_charges", ReviewCharges)
APPROVE_BATCH = _act("approve_batch", ApproveBatch, 30)
REOPEN_BATCH = _act("reopen_batch", ReopenBatch, 30)
DISCARD_BATCH = _act("discard_batch", DiscardBatch, 30)
