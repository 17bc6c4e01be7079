"""Subscriptions: what is bought, in which state, until when."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.resources import filters
from api.resources.answers import Concern, answer
from api.resources.context import caller, context, if_none_match, send
from api.resources.lists import (
    Condition,
    Read,
    ReadList,
    Source,
    bound_to_customer,
    list_of,
    moment,
    object_conditions,
    single,
    text,
    with_customers_org,
)
from api.resources.publish import answered, listed, read, section
from api.schemas import SUBSCRIPTION

subscriptions = section("subscriptions", "Subscriptions: what is bought")

SOURCE = Source(
    SUBSCRIPTION,
    with_customers_org("subscriptions", "customer"),
    {"org": "l.org"},
    ("t.account", "t.id"),
    bound_to_customer,
    (Concern("org_links"),),
)


class One(Read):
    account = text("The Stripe account it belongs to; the platform's own if not given")


class OfOrganization(ReadList):
    """What can be asked of one organization's subscriptions."""

    account = text("Subscriptions of this Stripe account")
    status = text("In this status of Stripe's, e.g. `active` or `past_due`")
    customer = text("Of this customer")
    price = text("With an item at this price")
    product = text("With an item of this product")
    created_after = moment(filters.CREATED_AFTER)
    created_before = moment(filters.CREATED_BEFORE)


class Filters(OfOrganization):
    org = text("Subscriptions of this organization")


def conditions_of(given: Mapping[str, Any]) -> list[Condition]:
    """The filters that were given, as conditions."""
    conditions = filters.equals(given, org="l.org", account="t.account", status="t.status", customer="t.customer")
    for parameter, column in (("price", "t.price_ids"), ("product", "t.product_ids")):
        if given[parameter] is not None:
            conditions.append(Condition(f"{column} @> ARRAY[%s::text]", (given[parameter],)))
    return conditions + filters.created_between(given)


@read(
    subscriptions,
    "/v1/subscriptions",
    "subscriptions",
    listed(SUBSCRIPTION.schema),
    query=Filters,
    problems=("invalid_cursor",),
)
def list_subscriptions(given: dict[str, Any]) -> Response:
    """List subscriptions.

    Ordered by account and id.
    """
    found = list_of(context(), caller(), SOURCE, given, conditions_of(given))
    return send(answer(*found, if_none_match()))


@read(
    subscriptions,
    "/v1/subscriptions/<string:subscription>",
    "subscriptions",
    answered(SUBSCRIPTION.schema),
    query=One,
    problems=("not_found",),
)
def get_subscription(given: dict[str, Any], subscription: str) -> Response:
    """Get a subscription."""
    here, asks = context(), caller()
    conditions = object_conditions(asks, subscription, given["account"])
    return send(answer(*single(here, asks, SOURCE, conditions, given["min_position"]), if_none_match()))
