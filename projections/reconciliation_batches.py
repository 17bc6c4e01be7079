"""Reconciliation batches: what each collected, what reviewers said of it, and what is to be invoiced.

What happened to a batch as a whole is folded into `batch_states`, its charges, a thousand at a time, into
`batch_chunks`; derivations make a row a batch, and a row a charge in a batch, of these.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from ledger.passthrough import told
from ledger.passthrough_events import (
    BatchApproved,
    BatchDiscarded,
    BatchInvoiceMoved,
    BatchInvoiceReady,
    BatchOpened,
    BatchReopened,
    BatchReviewStarted,
)
from projections.base import Column, Derivation, Entry, Input, Key, Projection, Row, Table

_Said: TypeAlias = (
    BatchOpened
    | BatchReviewStarted
    | BatchApproved
    | BatchInvoiceReady
    | BatchReopened
    | BatchDiscarded
    | BatchInvoiceMoved
)
#: What a batch is, as its own events say it.
_OWN = (
    Column("period", "text"),
    Column("number", "bigint"),
    Column("currency", "text"),
    Column("state", "text"),
    Column("opened_by", "text"),
    Column("opened_s", "bigint"),
    Column("statements", "jsonb"),
    Column("approved_by", "text"),
    Column("approved_why", "text"),
    Column("approved_s", "bigint"),
    Column("policies", "text[]"),
    Column("reviewers", "text[]"),
    Column("billing_owner", "text"),
    Column("lines", "jsonb"),
    Column("total_minor", "bigint"),
    Column("invoice", "text"),
    Column("fault", "text"),
    Column("credited_minor", "bigint"),
)
_KEY = (Column("mode", "text"), Column("org", "text"), Column("batch", "text"))
_STATES = Table(
    "batch_states",
    ("mode", "org", "batch"),
    (*_KEY, *_OWN, Column("approvals", "bigint[]")),  # which of its stream's versions made it ready to be invoiced
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    opened: BatchOpened
    state: str = "collecting"
    statements: tuple[dict[str, str], ...] = ()
    approved_by: str | None = None
    approved_why: str | None = None
    approved_s: int | None = None
    policies: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    billing_owner: str | None = None
    lines: tuple[dict[str, Any], ...] = ()
    total_minor: int | None = None
    invoice: str | None = None
    fault: str | None = None
    credited_minor: int = 0
    approvals: tuple[int, ...] = ()


#: What an approval says, when it counts no more.
_NOT_APPROVED: dict[str, Any] = {
    "approved_by": None,
    "approved_why": None,
    "approved_s": None,
    "policies": (),
    "reviewers": (),
    "billing_owner": None,
    "lines": (),
    "total_minor": None,
}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def batch_name(period: str, number: int) -> str:
    """What a batch of an organization is called: `2025-10.1`."""
    return f"{period}.{number}"


def _keys(entry: Entry) -> tuple[Key, ...]:
    said: _Said = entry.event  # type: ignore[assignment] # all that it reads
    return ((said.mode, said.org, batch_name(said.period, said.number)),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said: _Said = entry.event  # type: ignore[assignment]
    if isinstance(said, BatchOpened):
        return _encode(_State(said))
    assert state is not None
    it = _moved(_decode(state), said)
    if isinstance(said, BatchInvoiceReady):
        it = msgspec.structs.replace(it, approvals=(*it.approvals, entry.version))
    return _encode(it)


def _moved(it: _State, said: _Said) -> _State:
    replace = msgspec.structs.replace
    if isinstance(said, BatchReviewStarted):
        statements = tuple(
            {
                "provider": s.provider,
                "total_minor": s.total,
                "recorded_minor": s.recorded,
                "difference_minor": told(Decimal(s.total) - Decimal(s.recorded)),
            }
            for s in said.statements
        )
        return replace(it, state="in_review", statements=statements)
    if isinstance(said, BatchApproved):
        its = {"policies": said.policies, "reviewers": said.reviewers}
        return replace(it, state="approved", approved_by=said.by, approved_why=said.why, approved_s=said.at_s, **its)
    if isinstance(said, BatchInvoiceReady):
        lines = tuple(
            {
                "category": line.category,
                "policy_version": line.policy_version,
                "charges": line.charges,
                "cost_minor": line.cost,
                "markup_bps": line.markup_bps,
                "amount_minor": line.amount_minor,
            }
            for line in said.lines
        )
        return replace(
            it, state="invoice_ready", billing_owner=said.billing_owner, lines=lines, total_minor=said.total_minor
        )
    if isinstance(said, BatchReopened):
        return replace(it, state="in_review", fault=None, **_NOT_APPROVED)
    if isinstance(said, BatchDiscarded):
        return replace(it, state="discarded", fault=None, **_NOT_APPROVED)
    assert isinstance(said, BatchInvoiceMoved)
    return replace(it, state=said.state, invoice=said.invoice, fault=said.fault, credited_minor=said.credited_minor)


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    opened = it.opened
    return _STATES.row(
        *key,
        opened.period,
        opened.number,
        opened.currency,
        it.state,
        opened.by,
        opened.at_s,
        list(it.statements),
        it.approved_by,
        it.approved_why,
        it.approved_s,
        list(it.policies),
        list(it.reviewers),
        it.billing_owner,
        list(it.lines),
        it.total_minor,
        it.invoice,
        it.fault,
        it.credited_minor,
        list(it.approvals),
    )


BATCH_STATES = Projection(
    "batch_states",
    2,
    _STATES,
    (
        BatchOpened.NAME,
        BatchReviewStarted.NAME,
        BatchApproved.NAME,
        BatchInvoiceReady.NAME,
        BatchReopened.NAME,
        BatchDiscarded.NAME,
        BatchInvoiceMoved.NAME,
    ),
    _keys,
    _apply,
    _to_row,
)

#: How many charges of a batch are in which state, and what they come to.
COUNTS = ("charges", "undecided", "accepted", "adjusted", "rejected", "deferred")
_BATCHES = Table(
    "reconciliation_batches",
    ("mode", "org", "batch"),
    (
        *_KEY,
        *_OWN,
        *(Column(name, "bigint") for name in COUNTS),
        Column("cost_minor", "text"),
        Column("billed_cost_minor", "text"),
    ),
    indexes=("(mode, state)",),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    chunks = rows["batch_chunks"]
    found = []
    for state in rows["batch_states"]:
        counts = [sum(getattr(c, name) for c in chunks) for name in COUNTS]
        cost = sum((Decimal(c.cost_minor) for c in chunks), Decimal(0))
        billed = sum((Decimal(c.billed_cost_minor) for c in chunks), Decimal(0))
        if state.state == "discarded":
            billed = Decimal(0)
        found.append(_BATCHES.row(*state[: len(_KEY) + len(_OWN)], *counts, told(cost), told(billed)))
    return found


RECONCILIATION_BATCHES = Derivation(
    "reconciliation_batches",
    1,
    _BATCHES,
    ("mode", "org", "batch"),
    inputs=(
        Input("batch_states", ("mode", "org", "batch"), lambda key, _: [key]),
        Input(
            "batch_chunks",
            ("mode", "org", "batch"),
            lambda key, _: [key],
            (*COUNTS, "cost_minor", "billed_cost_minor"),
        ),
    ),
    affects={
        "batch_states": lambda row: [(row.mode, row.org, row.batch)],
        "batch_chunks": lambda row: [(row.mode, row.org, row.batch)],
    },
    derive=_derive,
)
