"""Payouts and accounts, from all rows at once: each found by walking through everything, nothing by a key."""

from typing import Any

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

IN_BOTH_SHAPES = [
    "status", "currency", "amount_minor", "arrival_date_s", "method", "source_type", "destination", "destination_type",
    "destination_last4", "failure_code", "balance_transaction", "metadata", "created_s",
]  # fmt: skip
IN_THE_NEW_SHAPE = [
    "automatic", "reconciliation_status", "failure_balance_transaction", "original_payout", "reversed_by", "trace_id",
]  # fmt: skip
BOOKED = ["id", "type", "amount_minor", "fee_minor", "net_minor", "currency", "status", "available_on_s"]
PAYOUT_TYPES = [word + end for word in ("payout", "transfer") for end in ("", "_failure", "_cancel")]
OF_THE_ACCOUNT = [
    "type", "controller", "country", "default_currency", "business_type", "charges_enabled", "payouts_enabled",
    "details_submitted", "disabled_reason", "current_deadline_s", "future_deadline_s", "created_s",
]  # fmt: skip


def payouts(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for everything that is a payout by either name."""
    old = {k: r for k, r in rows["transfers"].items() if r["kind"] == "payout"}
    new = rows["payout_objects"]
    return {key: _payout(key, new.get(key), old.get(key), rows) for key in {*old, *new}}


def _payout(key: tuple[str, ...], new: Row | None, old: Row | None, rows: Rows) -> Row:
    if new is None or (old is not None and old["changed_s"] > new["changed_s"]):
        last = old
    else:
        last = new
    assert last is not None
    bookings = [
        b
        for b in rows["balance_transactions"].values()
        if (b["mode"], b["account"], b["source"]) == key and b["type"] in PAYOUT_TYPES
    ]
    bookings.sort(key=lambda b: (b["created_s"] or 0, b["id"]))
    asked, status = last["amount_minor"], last["status"]
    came_back = status in ("failed", "canceled")
    moved = sum(b["amount_minor"] for b in bookings)
    agrees = all(b["currency"] == last["currency"] for b in bookings) and moved + (0 if came_back else asked) == 0
    return {
        "mode": key[0],
        "account": key[1],
        "id": key[2],
        **{f: last[f] for f in IN_BOTH_SHAPES},
        **{f: new[f] if new else None for f in IN_THE_NEW_SHAPE},
        "paid_minor": asked if status == "paid" else 0,
        "returned_minor": asked if came_back else 0,
        "pending_minor": 0 if came_back or status == "paid" else asked,
        "bookings": [{f: b[f] for f in BOOKED} for b in bookings],
        "fee_minor": sum(b["fee_minor"] for b in bookings) if bookings else None,
        "reconciled": agrees if bookings else None,
    }


def accounts(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every account that anything was said of."""
    keys = {*rows["account_objects"], *rows["account_authorizations"]}
    for model in ("account_capabilities", "external_accounts"):
        keys |= {(r["mode"], r["account"], r["seller"]) for r in rows[model].values() if r["seller"]}
    return {key: _account(key, rows) for key in keys}


def _account(key: tuple[str, ...], rows: Rows) -> Row:
    seen = rows["account_objects"].get(key)
    its_capabilities, its_banks = (
        [r for r in rows[model].values() if (r["mode"], r["account"], r["seller"]) == key]
        for model in ("account_capabilities", "external_accounts")
    )
    given: Row = seen or {}
    row: Row = {"mode": key[0], "account": key[1], "id": key[2], "connected": key[1] != "platform"}
    row |= {f: given.get(f) for f in OF_THE_ACCOUNT}
    for f in ("currently_due", "eventually_due", "past_due", "pending_verification", "future_due"):
        row[f] = given.get(f) or []
    row["known"] = seen is not None
    row["requirement_errors"] = given.get("requirement_errors") or []
    row["metadata"] = given.get("metadata") or {}
    row["authorized"] = rows["account_authorizations"].get(key, {}).get("authorized")
    row["capabilities"] = _statuses(seen, its_capabilities)
    row["external_accounts"] = [
        {f: b[f] for f in ("id", "kind", "last4", "brand", "country", "currency", "default_for_currency", "status")}
        for b in sorted(its_banks, key=lambda b: b["id"])
        if b["deleted"] is not True
    ]
    for can, enabled in (("can_charge", "charges_enabled"), ("can_be_paid", "payouts_enabled")):
        row[can] = False if row["authorized"] is False else row[enabled]
    unexplained = [{"reason": "not_enabled", "detail": None}]
    row["blocked_by"] = [] if row["can_charge"] is row["can_be_paid"] is True else list(_reasons(row)) or unexplained
    return row


def _statuses(seen: Row | None, told: list[Row]) -> Row:
    by_account = (seen and seen["capabilities"]) or {}
    by_itself = {c["id"]: c for c in told}
    found = {}
    for name in {*by_account, *by_itself}:
        own = by_itself.get(name)
        if own is None or (name in by_account and seen is not None and own["changed_s"] < seen["changed_s"]):
            found[name] = by_account[name]
        else:
            found[name] = own["status"]
    return found


def _reasons(row: Row) -> Any:
    if row["authorized"] is False:
        yield {"reason": "not_authorized", "detail": None}
    if not row["known"]:
        yield {"reason": "account_not_seen", "detail": None}
        return
    if row["details_submitted"] is False:
        yield {"reason": "details_not_submitted", "detail": None}
    if row["disabled_reason"]:
        yield {"reason": "disabled", "detail": row["disabled_reason"]}
    for field in row["past_due"]:
        yield {"reason": "past_due", "detail": field}
    for kind in ("currently_due", "pending_verification"):
        for field in row[kind]:
            if field not in row["past_due"]:
                yield {"reason": kind, "detail": field}
    for name in sorted(row["capabilities"]):
        if row["capabilities"][name] not in ("active", "unrequested"):
            yield {"reason": f"capability_{row['capabilities'][name]}", "detail": name}
