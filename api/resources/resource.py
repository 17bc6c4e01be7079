"""A resource: what a read model says of itself to be served: its rows, what it is called, its filters, its money.

A few lines each; routes, queries, schemas, operations and scope come from that (`api.resources.routes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from api.auth import Caller
from api.resources.answers import Concern
from api.resources.context import Context
from api.resources.filters import Filter, equal
from api.resources.lists import (
    NEVER,
    Condition,
    ReadList,
    Source,
    bound_to_customer,
    with_customers_org,
)
from api.schemas import Shape
from replay.tables import LIVE


@dataclass(frozen=True, eq=False)
class Resource:
    """A read model as the API offers it."""

    name: str
    """What its rows are called, e.g. `credit_notes`; so are its row of `api.auth.MAY_READ` and, dashed, its path."""
    one: str
    """What a single answer is, with its article: `a credit note`."""
    source: Source
    filters: tuple[Filter, ...] = ()
    """Its own; `account` goes before them, and `org` after them where rows belong to organizations."""
    offers_org: bool = True
    """Whether its list can be asked for one organization: `l.org` is whose a row is."""
    account_beside: bool = True
    """Whether an id is looked for in one account; False: the id alone says which it is."""
    of_platform: bool = False
    """Whether its rows stand in the platform's account, whoever sees them."""
    money: tuple[str, ...] = ()
    """Its amounts, in minor units of the column `currency`, that totals sum up."""
    words: str = ""
    """What its rows are called in a sentence, where it is not the name."""
    singular: str = ""
    """What one of them is called, where it is not the name without its last letter."""
    parameter: str = ""
    """The path's parameter, where it is not the singular."""

    @property
    def path(self) -> str:
        """Where its list is."""
        return f"/v1/{self.dashed}"

    @property
    def dashed(self) -> str:
        """Its name as a part of a path."""
        return self.name.replace("_", "-")

    @property
    def called(self) -> str:
        """Its rows in a sentence."""
        return self.words or self.name.replace("_", " ")

    @property
    def each(self) -> str:
        """The name of one of them."""
        return self.singular or self.name.removesuffix("s")

    @property
    def order(self) -> str:
        """How its list is ordered, in a sentence."""
        if self.source.newest_first:
            return (
                "Newest first, by Stripe's own time of them." if "t.created_s" in self.source.order else "Newest first."
            )
        first, *others = (o.removeprefix("t.") for o in self.source.order)
        return f"Ordered by {' and '.join((first, *others))}."

    def offered(self, *, of_one_org: bool = False) -> tuple[Filter, ...]:
        """Every filter of its list."""
        called = self.called[0].upper() + self.called[1:]
        account = equal("account", f"{called} of this Stripe account")
        org = equal("org", f"{called} of this organization", "l.org")
        return (account, *self.filters, *((org,) if self.offers_org and not of_one_org else ()))

    def conditions(self, here: Context, asks: Caller, given: Mapping[str, Any]) -> list[Condition]:
        """The filters that were given, as conditions."""
        return [f.where(here, asks, given[f.name]) for f in self.offered() if given.get(f.name) is not None]


def query_of(filters: Sequence[Filter], name: str, beside: type[Schema] = ReadList) -> type[Schema]:
    """The query of a list (or `beside`, of something else) with these filters."""
    return beside.from_dict({f.name: f.field for f in filters}, name=name)


def of_customers(shape: Shape, model: str, customer: str = "customer", **places: str) -> Source:
    """Rows of Stripe's objects that name their customer in a column."""
    return Source(
        shape,
        with_customers_org(model, customer),
        {"org": "l.org", **places},
        ("t.account", "t.id"),
        bound_to_customer,
        (Concern("org_links"),),
    )


def of_charges(shape: Shape, model: str, customer: str) -> Source:
    """Rows that name a charge, which names the customer. `customer`: what is told of it."""
    return of_customers(shape, model)._replace(
        tables=f"{LIVE}.{model} t"
        f" LEFT JOIN {LIVE}.charges c ON c.mode = t.mode AND c.account = t.account AND c.id = t.charge"
        f" LEFT JOIN {LIVE}.org_links l ON l.mode = c.mode AND l.account = c.account AND l.customer = c.customer",
        places={"org": "l.org", "customer": customer},
    )


def of_accounts(shape: Shape, model: str) -> Source:
    """Rows that belong to an account and to no customer: a key that is bound to an organization sees none."""
    return Source(shape, f"{LIVE}.{model} t", {}, ("t.account", "t.id"), _bound_to_account)


def _bound_to_account(caller: Caller) -> list[Condition]:
    if caller.org is not None:
        return [NEVER]
    return [Condition("t.account = %s", (caller.account,))] if caller.account is not None else []
