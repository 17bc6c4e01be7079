"""What a plan is sold for in Stripe: its version that is in force, and the ids of the prices that it names."""

from typing import Any, NamedTuple

import psycopg

from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.making import Maker
from api.calls.verdict import Succeeded, verdict
from commands.checkout import Line
from commands.checkout_offers import Offer, offer
from commands.plan_definition import Interval, PlanDefinition, Price, read
from ledger.errors import NotFound, Refused, StoreUnavailable
from ledger.ids import Mode
from ledger.store import as_role
from replay.tables import LIVE

_CURRENT = f"""
SELECT version, definition FROM {LIVE}.plans WHERE (mode, plan) = (%s, %s) AND current AND NOT retired
"""
#: A lookup key is given to the next price when terms change: the one that has it now.
_BY_LOOKUP_KEY = f"""
SELECT id FROM {LIVE}.prices
WHERE (mode, account, lookup_key) = (%s, %s, %s) AND active AND NOT coalesce(deleted, false)
ORDER BY created_s DESC NULLS LAST, id LIMIT 1
"""


class Sold(NamedTuple):
    """A plan as it is sold now."""

    plan: PlanDefinition
    version: int


class Priced(NamedTuple):
    """An offer with Stripe's ids of its prices."""

    offer: Offer
    lines: tuple[Line, ...]


def current(conninfo: str, mode: Mode, plan: str) -> Sold:
    """The version of a plan that is in force. Raises NotFound, Refused("not_on_sale"), StoreUnavailable."""
    row = _one(conninfo, _CURRENT, [mode, plan])
    if row is None:
        raise NotFound()
    definition = read(row[1])
    if definition is None:
        raise Refused(f"{plan} was published by another release, which alone can sell it", code="not_on_sale")
    return Sold(definition, int(row[0]))


def priced(
    conninfo: str,
    maker: Maker,
    sold: Sold,
    *,
    interval: Interval | None = None,
    currency: str | None = None,
    trial: bool = True,
) -> Priced:
    """What is bought of a plan, by Stripe's ids. Raises Refused (`not_on_sale`, `not_sold_so`, `price_missing`)."""
    bought = offer(sold.plan, interval=interval, currency=currency, trial=trial)
    account = sold.plan.account
    lines = tuple(Line(_id(conninfo, maker, account, p), metered=p.meter is not None) for p in bought.prices)
    return Priced(bought, lines)


def _id(conninfo: str, maker: Maker, account: str, price: Price) -> str:
    if price.price is not None:
        return price.price
    assert price.lookup_key is not None, "a published plan names each price"
    row = _one(conninfo, _BY_LOOKUP_KEY, [maker.mode, account, price.lookup_key])
    return str(row[0]) if row is not None else _asked(maker, account, price.lookup_key)


def _asked(maker: Maker, account: str, lookup_key: str) -> str:
    """The same as Stripe says, where no event has told us of the price yet."""
    try:
        reply = maker.fetch("/v1/prices", account, {"lookup_keys": [lookup_key], "active": True}, urgency="live")
    except NoAnswer as silence:
        raise StripeUnavailable("Stripe did not answer; ask again with the same idempotency key") from silence
    found = verdict(reply)
    if not isinstance(found, Succeeded):
        raise StripeUnavailable("Stripe did not tell the plan's prices; ask again with the same idempotency key")
    prices = found.object.get("data") or []
    if not prices:
        raise Refused(
            f"Stripe has no active price with the lookup key {lookup_key}: make it there (`recount plans lint` lists"
            " what is missing)",
            code="price_missing",
        )
    return str(prices[0]["id"])


def _one(conninfo: str, statement: str, params: list[Any]) -> Any:
    try:
        with psycopg.connect(as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2) as conn:
            return conn.execute(statement, params).fetchone()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the read models did not answer: {type(error).__name__}") from error
