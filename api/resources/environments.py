"""Environments, where namespaces and projects are placed, and rate cards."""

from collections.abc import Callable
from typing import Any

from flask import Response

from api.auth import Caller
from api.resources.answers import answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.filters import choice, equal
from api.resources.lists import NEVER, Condition, Read, Source, list_of, single
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import answered, listed, read, section
from api.resources.resource import query_of
from api.schemas.hosting import ENVIRONMENT, PLACEMENT, RATE_CARD
from replay.tables import LIVE

environments = section("environments", "Environments: where an organization's deployments run, and what they cost")


def of_org(column: str) -> Callable[[Caller], list[Condition]]:
    """Rows of the organization that a key is bound to; a key that is bound to a seller sees none."""

    def visible(asks: Caller) -> list[Condition]:
        if asks.account is not None:
            return [NEVER]
        return [Condition(f"t.{column} = %s", (asks.org,))] if asks.org is not None else []

    return visible


def _seen(asks: Caller) -> list[Condition]:
    """Environments that the key's organization owns, owned, or shares."""
    if asks.account is not None:
        return [NEVER]
    return [Condition("t.orgs @> ARRAY[%s::text]", (asks.org,))] if asks.org is not None else []


def _placed(asks: Caller) -> list[Condition]:
    if asks.account is not None:
        return [NEVER]
    if asks.org is None:
        return []
    mine = (
        f"EXISTS (SELECT FROM {LIVE}.environments e WHERE e.mode = t.mode AND e.id = ANY(t.environments)"
        " AND e.orgs @> ARRAY[%s::text])"
    )
    return [Condition(mine, (asks.org,))]


def org_hosts(asks: Caller, org: str) -> Condition:
    """Whether this caller may know of the organization: billed through Stripe, or with an environment."""
    if asks.account is not None or asks.org not in (None, org):
        return NEVER
    known = (
        f"(EXISTS (SELECT FROM {LIVE}.organizations o WHERE o.mode = %s AND o.org = %s)"
        f" OR EXISTS (SELECT FROM {LIVE}.environments e WHERE e.mode = %s AND e.orgs @> ARRAY[%s::text]))"
    )
    return Condition(known, (asks.mode, org, asks.mode, org))


_ENVIRONMENTS = Source(
    ENVIRONMENT,
    f"{LIVE}.environments t"
    f" LEFT JOIN {LIVE}.service_states s ON (s.mode, s.org, s.service) = (t.mode, t.org, 'postpaid')",
    {"service": "COALESCE(s.state, 'active')"},
    ("t.id",),
    _seen,
)
_PLACEMENTS = Source(PLACEMENT, f"{LIVE}.placements t", {}, ("t.kind", "t.id"), _placed)
_RATE_CARDS = Source(RATE_CARD, f"{LIVE}.rate_cards t", {}, ("t.card", "t.version"), lambda asks: [])

_FILTERS = (
    equal("org", "Environments that this organization owns, by the latest instant that was said"),
    choice("state", "Environments in this state", ("active", "archived")),
    equal("rate_card", "Environments that are priced by this rate card"),
)
_OF_PLACEMENTS = (
    choice("kind", "Of namespaces, or of projects", ("namespace", "project")),
    equal("environment", "What is in this environment, by the latest instant that was said"),
)
_OF_CARDS = (equal("card", "Versions of this rate card"),)


@read(
    environments,
    "/v1/environments",
    "environments",
    listed(ENVIRONMENT.schema),
    query=query_of(_FILTERS, "environments_filters"),
    problems=("invalid_cursor",),
)
def list_environments(given: dict[str, Any]) -> Response:
    """List environments.

    Ordered by id. A key that is bound to an organization sees those that it owns, owned, or shares.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    return send_list(list_of(here, asks, _ENVIRONMENTS, given, conditions), ENVIRONMENT.schema)


@read(
    environments,
    "/v1/environments/<string:environment>",
    "environments",
    answered(ENVIRONMENT.schema),
    query=Read,
    problems=("not_found",),
)
def get_environment(given: dict[str, Any], environment: str) -> Response:
    """Get an environment."""
    found = single(context(), caller(), _ENVIRONMENTS, [Condition("t.id = %s", (environment,))], given["min_position"])
    return send(answer(*found, if_none_match()))


@read(
    environments,
    f"{ORG_ROUTE}/environments",
    "environments",
    listed(ENVIRONMENT.schema),
    query=query_of(_FILTERS[1:], "org_environments_filters"),
    problems=("not_found", "invalid_cursor"),
)
def list_org_environments(given: dict[str, Any], org: str) -> Response:
    """List the environments that an organization owns, owned, or shares.

    Ordered by id.
    """
    here, asks = context(), caller()
    conditions = [Condition("t.orgs @> ARRAY[%s::text]", (org,))]
    conditions += [f.where(here, asks, given[f.name]) for f in _FILTERS[1:] if given[f.name] is not None]
    found = list_of(here, asks, _ENVIRONMENTS, given, conditions, exists=org_hosts(asks, org))
    return send_list(found, ENVIRONMENT.schema)


@read(
    environments,
    "/v1/placements",
    "environments",
    listed(PLACEMENT.schema),
    query=query_of(_OF_PLACEMENTS, "placements_filters"),
    problems=("invalid_cursor",),
)
def list_placements(given: dict[str, Any]) -> Response:
    """List in which environment each namespace and project is.

    Ordered by kind and id.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _OF_PLACEMENTS if given[f.name] is not None]
    return send_list(list_of(here, asks, _PLACEMENTS, given, conditions), PLACEMENT.schema)


@read(
    environments,
    "/v1/rate-cards",
    "rate_cards",
    listed(RATE_CARD.schema),
    query=query_of(_OF_CARDS, "rate_cards_filters"),
    problems=("invalid_cursor",),
)
def list_rate_cards(given: dict[str, Any]) -> Response:
    """List every version of every rate card.

    Ordered by card and version.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _OF_CARDS if given[f.name] is not None]
    return send_list(list_of(here, asks, _RATE_CARDS, given, conditions), RATE_CARD.schema)
