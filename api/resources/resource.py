"""A resource: a read model's list and its single rows at their routes, declared in a few lines.

Knows how every resource is served, and none of them by name. What a resource says of itself: its rows (`Source`), what
it is called, and its filters. Routes, queries, schemas, operations and the scope of each come from that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from marshmallow import Schema

from api.auth import Caller
from api.resources.answers import Concern, answer
from api.resources.context import Context, caller, context, if_none_match, send
from api.resources.filters import Filter, equal
from api.resources.lists import (
    Condition,
    Read,
    ReadList,
    Source,
    account_meant,
    bound_to_customer,
    list_of,
    single,
    text,
    with_customers_org,
)
from api.resources.publish import answered, listed, read, section
from api.schemas import Shape


class One(Read):
    """What can be said beside the id of one row."""

    account = text("The Stripe account it belongs to; the platform's own if not given")


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
            return "Newest first, by Stripe's own time of them."
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


def query_of(filters: Sequence[Filter], name: str) -> type[Schema]:
    """The query of a list with these filters."""
    return ReadList.from_dict({f.name: f.field for f in filters}, name=name)


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


def published(resource: Resource, about: str) -> Any:
    """A section with the resource's list and single."""
    its = section(resource.dashed, about)
    publish_list(its, resource)
    publish_single(its, resource)
    return its


def publish_list(its: Any, resource: Resource) -> None:
    """Put the resource's list at its route."""

    def view(given: dict[str, Any]) -> Response:
        here, asks = context(), caller()
        found = list_of(here, asks, resource.source.of_all(), given, resource.conditions(here, asks, given))
        return send(answer(*found, if_none_match()))

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
        here, asks = context(), caller()
        account, its_id = account_meant(asks, given["account"]), path[parameter]
        conditions = [Condition("t.account = %s", (account,)), Condition(f"{resource.source.id} = %s", (its_id,))]
        source = resource.source.of_one((asks.mode, account, its_id))
        return send(answer(*single(here, asks, source, conditions, given["min_position"]), if_none_match()))

    read(
        its,
        f"{resource.path}/<string:{parameter}>",
        resource.name,
        answered(resource.source.shape.schema),
        query=One,
        problems=("not_found",),
    )(named(view, f"get_{resource.each}", f"Get {resource.one}."))


def named(view: Callable[..., Response], name: str, said: str) -> Callable[..., Response]:
    """A view made by us with the name and the docstring that its operation is described from."""
    view.__name__, view.__doc__ = name, said
    return view
