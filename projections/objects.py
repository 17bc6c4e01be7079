"""Read models of Stripe's objects: one row an object, from the facts about it and the order rule.

The columns are the fields of the family's facts type; this file is the only one that knows how the two correspond.
"""

from collections.abc import Iterable
from dataclasses import replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from ledger.facts import ObjectFact
from ledger.translations.base import Family
from projections.base import Column, Entry, Group, Key, Projection, Row, Table
from projections.ordering import absorb, merge, settle

#: PostgreSQL's bigint, and more than any amount or time.
_MOST = 2**63 - 1
KEY = (Column("mode", "text"), Column("account", "text"), Column("id", "text"))
#: The greatest second that anything was said about the object; and whether a tie waits for a look at Stripe.
ORDER = (Column("changed_s", "bigint"), Column("undecided", "boolean"))


def object_projection(
    name: str, version: int, facts: type[msgspec.Struct], indexes: tuple[str, ...] = ()
) -> Projection:
    """The read model of one family of Stripe objects."""
    columns = fact_columns(facts)
    width = len(columns)
    sealed = frozenset(i for i, c in enumerate(columns) if c.sealed)
    table = Table(name, ("mode", "account", "id"), (*KEY, *columns, *ORDER), (*indexes, *_open_questions(columns)))
    make = table.row._make

    def to_row(key: Key, state: bytes) -> Row:
        settled = settle(state, width, sealed)
        if any(v.__class__ is int and not -_MOST <= v <= _MOST for v in settled.values):
            raise ValueError("a number is beyond what a column holds")  # parks this key alone
        return make((*key, *settled.values, settled.changed_s, settled.undecided))

    return Projection(name, version, table, (name,), _keys, _apply, to_row, merge=merge)


def _open_questions(columns: Iterable[Column]) -> list[str]:
    """Indexes of the few rows that leave something open: a tie, or a list that Stripe cut short."""
    cut_short = [c.name for c in columns if c.type == "boolean" and c.name.endswith("complete")]
    return [f"(mode, account, id) WHERE {what}" for what in ("undecided", *(f"NOT {name}" for name in cut_short))]


def with_families(group: Group, families: Iterable[Family]) -> Group:
    """`group`, and a read model for each family's model that no projection of `group` reads yet.

    So a new Stripe type needs no file here. Families of one model share its facts type; the first states the table.
    """
    stated: dict[str, Family] = {}
    for family in families:
        if family.model not in group.routes:
            first = stated.setdefault(family.model, family)
            assert first.facts is family.facts, f"{family.name} folds into {family.model} with other facts"
    made = (object_projection(model, f.version, f.facts, f.indexes) for model, f in stated.items())
    return replace(group, projections=(*group.projections, *made))


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.said
    assert isinstance(said, ObjectFact)
    return ((said.mode, said.account, said.id),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.said, ObjectFact)
    return absorb(state, entry.said)


def fact_columns(facts: type[msgspec.Struct]) -> tuple[Column, ...]:
    """A facts type's fields as columns."""
    hints = get_type_hints(facts, include_extras=True)
    return tuple(_column(name, hints[name]) for name in facts.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (a for a in get_args(hint) if a not in (NoneType, UnsetType))
    mark = None
    if get_origin(hint) is Annotated:
        hint, mark = get_args(hint)
    if mark == "json":
        return Column(name, "jsonb")
    if mark == "sealed":
        return Column(name, "text", sealed=True, digested=False)
    return Column(name, {str: "text", int: "bigint", bool: "boolean", tuple[str, ...]: "text[]"}[hint])
