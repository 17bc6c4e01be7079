"""Debts of which nobody was told as they are now: how often their payment failed, and what is strange about them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.ids import item_parts, key_of
from projections.base import Column, Derivation, Input, Key, Row, Table

_REACTION = "debt_alerts"

_TABLE = Table(
    _REACTION,
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("was", "jsonb"),
        Column("now", "jsonb"),
        Column("closed", "bigint"),
    ),
)
#: What of a debt is told.
_TOLD = ("org", "customer", "subscription", "service", "currency", "failed", "why", "anomalies")


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    debt = next(iter(rows["debts"]), None)
    known = next(iter(rows["closed_differences"]), None)
    was = known.done if known is not None else None
    now = _now(debt) if debt is not None and (debt.failed or debt.anomalies) else None
    if _compared(was) == _compared(now):
        return []
    return [_TABLE.row(*key, was, now, known.closed if known is not None else 0)]


def _now(debt: Row) -> dict[str, Any]:
    return {**{name: getattr(debt, name) for name in _TOLD}, "owed_minor": debt.owed_minor}


def _compared(told: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """What is news when it changes; what is owed is told beside it."""
    return (told["failed"], told["why"], list(told["anomalies"])) if told is not None else (0, None, [])


DEBT_ALERTS = Derivation(
    _REACTION,
    1,
    _TABLE,
    ("mode", "account", "id"),
    inputs=(
        Input("debts", ("mode", "account", "id"), lambda key, _: [key], (*_TOLD, "owed_minor")),
        Input(
            "closed_differences",
            ("mode", "reaction", "item"),
            lambda key, _: [(key[0], _REACTION, key_of(key[1:]))],
            ("done", "closed"),
        ),
    ),
    affects={
        "debts": lambda row: [(row.mode, row.account, row.id)],
        "closed_differences": lambda row: [(row.mode, *item_parts(row.item))] if row.reaction == _REACTION else [],
    },
    derive=_derive,
)
