"""What a read model is: a projection (a keyed, pure fold of events) or a derivation (a pure function of rows).

Definitions only. `replay` runs them: live, rebuilt beside the live copy, and as of any position.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

from ledger.events import Event
from ledger.facts import Translation

#: A row's key: mode first, always; for Stripe's objects the account second.
Key = tuple[str, ...]
#: A row as a named tuple in its table's column order.
Row = Any


class Entry(NamedTuple):
    """One event of the log, decoded and translated once for all projections."""

    position: int
    stream: str
    version: int
    recorded_at_us: int
    event: Event
    said: Translation | None
    """What a Stripe event says; None for Recount's own events."""


@dataclass(frozen=True)
class Column:
    """A column of a read model."""

    name: str
    type: str
    """`text`, `bigint`, `boolean`, `jsonb`, `text[]` or `bigint[]`."""
    sealed: bool = False
    digested: bool = True
    """Whether the digest covers it: not for positions, receipt times and sealed fields."""


@dataclass(frozen=True, eq=False)
class Table:
    """A read model's table: made, filled, compared and digested from this one description."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    """Key columns first."""
    indexes: tuple[str, ...] = ()
    """Each what follows `CREATE INDEX ON table`, e.g. `(mode, account, customer)` or `USING gin (price_ids)`."""

    @cached_property
    def row(self) -> type[Any]:
        """The named tuple of its rows."""
        return namedtuple(self.name, [c.name for c in self.columns])  # columns are known at run time

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its column names."""
        return tuple(c.name for c in self.columns)


@dataclass(frozen=True, eq=False)
class Projection:
    """A keyed fold. State is opaque bytes, kept beside the row; the row is a pure function of key and state.

    `keys` names the rows that an entry touches; `apply` folds it into one of them. An `apply` that raises parks that
    key. `fresh` says that an entry's row cannot exist yet, so that nobody need look for it; it comes with `make`.
    """

    name: str
    version: int
    table: Table
    reads: tuple[str, ...]
    """Event names (`stripe.event_received`) and models of translated facts (`customers`)."""
    keys: Callable[[Entry], tuple[Key, ...]]
    apply: Callable[[bytes | None, Entry], bytes | None]
    to_row: Callable[[Key, bytes], Row]
    fresh: Callable[[Entry], bool] | None = None
    make: Callable[[Entry], tuple[Row, bytes]] | None = None
    """Row and state of a fresh entry, at once: a rebuild makes as many of these as there are events."""
    merge: Callable[[bytes | None, bytes | None], bytes | None] | None = None
    """The state of two halves of a history, where the fold does not depend on order: a rebuild may then share work."""


@dataclass(frozen=True)
class Input:
    """Rows that a derivation reads for a key: those of `model` whose columns `by` are among `wanted(key, so far)`."""

    model: str
    by: tuple[str, ...]
    wanted: Callable[[Key, Mapping[str, Sequence[Row]]], Iterable[Key]]
    columns: tuple[str, ...] = ()
    """What is read of the rows beside `by`; the derivation sees these and may see more."""


@dataclass(frozen=True)
class Hop:
    """One join of a look-up: rows of `model` whose column equals (or whose array holds) a column of the row before."""

    model: str
    on: tuple[tuple[str, str], ...]
    """(column here, column of the row before)."""
    holds: tuple[str, str] | None = None
    """(array column here, column of the row before whose value it holds)."""


@dataclass(frozen=True)
class Lookup:
    """Which keys a changed row affects, where only other rows know: hops through indexed columns."""

    hops: tuple[Hop, ...]
    key: tuple[str, ...]
    """Columns of the last hop."""
    wide: bool = False
    """One row may affect very many keys: expanded in bounded steps, behind everybody else's."""


#: Keys that a changed row affects by itself: from the row before (None: new) and after (None: gone).
Direct = Callable[[Row], Iterable[Key]]


@dataclass(frozen=True, eq=False)
class Derivation:
    """A pure function of rows, for one key, into rows. No clock: what passes with time alone is a schedule."""

    name: str
    version: int
    table: Table
    key: tuple[str, ...]
    """The first columns of its table's key: a derivation may have several rows for one key."""
    inputs: tuple[Input, ...]
    """At most one for each model."""
    affects: Mapping[str, "Direct | tuple[Lookup, ...]"]
    """Model -> which keys a change of its rows affects. Keys that exist at all come from the `Direct` ones."""
    derive: Callable[[Key, Mapping[str, Sequence[Row]]], Sequence[Row]]

    @cache  # noqa: B019 # derivations are constants
    def reads(self, model: str) -> tuple[str, ...]:
        """The columns of `model` that it reads; none named means all of them."""
        inputs = [i for i in self.inputs if i.model == model]
        if not inputs or any(not i.columns for i in inputs):
            return ()
        return tuple(sorted({c for i in inputs for c in (*i.by, *i.columns)}))


@dataclass(frozen=True, eq=False)
class Group:
    """Models that advance together under one checkpoint and one leader."""

    name: str
    projections: tuple[Projection, ...]
    derivations: tuple[Derivation, ...] = field(default=())

    @cached_property
    def routes(self) -> dict[str, tuple[Projection, ...]]:
        """What is read -> who reads it."""
        found: dict[str, tuple[Projection, ...]] = {}
        for projection in self.projections:
            for what in projection.reads:
                found[what] = (*found.get(what, ()), projection)
        return found

    @cached_property
    def models(self) -> "tuple[Projection | Derivation, ...]":
        """Projections first, then derivations in the order in which they depend on each other."""
        return (*self.projections, *self.derivations)

    @cached_property
    def levels(self) -> "tuple[tuple[Derivation, ...], ...]":
        """Derivations in the order of dependence; those of one level read nothing of each other."""
        level: dict[str, int] = {}
        for derivation in self.derivations:
            parts = {i.model for i in derivation.inputs} | set(derivation.affects)
            level[derivation.name] = max((level[p] + 1 for p in parts if p in level), default=0)
        return tuple(
            tuple(d for d in self.derivations if level[d.name] == n) for n in range(max(level.values(), default=-1) + 1)
        )

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Model name -> its table."""
        return {m.name: m.table for m in self.models}

    @cached_property
    def own_topics(self) -> frozenset[str] | None:
        """The event names that suffice when nothing of Stripe's is read; None otherwise."""
        reads = frozenset(self.routes)
        return reads if not any(r.startswith("stripe.") for r in reads) and all("." in r for r in reads) else None
