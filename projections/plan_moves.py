"""Where operators moved a subscription, a purchase or an agreement: the last move of each."""

import msgspec

from ledger.events import PlanSubscriptionsMoved, SubscriptionPlanMoved
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "plan_moves",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("by", "text"),
        Column("reason", "text"),
        Column("moved_us", "bigint", digested=False),
    ),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int, str, str, int]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    event = entry.event
    if isinstance(event, SubscriptionPlanMoved):
        return ((event.mode, event.account, event.subscription),)
    assert isinstance(event, PlanSubscriptionsMoved)
    return tuple((event.mode, *each.split("/", 1)) for each in event.subscriptions)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    event = entry.event
    assert isinstance(event, (SubscriptionPlanMoved, PlanSubscriptionsMoved))
    return _encode((event.plan, event.version, event.by, event.why, entry.recorded_at_us))


def _to_row(key: Key, state: bytes) -> Row:
    return _TABLE.row(*key, *_decode(state))


PLAN_MOVES = Projection(
    "plan_moves", 1, _TABLE, (SubscriptionPlanMoved.NAME, PlanSubscriptionsMoved.NAME), _keys, _apply, _to_row
)
