"""The charges in reconciliation batches, each with the last word on it. One row a charge and batch.

A discarded batch has none: its charges are free for another.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ledger.passthrough import told
from ledger.passthrough_events import BatchLine, BatchLinesCollected, BatchLinesReviewed
from projections.base import Column, Derivation, Entry, Hop, Input, Key, Lookup, Projection, Row, Table
from projections.reconciliation_batches import COUNTS, batch_name

_CHUNKS = Table(
    "batch_chunks",
    ("mode", "org", "batch", "chunk"),
    (
        *(Column(name, "text") for name in ("mode", "org", "batch", "chunk")),
        *(Column(name, "bigint") for name in COUNTS),
        Column("cost_minor", "text"),
        Column("billed_cost_minor", "text"),
        Column("lines", "jsonb"),
    ),
)


class _Word(msgspec.Struct, array_like=True, frozen=True):
    """The last word on a charge."""

    decision: str
    cost: str
    policy_version: int | None
    by: str
    why: str


class _State(msgspec.Struct, array_like=True, frozen=True):
    lines: tuple[BatchLine, ...]
    cost: str
    words: dict[int, _Word] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
_COUNTED = {"accept": "accepted", "adjust": "adjusted", "reject": "rejected", "defer": "deferred"}


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (BatchLinesCollected, BatchLinesReviewed))
    return ((said.mode, said.org, batch_name(said.period, said.number), str(said.chunk)),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    if isinstance(said, BatchLinesCollected):
        return _encode(_State(said.collected, said.cost))
    assert isinstance(said, BatchLinesReviewed)
    assert state is not None
    it = _decode(state)
    words = {d.line: _Word(d.decision, d.cost, d.policy_version, said.by, said.why) for d in said.decided}
    return _encode(msgspec.structs.replace(it, words={**it.words, **words}))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    counts = dict.fromkeys(COUNTS, 0)
    counts["charges"] = len(it.lines)
    counts["undecided"] = len(it.lines) - len(it.words)
    billed = Decimal(0)
    for word in it.words.values():
        counts[_COUNTED[word.decision]] += 1
        billed += Decimal(word.cost)
    lines: list[list[Any]] = []
    for number, line in enumerate(it.lines):
        found = it.words.get(number)
        lines.append([*msgspec.to_builtins(line), *(msgspec.to_builtins(found) if found is not None else [None] * 5)])
    return _CHUNKS.row(*key, *counts.values(), it.cost, told(billed), lines)


BATCH_CHUNKS = Projection(
    "batch_chunks", 1, _CHUNKS, (BatchLinesCollected.NAME, BatchLinesReviewed.NAME), _keys, _apply, _to_row
)

_LINES = Table(
    "reconciliation_lines",
    ("mode", "org", "batch", "chunk", "provider", "reference"),
    (
        *(Column(name, "text") for name in ("mode", "org", "batch", "chunk", "provider", "reference")),
        Column("number", "bigint"),
        Column("record", "text"),
        Column("category", "text"),
        Column("occurred_s", "bigint"),
        Column("cost_minor", "text"),
        Column("decision", "text"),
        Column("billed_cost_minor", "text"),
        Column("policy_version", "bigint"),
        Column("by", "text"),
        Column("why", "text"),
    ),
    indexes=("(mode, record)",),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    if any(state.state == "discarded" for state in rows["batch_states"]):
        return []
    number = int(key[2].rpartition(".")[2])
    found = []
    for chunk in rows["batch_chunks"]:
        for line in chunk.lines:
            provider, reference, record, category, occurred_s, cost, decision, billed, version, by, why = line
            found.append(
                _LINES.row(
                    *key, provider, reference, number, record, category, occurred_s, cost,
                    decision, billed, version, by, why,
                )
            )  # fmt: skip
    return found


RECONCILIATION_LINES = Derivation(
    "reconciliation_lines",
    1,
    _LINES,
    ("mode", "org", "batch", "chunk"),
    inputs=(
        Input("batch_chunks", ("mode", "org", "batch", "chunk"), lambda key, _: [key], ("lines",)),
        Input("batch_states", ("mode", "org", "batch"), lambda key, _: [key[:3]], ("state",)),
    ),
    affects={
        "batch_chunks": lambda row: [(row.mode, row.org, row.batch, row.chunk)],
        "batch_states": (
            Lookup(
                (Hop("batch_chunks", (("mode", "mode"), ("org", "org"), ("batch", "batch"))),),
                ("mode", "org", "batch", "chunk"),
            ),
        ),
    },
    derive=_derive,
)
