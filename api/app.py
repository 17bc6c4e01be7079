"""The read API as a WSGI application: `create_app`. Wires the resources; knows none of them by more than its name."""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter
from werkzeug.exceptions import NotFound

from api import problems
from api.auth import Authenticator
from api.database import Database
from api.hot import HotPath
from api.key_uses import KeyUses
from api.limits import Limits
from api.pages import Cursors
from api.problems import Problem
from api.readers import Readers
from api.resources import acting, documentation, publish
from api.resources.acts import acts
from api.resources.acts import components as act_inputs
from api.resources.answers import KEYED_HEADERS
from api.resources.approvals import approvals
from api.resources.audit import audit
from api.resources.billing_money import billing
from api.resources.calls import calls
from api.resources.catalog import catalog
from api.resources.checkouts import checkouts, payment_methods
from api.resources.checks import checks
from api.resources.context import EXTENSION, Context
from api.resources.cost_events import components as cost_inputs
from api.resources.cost_events import cost_events
from api.resources.credit import credit_balances, tax_profiles
from api.resources.credit_notes import credit_notes
from api.resources.customers import customers
from api.resources.deliveries import deliveries
from api.resources.discounts import discounts
from api.resources.endpoints import endpoints
from api.resources.entitlement_history import entitlement_history
from api.resources.entitlements import entitlements
from api.resources.environments import environments
from api.resources.handoff import handoff
from api.resources.health import health
from api.resources.hosting_invoices import hosting_invoices
from api.resources.incidents import incidents
from api.resources.invoices import invoices
from api.resources.issuances import issuances
from api.resources.keys import keys as api_keys
from api.resources.launch import launch
from api.resources.meters import meters
from api.resources.orgs import OrgConverter, orgs
from api.resources.overrides import overrides
from api.resources.passthrough_spending import passthrough
from api.resources.payments import charges, disputes, payments, refunds
from api.resources.plans import plans
from api.resources.projections import projections
from api.resources.quarantine import quarantine
from api.resources.reconcile import drift, event_coverage, observations, reconciliations
from api.resources.reviews import reviews
from api.resources.schedules import schedules
from api.resources.sellers import accounts, application_fees, balance_transactions, payouts
from api.resources.service import service
from api.resources.setups import setups
from api.resources.spending_limits import spending_limits
from api.resources.stripe_events import stripe_events
from api.resources.subscriptions import subscriptions
from api.resources.tax_terms import tax_terms
from api.resources.timeline import timeline
from api.routing import LateRule
from api.settings import Settings
from ledger.keys import KeyStore

#: The registry: one line a resource.
RESOURCES = (
    orgs,
    timeline,
    entitlements,
    entitlement_history,
    checks,
    overrides,
    customers,
    subscriptions,
    schedules,
    invoices,
    credit_notes,
    discounts,
    credit_balances,
    tax_profiles,
    checkouts,
    payment_methods,
    payments,
    charges,
    refunds,
    disputes,
    accounts,
    payouts,
    balance_transactions,
    application_fees,
    environments,
    cost_events,
    hosting_invoices,
    spending_limits,
    catalog,
    plans,
    passthrough,
    setups,
    launch,
    reviews,
    incidents,
    service,
    meters,
    stripe_events,
    observations,
    event_coverage,
    drift,
    reconciliations,
    quarantine,
    acts,
    approvals,
    endpoints,
    deliveries,
    calls,
    issuances,
    tax_terms,
    billing,
    audit,
    projections,
    api_keys,
    handoff,
    health,
)

_DESCRIPTION = (
    "Billing as Recount believes it now, or as of any past position. Every answer says how fresh it is: everything in"
    " the log up to `position` is in it. Lists are pages: give `next_cursor` as `cursor` for the next one. Errors are"
    " RFC 9457 problems with a stable `code`. Times are ISO 8601 in UTC; money is whole minor units beside a currency."
    " Lists are answered as CSV (RFC 4180) to `Accept: text/csv`: the same fields as columns, the next page as a `Link`"
    " header, what is no number, truth or text as JSON. A text that a spreadsheet would take for a formula has an"
    " apostrophe before it, and so has one that begins with an apostrophe. Where rows tell amounts, `/totals` below a"
    " list sums them up by currency, under the list's filters and exactly: a sum may be more than 2^53."
    " An organization's id may hold slashes, in a path written as they are or as `%2F`."
)


