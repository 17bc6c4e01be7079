"""Setup cases: how far what was bought is, and which approval is missing."""

from typing import Any

from flask import Response

from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.filters import choice, equal
from api.resources.lists import NEVER, Condition, Source, list_of
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas.setups import SETUP
from projections.setups import STATES
from replay.tables import LIVE

setups = section("setups", "Setup: what was bought, and what is approved before it goes live")

_SOURCE = Source(
    SETUP,
    f"{LIVE}.setups t",
    {},
    ("t.account", "t.placement"),
    lambda asks: (
        [NEVER] if asks.account is not None else [Condition("t.org = %s", (asks.org,))] if asks.org is not None else []
    ),
    (Concern("setups"),),
)
_FILTERS = (
    choice("state", "Cases in this state", STATES),
    equal("plan", "Of this plan"),
    equal("next_by", "Whose next step is this one's: `customer`, `operator` or `system`"),
)
_QUERY = query_of(_FILTERS, "setup_filters")


def _asked_for(given: dict[str, Any]) -> list[Condition]:
    here, asks = context(), caller()
    return [f.where(here, asks, given[f.name]) for f in _FILTERS if given.get(f.name) is not None]


@read(setups, "/v1/setups", "setups", listed(SETUP.schema), query=_QUERY, problems=("invalid_cursor",))
def list_setups(given: dict[str, Any]) -> Response:
    """List setup cases.

    Everything that was bought under a plan with setup steps. Ordered by account and placement.
    """
    return send_list(list_of(context(), caller(), _SOURCE, given, _asked_for(given)), SETUP.schema)


@read(
    setups,
    f"{ORG_ROUTE}/setups",
    "setups",
    listed(SETUP.schema),
    query=_QUERY,
    problems=("not_found", "invalid_cursor"),
)
def list_org_setups(given: dict[str, Any], org: str) -> Response:
    """List an organization's setup cases, each with its steps and their approvals.

    Ordered by account and placement.
    """
    asks = caller()
    source = _SOURCE._replace(concerns=(*_SOURCE.concerns, Concern("organizations", (asks.mode, org))))
    conditions = [Condition("t.org = %s", (org,)), *_asked_for(given)]
    found = list_of(context(), asks, source, given, conditions, exists=org_exists(asks, org))
    return send_list(found, SETUP.schema)
