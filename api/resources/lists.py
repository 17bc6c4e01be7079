"""Lists and single objects of a read model, for every resource alike: scope, filters, pages.

Each is one statement that also reads the checkpoint and what waits: its rows fit its position.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from marshmallow import Schema, fields, validate

from api.auth import Caller
from api.problems import Problem
from api.resources.answers import Concern, Fresh, fresh, oldest_waiting, reaching
from api.resources.context import Context
from api.resources.personal import shown
from api.schemas import Shape
from projections import BILLING
from replay.tables import LIVE

MAX_LIMIT = 100
DEFAULT_LIMIT = 20


class Condition(NamedTuple):
    """A part of a WHERE clause with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


ALWAYS, NEVER = Condition("true"), Condition("false")


class Source(NamedTuple):
    """Where a resource's rows come from."""

    shape: Shape
    tables: str
    """What follows FROM; the read model is `t`, the customer's organization `l`."""
    places: Mapping[str, str]
    """Where members that are no columns of `t` come from."""
    order: tuple[str, ...]
    """What a list is ordered by, after the mode: together unique, never null."""
    visible: Callable[[Caller], list[Condition]]
    """Which rows of its mode a key sees."""
    concerns: tuple[Concern, ...] = ()
    newest_first: bool = False
    id: str = "t.id"
    """What a row is asked for by, beside its account."""
    derivation: str | None = None
    """The derivation that makes the rows, each from (mode, account, id); None: they are folded."""
    group: str = BILLING.name
    """Whose checkpoint says how fresh they are."""

    def of_all(self) -> "Source":
        """With what concerns a list: any key of the derivation."""
        return self._concerned(None)

    def of_one(self, key: tuple[str, ...]) -> "Source":
        """With what concerns one row: its own key of the derivation."""
        return self._concerned(key)

    def _concerned(self, key: tuple[str, ...] | None) -> "Source":
        if self.derivation is None:
            return self
        return self._replace(concerns=(*self.concerns, Concern(self.derivation, key)))

    def columns(self) -> str:
        """What is selected, in the order of the shape's members."""
        return ", ".join(self.places.get(m.stored, f't."{m.stored}"') for m in self.shape.members)


def bound_to_customer(caller: Caller) -> list[Condition]:
    """The scope of rows that belong to a customer, whose organization is `l.org`."""
    conditions = []
    if caller.org is not None:
        conditions.append(Condition("l.org = %s", (caller.org,)))
    if caller.account is not None:
        conditions.append(Condition("t.account = %s", (caller.account,)))
    return conditions


def with_customers_org(model: str, customer: str) -> str:
    """FROM a model whose column `customer` names its customer, joined to the customer's organization."""
    return (
        f'{LIVE}."{model}" t LEFT JOIN {LIVE}.org_links l'
        f' ON l.mode = t.mode AND l.account = t.account AND l.customer = t."{customer}"'
    )


class Read(Schema):
    """What every read takes."""

    min_position = fields.Integer(
        load_default=None,
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": "Wait up to two seconds until the answer holds everything up to this position"},
    )


class ReadList(Read):
    """What every list takes."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT),
        metadata={"description": "How many at most"},
    )
    cursor = fields.String(load_default=None, metadata={"description": "`next_cursor` of the page before"})


def text(description: str) -> fields.String:
    """A filter by a text."""
    return fields.String(
        load_default=None,
        validate=[validate.Length(1, 500), validate.ContainsNoneOf("\0")],
        metadata={"description": description},
    )


def moment(description: str) -> fields.AwareDateTime:
    """A filter by a time."""
    return fields.AwareDateTime(
        format="iso", load_default=None, metadata={"description": description + ", ISO 8601 with its offset or Z"}
    )


class Page(NamedTuple):
    """What a list's statement found."""

    rows: list[list[Any]]
    """Values in the order of the shape's members."""
    next_place: list[Any] | None
    exists: bool
    """Whether the organization in the path exists for this caller; True where there is none in the path."""


class Request(NamedTuple):
    """Which page of which rows."""

    conditions: Sequence[Condition]
    limit: int
    after: Sequence[Any] | None = None
    exists: Condition = ALWAYS


