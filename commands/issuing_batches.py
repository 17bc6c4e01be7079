"""The batch that an issuance bills: what failed is billed again only while its approval holds, in one unit with that.

A batch whose invoice could not be issued may be reviewed again. Trying again and reviewing again exclude each other:
trying again takes the batch back to `issuing` under its own stream's next version, and closes under the next version of
the difference what a look at the failure would have made of it. Of two who come at once, one sees the other.
Pure; refuses to know how an issuance goes on (`commands.issuing_process`).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from commands.acts import Asked
from commands.base import Decider
from commands.consequences import Follow
from commands.issuing_process import Issuance
from commands.reconciliation_batches import Batches
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES
from commands.reconciliation_batches_invoicing import FollowInvoice
from ledger.errors import Refused
from ledger.events import DifferenceClosed, Event
from ledger.ids import difference_stream, item_parts, key_of, reconciliation_stream
from ledger.passthrough_events import BatchInvoiceReady

#: What an issuance of a batch names as its kind.
BATCH = "reconciliation_batch"
#: The derivation that moves a batch to where its invoice is.
_FOLLOWING = "batch_invoice_changes"
#: What that says of a batch whose issuance is on its way.
_BEGUN: dict[str, Any] = {"state": "issuing", "invoice": None, "fault": None, "credited_minor": 0}


class _Approved(msgspec.Struct, frozen=True):
    """The batches of an organization and month, and which version of their stream approved each last."""

    events: int = 0
    approvals: Mapping[int, int] = {}
    batches: Batches = {}


class _BillAgain(msgspec.Struct, frozen=True):
    """Have the approval of this version be billed again."""

    version: int
    moved: FollowInvoice


def batch_source(org: str, period: str, number: int, version: int) -> str:
    """What is billed by an approval of a batch: approved anew, it is something else."""
    return key_of((org, f"{period}.{number}", str(version)))


def billed_again(issuance: Issuance, asked: Asked) -> tuple[Follow, ...]:
    """What has to follow where an issuance is tried again; nothing, unless it bills a batch.

    Its decision raises Refused (`approval_withdrawn`) where the batch was reopened, discarded or approved anew.
    """
    requested = issuance.requested
    if requested is None or requested.source_kind != BATCH:
        return ()
    mode, (org, batch, version) = requested.mode, item_parts(requested.source)
    period, _, number = batch.rpartition(".")
    moved = FollowInvoice(
        mode=mode,
        org=org,
        period=period,
        number=int(number),
        by=asked.person,
        why=asked.reason,
        now_s=asked.now_s,
        state="issuing",
        invoice=None,
        fault=None,
        credited_minor=0,
    )
    closed = DifferenceClosed(reaction=_FOLLOWING, mode=mode, key=(org, batch, version), done=_BEGUN, silent=True)
    return (
        Follow(_APPROVED, reconciliation_stream(mode, org, period), _BillAgain(int(version), moved)),
        Follow(_CLOSED, difference_stream(_FOLLOWING, mode, closed.key), closed),
    )


def _evolve(known: _Approved, event: Event) -> _Approved:
    version, approvals = known.events + 1, known.approvals
    if isinstance(event, BatchInvoiceReady):
        approvals = {**approvals, event.number: version}
    return _Approved(version, approvals, RECONCILIATION_BATCHES.evolve(known.batches, event))


def _decide(command: _BillAgain, known: _Approved) -> tuple[Event, ...]:
    number = command.moved.number
    batch = known.batches.get(number)
    billed = batch is not None and batch.state in ("issuing", "issue_failed")
    if not billed or known.approvals.get(number) != command.version:
        raise Refused(
            f"batch {command.moved.period}.{number} is not approved like this any more: it bills what is approved then",
            code="approval_withdrawn",
        )
    return RECONCILIATION_BATCHES.decide(command.moved, known.batches)


_APPROVED: Decider[_BillAgain, _Approved] = Decider(_Approved(), _evolve, _decide)
#: Said in any case: the version that it takes is what keeps a look at the failure from moving the batch.
_CLOSED: Decider[DifferenceClosed, None] = Decider(None, lambda state, event: state, lambda said, state: (said,))
