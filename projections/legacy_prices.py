"""Prices of old that no plan names, and which plan each was said to be: so what was sold before has a plan too."""

import msgspec

from ledger.events import PlanPriceMapped, PlanPriceUnmapped
from projections.base import Column, Entry, Key, Projection, Row, Table
from projections.plans import plan_itself

_TABLE = Table(
    "legacy_prices",
    ("mode", "account", "price"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("price", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),  # null: whichever was in force when it was sold
        Column("catalogue", "text"),
        Column("name", "text"),  # by which `plan_names` has the plan
    ),
    indexes=("(mode, account, name)",),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int | None, str]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, (PlanPriceMapped, PlanPriceUnmapped))
    return ((event.mode, event.account, event.price),)


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    event = entry.event
    return _encode((event.plan, event.version, event.catalogue)) if isinstance(event, PlanPriceMapped) else None


def _to_row(key: Key, state: bytes) -> Row:
    plan, version, catalogue = _decode(state)
    return _TABLE.row(*key, plan, version, catalogue, plan_itself(plan))


LEGACY_PRICES = Projection(
    "legacy_prices", 1, _TABLE, (PlanPriceMapped.NAME, PlanPriceUnmapped.NAME), _keys, _apply, _to_row
)
