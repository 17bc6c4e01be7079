"""A resource at its routes: its list, its totals and its single rows, each with its query, schema and scope.

Knows how every resource is served, and none of them by name.
"""

from typing import Any

from flask import Response
from marshmallow import Schema

from api.resources.answers import answer
from api.resources.context import caller, context, if_none_match, send, send_list
from api.resources.lists import Condition, Read, list_of, single, text
from api.resources.publish import answered, listed, named, read, section
from api.resources.resource import Resource, query_of
from api.resources.totals import publish_totals
from ledger.ids import PLATFORM


class One(Read):
    """What can be said beside the id of one row."""

    account = text(
        "The Stripe account that it is in; if not given, the one that the key is bound to, else the platform's own"
    )


class OneOfPlatform(Read):
    """The same, of what stands in the platform's account."""

    account = text("The Stripe account that it is in; the platform's own if not given")


def published(resource: Resource, about: str) -> Any:
    """A section with the resource's list and singles, and where it tells amounts its totals."""
    its = section(resource.dashed, about)
    publish_list(its, resource)
    if resource.money:
        publish_totals(its, resource)
    publish_single(its, resource)
    return its


def publish_list(its: Any, resource: Resource) -> None:
    """Put the resource's list at its route."""

    def view(given: dict[str, Any]) -> Response:
        here, asks = context(), caller()
        found = list_of(here, asks, resource.source.of_all(), given, resource.conditions(here, asks, given))
        return send_list(found, resource.source.shape.schema)

    said = f"List {resource.called}.\n\n{resource.order}"
    read(
        its,
        resource.path,
        resource.name,
        listed(resource.source.shape.schema),
        query=query_of(resource.offered(), f"{resource.name}_filters"),
        problems=("invalid_cursor",),
    )(named(view, f"list_{resource.name}", said))


def publish_single(its: Any, resource: Resource) -> None:
    """Put the resource's single rows at their route."""
    parameter = resource.parameter or resource.each

    def view(given: dict[str, Any], **path: str) -> Response:
        here, asks, its_id = context(), caller(), path[parameter]
        conditions = [Condition(f"{resource.source.id} = %s", (its_id,))]
        source = resource.source.of_all()
        if resource.account_beside:
            account = given["account"] or (not resource.of_platform and asks.account) or PLATFORM
            conditions.insert(0, Condition("t.account = %s", (account,)))
            source = resource.source.of_one((asks.mode, account, its_id))
        return send(answer(*single(here, asks, source, conditions, given["min_position"]), if_none_match()))

    read(
        its,
        f"{resource.path}/<string:{parameter}>",
        resource.name,
        answered(resource.source.shape.schema),
        query=_beside(resource),
        problems=("not_found",),
    )(named(view, f"get_{resource.each}", f"Get {resource.one}."))


def _beside(resource: Resource) -> type[Schema]:
    if not resource.account_beside:
        return Read
    return OneOfPlatform if resource.of_platform else One
