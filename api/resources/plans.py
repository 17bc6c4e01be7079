"""Plans: what is sold in its newest version, every version of a plan, and which plans an organization has."""

from typing import Any

from flask import Response

from api.auth import Caller
from api.problems import Problem
from api.resources.answers import Concern
from api.resources.catalog import on_offer
from api.resources.context import caller, context, send_list
from api.resources.filters import equal, flag, holding
from api.resources.lists import Condition, ReadList, Source, list_of
from api.resources.orgs import org_exists
from api.resources.publish import listed, read
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas.plans import PLACEMENT, PLAN
from replay.tables import LIVE

_VERSIONS = Source(PLAN, f"{LIVE}.plans t", {}, ("t.plan", "t.version"), on_offer)

PLANS = Resource(
    "plans",
    "a plan in its newest version",
    _VERSIONS._replace(tables=f"(SELECT * FROM {LIVE}.plans WHERE current) t", order=("t.plan",), id="t.plan"),
    filters=(
        equal("catalogue", "Plans of this catalogue"),
        equal("model", "Plans of this model, e.g. `usage`"),
        holding("lookup_key", "The plan that is sold under this lookup key", "lookup_keys"),
        flag("retired", "Only plans that are, or are not, sold no more"),
    ),
    offers_org=False,
    account_beside=False,
)
plans = published(PLANS, "Plans: what is sold, in versions, and who has which")


@read(
    plans,
    "/v1/plans/<string:plan>/versions",
    "plans",
    listed(PLAN.schema),
    query=ReadList,
    problems=("not_found", "invalid_cursor"),
)
def list_versions(given: dict[str, Any], plan: str) -> Response:
    """List the versions of a plan.

    Oldest first.
    """
    found = list_of(context(), caller(), _VERSIONS, given, [Condition("t.plan = %s", (plan,))])
    if not found[0]["data"] and given["cursor"] is None:
        raise Problem("not_found")
    return send_list(found, PLAN.schema)


def _visible(asks: Caller) -> list[Condition]:
    return [Condition("t.account = %s", (asks.account,))] if asks.account is not None else []


_PLACEMENTS = Source(
    PLACEMENT,
    f"{LIVE}.plan_placements t",
    {},
    ("t.account", "t.subscription"),
    _visible,
    (Concern("org_links"), Concern("plan_purchases"), Concern("plan_placements")),
)


@read(
    plans,
    "/v1/orgs/<org:org>/plans",
    "plans",
    listed(PLACEMENT.schema),
    query=ReadList,
    problems=("not_found", "invalid_cursor"),
)
def list_org_plans(given: dict[str, Any], org: str) -> Response:
    """List the plans that an organization has, and why.

    One entry a subscription, a purchase or an agreement, ended ones too. Ordered by account and id.
    """
    here, asks = context(), caller()
    source = _PLACEMENTS._replace(concerns=(*_PLACEMENTS.concerns, Concern("organizations", (asks.mode, org))))
    conditions = [Condition("t.org = %s", (org,))]
    found = list_of(here, asks, source, given, conditions, exists=org_exists(asks, org))
    return send_list(found, PLACEMENT.schema)
