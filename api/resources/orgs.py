"""Organizations: who is billed, with the customers, subscriptions and invoices that belong to them."""

from typing import Any

from flask import Response
from marshmallow import fields

from api.auth import Caller
from api.problems import Problem
from api.resources import filters, invoices, seller, subscriptions
from api.resources.answers import Concern, Fresh, answer
from api.resources.context import Context, caller, context, if_none_match, send
from api.resources.lists import (
    Condition,
    Page,
    Read,
    ReadList,
    Source,
    list_of,
    single,
    text,
)
from api.resources.past import alone, past
from api.resources.publish import answered, listed, read, section
from api.schemas import INVOICE, ORGANIZATION, SUBSCRIPTION
from projections.organizations import ORGANIZATIONS
from replay.tables import LIVE

orgs = section("orgs", "Organizations: who is billed")

_AS_OF = "As it stood at this position of the log, or this time (ISO 8601): what was known then"


def _visible(caller: Caller) -> list[Condition]:
    conditions = []
    if caller.org is not None:
        conditions.append(Condition("t.org = %s", (caller.org,)))
    if caller.account is not None:
        conditions.append(Condition("t.accounts @> ARRAY[%s::text]", (caller.account,)))
    return conditions


SOURCE = Source(
    ORGANIZATION,
    f"{LIVE}.organizations t",
    {},
    ("t.org",),
    _visible,
    (Concern("org_links"), Concern("organizations")),
)


class One(Read):
    as_of = text(_AS_OF)


class Filters(ReadList):
    account = text("Organizations with a customer in this Stripe account")
    delinquent = fields.Boolean(load_default=None)


class SubscriptionsOfOne(subscriptions.OfOrganization):
    as_of = text(_AS_OF + "; goes with no other filter")


def org_exists(caller: Caller, org: str) -> Condition:
    """Whether this caller may know of the organization, as a condition of its own."""
    conditions = [Condition("t.mode = %s", (caller.mode,)), Condition("t.org = %s", (org,)), *_visible(caller)]
    where = " AND ".join(c.sql for c in conditions)
    params = tuple(p for c in conditions for p in c.params)
    return Condition(f"EXISTS (SELECT FROM {LIVE}.organizations t WHERE {where})", params)


@read(orgs, "/v1/orgs", "orgs", listed(ORGANIZATION.schema), query=Filters, problems=("invalid_cursor",))
def list_orgs(given: dict[str, Any]) -> Response:
    """List organizations.

    Ordered by id.
    """
    here, asks = context(), caller()
    conditions = filters.equals(given, delinquent="t.delinquent")
    if given["account"] is not None:
        conditions.append(Condition("t.accounts @> ARRAY[%s::text]", (given["account"],)))
    account = asks.account
    present = (lambda page: _as_seller(here, asks, page, account)) if account is not None else None
    return send(answer(*list_of(here, asks, SOURCE, given, conditions, present=present), if_none_match()))


def _as_seller(here: Context, asks: Caller, page: Page, account: str) -> list[dict[str, Any]]:
    """The organizations of a page, made of the seller's own rows."""
    where = [m.stored for m in ORGANIZATION.members].index("org")
    with here.readers.connection() as conn:
        load = seller.live(conn)
        found = [seller.derived(ORGANIZATIONS, (asks.mode, values[where]), load, account) for values in page.rows]
    return [ORGANIZATION.of_row(row) for rows in found for row in rows]


@read(
    orgs,
    "/v1/orgs/<string:org>",
    "orgs",
    answered(ORGANIZATION.schema),
    query=One,
    problems=("not_found",),
)
def get_org(given: dict[str, Any], org: str) -> Response:
    """Get an organization."""
    here, asks = context(), caller()
    if given["as_of"] is not None:
        alone(given)
        then = past(here, asks, org, given["as_of"])
        rows = then.rows("organizations")
        if not rows:
            raise Problem("not_found")
        return send(answer(ORGANIZATION.of_row(rows[0]), then.fresh, if_none_match()))
    return send(answer(*_one(here, asks, org, given["min_position"]), if_none_match()))


def _one(here: Context, asks: Caller, org: str, min_position: int | None) -> tuple[dict[str, Any], Fresh]:
    source = SOURCE._replace(concerns=(Concern("org_links"), Concern("organizations", (asks.mode, org))))
    content, how_fresh = single(here, asks, source, [Condition("t.org = %s", (org,))], min_position)
    if asks.account is not None:
        with here.readers.connection() as conn:
            rows = seller.derived(ORGANIZATIONS, (asks.mode, org), seller.live(conn), asks.account)
        if not rows:
            raise Problem("not_found")
        content = ORGANIZATION.of_row(rows[0])
    return content, how_fresh


@read(
    orgs,
    "/v1/orgs/<string:org>/subscriptions",
    "subscriptions",
    listed(SUBSCRIPTION.schema),
    query=SubscriptionsOfOne,
    problems=("not_found",),
)
def list_org_subscriptions(given: dict[str, Any], org: str) -> Response:
    """List an organization's subscriptions.

    Ordered by account and id. With `as_of`, all that it had then.
    """
    here, asks = context(), caller()
    as_of = given.pop("as_of")
    if as_of is not None:
        alone(given)
        then = past(here, asks, org, as_of)
        entries = [SUBSCRIPTION.of_row(r, org=org, stale=False) for r in then.linked("subscriptions")]
        return send(answer({"data": entries, "next_cursor": None}, then.fresh, if_none_match()))
    return _of_org(here, asks, org, subscriptions.SOURCE, given, subscriptions.conditions_of(given))


@read(
    orgs,
    "/v1/orgs/<string:org>/invoices",
    "invoices",
    listed(INVOICE.schema),
    query=invoices.OfOrganization,
    problems=("not_found",),
)
def list_org_invoices(given: dict[str, Any], org: str) -> Response:
    """List an organization's invoices.

    Ordered by account and id.
    """
    return _of_org(context(), caller(), org, invoices.SOURCE, given, invoices.conditions_of(given))


def _of_org(
    here: Context, asks: Caller, org: str, source: Source, given: dict[str, Any], conditions: list[Condition]
) -> Response:
    source = source._replace(concerns=(*source.concerns, Concern("organizations", (asks.mode, org))))
    conditions = [Condition("l.org = %s", (org,)), *conditions]
    found = list_of(here, asks, source, given, conditions, exists=org_exists(asks, org))
    return send(answer(*found, if_none_match()))
