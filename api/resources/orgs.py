"""Organizations: who is billed, with the customers, subscriptions and invoices that belong to them."""

from typing import Any

from flask import Response
from werkzeug.routing import BaseConverter

from api.auth import Caller
from api.problems import Problem
from api.resources import seller
from api.resources.answers import Concern, Fresh, answer
from api.resources.checkouts import CHECKOUTS, PAYMENT_METHODS
from api.resources.context import Context, caller, context, if_none_match, send, send_list
from api.resources.credit_notes import CREDIT_NOTES
from api.resources.filters import flag, holding
from api.resources.invoices import INVOICES
from api.resources.lists import Condition, Page, Read, Source, list_of, single, text
from api.resources.past import alone, past
from api.resources.payments import PAYMENTS
from api.resources.publish import answered, listed, named, read, section
from api.resources.resource import Resource, query_of
from api.resources.subscriptions import SUBSCRIPTIONS
from api.resources.totals import TOTALLED, answered_totals, totals_shape
from api.schemas import ORGANIZATION
from projections.organizations import ORGANIZATIONS
from replay.tables import LIVE

orgs = section("orgs", "Organizations: who is billed")

ORG_ROUTE = "/v1/orgs/<org:org>"
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


class OrgConverter(BaseConverter):
    """An organization's id in a path. It may hold slashes, written `/` or `%2F`: servers undo the latter.

    What follows an id is told from it by name, so that an id which ends in one of these names (`acme/invoices`), or
    which has `/entitlements` in it, is not addressable.
    """

    part_isolating = False
    regex = r"[^/](?:(?!/entitlements(?:/|$)).)*?"


_FILTERS = (
    holding("account", "Organizations with a customer in this Stripe account", "accounts"),
    flag("delinquent"),
)


def org_exists(caller: Caller, org: str) -> Condition:
    """Whether this caller may know of the organization, as a condition of its own."""
    conditions = [Condition("t.mode = %s", (caller.mode,)), Condition("t.org = %s", (org,)), *_visible(caller)]
    where = " AND ".join(c.sql for c in conditions)
    params = tuple(p for c in conditions for p in c.params)
    return Condition(f"EXISTS (SELECT FROM {LIVE}.organizations t WHERE {where})", params)


@read(
    orgs,
    "/v1/orgs",
    "orgs",
    listed(ORGANIZATION.schema),
    query=query_of(_FILTERS, "orgs_filters"),
    problems=("invalid_cursor",),
)
def list_orgs(given: dict[str, Any]) -> Response:
    """List organizations.

    Ordered by id.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    account = asks.account
    present = (lambda page: _as_seller(here, asks, page, account)) if account is not None else None
    return send_list(list_of(here, asks, SOURCE, given, conditions, present=present), ORGANIZATION.schema)


def _as_seller(here: Context, asks: Caller, page: Page, account: str) -> list[dict[str, Any]]:
    """The organizations of a page, made of the seller's own rows."""
    where = [m.stored for m in ORGANIZATION.members].index("org")
    with here.readers.connection() as conn:
        load = seller.live(conn)
        found = [seller.derived(ORGANIZATIONS, (asks.mode, values[where]), load, account) for values in page.rows]
    return [ORGANIZATION.of_row(row) for rows in found for row in rows]


@read(
    orgs,
    ORG_ROUTE,
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


def _publish_of_one(resource: Resource, *, past_too: bool) -> None:
    """Put an organization's own rows of a resource below it. `past_too`: also as they stood."""
    offered = resource.offered(of_one_org=True)
    query = query_of(offered, f"{resource.name}_of_one")
    if past_too:
        query = query.from_dict({"as_of": text(_AS_OF + "; goes with no other filter")}, name=f"{query.__name__}_as_of")

    def view(given: dict[str, Any], org: str) -> Response:
        here, asks = context(), caller()
        as_of = given.pop("as_of", None)
        if as_of is not None:
            alone(given)
            then = past(here, asks, org, as_of)
            shape = resource.source.shape
            entries = [shape.of_row(r, org=org, stale=False) for r in then.linked(resource.name)]
            return send_list(({"data": entries, "next_cursor": None}, then.fresh), shape.schema)
        return _of_one(here, asks, org, resource, given)

    then = " With `as_of`, all that it had then." if past_too else ""
    said = f"List an organization's {resource.called}.\n\n{resource.order}{then}"
    rule = f"{ORG_ROUTE}/{resource.dashed}"
    publish = read(
        orgs, rule, resource.name, listed(resource.source.shape.schema), query=query, problems=("not_found",)
    )
    publish(named(view, f"list_org_{resource.name}", said))

    if resource.money:
        _publish_totals_of_one(resource)


def _of_one(here: Context, asks: Caller, org: str, resource: Resource, given: dict[str, Any]) -> Response:
    source, conditions = _within(here, asks, org, resource, given)
    return send_list(list_of(here, asks, source, given, conditions, exists=org_exists(asks, org)), source.shape.schema)


def _within(
    here: Context, asks: Caller, org: str, resource: Resource, given: dict[str, Any]
) -> tuple[Source, list[Condition]]:
    """A resource's rows within one organization: their source, and the conditions that were asked for."""
    source = resource.source.of_all()
    source = source._replace(concerns=(*source.concerns, Concern("organizations", (asks.mode, org))))
    return source, [Condition("l.org = %s", (org,)), *resource.conditions(here, asks, given)]


def _publish_totals_of_one(resource: Resource) -> None:
    def view(given: dict[str, Any], org: str) -> Response:
        here, asks = context(), caller()
        source, conditions = _within(here, asks, org, resource, given)
        return answered_totals(here, asks, resource, source, given, conditions, org_exists(asks, org))

    rule = f"{ORG_ROUTE}/{resource.dashed}/totals"
    query = query_of(resource.offered(of_one_org=True), f"{resource.name}_totals_of_one", Read)
    said = f"Total an organization's {resource.called} by currency.\n\n{TOTALLED}"
    publish = read(
        orgs, rule, resource.name, listed(totals_shape(resource).schema), query=query, problems=("not_found",)
    )
    publish(named(view, f"total_org_{resource.name}", said))


#: What an organization has of its own, in the order of the document.
_publish_of_one(SUBSCRIPTIONS, past_too=True)
for _resource in (INVOICES, CREDIT_NOTES, CHECKOUTS, PAYMENTS, PAYMENT_METHODS):
    _publish_of_one(_resource, past_too=False)
