"""Spending limits: how much hosting an organization wants to pay for in a month. GET and PUT."""

from typing import Any

from flask import Response

from api.problems import Problem
from api.resources import acting
from api.resources.answers import answer
from api.resources.context import caller, context, if_none_match, send
from api.resources.environments import of_org, org_hosts
from api.resources.lists import Condition, Read, Source, read_page
from api.resources.lists import Request as Asked
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import act, answered, read, section
from api.schemas.acts import ActDone
from api.schemas.hosting import SPENDING_ROW, SpendingLimit, SpendingLimitInput
from replay.tables import LIVE

spending_limits = section("spending-limits", "Spending limits: how much hosting an organization pays for in a month")

ROUTE = f"{ORG_ROUTE}/environments/spending-limit"
_LIMITS = Source(SPENDING_ROW, f"{LIVE}.spending_limits t", {}, ("t.org",), of_org("org"))
_NEVER_SET: dict[str, Any] = {
    "limit_minor": None,
    "currency": None,
    "hard_stop": False,
    "month": None,
    "reached": [],
    "spent": None,
    "stopped": False,
}


@read(spending_limits, ROUTE, "spending_limits", answered(SpendingLimit), query=Read, problems=("not_found",))
def get_spending_limit(given: dict[str, Any], org: str) -> Response:
    """Get an organization's limit for hosting. Not the limit on what its agents spend."""
    here, asks = context(), caller()
    asked = Asked([Condition("t.org = %s", (org,))], 1, exists=org_hosts(asks, org))
    page, fresh = read_page(here, asks, _LIMITS, asked)
    if not page.exists:
        raise Problem("not_found")
    row = _LIMITS.shape.of_values(page.rows[0]) if page.rows else _NEVER_SET
    return send(answer({"org": org, "set": bool(page.rows), **row}, fresh, if_none_match()))


@act(
    spending_limits,
    ROUTE,
    "acts",
    ActDone,
    body=SpendingLimitInput,
    problems=("refused", "invalid"),
    method="PUT",
)
def put_spending_limit(given: dict[str, Any], org: str) -> Response:
    """Set an organization's limit for hosting; null is explicitly without a limit."""
    reason = given.pop("reason")
    return acting.carried_out("set_spending_limit", {**given, "org": org, "mode": acting.mode()}, reason)
