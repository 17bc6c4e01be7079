"""Totals of a list by currency: how many rows, and the exact sums of their amounts, under the list's own filters.

One statement that also reads the checkpoint and what waits: the sums fit their position. Knows no resource by name.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from flask import Response

from api.auth import Caller
from api.problems import Problem
from api.resources.answers import Fresh, fresh, oldest_waiting, reaching
from api.resources.context import Context, caller, context, send_list
from api.resources.lists import ALWAYS, Condition, Read, Source, scoped
from api.resources.publish import listed, named, read
from api.resources.resource import Resource, query_of
from api.schemas import INT, TEXT, Member, Shape
from projections import BILLING
from replay.tables import LIVE

TOTALLED = "Of everything that the same filters list, with an entry a currency: the sums of its rows, exactly."


@cache
def totals_shape(resource: Resource) -> Shape:
    """What one currency's totals hold."""
    sums = [Member(name, name, INT) for name in resource.money]
    notes = {
        "currency": "null: rows that say none",
        "count": "How many rows",
        **{m.name: "Exact sum of the rows that say it; may be more than 2^53" for m in sums},
    }
    members = [Member("currency", "currency", TEXT), Member("count", "count", INT), *sums]
    return Shape(f"{resource.source.shape.name}Totals", members, notes)


def publish_totals(its: Any, resource: Resource) -> None:
    """Put the totals of a resource's list beside it."""
    offered = resource.offered()

    def view(given: dict[str, Any]) -> Response:
        here, asks = context(), caller()
        conditions = resource.conditions(here, asks, given)
        return answered_totals(here, asks, resource, resource.source.of_all(), given, conditions)

    said = f"Total {resource.called} by currency.\n\n{TOTALLED}"
    read(
        its,
        f"{resource.path}/totals",
        resource.name,
        listed(totals_shape(resource).schema),
        query=query_of(offered, f"{resource.name}_totals", Read),
    )(named(view, f"total_{resource.name}", said))


def answered_totals(
    here: Context,
    asks: Caller,
    resource: Resource,
    source: Source,
    given: Mapping[str, Any],
    conditions: Sequence[Condition],
    exists: Condition = ALWAYS,
) -> Response:
    """The totals of the rows under `conditions`. Raises Problem("not_found") when what the path names is not there."""
    statement, params = _statement(asks, resource, source, conditions, exists)
    shape = totals_shape(resource)

    def ask() -> tuple[list[Any], Fresh]:
        rows = here.readers.rows(statement, params)
        if not rows:
            raise Problem("not_built")
        return rows, fresh(*rows[0][:3])

    rows, how_fresh = reaching(given["min_position"], ask)
    if not rows[0][3]:
        raise Problem("not_found")
    entries = [shape.of_values([row[4], *(int(n) for n in row[5:])]) for row in rows if row[5] is not None]
    return send_list(({"data": entries, "next_cursor": None}, how_fresh), shape.schema)


def _statement(
    asks: Caller, resource: Resource, source: Source, conditions: Sequence[Condition], exists: Condition
) -> tuple[str, list[Any]]:
    where = scoped(asks, source, conditions)
    sums = ", ".join(f'coalesce(sum(t."{name}"), 0)' for name in resource.money)
    names = ", ".join(f"s{i}" for i in range(len(resource.money)))
    waiting, waiting_params = oldest_waiting(source.concerns)
    statement = (
        f"WITH totals (currency, rows, {names}) AS (SELECT t.currency, count(*), {sums} FROM {source.tables}"
        f" WHERE {where.sql} GROUP BY t.currency)"
        f" SELECT c.position, c.moved_at, {waiting}, {exists.sql}, totals.*"
        f" FROM {LIVE}.checkpoints c LEFT JOIN totals ON true WHERE c.name = '{BILLING.name}'"
        f" ORDER BY totals.currency"
    )
    return statement, [*where.params, *waiting_params, *exists.params]