def read_page(context: Context, caller: Caller, source: Source, asked: Request) -> tuple[Page, Fresh]:
    """One page and its freshness, by one statement."""
    statement, params = _statement(caller, source, asked)
    rows = context.readers.rows(statement, params)
    if not rows:
        raise Problem("not_built")
    position, moved_at, waiting, exists = rows[0][:4]
    found = [row[4:] for row in rows if row[4] is not None]
    width = len(source.order)
    more = len(found) > asked.limit
    found = found[: asked.limit]
    place = list(found[-1][:width]) if more else None
    return Page([list(r[width:]) for r in found], place, bool(exists)), fresh(position, moved_at, waiting)


def scoped(caller: Caller, source: Source, conditions: Sequence[Condition]) -> Condition:
    """`conditions` within what the caller may see of a source: its mode, organization and account."""
    every = [Condition("t.mode = %s", (caller.mode,)), *source.visible(caller), *conditions]
    return Condition(" AND ".join(c.sql for c in every), tuple(p for c in every for p in c.params))


def _statement(caller: Caller, source: Source, asked: Request) -> tuple[str, list[Any]]:
    conditions = list(asked.conditions)
    if asked.after is not None:
        marks = ", ".join(["%s"] * len(source.order))
        sign = "<" if source.newest_first else ">"
        conditions.append(Condition(f"({', '.join(source.order)}) {sign} ({marks})", tuple(asked.after)))
    direction = " DESC" if source.newest_first else ""
    where = scoped(caller, source, conditions)
    keys = ", ".join(f"{o} AS k{i}" for i, o in enumerate(source.order))
    waiting, waiting_params = oldest_waiting(source.concerns)
    names = ", ".join(f"v{i}" for i in range(len(source.shape.members)))
    k = ", ".join(f"k{i}" for i in range(len(source.order)))
    statement = (
        f"WITH page ({k}, {names}) AS (SELECT {keys}, {source.columns()} FROM {source.tables} WHERE {where.sql}"
        f" ORDER BY {', '.join(o + direction for o in source.order)} LIMIT %s)"
        f" SELECT c.position, c.moved_at, {waiting}, {asked.exists.sql}, page.*"
        f" FROM {LIVE}.checkpoints c LEFT JOIN page ON true WHERE c.name = '{source.group}'"
        f" ORDER BY {', '.join(f'k{i}{direction}' for i in range(len(source.order)))}"
    )
    return statement, [*where.params, asked.limit + 1, *waiting_params, *asked.exists.params]


def list_of(
    context: Context,
    caller: Caller,
    source: Source,
    given: Mapping[str, Any],
    conditions: Sequence[Condition],
    *,
    exists: Condition = ALWAYS,
    present: Callable[[Page], list[dict[str, Any]]] | None = None,
) -> tuple[dict[str, Any], Fresh]:
    """A page of a list as it is answered. Raises Problem("not_found") when what the path names does not exist."""
    filters = {k: str(v) for k, v in given.items() if k not in ("limit", "cursor", "min_position")}
    bound = [source.shape.name, caller.mode, caller.org, caller.account, filters, [c.params for c in conditions]]
    cursor = given["cursor"]
    after = context.cursors.open(cursor, bound) if cursor is not None else None
    asked = Request(conditions, given["limit"], after, exists)
    page, how_fresh = reaching(given["min_position"], lambda: read_page(context, caller, source, asked))
    if not page.exists:
        raise Problem("not_found")
    entries = present(page) if present is not None else shown(context, caller, source.shape, page.rows)
    next_cursor = context.cursors.make(page.next_place, bound) if page.next_place is not None else None
    return {"data": entries, "next_cursor": next_cursor}, how_fresh


def single(
    context: Context,
    caller: Caller,
    source: Source,
    conditions: Sequence[Condition],
    min_position: int | None,
) -> tuple[dict[str, Any], Fresh]:
    """One object as it is answered. Raises Problem("not_found"), for a foreign one as for one that is not there."""
    asked = Request(conditions, 1)
    page, how_fresh = reaching(min_position, lambda: read_page(context, caller, source, asked))
    if not page.rows:
        raise Problem("not_found")
    return shown(context, caller, source.shape, page.rows[:1])[0], how_fresh
