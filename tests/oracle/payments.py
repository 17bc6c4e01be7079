"""Payments by looking: everything ever said of one payment's money written down as lines, and the lines summed.

The product sums as it goes; this writes a statement first, one line an amount with what it stands for.
"""

from typing import Any

from oracle.payment_doubts import doubts_of

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

OVER = {"won", "lost", "warning_closed", "charge_refunded", "prevented"}


def payments(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every intent, and for every charge that has none."""
    keys = set(rows["payment_intents"])
    keys |= {(c["mode"], c["account"], c["payment"]) for c in rows["charges"].values()}
    return {key: _payment(key, rows) for key in keys}


def _of(rows: Rows, model: str, key: tuple[str, ...], column: str, values: set[Any]) -> list[Row]:
    """Rows of one account by a column, oldest first."""
    found = [r for k, r in rows[model].items() if k[:2] == key[:2] and r[column] in values]
    return sorted(found, key=lambda r: (r["created_s"] or 0, r["id"]))


def _payment(key: tuple[str, ...], rows: Rows) -> Row:
    intent = rows["payment_intents"].get(key)
    charges = _of(rows, "charges", key, "payment", {key[2]})
    names = {c["id"] for c in charges} | ({intent["latest_charge"]} if intent else set())
    names.discard(None)
    own_refunds = _of(rows, "refunds", key, "charge", names)
    own_disputes = _of(rows, "disputes", key, "charge", names)
    sources = names | {r["id"] for r in own_refunds} | {d["id"] for d in own_disputes}
    currency = (intent or charges[-1])["currency"]
    moved = _moved(charges, own_refunds, own_disputes, _of(rows, "balance_transactions", key, "source", sources))
    attempts = [_attempt(c, charges, intent) for c in charges]
    refunds = _refunds(charges, attempts, own_refunds, moved)
    disputes = _disputes(charges, own_disputes, moved, currency)
    for a in attempts:
        a["released_minor"] = sum(r["amount_minor"] for r in refunds if r["charge"] == a["charge"] and r["released"])
    money = _money(intent, charges, attempts, refunds, disputes)
    paying = _of(rows, "invoice_payments", key, "payment_intent", {key[2]})
    reason = doubts_of(charges, attempts, refunds, disputes, moved, currency, money["received_minor"])
    one_currency = len({m["currency"] for m in moved}) == 1
    mine = {c["id"] for c in charges}
    births = [r["created_s"] for r in ([intent] if intent else charges) if r["created_s"] is not None]
    return {
        "mode": key[0],
        "account": key[1],
        "payment": key[2],
        **_words(intent, charges, paying),
        "currency": currency,
        **money,
        "fee_minor": sum(m["fee_minor"] for m in moved) if one_currency else None,
        "net_minor": sum(m["net_minor"] for m in moved) if one_currency else None,
        "settlement_currency": moved[0]["currency"] if one_currency else None,
        "available_on_s": max(
            (m["available_on_s"] for m in moved if m["source"] in mine and m["available_on_s"] is not None),
            default=None,
        ),
        "attempts": attempts,
        "refunds": refunds,
        "disputes": disputes,
        "movements": moved,
        "reconciled": reason is None,
        "reconciled_reason": reason,
        "created_s": min(births, default=None),
    }


def _words(intent: Row | None, charges: list[Row], paying: list[Row]) -> Row:
    """What is no money: the intent's word, else the newest charge's that has one."""
    speakers = ([intent] if intent else []) + charges[::-1]
    said = {}
    for name in ("customer", "invoice", "transfer_destination", "on_behalf_of"):
        said[name] = next((s[name] for s in speakers if s[name] is not None), None)
    if not said["invoice"]:
        said["invoice"] = next((p["invoice"] for p in paying if p["status"] != "canceled"), None)
    good = [c for c in charges if c["status"] == "succeeded"]
    charged = [c["application_fee_amount_minor"] for c in good if c["application_fee_amount_minor"] is not None]
    asked = [s["application_fee_amount_minor"] for s in speakers if s["application_fee_amount_minor"] is not None]
    said["application_fee_minor"] = sum(charged) if charged else asked[0] if asked else None
    by = (good or charges)[-1] if charges else None
    method = None
    if by:
        method = {n: by[n] for n in ("brand", "last4", "exp_month", "exp_year", "bank", "wallet")}
        method |= {"id": by["payment_method"], "type": by["payment_method_type"]}
    elif intent and intent["payment_method"] is not None:
        method = dict.fromkeys(("type", "brand", "last4", "exp_month", "exp_year", "bank", "wallet"))
        method["id"] = intent["payment_method"]
    return {**said, "method": method}


def _moved(charges: list[Row], refunds: list[Row], disputes: list[Row], booked: list[Row]) -> list[Row]:
    """Balance transactions by id; the one that arrived by itself speaks last."""
    lines = [(c["movement"], c["id"]) for c in charges + refunds if c["movement"]]
    lines += [(m, d["id"]) for d in disputes for m in d["movements"] or [] if m["amount_minor"] is not None]
    lines += [(b, b["source"]) for b in booked]
    names = ("id", "type", "amount_minor", "fee_minor", "net_minor", "currency", "available_on_s")
    found = {m["id"]: {**{n: m[n] for n in names}, "source": source} for m, source in lines}
    return [found[i] for i in sorted(found)]


def _attempt(charge: Row, charges: list[Row], intent: Row | None) -> Row:
    names = ("status", "amount_minor", "captured", "failure_code", "outcome_type", "outcome_reason", "created_s")
    took = 0
    captured = [c for c in charges if c["status"] == "succeeded" and c["captured"] in (True, None)]
    if charge in captured:
        took = charge["amount_captured_minor"] or charge["amount_minor"]
        received = (intent["amount_received_minor"] if intent else 0) or 0
        if not charge["amount_captured_minor"] and len(captured) == 1 and 0 < received < took:
            took = received  # before 2020 only the intent knew that a capture was partial
    shown = {n: charge[n] for n in (*names, "balance_transaction")}
    return {**shown, "charge": charge["id"], "captured_minor": took}


def _refunds(charges: list[Row], attempts: list[Row], own: list[Row], moved: list[Row]) -> list[Row]:
    """By charge, then age; what a charge counts beyond those that are known stands at its end, without an id."""
    lines = []
    booked = {m["source"] for m in moved}
    for name in sorted({c["id"] for c in charges} | {r["charge"] for r in own}):
        charge = next((c for c in charges if c["id"] == name), None)
        known: dict[str, Row] = {}
        for told in (charge["refunds"] if charge else None) or []:
            if told["id"]:
                known[told["id"]] = dict(told)
        columns = ("id", "amount_minor", "status", "reason", "created_s", "balance_transaction")
        for row in own:
            if row["charge"] == name:
                known[row["id"]] = {c: row[c] for c in columns}
        untaken = 0
        for a in attempts:
            if a["charge"] == name and a["status"] in ("succeeded", "failed"):
                untaken = max(a["amount_minor"] - a["captured_minor"], 0)
        for refund in sorted(known.values(), key=lambda r: (r["created_s"] or 0, r["id"])):
            no_money = not refund["balance_transaction"] and refund["id"] not in booked
            done = refund["status"] is None or refund["status"] == "succeeded"
            released = no_money and done and refund["amount_minor"] <= untaken
            if released:
                untaken -= refund["amount_minor"]
            lines.append({**refund, "charge": name, "released": released})
        if charge is None or charge["amount_refunded_minor"] is None:
            continue
        beyond = charge["amount_refunded_minor"] - sum(r["amount_minor"] for r in known.values())
        nobody = {"id": None, "charge": name, "status": "succeeded", "reason": None, "created_s": None}
        nobody["balance_transaction"] = None
        if beyond > 0 and untaken > 0:
            lines.append({**nobody, "amount_minor": min(beyond, untaken), "released": True})
        if beyond > untaken:
            lines.append({**nobody, "amount_minor": beyond - untaken, "released": False})
    return lines


def _disputes(charges: list[Row], own: list[Row], moved: list[Row], currency: str) -> list[Row]:
    lines: dict[str, Row] = {}
    for charge in charges:
        told = charge["embedded_dispute"]
        if told and told["id"] and told["amount_minor"] is not None:
            line = {**told, "charge": charge["id"], "currency": told["currency"] or currency}
            lines[told["id"]] = {**line, "evidence_due_by_s": None, "created_s": None, "named": []}
    columns = ("id", "charge", "amount_minor", "currency", "status", "reason", "evidence_due_by_s", "created_s")
    for row in own:
        lines[row["id"]] = {**{c: row[c] for c in columns}, "named": [m["id"] for m in row["movements"] or []]}
    for line in lines.values():
        mine = [m for m in moved if m["source"] == line["id"]]
        if mine and {m["currency"] for m in mine} <= {currency, None}:
            line["lost_minor"] = sum(-m["amount_minor"] for m in mine)
        elif line["currency"] != currency:
            line["lost_minor"] = 0
        elif mine:
            line["lost_minor"] = line["amount_minor"] if sum(m["amount_minor"] for m in mine) < 0 else 0
        else:
            withdrawn = line["status"] == "lost" or (line["status"] not in OVER and line["named"] != [])
            line["lost_minor"] = line["amount_minor"] if withdrawn else 0
    return sorted(lines.values(), key=lambda d: (d["created_s"] or 0, d["id"]))


def _money(intent: Row | None, charges: list[Row], attempts: list[Row], refunds: list[Row], disputes: list[Row]) -> Row:
    """The statement: (what for, amount) lines, summed by what they are for."""
    lines: list[tuple[str, int]] = [("lost", d["lost_minor"]) for d in disputes]
    currency = (intent or charges[-1])["currency"]
    lines += [
        ("disputed", d["amount_minor"]) for d in disputes if d["status"] not in OVER and d["currency"] == currency
    ]
    kinds = {"succeeded": "refunded", None: "refunded", "pending": "refund_pending"}
    kinds["requires_action"] = "refund_pending"
    lines += [(kinds.get(r["status"], "void"), r["amount_minor"]) for r in refunds if not r["released"]]
    for a in attempts:
        lines.append(("taken", a["captured_minor"]))
        if a["status"] == "pending":
            lines.append(("held", a["amount_minor"]))
        elif a["status"] == "succeeded" and a["captured"] is False:
            lines.append(("held", a["amount_minor"] - a["released_minor"]))
    total = {k: sum(n for what, n in lines if what == k) for k in {*dict(lines), "taken", "held", "lost", "refunded"}}
    last = next((c for c in charges if intent and c["id"] == intent["latest_charge"]), None)
    fell = bool(intent and last and last["status"] == "failed" and last["changed_s"] > intent["changed_s"])
    received, pending = total["taken"], total["held"]
    status: str | None
    if intent is None:
        asked, status = charges[-1]["amount_minor"], _charge_status(attempts[-1])
    else:
        hopeful = intent["status"] in ("processing", "requires_capture", "succeeded")
        asked, status = intent["amount_minor"], "failed" if fell and hopeful else intent["status"]
        if not fell:
            received = max(received, intent["amount_received_minor"] or 0)
        pending = _intent_pending(intent, last, pending, fell)
    settled = intent is not None and intent["status"] in ("succeeded", "requires_capture", "canceled")
    if total["taken"] > 0 and not settled:
        status = "succeeded"
    return {
        "status": status,
        "asked_minor": asked,
        "received_minor": received,
        "refunded_minor": total["refunded"],
        "lost_minor": total["lost"],
        "kept_minor": received - total["refunded"] - total["lost"],
        "pending_minor": max(0, min(pending, asked - received)),
        "pending_refund_minor": total.get("refund_pending", 0),
        "disputed_minor": total.get("disputed", 0),
    }


def _intent_pending(intent: Row, last: Row | None, held: int, fell: bool) -> int:
    status = intent["status"]
    if status in ("succeeded", "canceled"):
        return 0
    capturable = intent["amount_capturable_minor"]
    if status == "requires_capture":
        if last and (capturable is None or last["changed_s"] >= intent["changed_s"]):
            return held
        return intent["amount_minor"] if capturable is None else capturable
    if status == "processing" and not fell:
        return max(held, intent["amount_minor"])
    if status == "requires_action" and intent["amount_remaining_minor"] is not None:
        return max(held, intent["amount_minor"] - intent["amount_remaining_minor"])
    return held


def _charge_status(last: Row) -> str | None:
    if last["status"] == "pending":
        return "processing"
    if last["status"] == "succeeded" and last["captured"] is False:
        return "canceled" if last["released_minor"] == last["amount_minor"] else "requires_capture"
    return last["status"]
