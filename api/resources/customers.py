"""Customers: who pays. Personal fields are open for some keys, and look-up by e-mail goes over the blind index."""

from typing import Any

from marshmallow import fields

from api.auth import Caller
from api.problems import Problem
from api.resources.context import Context
from api.resources.filters import CREATED, Filter, flag
from api.resources.lists import Condition, text
from api.resources.resource import Resource, of_customers
from api.resources.routes import published
from api.schemas import CUSTOMER


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


def _unlinked(here: Context, asks: Caller, unlinked: Any) -> Condition:
    return Condition("l.org IS NULL" if unlinked else "l.org IS NOT NULL")


CUSTOMERS = Resource(
    "customers",
    "a customer",
    of_customers(CUSTOMER, "customers", "id", claimed_by="l.claimed_by"),
    filters=(
        Filter(
            "email",
            text("Customers that have, or once had, this e-mail address; for keys that see personal fields"),
            _with_email,
        ),
        Filter(
            "unlinked",
            fields.Boolean(load_default=None, metadata={"description": "Only those that no organization claims"}),
            _unlinked,
        ),
        flag("delinquent"),
        *CREATED,
    ),
)
customers = published(CUSTOMERS, "Customers: who pays")
