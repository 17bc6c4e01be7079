"""Acts about hosting over HTTP: what is found out or made at the edge, beside what is given."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.hosting import acts as edge
from api.hosting import reconciling
from api.operations import command_of
from api.resources import acting
from api.resources.context import context
from commands.accruals import CLOSE_HOSTING_MONTH
from commands.environments import CREATE_ENVIRONMENT
from commands.placements import PLACE
from commands.usage_reconciliation import BOOK_RECONCILIATION

#: Fields of their commands that nobody gives.
FOUND_OF_CREATE = ("environment", "default")
FOUND_OF_CLOSE = ("through", "rates", "counted_before")
FOUND_OF_BOOK = ("id",)


def create(given: Mapping[str, Any], reason: str) -> Response:
    """Make an environment, with an id of its own."""
    here, how = context(), acting.asked(reason)
    told = command_of(CREATE_ENVIRONMENT, {**given, "environment": "env_"})
    done = edge.create_environment(
        here.database,
        here.settings,
        mode=told.mode,
        org=told.org,
        name=told.name,
        rate_card=told.rate_card,
        asked=how,
    )
    return acting.told(done)


def place(given: Mapping[str, Any], reason: str) -> Response:
    """Place a namespace or a project."""
    here, how = context(), acting.asked(reason)
    told = command_of(PLACE, given)
    done = edge.place(
        here.database,
        here.settings,
        mode=told.mode,
        kind=told.kind,
        id=told.id,
        environment=told.environment,
        org=told.org,
        at_s=told.at_s,
        asked=how,
    )
    return acting.told(done)


def close(given: Mapping[str, Any], reason: str) -> Response:
    """Close a month, as far as it is accrued; the worker makes its invoices."""
    here, how = context(), acting.asked(reason)
    told = command_of(CLOSE_HOSTING_MONTH, {**given, "through": 0, "rates": {}, "counted_before": ""})
    return acting.told(edge.close_month(here.database, here.settings, mode=told.mode, month=told.month, asked=how))


def book(given: Mapping[str, Any], reason: str) -> Response:
    """Book differences from a provider's usage ledger; a second person approves."""
    here, how = context(), acting.asked(reason)
    told = command_of(BOOK_RECONCILIATION, {**given, "id": "rcn_"})
    return acting.told(
        reconciling.book_differences(
            here.database,
            here.settings,
            mode=told.mode,
            source=told.source,
            differences=told.differences,
            asked=how,
        )
    )
