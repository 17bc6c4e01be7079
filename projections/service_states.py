"""How each service of an organization stands, and what should be: a schedule of states from its debts' policies.

What should be is `schedule`, in UTC seconds, without a clock; what has been done is the last step, and what an operator
said outranks both. Services are `postpaid` (all that is paid afterwards, together) and, each by itself, what is paid in
advance: no debt but its own closes that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from projections.base import Column, Derivation, Input, Key, Row, Table
from projections.service_ladder import Owed, ladder, severest

_TABLE = Table(
    "service_states",
    ("mode", "org", "service"),
    (
        Column("mode", "text"),
        Column("org", "text"),
        Column("service", "text"),
        Column("state", "text"),
        Column("by", "text"),
        Column("since_s", "bigint"),
        Column("enforced", "boolean"),
        Column("closed_s", "bigint"),
        Column("why", "jsonb"),
        Column("schedule", "jsonb"),
        Column("debts", "jsonb"),
        Column("owed", "jsonb"),
        Column("scale_to_zero", "boolean"),
        Column("extended_until_s", "bigint"),
        Column("said_s", "bigint"),
        Column("anomalies", "text[]"),
    ),
    indexes=("(mode, state, org, service)",),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    steps = {r.service: r for r in rows["service_steps"]}
    words = {r.service: r for r in rows["service_words"]}
    debts: dict[str, list[Row]] = {}
    for debt in rows["debts"]:
        debts.setdefault(debt.service, []).append(debt)
    services = sorted(steps.keys() | words.keys() | debts.keys())
    return [_service((*key, s), debts.get(s, []), steps.get(s), words.get(s)) for s in services]


def _service(key: Key, debts: Sequence[Row], step: Row | None, word: Row | None) -> Row:
    owed = sorted(debts, key=lambda d: (d.account, d.id))
    ladders = {f"{d.account}/{d.id}": ladder(_owed(d, word), _promised(word)) for d in owed}
    state, by, since_s, enforced, closed_s, why = _standing(step, word)
    sums: dict[str, int] = {}
    for debt in owed:
        sums[debt.currency] = sums.get(debt.currency, 0) + (debt.owed_minor or 0)
    return _TABLE.row(
        *key,
        state,
        by,
        since_s,
        enforced,
        closed_s,
        why,
        severest(ladders),
        [_debt(d, ladders[f"{d.account}/{d.id}"]) for d in owed],
        sums,
        bool((why or {}).get("scale_to_zero", by == "operator")),
        _promised(word),
        word.last_s if word is not None else None,
        sorted({a for d in owed for a in d.anomalies}),
    )


def _owed(debt: Row, word: Row | None) -> Owed:
    """A debt with what an operator said: whoever recovers a service begins its debts anew."""
    recovered = [] if word is None or debt.start_s is None else [t for t in word.recovered_s if t > debt.start_s]
    fresh = sorted({*debt.fresh_s, *recovered})
    return Owed(debt.stages, debt.start_s, fresh, debt.failed_s, debt.retries_within_days)


def _promised(word: Row | None) -> int | None:
    return word.extended_until_s if word is not None else None


def _standing(step: Row | None, word: Row | None) -> tuple[Any, ...]:
    """State, by whom, since when, whether it is enforced, since when it is closed, and why."""
    if word is not None and word.state is not None:
        return word.state, "operator", word.since_s, True, word.since_s, {"reason": word.reason}
    if step is None:
        return "active", None, None, False, None, None
    return step.state, step.by, step.at_s, step.enforced, step.closed_s, step.because


def _debt(debt: Row, segments: Sequence[Any]) -> dict[str, Any]:
    return {
        "account": debt.account,
        "invoice": debt.id,
        "currency": debt.currency,
        "owed_minor": debt.owed_minor,
        "failed": debt.failed,
        "start_s": debt.start_s,
        "why": debt.why,
        "plan_id": debt.plan_id,
        "policy": debt.policy,
        "policy_version": debt.policy_version,
        "enforced": debt.enforced,
        "scale_to_zero": debt.scale_to_zero,
        "segments": [s._asdict() for s in segments],
    }


_KEY = ("mode", "org")

SERVICE_STATES = Derivation(
    "service_states",
    1,
    _TABLE,
    _KEY,
    inputs=(
        Input("debts", _KEY, lambda key, _: [key]),
        Input("service_steps", _KEY, lambda key, _: [key]),
        Input("service_words", _KEY, lambda key, _: [key]),
    ),
    affects={
        "debts": lambda row: [(row.mode, row.org)] if row.org else [],
        "service_steps": lambda row: [(row.mode, row.org)],
        "service_words": lambda row: [(row.mode, row.org)],
    },
    derive=_derive,
)
