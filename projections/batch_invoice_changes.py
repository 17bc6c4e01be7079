"""Where the invoice of each approval of a reconciliation batch is, as far as the batch was not moved there yet.

An approval that does not hold any more (its batch was reopened or discarded) is `withdrawn`: what was being billed for
it is let go. Where the invoice is, `issuances` says; that it is held is still `issuing` to the batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.ids import item_parts, key_of
from projections.base import Column, Derivation, Input, Key, Row, Table

_REACTION = "batch_invoice_changes"
SOURCE_KIND = "reconciliation_batch"
#: While what was asked for last holds: where a batch is from when its issuance was asked for, in the same unit.
_BILLED = frozenset({"issuing", "issue_failed", "issued", "paid", "overdue", "void", "credited"})
#: What is so from when it is asked for.
_BEGUN: dict[str, Any] = {"state": "issuing", "invoice": None, "fault": None, "credited_minor": 0}
_WITHDRAWN: dict[str, Any] = {**_BEGUN, "state": "withdrawn"}

_TABLE = Table(
    _REACTION,
    ("mode", "org", "batch", "version"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("batch", "text"),
        Column("version", "text"),  # of the approval's event in the batch's stream
        Column("was", "jsonb"),
        Column("now", "jsonb"),
        Column("closed", "bigint"),
    ),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    closed = {tuple(r.key[1:]): r for r in rows["closed_differences"]}
    bills = {row.source: row for row in rows["issuances"]}
    found = []
    for batch in sorted(rows["batch_states"], key=lambda row: row.batch):
        sources = {version: _source(batch, version) for version in batch.approvals}
        asked = {version: bills[source] for version, source in sources.items() if source in bills}
        for version, issuance in asked.items():
            holds = version == max(asked) and batch.state in _BILLED
            now = _now(issuance) if holds else _WITHDRAWN
            known = closed.get((batch.batch, str(version)))
            was = known.done if known is not None else _BEGUN
            if was != now:
                count = known.closed if known is not None else 0
                found.append(_TABLE.row(*key, batch.batch, str(version), was, now, count))
    return found


def _now(issuance: Row) -> dict[str, Any]:
    """Where the batch is to be."""
    state = issuance.standing
    if state in ("issuing", "held"):
        return _BEGUN
    return {
        "state": state,
        "invoice": issuance.invoice,
        "fault": issuance.failure if state == "issue_failed" else None,
        "credited_minor": _credited(issuance) if state == "credited" else 0,
    }


def _credited(issuance: Row) -> int:
    """What was credited of the batch's own lines: Stripe's credit notes have the tax on top in them, in proportion."""
    ours, stripes = issuance.subtotal_minor, issuance.stripe_total_minor
    if not stripes or stripes <= ours:
        return int(issuance.credited_minor)
    return -int(-issuance.credited_minor * ours // stripes)  # rounded up: a credit is never none of it


def _source(batch: Row, version: int) -> str:
    return key_of((batch.org, batch.batch, str(version)))


def _sources(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], SOURCE_KIND, _source(row, version)) for row in rows["batch_states"] for version in row.approvals]


BATCH_INVOICE_CHANGES = Derivation(
    _REACTION,
    2,
    _TABLE,
    ("mode", "org"),
    inputs=(
        Input("batch_states", ("mode", "org"), lambda key, _: [key], ("org", "batch", "state", "approvals")),
        Input(
            "issuances",
            ("mode", "source_kind", "source"),
            _sources,
            ("source", "standing", "invoice", "failure", "credited_minor", "subtotal_minor", "stripe_total_minor"),
        ),
        Input(
            "closed_differences",
            ("mode", "reaction", "whose"),
            lambda key, _: [(key[0], _REACTION, key[1])],
            ("key", "done", "closed"),
        ),
    ),
    affects={
        "batch_states": lambda row: [(row.mode, row.org)],
        "issuances": lambda row: [(row.mode, item_parts(row.source)[0])] if row.source_kind == SOURCE_KIND else [],
        "closed_differences": lambda row: [(row.mode, row.whose)] if row.reaction == _REACTION else [],
    },
    derive=_derive,
)
