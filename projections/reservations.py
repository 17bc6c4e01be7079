"""Reservations: what may be spent on providers, what it was then, and what is left of the budgets they come from."""

from decimal import Decimal

import msgspec

from ledger.passthrough import told
from ledger.passthrough_events import (
    BudgetMoved,
    ReservationCharged,
    ReservationExpired,
    ReservationMade,
    ReservationReleased,
    ReservationSettled,
)
from projections.base import Column, Entry, Key, Projection, Row, Table

_TABLE = Table(
    "reservations",
    ("mode", "org", "id"),
    (
        *(Column(name, "text") for name in ("mode", "org", "id", "category", "period", "currency")),
        Column("policy_version", "bigint"),
        Column("status", "text"),
        *(Column(name, "text") for name in ("estimate_minor", "cost_minor", "charged_minor", "over_minor")),
        Column("late", "boolean"),
        Column("until_s", "bigint"),
        Column("made_s", "bigint"),
        Column("settled_s", "bigint"),
        Column("by", "text"),
    ),
    indexes=("(mode, org, made_s)", "(until_s) WHERE status = 'open'"),
)


class _State(msgspec.Struct, array_like=True, frozen=True):
    made: ReservationMade
    status: str = "open"
    cost: str | None = None
    charged: str = "0"
    over: str = "0"
    late: bool = False
    settled_s: int | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(
        said, (ReservationMade, ReservationSettled, ReservationReleased, ReservationExpired, ReservationCharged)
    )
    return ((said.mode, said.org, said.id),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said = entry.event
    if isinstance(said, ReservationMade):
        return _encode(_State(said))
    assert state is not None
    it, replace = _decode(state), msgspec.structs.replace
    if isinstance(said, ReservationSettled):
        it = replace(it, status="settled", cost=said.cost, late=said.late, settled_s=said.at_s)
    elif isinstance(said, ReservationCharged):
        it = replace(it, charged=said.charged)
    elif isinstance(said, ReservationReleased):
        it = replace(it, status="released", settled_s=said.at_s)
    else:
        it = replace(it, status="expired")
    spent = max(Decimal(it.cost or 0), Decimal(it.charged))
    return _encode(replace(it, over=told(max(Decimal(0), spent - Decimal(it.made.estimate)))))


def _to_row(key: Key, state: bytes) -> Row:
    it = _decode(state)
    made = it.made
    return _TABLE.row(
        *key,
        made.category,
        made.period,
        made.currency,
        made.policy_version,
        it.status,
        made.estimate,
        it.cost,
        it.charged,
        it.over,
        it.late,
        made.until_s,
        made.at_s,
        it.settled_s,
        made.by,
    )


RESERVATIONS = Projection(
    "reservations",
    1,
    _TABLE,
    (
        ReservationMade.NAME,
        ReservationSettled.NAME,
        ReservationReleased.NAME,
        ReservationExpired.NAME,
        ReservationCharged.NAME,
    ),
    _keys,
    _apply,
    _to_row,
)

_BUDGETS = Table(
    "pass_through_budgets",
    ("mode", "org", "category", "period", "currency"),
    (
        *(Column(name, "text") for name in ("mode", "org", "category", "period", "currency")),
        Column("cap_minor", "bigint"),
        Column("settled_minor", "text"),
        Column("recorded_minor", "text"),
        Column("holds", "jsonb"),
        Column("warned", "text[]"),
        *(Column(name, "text") for name in ("stop_rule", "stop_notice")),
        Column("stopped_s", "bigint"),
        Column("acknowledged_by", "text"),
        Column("acknowledged_s", "bigint"),
        Column("moves", "bigint"),
        Column("moved_s", "bigint"),
    ),
    indexes=("(stopped_s) WHERE stopped_s IS NOT NULL AND acknowledged_s IS NULL",),
)


class _Budget(msgspec.Struct, array_like=True):
    said: BudgetMoved
    moves: int


_decode_budget = msgspec.msgpack.Decoder(_Budget).decode


def _budget_keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, BudgetMoved)
    return ((said.mode, said.org, said.category, said.period, said.currency),)


def _apply_budget(state: bytes | None, entry: Entry) -> bytes:
    assert isinstance(entry.event, BudgetMoved)
    return _encode(_Budget(entry.event, entry.version))


def _budget_row(key: Key, state: bytes) -> Row:
    it = _decode_budget(state)
    said, stop = it.said, it.said.stop
    return _BUDGETS.row(
        *key,
        said.cap_minor,
        said.settled,
        said.recorded,
        [{"until_s": h.until_s, "amount_minor": h.amount} for h in said.holds],
        list(said.warned),
        stop and stop.rule,
        stop and stop.notice,
        stop and stop.at_s,
        stop and stop.acknowledged_by,
        stop and stop.acknowledged_s,
        it.moves,
        said.at_s,
    )


BUDGETS = Projection("pass_through_budgets", 1, _BUDGETS, (BudgetMoved.NAME,), _budget_keys, _apply_budget, _budget_row)
