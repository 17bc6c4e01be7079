"""What happened to a payment's money, attempt by attempt: captured, let go, refunded, disputed, booked. Pure.

Knows charges, refunds, disputes and the balance transactions of each. Refuses to know the sum (`projections.payments`).
Amounts are minor units of the payment's currency but for those of movements, which are in the balance's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.translations.dispute import CLOSED
from projections.base import Row

Json = dict[str, Any]

#: A refund's status says nothing where it was made at once, before 2015.
SUCCEEDED = ("succeeded", None)
PENDING = ("pending", "requires_action")
_MOVEMENT = ("id", "source", "type", "amount_minor", "fee_minor", "net_minor", "currency", "available_on_s")


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order in which their objects were made."""
    return sorted(rows, key=lambda row: (row.created_s or 0, row.id))


def movements(rows: Mapping[str, Sequence[Row]]) -> list[Json]:
    """Every balance transaction known of the payment, once: one that came by itself over one carried by an object."""
    found: dict[str, Json] = {}
    for model in ("charges", "refunds"):
        for row in rows[model]:
            if row.movement:
                found[row.movement["id"]] = {**row.movement, "source": row.id}
    for dispute in rows["disputes"]:
        for told in dispute.movements or ():
            if told["amount_minor"] is not None:
                found[told["id"]] = {**told, "source": dispute.id}
    for booked in rows["balance_transactions"]:
        found[booked.id] = {f: getattr(booked, f) for f in _MOVEMENT}
    return [{f: found[i].get(f) for f in _MOVEMENT} for i in sorted(found)]


def attempts(charges: Sequence[Row], intent: Row | None) -> list[Json]:
    """Each charge, and what it took (`captured_minor`)."""
    good = [c for c in charges if c.status == "succeeded" and c.captured is not False]
    found = []
    for charge in charges:
        taken = _taken(charge, intent, alone=len(good) == 1) if charge in good else 0
        found.append({
            "charge": charge.id,
            "status": charge.status,
            "amount_minor": charge.amount_minor,
            "captured": charge.captured,
            "captured_minor": taken,
            "failure_code": charge.failure_code,
            "outcome_type": charge.outcome_type,
            "outcome_reason": charge.outcome_reason,
            "balance_transaction": charge.balance_transaction,
            "created_s": charge.created_s,
        })  # fmt: skip
    return found


def _taken(charge: Row, intent: Row | None, *, alone: bool) -> int:
    """What a captured charge took. Before 2020 it did not say, if less than all: its intent may."""
    if charge.amount_captured_minor:
        return int(charge.amount_captured_minor)
    received = intent.amount_received_minor if intent is not None else None
    if alone and received and received < charge.amount_minor:
        return int(received)
    return int(charge.amount_minor)


def refunds(rows: Mapping[str, Sequence[Row]], tried: Sequence[Json], moved: Sequence[Json]) -> list[Json]:
    """Every refund known, in order: its own word over its charge's. `released`: of money that was never taken.

    A charge that is let go, whole or in part, shows a refund without a balance transaction; nothing came in, and
    nothing goes out. One without an id (`id` None) stands for what a charge says was refunded beyond what it lists.
    """
    found: list[Json] = []
    booked = {m["source"] for m in moved}
    told_by_charge = {c.id: c for c in rows["charges"]}
    taken = {a["charge"]: a for a in tried}
    own: dict[str, list[Row]] = {}
    for row in rows["refunds"]:
        own.setdefault(row.charge, []).append(row)
    for charge_id in sorted({*told_by_charge, *own}):
        charge = told_by_charge.get(charge_id)
        known = {r["id"]: {**r, "charge": charge_id} for r in (charge.refunds or ()) if r["id"]} if charge else {}
        known |= {r.id: _refund(r) for r in own.get(charge_id, ())}
        listed = sorted(known.values(), key=lambda r: (r["created_s"] or 0, r["id"]))
        room = _untaken(taken[charge_id]) if charge else 0
        for refund in listed:
            let_go = refund["status"] in SUCCEEDED and not refund["balance_transaction"]
            refund["released"] = let_go and refund["id"] not in booked and refund["amount_minor"] <= room
            room -= refund["amount_minor"] if refund["released"] else 0
        if charge is not None:
            listed += _unlisted(charge, listed, room)
        found += listed
    return found


def _refund(row: Row) -> Json:
    names = ("id", "charge", "amount_minor", "status", "reason", "created_s", "balance_transaction")
    return {name: getattr(row, name) for name in names}


def _untaken(attempt: Json) -> int:
    """What was authorized and not taken."""
    if attempt["status"] not in ("succeeded", "failed"):
        return 0
    return max(0, int(attempt["amount_minor"]) - int(attempt["captured_minor"]))


def _unlisted(charge: Row, listed: Sequence[Json], room: int) -> list[Json]:
    """What the charge says was refunded and no refund tells of, as refunds without an id."""
    rest = (charge.amount_refunded_minor or 0) - sum(r["amount_minor"] for r in listed)
    let_go = min(max(0, rest), room)
    parts = ((let_go, True), (rest - let_go, False))
    empty = dict.fromkeys(("id", "reason", "created_s", "balance_transaction"))
    return [
        {**empty, "charge": charge.id, "amount_minor": amount, "status": "succeeded", "released": released}
        for amount, released in parts
        if amount > 0
    ]


def disputes(rows: Mapping[str, Sequence[Row]], moved: Sequence[Json], currency: str | None) -> list[Json]:
    """Every dispute known, in order, with what it has cost so far (`lost_minor`)."""
    found: dict[str, Json] = {}
    for charge in rows["charges"]:
        told = charge.embedded_dispute
        if told and told["id"] and told["amount_minor"] is not None:
            found[told["id"]] = {**told, "charge": charge.id, "created_s": None, "evidence_due_by_s": None, "named": []}
            found[told["id"]]["currency"] = told["currency"] or currency
    names = ("id", "charge", "amount_minor", "currency", "status", "reason", "evidence_due_by_s", "created_s")
    for row in rows["disputes"]:
        found[row.id] = {name: getattr(row, name) for name in names}
        found[row.id]["named"] = [m["id"] for m in row.movements or ()]
    for dispute in found.values():
        own = [m for m in moved if m["source"] == dispute["id"]]
        dispute["lost_minor"] = _lost(dispute, own, currency)
    return sorted(found.values(), key=lambda d: (d["created_s"] or 0, d["id"]))


def _lost(dispute: Json, own: Sequence[Json], currency: str | None) -> int:
    """What a dispute has taken and not given back: as booked, where that is in the payment's currency."""
    if own and all(m["currency"] in (currency, None) for m in own):
        return -sum(int(m["amount_minor"]) for m in own)
    if dispute["currency"] != currency:
        return 0  # `reconciled_reason` tells
    gone = sum(m["amount_minor"] for m in own) < 0 if own else _named_as_gone(dispute)
    return int(dispute["amount_minor"]) if gone else 0


def _named_as_gone(dispute: Json) -> bool:
    if dispute["status"] in CLOSED:
        return bool(dispute["status"] == "lost")
    return bool(dispute["named"])
