"""Customers: who pays. Personal fields are open for some keys, and look-up by e-mail goes over the blind index."""

from typing import Any

from flask import Response
from marshmallow import fields

from api.auth import Caller
from api.problems import Problem
from api.resources import filters
from api.resources.answers import Concern, answer
from api.resources.context import Context, caller, context, if_none_match, send
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
from api.schemas import CUSTOMER

customers = section("customers", "Customers: who pays")

SOURCE = Source(
    CUSTOMER,
    with_customers_org("customers", "id"),
    {"org": "l.org", "claimed_by": "l.claimed_by"},
    ("t.account", "t.id"),
    bound_to_customer,
    (Concern("org_links"),),
)


class One(Read):
    account = text("The Stripe account it belongs to; the platform's own if not given")


class Filters(ReadList):
    email = text("Customers that have, or once had, this e-mail address; for keys that see personal fields")
    unlinked = fields.Boolean(load_default=None, metadata={"description": "Only those that no organization claims"})
    org = text("Customers of this organization")
    account = text("Customers of this Stripe account")
    delinquent = fields.Boolean(load_default=None)
    created_after = moment(filters.CREATED_AFTER)
    created_before = moment(filters.CREATED_BEFORE)


@read(customers, "/v1/customers", "customers", listed(CUSTOMER.schema), query=Filters, problems=("invalid_cursor",))
def list_customers(given: dict[str, Any]) -> Response:
    """List customers.

    Ordered by account and id.
    """
    here, asks = context(), caller()
    conditions = filters.equals(given, org="l.org", account="t.account", delinquent="t.delinquent")
    conditions += filters.created_between(given)
    if given["unlinked"] is not None:
        conditions.append(Condition("l.org IS NULL" if given["unlinked"] else "l.org IS NOT NULL"))
    if given["email"] is not None:
        conditions.append(_with_email(here, asks, given["email"]))
    return send(answer(*list_of(here, asks, SOURCE, given, conditions), if_none_match()))


def _with_email(here: Context, asks: Caller, email: str) -> Condition:
    # Whoever may not see an address may not find out by asking whose it is either.
    if not asks.opens_personal_fields:
        raise Problem("forbidden")
    named = [s.split("/", 2) for s in here.keys.subjects_with_email(email)]
    mine = sorted((account, customer) for mode, account, customer in named if mode == asks.mode)
    return Condition(
        "(t.account, t.id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        ([a for a, _ in mine], [c for _, c in mine]),
    )


@read(
    customers,
    "/v1/customers/<string:customer>",
    "customers",
    answered(CUSTOMER.schema),
    query=One,
    problems=("not_found",),
)
def get_customer(given: dict[str, Any], customer: str) -> Response:
    """Get a customer."""
    here, asks = context(), caller()
    conditions = object_conditions(asks, customer, given["account"])
    return send(answer(*single(here, asks, SOURCE, conditions, given["min_position"]), if_none_match()))
