"""What of ours is billed by itself: a hosting invoice that was closed, a batch of provider charges that was approved.

Each asks for one issuance, whose id follows from what is billed; nobody asks twice. Pure: refuses to know how an
issuance goes on (`commands.issuing_process`), and what Stripe says of its invoice (`projections.issuances`).
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from commands.consequences import Follow, Known
from commands.issuing import ISSUANCES, VoidIssuance, request_issuance
from commands.issuing_batches import BATCH, batch_source
from commands.issuing_terms import MAX_AMOUNT_MINOR, MAX_LINES, RequestIssuance, issuance_id
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES
from commands.reconciliation_batches_invoicing import BeginIssuing, FollowInvoice
from commands.tax_terms import taxed, terms_streams
from ledger.codec import decode_metadata
from ledger.events import Recorded
from ledger.hosting_billing_events import HostingInvoiceClosed, InvoiceLine
from ledger.ids import Mode, issuance_stream, reconciliation_stream
from ledger.issuing_events import IssuanceLine
from ledger.passthrough_events import BatchInvoiceReady

HOSTING = "hosting_invoice"
#: Our own customers are the platform's.
_ACCOUNT = "platform"
_BY = "system"


class Differs(Protocol):
    """As much of a difference as this needs."""

    @property
    def mode(self) -> Mode: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def now(self) -> Any: ...


def bill_hosting(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    """Bill a closed hosting invoice; nothing of one that is carried over."""
    closed = cause.event
    assert isinstance(closed, HostingInvoiceClosed)
    lines = _hosting_lines(closed)
    if closed.total_minor <= 0 or not lines:
        return ()
    command = RequestIssuance(
        mode=closed.mode,
        account=_ACCOUNT,
        org=closed.org,
        currency=closed.currency,
        source_kind=HOSTING,
        source=closed.invoice,
        lines=lines,
    )
    return (_on_terms(command),)


def bill_batch(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    """Bill a batch that was approved: its billing owner, under the policies that were named.

    Only while it is what was approved: one that was reopened or discarded meanwhile is not billed.
    """
    ready = cause.event
    assert isinstance(ready, BatchInvoiceReady)
    if ready.billing_owner is None or ready.total_minor <= 0:
        return ()
    begin = BeginIssuing(
        mode=ready.mode,
        org=ready.org,
        period=ready.period,
        number=ready.number,
        by=_BY,
        why="it was approved",
        now_s=decode_metadata(cause.metadata).occurred_at_s,
        ready=ready,
    )
    from_s, until_s = month_of(ready.period)
    lines = [
        part
        for number, line in enumerate(ready.lines)
        for part in _parts(
            IssuanceLine(
                key=str(number),
                description=f"{line.category}, {ready.period}",
                amount_minor=line.amount_minor,
                from_s=from_s,
                until_s=until_s,
            )
        )
    ]
    fitting = _fitting(lines, f"Pass-through, {ready.period}")
    if not fitting:
        return ()
    command = RequestIssuance(
        mode=ready.mode,
        account=_ACCOUNT,
        org=ready.org,
        customer=ready.billing_owner,
        currency=ready.currency,
        source_kind=BATCH,
        source=batch_source(ready.org, ready.period, ready.number, cause.version),
        lines=fitting,
    )
    moving = Follow(RECONCILIATION_BATCHES, reconciliation_stream(ready.mode, ready.org, ready.period), begin, True)
    return (moving, _on_terms(command))


def _on_terms(command: RequestIssuance) -> Follow:
    """Have it billed on the tax terms that hold for the organization."""
    known = Known(terms_streams(command.mode, command.org), taxed)
    return request_issuance(command)._replace(known=known)


def follow_batch(difference: Differs, receipt: str, now_s: int) -> tuple[Follow, ...]:
    """Move a batch to where its invoice is; and void what was being billed for an approval that does not hold.

    `difference.key` is (organization, batch, version of the approval's event).
    """
    org, batch, version = difference.key
    now = difference.now
    if now is None:
        return ()
    period, _, number = batch.rpartition(".")
    if now["state"] == "withdrawn":
        id = issuance_id(difference.mode, _ACCOUNT, BATCH, batch_source(org, period, int(number), int(version)))
        void = VoidIssuance(mode=difference.mode, issuance=id)
        return (Follow(ISSUANCES, issuance_stream(difference.mode, id), void),)
    command = FollowInvoice(
        mode=difference.mode,
        org=org,
        period=period,
        number=int(number),
        by=_BY,
        why="its invoice",
        now_s=now_s,
        state=now["state"],
        invoice=now["invoice"],
        fault=now["fault"],
        credited_minor=now["credited_minor"],
    )
    return (Follow(RECONCILIATION_BATCHES, reconciliation_stream(difference.mode, org, period), command),)


def month_of(month: str) -> tuple[int, int]:
    """The seconds of a calendar month, UTC; half-open."""
    year, number = (int(part) for part in month.split("-"))
    start_s = int(datetime(year, number, 1, tzinfo=UTC).timestamp())
    return start_s, start_s + monthrange(year, number)[1] * 86_400


# ---- lines, as Stripe takes them ----------------------------------------------------------------


def _hosting_lines(closed: HostingInvoiceClosed) -> tuple[IssuanceLine, ...]:
    """One for each environment and namespace that comes to anything; by its number among the hosting invoice's."""
    from_s, until_s = month_of(closed.month)
    lines = [
        part
        for number, line in enumerate(closed.lines)
        if line.amount_minor
        for part in _parts(
            IssuanceLine(
                key=str(number),
                description=_described(closed.month, line),
                amount_minor=line.amount_minor,
                from_s=from_s,
                until_s=until_s,
            )
        )
    ]
    return _fitting(lines, f"Hosting, {closed.month}")


def _described(month: str, line: InvoiceLine) -> str:
    if line.environment is None:
        return f"Hosting, before {month}: carried over"
    where = f"{line.environment} / {line.namespace}" if line.namespace is not None else line.environment
    return f"Hosting, {month}: {where}"[:500]


def _parts(line: IssuanceLine) -> Iterator[IssuanceLine]:
    """A line in as many as Stripe's largest amount makes of it; almost always itself."""
    left, number = line.amount_minor, 0
    while abs(left) > MAX_AMOUNT_MINOR:
        whole = MAX_AMOUNT_MINOR if left > 0 else -MAX_AMOUNT_MINOR
        yield _with(line, f"{line.key}.{number}", whole)
        left, number = left - whole, number + 1
    yield _with(line, f"{line.key}.{number}" if number else line.key, left)


def _fitting(lines: Sequence[IssuanceLine], description: str) -> tuple[IssuanceLine, ...]:
    """As many lines as an invoice takes: those that are left are summed up in the last ones.

    None of them where all of that cannot hold it, at 250 times Stripe's largest amount: then it stays to be issued.
    """
    if len(lines) <= MAX_LINES:
        return tuple(lines)
    kept = sorted(lines, key=lambda line: -abs(line.amount_minor))
    # what is left has room for the parts that its sum may need
    for room in range(1, MAX_LINES + 1):
        rest = _summed(kept[MAX_LINES - room :], description, room)
        if rest is not None:
            own = {line.key for line in kept[: MAX_LINES - room]}
            return (*(line for line in lines if line.key in own), *rest)
    return ()


def _summed(rest: Sequence[IssuanceLine], description: str, room: int) -> tuple[IssuanceLine, ...] | None:
    """Lines as one, in parts; None: in more than there is room for."""
    left = sum(line.amount_minor for line in rest)
    told = IssuanceLine(
        key="others",
        description=f"{description}: {len(rest)} others",
        amount_minor=left,
        from_s=rest[0].from_s,
        until_s=rest[0].until_s,
    )
    parts = tuple(_parts(told))
    return parts if len(parts) <= room else None


def _with(line: IssuanceLine, key: str, amount_minor: int) -> IssuanceLine:
    return IssuanceLine(
        key=key,
        description=line.description,
        amount_minor=amount_minor,
        from_s=line.from_s,
        until_s=line.until_s,
        tax_rates=line.tax_rates,
    )
