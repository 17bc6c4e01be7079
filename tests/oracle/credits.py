"""Credit balances by looking: for every moment at which anything changes, ask each grant what it allows then.

The product cuts schedules out of spans; this asks a grant at a time. The two meet in the segments.
"""

from itertools import pairwise
from typing import Any

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

LONG_AGO, FAR_AHEAD = -(10**15), 10**15
TAKEN = {"credits_applied": "applied_minor", "credits_expired": "expired_minor", "credits_voided": "voided_minor"}
GIVEN_BACK = {"credits_application_invoice_voided": "reinstated_minor"}


def credit_balances(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for each customer who was ever granted money's worth of credit."""
    found: dict[tuple[str, ...], Row] = {}
    grants = [g for g in rows["credit_grants"].values() if g["amount_minor"] is not None and g["currency"] is not None]
    for whose in sorted({(g["mode"], g["account"], g["customer"]) for g in grants if g["customer"]}):
        mine = [g for g in grants if (g["mode"], g["account"], g["customer"]) == whose]
        currencies = sorted({g["currency"] for g in mine})
        found[whose] = {
            **dict(zip(("mode", "account", "customer"), whose, strict=True)),
            "currencies": currencies,
            "balances": [_balance(rows, c, [g for g in mine if g["currency"] == c]) for c in currencies],
        }
    return found


def _balance(rows: Rows, currency: str, grants: list[Row]) -> Row:
    told = [_grant(rows, g) for g in sorted(grants, key=_place)]
    amounts = [name for name in told[0] if name.endswith("_minor")]
    totals = {name: sum(t[name] for t in told) for name in amounts}
    return {"currency": currency, **totals, "grants": told, "segments": _segments(rows, grants)}


def _place(grant: Row) -> tuple[Any, ...]:
    """What Stripe uses first: the lower priority, the earlier end, promotional credit, the older grant."""
    end = grant["expires_at_s"] if grant["expires_at_s"] is not None else FAR_AHEAD
    priority = grant["priority"] if grant["priority"] is not None else 50
    paid = 0 if grant["category"] == "promotional" else 1
    return priority, end, paid, _start(grant), grant["created_s"] or 0, grant["id"]


def _movements(rows: Rows, grant: Row) -> list[Row]:
    return [
        t
        for t in rows["credit_balance_transactions"].values()
        if (t["mode"], t["account"], t["credit_grant"]) == (grant["mode"], grant["account"], grant["id"])
        and t["currency"] == grant["currency"]
        and t["amount_minor"] is not None
    ]


def _grant(rows: Rows, grant: Row) -> Row:
    row: Row = {"grant": grant["id"], "category": grant["category"], "priority": grant["priority"]}
    row |= {"granted_minor": grant["amount_minor"], "applied_minor": 0, "reinstated_minor": 0}
    row |= {"expired_minor": 0, "voided_minor": 0, "other_minor": 0, "remaining_minor": grant["amount_minor"]}
    for movement in _movements(rows, grant):
        amount, kind = movement["amount_minor"], movement["kind"]
        if kind == "credits_granted":
            continue
        signed = amount
        if kind in TAKEN or (kind not in GIVEN_BACK and movement["direction"] == "debit"):
            signed = -amount
        row["remaining_minor"] += signed
        column = TAKEN.get(kind) or GIVEN_BACK.get(kind)
        row[column or "other_minor"] += amount if column else signed
    granted = [m["amount_minor"] for m in _movements(rows, grant) if m["kind"] == "credits_granted"]
    row["confirmed"] = grant["amount_minor"] in granted
    start, end = _start(grant), _end(rows, grant)
    return {**row, "from_s": None if start == LONG_AGO else start, "until_s": None if end == FAR_AHEAD else end}


def _start(grant: Row) -> int:
    for name in ("effective_at_s", "created_s"):
        if grant[name] is not None:
            return int(grant[name])
    return LONG_AGO


def _end(rows: Rows, grant: Row) -> int:
    """When it stops: by its date, by being voided, or by what Stripe has booked."""
    ended = [m for m in _movements(rows, grant) if m["kind"] in ("credits_expired", "credits_voided")]
    times = [grant["expires_at_s"], grant["voided_at_s"], *(m["effective_at_s"] for m in ended)]
    return min((t for t in times if t is not None), default=FAR_AHEAD)


def _available(rows: Rows, grant: Row, t: int) -> int:
    if not _start(grant) <= t < _end(rows, grant):
        return 0
    told = _grant(rows, grant)
    return int(told["granted_minor"] + told["reinstated_minor"] - told["applied_minor"] + told["other_minor"])


def _segments(rows: Rows, grants: list[Row]) -> list[Row]:
    times = {t for g in grants for t in (_start(g), _end(rows, g))}
    segments: list[Row] = []
    for start, end in pairwise(sorted({LONG_AGO, FAR_AHEAD, *times})):
        available = sum(_available(rows, g, start) for g in grants)
        if segments and segments[-1]["available_minor"] == available:
            segments[-1]["until_s"] = end
        elif segments or available:
            segments.append({"available_minor": available, "from_s": start, "until_s": end})
    for segment in segments:
        segment["from_s"] = None if segment["from_s"] == LONG_AGO else segment["from_s"]
        segment["until_s"] = None if segment["until_s"] == FAR_AHEAD else segment["until_s"]
    return segments
