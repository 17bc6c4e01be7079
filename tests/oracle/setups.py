"""Setup by looking: for each purchase, what its plan asks for, and which approvals still stand in the log."""

from typing import Any

from oracle.service import service_of

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
Key = tuple[str, ...]


def setup_rows(rows: Rows, decided: list[tuple[Any, int]]) -> Rows:
    """Which approvals stand, and how far each case is."""
    words = _standing(decided)
    cases = {key: case for key in rows["plan_placements"] if (case := _case(rows, words, key)) is not None}
    return {"setup_words": words, "setups": cases}


def _standing(decided: list[tuple[Any, int]]) -> dict[Key, Row]:
    said = [e for e, _ in decided if type(e).__name__ in ("SetupStepApproved", "SetupStepReopened")]
    found: dict[Key, Row] = {}
    for key in {(e.mode, e.account, e.placement) for e in said}:
        mine = [e for e in said if (e.mode, e.account, e.placement) == key]
        stand = {}
        for n, e in enumerate(mine):
            taken_back = any(
                type(later).__name__ == "SetupStepReopened" and getattr(e, "step", None) in later.reopened
                for later in mine[n + 1 :]
            )
            if type(e).__name__ == "SetupStepApproved" and not taken_back:
                stand[e.step] = {k: getattr(e, k) for k in ("artefact", "authorizes", "by", "why", "at_s")}
        found[key] = {**dict(zip(("mode", "account", "placement"), key, strict=True)), "approvals": stand}
    return found


def _case(rows: Rows, words: dict[Key, Row], key: Key) -> Row | None:
    placed = rows["plan_placements"][key]
    plan = rows["plans"].get((key[0], placed["plan_id"]))
    asked = (plan["definition"].get("setup_steps") or []) if plan else []
    status = rows["subscriptions"].get(key, {}).get("status")
    if placed["org"] is None or not asked or status == "incomplete":
        return None
    named = {s["key"]: s for s in asked}
    order = [k for k in named if k != "go_live"] + ["go_live"]
    stand = words.get(key, {}).get("approvals", {})
    steps = [
        {
            "key": k,
            "title": named[k]["title"] if k in named else "It goes live",
            "by": "operator" if k == "go_live" else named[k]["by"],
            "approved": stand.get(k),
        }
        for k in order
    ]
    open_ones = [s for s in steps if s["approved"] is None]
    closed = "cancelled" if status in ("canceled", "incomplete_expired") else None
    back = placed["refunded"] or (placed["kind"] == "subscription" and open_ones and _nothing_is_left(rows, key))
    closed = "refunded" if back else closed
    asks = open_ones and closed is None
    return {
        **dict(zip(("mode", "account", "placement"), key, strict=True)),
        **{n: placed[n] for n in ("org", "kind", "plan", "version", "since_s")},
        "state": "cancelled" if closed else _state(rows, key, placed, [s["key"] for s in open_ones], len(order)),
        "steps": steps,
        "next_step": open_ones[0]["key"] if asks else None,
        "next_by": open_ones[0]["by"] if asks else None,
        "live_s": stand["go_live"]["at_s"] if not open_ones else None,
        "closed": closed,
        "until_s": None if placed["kind"] == "subscription" else placed["until_s"],
    }


def _nothing_is_left(rows: Rows, key: Key) -> bool:
    """All that was ever paid for a subscription went back."""
    bills = {k for k, i in rows["invoices"].items() if (*k[:2], i["subscription"]) == key}
    paid = [p for k, p in rows["payments"].items() if (*k[:2], p["invoice"]) in bills and p["received_minor"]]
    return bool(paid) and sum(p["kept_minor"] for p in paid) <= 0


def _state(rows: Rows, key: Key, placed: Row, left: list[str], steps: int) -> str:
    if left == ["go_live"]:
        return "ready"
    if left:
        return "in_setup" if len(left) < steps else "purchased"
    service = rows["service_states"].get((key[0], placed["org"], service_of(rows, key, key[2])))
    if service is None:
        return "live"
    if service["enforced"] and service["state"] in ("paused", "suspended", "cancelled"):
        return "paused" if service["state"] == "paused" else "suspended"
    return "recovering" if service["by"] == "operator" and service["debts"] else "live"


def waits(rows: Rows, key: Key) -> Row | None:
    """The case that keeps a purchase from being live."""
    case = rows["setups"].get(key)
    return case if case is not None and case["live_s"] is None else None
