"""Service control: how services stand and what follows, the work list of dunning, debts, policies, enforcement."""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Response

from api.auth import Caller
from api.resources.answers import Concern
from api.resources.context import caller, context, send_list
from api.resources.filters import Filter, choice, equal, flag, holding
from api.resources.lists import NEVER, Condition, ReadList, Source, list_of
from api.resources.orgs import ORG_ROUTE, org_exists
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas.service import DEBT, ENFORCEMENT, SERVICE, SERVICE_POLICY, STATES
from ledger.ids import MODES
from ledger.service_policy import BUILT_IN, written
from replay.tables import LIVE

service = section("service", "Service control: who owes, what follows when, and what the deployment system was asked")


def _of_org(asks: Caller) -> list[Condition]:
    """Rows of an organization; a key that is bound to a seller sees none."""
    if asks.account is not None:
        return [NEVER]
    return [Condition("t.org = %s", (asks.org,))] if asks.org is not None else []


def _debts_of(asks: Caller) -> list[Condition]:
    found = [Condition("t.org = %s", (asks.org,))] if asks.org is not None else []
    return [*found, Condition("t.account = %s", (asks.account,))] if asks.account is not None else found


def _all(asks: Caller) -> list[Condition]:
    return []


_SERVICES = Source(
    SERVICE, f"{LIVE}.service_states t", {}, ("t.org", "t.service"), _of_org, (Concern("service_states"),)
)
_DEBTS = Source(DEBT, f"{LIVE}.debts t", {}, ("t.account", "t.id"), _debts_of, (Concern("debts"),))
_ENFORCEMENTS = Source(ENFORCEMENT, f"{LIVE}.enforcements t", {}, ("t.org", "t.environment"), _of_org)


def _built_in() -> str:
    """Policies that nobody published or enforced yet, as rows."""
    modes = ", ".join(f"('{mode}')" for mode in MODES)
    known = ", ".join(f"('{key}', '{msgspec.json.encode(written(p)).decode()}')" for key, p in BUILT_IN.items())
    return (
        f"SELECT m.mode, b.policy, 0, false, b.definition::jsonb FROM (VALUES {modes}) m (mode),"
        f" (VALUES {known}) b (policy, definition)"
        f" WHERE NOT EXISTS (SELECT FROM {LIVE}.service_policies p WHERE (p.mode, p.policy) = (m.mode, b.policy))"
    )


_POLICIES = Source(
    SERVICE_POLICY,
    f"(SELECT mode, policy, version, enforced, definition FROM {LIVE}.service_policies UNION ALL {_built_in()}) t",
    {},
    ('t.policy COLLATE "C"',),
    _all,
)

_OF_SERVICES = (
    choice("state", "Services in this state", STATES),
    equal("service", "This service, e.g. `postpaid`"),
    flag("enforced", "Only those whose state has an effect, or those of which it is only told"),
    holding("anomaly", "Services with a debt of which this is strange", "anomalies"),
)
_OF_DEBTS = (
    equal("org", "Debts of this organization"),
    equal("customer", "Of this customer"),
    equal("service", "Debts of this service"),
    equal("policy", "Debts under this service policy"),
    holding("anomaly", "Debts of which this is strange, e.g. `unlinked`", "anomalies"),
)
_OF_ENFORCEMENTS = (
    choice("state", "Requests in this state", ("asked", "acknowledged", "overdue")),
    equal("org", "About environments of this organization"),
)


def _listed(source: Source, offered: Sequence[Filter], given: dict[str, Any]) -> Response:
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in offered if given.get(f.name) is not None]
    return send_list(list_of(here, asks, source, given, conditions), source.shape.schema)


@read(
    service,
    "/v1/service",
    "service",
    listed(SERVICE.schema),
    query=query_of(_OF_SERVICES, "service_filters"),
    problems=("invalid_cursor",),
)
def list_services(given: dict[str, Any]) -> Response:
    """List services: the work list of dunning.

    Every service that has a debt, took a step, or that an operator spoke of. Ordered by organization and service.
    """
    return _listed(_SERVICES, _OF_SERVICES, given)


@read(
    service,
    f"{ORG_ROUTE}/service",
    "service",
    listed(SERVICE.schema),
    query=ReadList,
    problems=("not_found", "invalid_cursor"),
)
def list_org_services(given: dict[str, Any], org: str) -> Response:
    """List an organization's services: how each stands, why, and what follows when.

    One that never owed anything is not listed: it is active. Ordered by service.
    """
    here, asks = context(), caller()
    concerns = (Concern("service_states", (asks.mode, org)), Concern("organizations", (asks.mode, org)))
    conditions = [Condition("t.org = %s", (org,))]
    source = _SERVICES._replace(concerns=concerns)
    found = list_of(here, asks, source, given, conditions, exists=org_exists(asks, org))
    return send_list(found, SERVICE.schema)


@read(
    service,
    "/v1/debts",
    "service",
    listed(DEBT.schema),
    query=query_of(_OF_DEBTS, "debts_filters"),
    problems=("invalid_cursor",),
)
def list_debts(given: dict[str, Any]) -> Response:
    """List debts: unpaid invoices, how far their payment failed, and the policy that each is under.

    Ordered by account and id.
    """
    return _listed(_DEBTS, _OF_DEBTS, given)


@read(
    service,
    "/v1/service-policies",
    "service_policies",
    listed(SERVICE_POLICY.schema),
    query=ReadList,
    problems=("invalid_cursor",),
)
def list_service_policies(given: dict[str, Any]) -> Response:
    """List service policies in their newest version, those too that are there before any is published.

    Ordered by key.
    """
    return _listed(_POLICIES, (), given)


@read(
    service,
    "/v1/enforcements",
    "enforcements",
    listed(ENFORCEMENT.schema),
    query=query_of(_OF_ENFORCEMENTS, "enforcements_filters"),
    problems=("invalid_cursor",),
)
def list_enforcements(given: dict[str, Any]) -> Response:
    """List what the deployment system was asked about each environment, and whether it acknowledged.

    The last request of each. Ordered by organization and environment.
    """
    return _listed(_ENFORCEMENTS, _OF_ENFORCEMENTS, given)
