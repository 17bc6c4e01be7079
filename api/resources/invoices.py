"""Invoices: what is owed, what was paid, how collecting goes."""

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
from api.schemas import INVOICE

invoices = section("invoices", "Invoices: what is owed and paid")

SOURCE = Source(
    INVOICE,
    with_customers_org("invoices", "customer"),
    {"org": "l.org"},
    ("t.account", "t.id"),
    bound_to_customer,
    (Concern("org_links"),),
)


class One(Read):
    account = text("The Stripe account it belongs to; the platform's own if not given")


class OfOrganization(ReadList):
    """What can be asked of one organization's invoices."""

    account = text("Invoices of this Stripe account")
    status = text("`draft`, `open`, `paid`, `uncollectible` or `void`")
    customer = text("Of this customer")
    subscription = text("Of this subscription")
    currency = text("In this currency")
    collection_method = text("`charge_automatically` or `send_invoice`")
    created_after = moment(filters.CREATED_AFTER)
    created_before = moment(filters.CREATED_BEFORE)


class Filters(OfOrganization):
    org = text("Invoices of this organization")


def conditions_of(given: Mapping[str, Any]) -> list[Condition]:
    """The filters that were given, as conditions."""
    plain = ("account", "status", "customer", "subscription", "currency", "collection_method")
    conditions = filters.equals(given, org="l.org", **{name: f"t.{name}" for name in plain})
    return conditions + filters.created_between(given)


@read(
    invoices,
    "/v1/invoices",
    "invoices",
    listed(INVOICE.schema),
    query=Filters,
    problems=("invalid_cursor",),
)
def list_invoices(given: dict[str, Any]) -> Response:
    """List invoices.

    Ordered by account and id.
    """
    found = list_of(context(), caller(), SOURCE, given, conditions_of(given))
    return send(answer(*found, if_none_match()))


@read(
    invoices,
    "/v1/invoices/<string:invoice>",
    "invoices",
    answered(INVOICE.schema),
    query=One,
    problems=("not_found",),
)
def get_invoice(given: dict[str, Any], invoice: str) -> Response:
    """Get an invoice."""
    here, asks = context(), caller()
    conditions = object_conditions(asks, invoice, given["account"])
    return send(answer(*single(here, asks, SOURCE, conditions, given["min_position"]), if_none_match()))