def create_app(
    database: Database,
    settings: Settings,
    keys: KeyStore,
    *,
    registry: CollectorRegistry | None = None,
    clock: Callable[[], float] = time.time,
) -> Flask:
    """The read API over `database`. Opens no connection before the first request, so that a process may fork.

    `clock` says what "now" is where an answer passes with time alone. With a `registry`, reads are counted in it.
    Raises BadSetting when there is no master key.
    """
    master = settings.master()
    readers = Readers(database.conninfo)
    authenticator = Authenticator(readers, master, KeyUses(database.conninfo))
    context = Context(readers, keys, authenticator, Cursors(master), clock, database, settings)
    app = Flask("api", static_folder=None)
    app.extensions[EXTENSION] = context
    app.config.update(
        API_TITLE="Recount",
        API_VERSION=version("recount"),
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={"info": {"description": _DESCRIPTION}, "security": [{"bearer": []}, {"basic": []}]},
    )
    app.url_rule_class = LateRule
    app.url_map.merge_slashes = False  # a redirect would be an answer without a key
    app.url_map.converters["org"] = OrgConverter
    app.before_request(_identify)
    limits = Limits(app, settings.rate_limit)
    app.before_request(_admit)
    app.after_request(_protect)
    api = documentation.LateApi(app, _describe)
    problems.install(app)  # after the library's own handlers, which it replaces
    for blueprint in RESOURCES:
        api.register_blueprint(blueprint)
    documentation.install(app, api)
    _must_name_resources(app)
    count = _counter(app, registry) if registry is not None else None
    app.wsgi_app = HotPath(app.wsgi_app, context, limits, count)  # type: ignore[method-assign]
    return app


def _identify() -> None:
    """Who asks? Before anything of the request is looked at."""
    if _resource() is not None:
        context: Context = current_app.extensions[EXTENSION]
        g.caller = context.authenticator.caller(request.headers.get("Authorization"))


def _admit() -> None:
    """May they?"""
    resource = _resource()
    if resource is not None:
        try:
            g.caller.must_be_allowed(resource)
        except Problem as problem:
            acting.denied(problem.code)
            raise
    if (
        request.endpoint is not None and "\0" in request.path
    ):  # PostgreSQL holds no such text, so nothing can have such a name
        raise NotFound


def _resource() -> str | None:
    """Whose row of `api.auth.MAY_READ` applies to the request; None: no key is needed, or there is no such route."""
    view = current_app.view_functions[request.endpoint] if request.endpoint is not None else None
    return getattr(view, "resource", None)


def _protect(response: Response) -> Response:
    for name, value in KEYED_HEADERS:
        response.headers.setdefault(name, value)
    return response


def _must_name_resources(app: Flask) -> None:
    """A route of ours that no row of `api.auth.MAY_READ` guards must not exist."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1/"):
            assert getattr(app.view_functions[rule.endpoint], "resource", None) is not None, rule.rule


def _describe(api: Any) -> None:
    components = api.spec.components
    components.schema("Problem", schema=publish.PROBLEM)
    for name, schema in {**act_inputs(), **cost_inputs()}.items():
        components.schema(name, schema)
    for code, response in publish.problem_components().items():
        components.response(code, response)
    components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "description": "An API key, `rk_…`"})
    components.security_scheme("basic", {"type": "http", "scheme": "basic", "description": "The key as user name"})


def _counter(app: Flask, registry: CollectorRegistry) -> Callable[[str, int], None]:
    reads = Counter("recount_reads", "Requests to the read API", ["route", "status"], registry=registry)

    def count(route: str, status: int) -> None:
        reads.labels(route, str(status)).inc()

    def after(response: Response) -> Response:
        count(request.url_rule.rule if request.url_rule is not None else "none", response.status_code)
        return response

    app.after_request(after)
    return count


def openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    document: dict[str, Any] = json.loads(app.extensions[documentation.EXTENSION].described().encoded)
    return document


__all__ = ["RESOURCES", "Problem", "create_app", "openapi"]
