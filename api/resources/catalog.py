"""The catalogue: products with their prices, features and limits."""

from typing import Any

from flask import Response
from marshmallow import fields

from api.auth import Caller
from api.resources import filters
from api.resources.answers import Concern, answer
from api.resources.context import caller, context, if_none_match, send
from api.resources.lists import Condition, Read, ReadList, Source, list_of, single, text
from api.resources.publish import answered, listed, read, section
from api.schemas import PRODUCT
from ledger.ids import PLATFORM
from replay.tables import LIVE

catalog = section("catalog", "The catalogue: products and prices")


def _visible(caller: Caller) -> list[Condition]:
    """An organization sees the platform's catalogue, and those of the sellers that it buys from."""
    conditions = []
    if caller.account is not None:
        conditions.append(Condition("t.account = %s", (caller.account,)))
    elif caller.org is not None:
        links = f"SELECT l.account FROM {LIVE}.org_links l WHERE l.mode = %s AND l.org = %s"
        conditions.append(Condition(f"(t.account = '{PLATFORM}' OR t.account IN ({links}))", (caller.mode, caller.org)))
    return conditions


SOURCE = Source(PRODUCT, f"{LIVE}.catalog t", {}, ("t.account", "t.product"), _visible, (Concern("catalog"),))


class One(Read):
    account = text("The Stripe account it belongs to; the platform's own if not given")


class Filters(ReadList):
    account = text("Products of this Stripe account")
    lookup_key = text("The product that has a price with this lookup key")
    active = fields.Boolean(load_default=None, metadata={"description": "Only products that are, or are not, sold"})


@read(
    catalog,
    "/v1/catalog",
    "catalog",
    listed(PRODUCT.schema),
    query=Filters,
    problems=("invalid_cursor",),
)
def list_catalog(given: dict[str, Any]) -> Response:
    """List products with their prices.

    Ordered by account and product.
    """
    conditions = filters.equals(given, account="t.account", active="t.active")
    if given["lookup_key"] is not None:
        conditions.append(Condition("t.lookup_keys @> ARRAY[%s::text]", (given["lookup_key"],)))
    return send(answer(*list_of(context(), caller(), SOURCE, given, conditions), if_none_match()))


@read(
    catalog,
    "/v1/catalog/<string:product>",
    "catalog",
    answered(PRODUCT.schema),
    query=One,
    problems=("not_found",),
)
def get_product(given: dict[str, Any], product: str) -> Response:
    """Get a product with its prices."""
    here, asks = context(), caller()
    account = given["account"] or asks.account or PLATFORM
    conditions = [Condition("t.product = %s", (product,)), Condition("t.account = %s", (account,))]
    source = SOURCE._replace(concerns=(Concern("catalog", (asks.mode, account, product)),))
    return send(answer(*single(here, asks, source, conditions, given["min_position"]), if_none_match()))
