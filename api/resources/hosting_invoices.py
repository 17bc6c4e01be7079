"""What hosting cost: the days' accruals, breakdowns, and the months' invoices, the open one included."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.hosting import telling
from api.problems import Problem
from api.resources.acting import mode
from api.resources.answers import Fresh, answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.environments import of_org, org_hosts
from api.resources.filters import choice, equal
from api.resources.lists import Condition, Read, Source, list_of, read_page, single
from api.resources.lists import Request as Asked
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import answered, listed, read, section
from api.resources.resource import query_of
from api.schemas.hosting import ACCRUAL, HOSTING_INVOICE, Breakdowns, OpenInvoices
from commands.accruals import require_month
from commands.hosting_breakdown import ASPECTS
from commands.hosting_prices import plain
from projections.hosting_invoices import STATES
from replay.tables import LIVE

hosting_invoices = section("hosting-invoices", "Hosting: what it cost, day by day, and what is owed for it")

_INVOICES = Source(
    HOSTING_INVOICE,
    f"{LIVE}.hosting_invoices t",
    {},
    ("t.month", "t.id"),
    of_org("org"),
    newest_first=True,
)
_ACCRUALS = Source(
    ACCRUAL,
    f"{LIVE}.accruals t",
    {"number": "t.number::bigint"},
    ("t.day", "t.org", "t.environment", "t.number"),
    of_org("org"),
    newest_first=True,
)
_OF_INVOICES = (
    equal("month", "Of this month, e.g. `2026-03`"),
    choice("state", "In this state", STATES),
)
_OF_ACCRUALS = (
    equal("environment", "Of this environment"),
    equal("day", "Of this UTC day, e.g. `2026-03-01`"),
)
_ORG = equal("org", "Of this organization")


class OfMonth(Schema):
    """Which month."""

    month = fields.String(required=True, metadata={"description": "E.g. `2026-03`"})


class OfBreakdown(Schema):
    """What is broken down, and how."""

    by = fields.String(required=True, validate=validate.OneOf(ASPECTS))
    month = fields.String(load_default=None, metadata={"description": "E.g. `2026-03`; everything, if not given"})
    top = fields.Integer(
        load_default=None,
        validate=validate.Range(1, 1_000),
        metadata={"description": "So many, and the others as one; all, if not given"},
    )


def _months(month: str | None) -> None:
    if month is not None:
        require_month(month)


def _list(given: dict[str, Any], source: Source, filters: Any, org: str | None = None) -> Response:
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in filters if given[f.name] is not None]
    if org is None:
        return send_list(list_of(here, asks, source, given, conditions), source.shape.schema)
    conditions.append(Condition("t.org = %s", (org,)))
    found = list_of(here, asks, source, given, conditions, exists=org_hosts(asks, org))
    return send_list(found, source.shape.schema)


@read(
    hosting_invoices,
    "/v1/hosting-invoices",
    "hosting_invoices",
    listed(HOSTING_INVOICE.schema),
    query=query_of((*_OF_INVOICES, _ORG), "hosting_invoices_filters"),
    problems=("invalid_cursor",),
)
def list_hosting_invoices(given: dict[str, Any]) -> Response:
    """List invoices of hosting, of months that are closed.

    The latest month first.
    """
    return _list(given, _INVOICES, (*_OF_INVOICES, _ORG))


@read(
    hosting_invoices,
    "/v1/hosting-invoices/<string:invoice>",
    "hosting_invoices",
    answered(HOSTING_INVOICE.schema),
    query=Read,
    problems=("not_found",),
)
def get_hosting_invoice(given: dict[str, Any], invoice: str) -> Response:
    """Get an invoice of hosting."""
    conditions = [Condition("t.id = %s", (invoice,))]
    return send(answer(*single(context(), caller(), _INVOICES, conditions, given["min_position"]), if_none_match()))


@read(
    hosting_invoices,
    f"{ORG_ROUTE}/hosting-invoices",
    "hosting_invoices",
    listed(HOSTING_INVOICE.schema),
    query=query_of(_OF_INVOICES, "org_hosting_invoices_filters"),
    problems=("not_found", "invalid_cursor"),
)
def list_org_hosting_invoices(given: dict[str, Any], org: str) -> Response:
    """List an organization's invoices of hosting, of months that are closed.

    The latest month first.
    """
    return _list(given, _INVOICES, _OF_INVOICES, org)


@read(
    hosting_invoices,
    f"{ORG_ROUTE}/environments/accruals",
    "hosting_invoices",
    listed(ACCRUAL.schema),
    query=query_of(_OF_ACCRUALS, "accruals_filters"),
    problems=("not_found", "invalid_cursor"),
)
def list_org_accruals(given: dict[str, Any], org: str) -> Response:
    """List what an organization's environments cost, day by day, adjustments included.

    The latest day first.
    """
    return _list(given, _ACCRUALS, _OF_ACCRUALS, org)


@read(
    hosting_invoices,
    f"{ORG_ROUTE}/environments/invoice",
    "hosting_invoices",
    answered(OpenInvoices),
    query=OfMonth,
    problems=("not_found",),
)
def get_open_invoice(given: dict[str, Any], org: str) -> Response:
    """Get what an organization's invoices of hosting would be if the month were closed now: one a currency."""
    fresh = _known(org)
    _months(given["month"])
    here = context()
    found, _ = telling.open_invoices(
        here.database.conninfo, mode(), org, given["month"], here.settings.hosting_minimum_minor
    )
    told = [
        {
            **{name: getattr(each, name) for name in ("org", "month", "currency", "total_minor")},
            **{name: getattr(each, name) for name in ("opening", "accrued", "closing", "minimum_minor")},
            "lines": [
                {name: getattr(line, name) for name in ("environment", "namespace", "amount", "amount_minor")}
                for line in each.lines
            ],
        }
        for each in found
    ]
    return send(answer({"data": told}, fresh, if_none_match()))


@read(
    hosting_invoices,
    f"{ORG_ROUTE}/environments/breakdown",
    "hosting_invoices",
    answered(Breakdowns),
    query=OfBreakdown,
    problems=("not_found",),
)
def get_breakdown(given: dict[str, Any], org: str) -> Response:
    """Get what an organization's hosting cost, by project, namespace, resource, environment, day or month.

    The largest first; shares sum to the total.
    """
    fresh = _known(org)
    _months(given["month"])
    found, _ = telling.breakdown(context().database.conninfo, mode(), org, given["by"], given["month"], given["top"])
    told = [
        {
            "currency": currency,
            "by": given["by"],
            "total": plain(broken.total),
            "total_minor": broken.total_minor,
            "shares": [{**share._asdict(), "amount": plain(share.amount)} for share in broken.shares],
        }
        for currency, broken in found
    ]
    return send(answer({"data": told}, fresh, if_none_match()))


def _known(org: str) -> Fresh:
    """How fresh what is told of an organization is. Raises Problem("not_found") where the key may not know of it."""
    asked = Asked([Condition("false")], 1, exists=org_hosts(caller(), org))
    page, fresh = read_page(context(), caller(), _INVOICES, asked)
    if not page.exists:
        raise Problem("not_found")
    return fresh
