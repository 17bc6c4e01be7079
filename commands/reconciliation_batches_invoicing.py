"""The invoice of a reconciliation batch: begun while its approval holds, then followed to where it is. Pure.

Refuses to know what issues it (`commands.issuing_sources` asks for it) and what Stripe says of it.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from commands.reconciliation_batches import INVOICE_LINES, Batch, evolve, must_be
from commands.reconciliation_batches_approving import OfBatch
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.passthrough_events import BatchInvoiceMoved, BatchInvoiceReady

InvoiceState: TypeAlias = Literal["issuing", "issue_failed", "issued", "paid", "overdue", "void", "credited"]


class MoveInvoice(OfBatch, frozen=True, kw_only=True):
    """Note what became of a batch's invoice."""

    state: InvoiceState
    invoice: str | None = None
    fault: str | None = None
    credited_minor: int = 0
    """In all."""


class BeginIssuing(OfBatch, frozen=True, kw_only=True):
    """Say that a batch is being invoiced, as it was approved: then it can neither be reopened nor discarded."""

    ready: BatchInvoiceReady
    """What was approved. Of a batch that was approved anew since, it is refused."""


class FollowInvoice(OfBatch, frozen=True, kw_only=True):
    """Move a batch to where its invoice is, step by step along its line; not at all where no line leads there."""

    state: InvoiceState
    invoice: str | None
    fault: str | None
    credited_minor: int


def invoiced(
    command: MoveInvoice | BeginIssuing | FollowInvoice, batch: Batch, said: Mapping[str, Any]
) -> tuple[Event, ...]:
    """What follows; what is so already is no event.

    Raises Invalid (`invoice_required`, `bad_amount`), Refused (`batch_state`, `other_approval`, `nothing_to_invoice`,
    `above_invoice`).
    """
    if isinstance(command, MoveInvoice):
        return _move(command, batch, said)
    if isinstance(command, FollowInvoice):
        return _follow(command, batch, said)
    if batch.ready != command.ready:
        raise Refused(f"batch {command.number} was approved otherwise since", code="other_approval")
    must_be(batch, "invoice_ready")
    return _move(_moving(command, "issuing"), batch, said)


def _move(command: MoveInvoice, batch: Batch, said: Mapping[str, Any]) -> tuple[Event, ...]:
    invoice = command.invoice if command.invoice is not None else batch.invoice
    now = (command.state, invoice, command.credited_minor)
    if now == (batch.state, batch.invoice, batch.credited_minor):
        return ()
    if command.state not in INVOICE_LINES.get(batch.state, frozenset()):
        raise Refused(f"batch {batch.opened.number} is {batch.state}; it cannot be {command.state}", code="batch_state")
    assert batch.ready is not None
    if command.state == "issuing" and batch.ready.total_minor <= 0:
        raise Refused("nothing of the batch is to be invoiced", code="nothing_to_invoice")
    # one that was let go before it was out has none
    never_out = command.state == "void" and batch.state in ("issuing", "issue_failed")
    if command.state not in ("issuing", "issue_failed") and invoice is None and not never_out:
        raise Invalid("say which invoice", code="invoice_required")
    if (command.state == "credited") != (command.credited_minor > batch.credited_minor):
        raise Invalid("a credit adds to what was credited, and nothing else does", code="bad_amount")
    if command.credited_minor > batch.ready.total_minor:
        raise Refused("more than was invoiced cannot be credited", code="above_invoice")
    moved = {"state": command.state, "invoice": invoice, "credited_minor": command.credited_minor}
    return (BatchInvoiceMoved(**said, **moved, fault=command.fault),)  # type: ignore[arg-type] # checked above


def _follow(command: FollowInvoice, batch: Batch, said: Mapping[str, Any]) -> tuple[Event, ...]:
    """Each step that lies between; what comes of a word of Stripe's that no line leads to is refused."""
    now = _moving(command, command.state, command.invoice, command.fault, command.credited_minor)
    steps = [now]
    if command.state not in ("issuing", "issue_failed"):
        if batch.state == "issue_failed":  # somebody tried again, and it went out before we looked
            steps = [_moving(command, "issuing"), *steps]
        if batch.state in ("issue_failed", "issuing") and command.state not in ("issued", "void"):
            steps = [*steps[:-1], _moving(command, "issued", command.invoice), now]
    events: list[Event] = []
    for step in steps:
        moved = _move(step, batch, said)
        for event in moved:
            batch = evolve({step.number: batch}, event)[step.number]
        events += moved
    return tuple(events)


def _moving(
    command: BeginIssuing | FollowInvoice,
    state: InvoiceState,
    invoice: str | None = None,
    fault: str | None = None,
    credited_minor: int = 0,
) -> MoveInvoice:
    return MoveInvoice(
        mode=command.mode,
        org=command.org,
        period=command.period,
        number=command.number,
        by=command.by,
        why=command.why,
        now_s=command.now_s,
        state=state,
        invoice=invoice,
        fault=fault,
        credited_minor=credited_minor,
    )
