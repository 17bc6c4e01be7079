"""Plans: every version that was ever published, and the names of prices under which each is sold.

A version is in force from when it was published, or from the earlier time that its publisher named. Refuses to know
who has a plan: `plan_placements` does.
"""

from typing import Any

import msgspec

from ledger.events import PlanPublished, PlanRetired
from ledger.ids import PLATFORM
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "plans",
    ("mode", "id"),
    (
        Column("mode", "text"),
        Column("id", "text"),  # the plan and its version: pro@3
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("catalogue", "text"),
        Column("account", "text"),
        Column("name", "text"),
        Column("tier", "bigint"),
        Column("model", "text"),
        Column("definition", "jsonb"),
        Column("lookup_keys", "text[]"),
        Column("price_ids", "text[]"),
        Column("current", "boolean"),
        Column("retired", "boolean"),
        Column("effective_us", "bigint", digested=False),
    ),
    indexes=("(mode, plan, version)", "USING gin (lookup_keys)"),
)


_NAMES = Table(
    "plan_names",
    ("mode", "account", "name", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("name", "text"),
        Column("id", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("lasts_months", "bigint"),
        Column("lasts_days", "bigint"),
        Column("effective_us", "bigint", digested=False),
    ),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    plan: str
    version: int
    catalogue: str
    definition: dict[str, Any]
    effective_us: int
    current: bool = True
    retired: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def version_id(plan: str, version: int) -> str:
    """A version of a plan in one word."""
    return f"{plan}@{version}"


def plan_itself(plan: str) -> str:
    """The name by which a plan is found without any price; no price is called so, nor any lookup key."""
    return f"plan:{plan}"


def _sold_under(definition: dict[str, Any], name: str) -> list[str]:
    return sorted({p[name] for p in definition.get("prices") or () if p.get(name)})


def _account(definition: dict[str, Any]) -> str:
    """Whose prices it is sold under. Another account's prices of the same name are not the plan's."""
    return str(definition.get("account") or PLATFORM)


def _publish(entry: Entry) -> _State:
    event = entry.event
    assert isinstance(event, PlanPublished)
    named = event.effective_s
    since = named * 1_000_000 if named is not None else entry.recorded_at_us
    return _State(event.plan, event.version, event.catalogue, event.definition, since)


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, (PlanPublished, PlanRetired))
    return tuple((event.mode, version_id(event.plan, n)) for n in range(1, event.version + 1))


def _apply(state: bytes | None, entry: Entry) -> bytes | None:
    if state is None:
        return _encode(_publish(entry)) if isinstance(entry.event, PlanPublished) else None
    known = _decode(state)
    if isinstance(entry.event, PlanRetired):
        return _encode(msgspec.structs.replace(known, retired=True))
    return _encode(msgspec.structs.replace(known, current=False, retired=False))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    told = it.definition
    return _TABLE.row(
        *key,
        it.plan,
        it.version,
        it.catalogue,
        _account(told),
        told.get("name"),
        told.get("tier"),
        told.get("model"),
        told,
        _sold_under(told, "lookup_key"),
        _sold_under(told, "price"),
        it.current,
        it.retired,
        it.effective_us,
    )


def _names(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    assert isinstance(event, PlanPublished)
    told = event.definition
    names = [plan_itself(event.plan), *_sold_under(told, "lookup_key"), *_sold_under(told, "price")]
    id = version_id(event.plan, event.version)
    return tuple((event.mode, _account(told), name, id) for name in dict.fromkeys(names))


def _to_name(key: Key, state: bytes) -> Row:
    it = _decode(state)
    lasts = it.definition.get("lasts") or {}
    return _NAMES.row(*key, it.plan, it.version, lasts.get("months"), lasts.get("days"), it.effective_us)


PLANS = Projection("plans", 1, _TABLE, (PlanPublished.NAME, PlanRetired.NAME), _keys, _apply, _to_row)
#: By which names a version of a plan is found: its prices' ids and lookup keys, and the plan's own.
PLAN_NAMES = Projection(
    "plan_names",
    1,
    _NAMES,
    (PlanPublished.NAME,),
    _names,
    lambda state, entry: _encode(_publish(entry)),
    _to_name,
)
