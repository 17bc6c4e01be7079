"""Shapes: how a listed set of fields becomes a schema, SQL columns and JSON. Knows no resource.

A column that is not listed does not leave. Times (`…_s`, unix seconds) are answered without the `_s`, as ISO 8601 in
UTC; money stays whole minor units beside its currency; personal fields are opened elsewhere (`api.resources.lists`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from projections.base import Table


def iso(seconds: int | float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC; None where that is no year that ISO 8601 can write."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6] + "Z"
    except (ValueError, OverflowError, OSError):
        return None


def iso_of(when: datetime) -> str:
    """An aware UTC time as ISO 8601, in milliseconds."""
    return when.isoformat(timespec="milliseconds")[:-6] + "Z"


class Kind(NamedTuple):
    """How a kind of value is described and answered."""

    field: Callable[..., fields.Field[Any]]
    show: Callable[[Any], Any] | None = None


TEXT = Kind(fields.String)
INT = Kind(fields.Integer)
BOOL = Kind(fields.Boolean)
TIME = Kind(fields.DateTime, iso)
TIME_US = Kind(fields.DateTime, lambda us: iso(us / 1_000_000))
MAP = Kind(fields.Dict)
TEXTS = Kind(lambda **given: fields.List(fields.String(), **given))
INTS = Kind(lambda **given: fields.List(fields.Integer(), **given))

_OF_COLUMN = {"text": TEXT, "bigint": INT, "boolean": BOOL, "text[]": TEXTS, "bigint[]": INTS}


class Member(NamedTuple):
    """A field of an answer."""

    stored: str
    """Where it comes from: a column, or a key of a stored JSON entry."""
    name: str
    kind: Kind
    sealed: bool = False


def _answered_name(stored: str, kind: Kind) -> str:
    if kind is TIME:
        return stored.removesuffix("_s")
    return stored.removesuffix("_us") if kind is TIME_US else stored


class Shape:
    """A listed set of fields: the schema that describes them, and how stored values become them."""

    def __init__(self, name: str, members: Sequence[Member], notes: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.members = tuple(members)
        self.sealed = tuple(m.name for m in members if m.sealed)
        self.notes = notes or {}
        made = {
            m.name: m.kind.field(required=True, allow_none=True, metadata=_described(m, self.notes)) for m in members
        }
        if self.sealed:
            made["sealed"] = fields.List(
                fields.String(),
                required=True,
                metadata={"description": "Personal fields that hold a value which this key may not see"},
            )
        self.schema: type[Schema] = Schema.from_dict(made, name=name)

    def of_values(self, values: Sequence[Any]) -> dict[str, Any]:
        """An answer from values in the order of the members."""
        return {
            m.name: m.kind.show(v) if v is not None and m.kind.show is not None else v
            for m, v in zip(self.members, values, strict=True)
        }

    def of_entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An answer from a stored JSON entry."""
        return self.of_values([entry.get(m.stored) for m in self.members])

    def of_row(self, row: Any, **beside: Any) -> dict[str, Any]:
        """An answer from a read model's row as a named tuple, and values that are not its columns."""
        return self.of_values(
            [beside[m.stored] if m.stored in beside else getattr(row, m.stored) for m in self.members]
        )


def _described(member: Member, notes: Mapping[str, str]) -> dict[str, str]:
    note = notes.get(member.name) or ("Personal: null unless the key may see it" if member.sealed else "")
    return {"description": note} if note else {}


def many(shape: Shape) -> Kind:
    """A list of entries of a shape."""
    return Kind(
        lambda **given: fields.List(fields.Nested(shape.schema), **given),
        lambda entries: [shape.of_entry(e) for e in entries],
    )


def one(shape: Shape) -> Kind:
    """One entry of a shape."""
    return Kind(lambda **given: fields.Nested(shape.schema, **given), shape.of_entry)


def of_entries(name: str, notes: Mapping[str, str] | None = None, /, **kinds: Kind) -> Shape:
    """The shape of stored JSON entries, by key."""
    return Shape(name, [Member(k, _answered_name(k, kind), kind) for k, kind in kinds.items()], notes)


def of_table(name: str, table: Table, listed: str, *, notes: Mapping[str, str] | None = None, **special: Kind) -> Shape:
    """The shape of a read model's rows: the `listed` columns, in order. `special`: kinds of JSON and of other columns.

    A listed name that is no column of the table (the organization, `stale`) must be among `special`.
    """
    columns = {c.name: c for c in table.columns}
    members = []
    for stored in listed.split():
        column = columns.get(stored)
        kind = special[stored] if stored in special else _kind_of(table, stored)
        members.append(Member(stored, _answered_name(stored, kind), kind, bool(column and column.sealed)))
    return Shape(name, members, notes)


def _kind_of(table: Table, stored: str) -> Kind:
    kind = next(c.type for c in table.columns if c.name == stored)
    if kind == "bigint":
        return TIME if stored.endswith("_s") else TIME_US if stored.endswith("_us") else INT
    return _OF_COLUMN[kind]


#: What fields that many answers share mean.
NOTES = {
    "org": "The organization it is billed for; null where nothing claims the customer",
    "stale": "An event about it could not be applied: it shows an older state until it is mended and rebuilt",
    "undecided": "Two events of one second contradict each other and nothing says which came last",
    "changed": "Stripe's time of the newest event about it",
    "account": "`platform`, or the connected account",
    "metadata": "As in Stripe; values that name a person are left out",
}
#: What every folded row ends with.
END = " metadata changed_s undecided stale"
