"""Pass-through of an organization: its cost policies, charges, reservations, budgets and reconciliation batches."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.resources.answers import Concern, answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.filters import Filter, choice, equal
from api.resources.lists import NEVER, Condition, Read, Source, list_of, single
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import answered, listed, named, read, section
from api.resources.resource import query_of
from api.schemas import Shape
from api.schemas.passthrough import BATCH, BUDGET, CHARGE, LINE, POLICY, RESERVATION
from commands.reconciliation_batches import State
from ledger.passthrough import HELD_BECAUSE
from replay.tables import LIVE

passthrough = section("pass-through", "Pass-through: provider costs that an organization is billed for")

ROUTE = f"{ORG_ROUTE}/pass-through"
_STATES: tuple[str, ...] = State.__args__  # type: ignore[attr-defined] # a Literal's values
_CATEGORY = equal("category", "Of this category")
_PERIOD = equal("period", "Of this calendar month, as YYYY-MM")


def _source(shape: Shape, model: str, order: tuple[str, ...], *concerns: str) -> Source:
    """Rows of an organization; a key that is bound to a seller sees none."""
    return Source(
        shape,
        f"{LIVE}.{model} t",
        {},
        order,
        lambda asks: [NEVER] if asks.account is not None else [],
        tuple(Concern(c) for c in concerns),
    )


_BATCHES = _source(BATCH, "reconciliation_batches", ("t.period", "t.number"), "reconciliation_batches")
#: What follows the route -> what is listed there, how it is called, and its filters.
_LISTS: Mapping[str, tuple[Source, str, tuple[Filter, ...]]] = {
    "policies": (
        _source(POLICY, "cost_policies", ("t.category", "t.version")),
        "cost policies in all their versions.\n\nOrdered by category and version",
        (_CATEGORY, choice("status", "In this status", ("proposed", "approved", "rejected"))),
    ),
    "charges": (
        _source(
            CHARGE,
            "provider_charges",
            ("t.occurred_s", "t.provider", "t.reference"),
            "provider_charges",
            "reconciliation_lines",
        ),
        "what providers charged.\n\nOldest first",
        (
            _CATEGORY,
            _PERIOD,
            equal("provider", "Of this provider"),
            equal("currency", "In this currency"),
            equal("batch", "In this reconciliation batch"),
            choice("status", "In this status", ("held", "matched", "accepted", "adjusted", "rejected")),
            choice("held", "Held for this reason", HELD_BECAUSE),
        ),
    ),
    "reservations": (
        _source(RESERVATION, "reservations", ("t.made_s", "t.id"))._replace(newest_first=True),
        "reservations.\n\nNewest first",
        (_CATEGORY, _PERIOD, choice("status", "In this status", ("open", "settled", "released", "expired"))),
    ),
    "budgets": (
        _source(BUDGET, "pass_through_budgets", ("t.period", "t.category", "t.currency")),
        "budgets: what is spent and reserved of each category in each month.\n\nOrdered by month and category",
        (_CATEGORY, _PERIOD),
    ),
    "batches": (
        _BATCHES,
        "reconciliation batches.\n\nOrdered by month and number",
        (_PERIOD, choice("state", "In this state", _STATES)),
    ),
}


def _publish(end: str, source: Source, called: str, filters: tuple[Filter, ...]) -> None:
    def view(given: dict[str, Any], org: str) -> Response:
        here, asks = context(), caller()
        wanted = [f.where(here, asks, given[f.name]) for f in filters if given[f.name] is not None]
        concerned = source._replace(concerns=(*source.concerns, Concern("organizations", (asks.mode, org))))
        conditions = [Condition("t.org = %s", (org,)), *wanted]
        found = list_of(here, asks, concerned, given, conditions, exists=org_exists(asks, org))
        return send_list(found, source.shape.schema)

    read(
        passthrough,
        f"{ROUTE}/{end}",
        "pass_through",
        listed(source.shape.schema),
        query=query_of(filters, f"pass_through_{end}_filters"),
        problems=("not_found", "invalid_cursor"),
    )(named(view, f"list_pass_through_{end}", f"List an organization's {called}."))


for _end, _listed in _LISTS.items():
    _publish(_end, *_listed)


@read(
    passthrough,
    f"{ROUTE}/batches/<string:batch>",
    "pass_through",
    answered(BATCH.schema),
    query=Read,
    problems=("not_found",),
)
def get_pass_through_batch(given: dict[str, Any], org: str, batch: str) -> Response:
    """Get a reconciliation batch."""
    here, asks = context(), caller()
    conditions = [Condition("t.org = %s", (org,)), Condition("t.batch = %s", (batch,)), org_exists(asks, org)]
    return send(answer(*single(here, asks, _BATCHES, conditions, given["min_position"]), if_none_match()))


_LINES = _source(LINE, "reconciliation_lines", ("t.occurred_s", "t.provider", "t.reference"), "reconciliation_lines")
_LINE_FILTERS = (
    _CATEGORY,
    equal("provider", "Of this provider"),
    choice("decision", "With this decision", ("accept", "adjust", "reject", "defer")),
)


@read(
    passthrough,
    f"{ROUTE}/batches/<string:batch>/charges",
    "pass_through",
    listed(LINE.schema),
    query=query_of(_LINE_FILTERS, "pass_through_line_filters"),
    problems=("not_found", "invalid_cursor"),
)
def list_pass_through_batch_charges(given: dict[str, Any], org: str, batch: str) -> Response:
    """List the charges in a reconciliation batch, each with the last word on it.

    Oldest first.
    """
    here, asks = context(), caller()
    wanted = [f.where(here, asks, given[f.name]) for f in _LINE_FILTERS if given[f.name] is not None]
    conditions = [Condition("t.org = %s", (org,)), Condition("t.batch = %s", (batch,)), *wanted]
    found = list_of(here, asks, _LINES, given, conditions, exists=org_exists(asks, org))
    if not found[0]["data"] and not wanted and given["cursor"] is None:
        single(here, asks, _BATCHES, conditions[:2], None)  # an empty batch is there, an unknown one is not
    return send_list(found, LINE.schema)
