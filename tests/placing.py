"""Histories in which operators decide about plans while Stripe tells what was sold. Shared by the tests of plans."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import oracle
from histories import Link, Rows, different, folded, remembered
from samples import T, price, subscription

from commands.plan_definition import LegacyPrice, PlanDefinition, Price
from commands.plans import ApplyPlans
from ledger.events import Event
from projections.base import Entry

Json = dict[str, Any]
#: An operator's event, and the microsecond at which it was recorded.
Decided = tuple[Event, int]
S = 1_000_000


def plan(key: str, *names: str, **fields: Any) -> PlanDefinition:
    """A plan that is sold under these lookup keys (or, where they begin with `price_`, prices' ids)."""
    once = fields.get("model") == "one_time"
    prices = [
        Price(
            interval="once" if once else "month",
            interval_count=1 if once else n,
            currency=("eur", "usd", "gbp")[n - 1] if once else "eur",
            lookup_key=None if name.startswith("price_") else name,
            price=name if name.startswith("price_") else None,
        )
        for n, name in enumerate(names, 1)
    ]
    given = {"name": key.title(), "model": "subscription" if names else "usage", **fields}
    return PlanDefinition(key=key, prices=tuple(prices), **given)


def catalogue(*plans: PlanDefinition, legacy: Json | None = None, **fields: Any) -> ApplyPlans:
    """A catalogue of these plans. `legacy`: price -> plan, or (plan, version)."""
    maps = [
        LegacyPrice(price=p, plan=to) if isinstance(to, str) else LegacyPrice(price=p, plan=to[0], version=to[1])
        for p, to in (legacy or {}).items()
    ]
    return ApplyPlans(**{"mode": "test", "catalogue": "shop", **fields}, plans=plans, legacy_prices=tuple(maps))


def sub(*prices: str | tuple[str, str | None], id: str = "sub_1", **fields: Any) -> Json:
    """A subscription to prices, each its id or (id, lookup key)."""
    found = subscription(id, fields.pop("customer", "cus_1"), **fields)
    found["items"]["data"] = [item(*((p, None) if isinstance(p, str) else p)) for p in prices]
    return found


def item(price_id: str, lookup_key: str | None) -> Json:
    """A subscription's item."""
    return {
        "object": "subscription_item",
        "id": f"si_{price_id}",
        "quantity": 1,
        "price": price(price_id, lookup_key=lookup_key),
        "metadata": {},
        "current_period_start": T,
        "current_period_end": T + 1000,
    }


def entries_of(told: Sequence[Any], decided: Sequence[Decided] = (), rnd: random.Random | None = None) -> list[Entry]:
    """What the log holds: what was told in its order, and what was decided in its own; `rnd` says how they meet."""
    own = [Entry(0, "", 0, at_us, event, None) for event, at_us in decided]
    stripes = remembered(told)
    merged: list[Entry] = []
    while own or stripes:
        first = bool(own) and (not stripes or rnd is None or rnd.random() < len(own) / (len(own) + len(stripes)))
        merged.append((own if first else stripes).pop(0))
    return [e._replace(position=n) for n, e in enumerate(merged, 1)]


def rows_after(told: Iterable[Any], decided: Sequence[Decided] = (), links: Sequence[Link] = ()) -> Rows:
    """All rows after a history, which the oracle must give as well."""
    said = list(told)
    rows = folded(entries_of([*said, *links], decided))
    assert different(rows, oracle.recount(said, links, decided=decided)) == []
    return rows
