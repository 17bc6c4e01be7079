"""What waits for a person, by going through every row that may: one question a model."""

import string
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
#: (kind, key, organization, weight, owner, said, settles, until)
Line = tuple[str, tuple[str, ...], Any, int, str, str, str, Any]


def reviews(rows: Rows) -> dict[tuple[str, ...], Row]:
    """All that waits."""
    found = {}
    for kind, key, org, weight, owner, said, settles, until_s in _lines(rows):
        item = ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in key[1:])
        settles += " --mode live" if key[0] == "live" else ""
        found[key[0], kind, item] = {
            "mode": key[0], "kind": kind, "item": item, "org": org, "weight": weight, "owner": owner, "said": said,
            "settles": settles, "until_s": until_s,
        }  # fmt: skip
    return found


_PLAIN = set(string.ascii_letters + string.digits + "_@%+=:,./-")


def _typed(*words: str) -> str:
    """A command as one types it into a shell, which takes apart what is not quoted."""
    told = ["'" + w.replace("'", "'\"'\"'") + "'" if not w or set(w) - _PLAIN else w for w in words]
    return " ".join(["recount", *told])


def _where(account: str) -> tuple[str, ...]:
    return ("--account", account) if account != "platform" else ()


def _lines(rows: Rows) -> Iterable[Line]:
    for key, s in rows.get("setups", {}).items():
        if s["next_step"] is not None:
            settles = _typed("setup", "approve", key[2], s["next_step"], *_where(key[1]))
            said = f"{key[2]} waits for {s['next_step']}"
            yield "setup_step", key, s["org"], 40, s["next_by"], said, settles, s["until_s"]
    for key, a in rows.get("launch_areas", {}).items():
        if a["reopened"]:
            said = f"{key[1]} must be proven and signed off anew: {'; '.join(a['reopened'])}"
            yield "fallen_area", key, None, 60, "operator", said, _typed("launch", "sign-off", key[1]), None
    for key, e in rows.get("enforcements", {}).items():
        if e["state"] == "overdue":
            said = f"nobody acknowledged that {key[2]} is scaled {e['wanted']}"
            settles = _typed("service", "acknowledge", key[1], e["request"], "--environment", key[2])
            yield "overdue_enforcement", key, key[1], 70, "operator", said, settles, None
    for key, c in rows.get("provider_charges", {}).items():
        if c["status"] == "held":
            said = f"{c['provider']}/{key[2]} of {c['category']} is held: {c['held']}"
            settles = _typed("passthrough", "propose", c["org"], c["category"])
            yield "held_charge", key, c["org"], 40, "operator", said, settles, None
    for key, p in rows.get("cost_policies", {}).items():
        if p["status"] == "proposed":
            said = f"{p['proposed_by']} proposes version {p['version']} of what is passed through of {p['category']}"
            settles = _typed("passthrough", "approve-policy", key[1], p["category"], str(p["version"]))
            yield "proposed_policy", key, key[1], 50, "operator", said, settles, None
    for key, b in rows.get("reconciliation_batches", {}).items():
        if b["state"] == "in_review":
            said = f"provider costs of {b['period']} are in review"
            yield (
                "batch_in_review",
                key,
                key[1],
                40,
                "operator",
                said,
                _typed("passthrough", "approve", key[1], key[2]),
                None,
            )
    for key, b in rows.get("pass_through_budgets", {}).items():
        if b["stopped_s"] is not None and b["acknowledged_s"] is None:
            said = f"{key[2]} reached its cap of {key[3]}"
            yield (
                "spending_stop",
                key,
                key[1],
                50,
                "operator",
                said,
                _typed("passthrough", "acknowledge", *key[1:]),
                None,
            )
    for key, c in rows.get("stripe_calls", {}).items():
        if c["state"] == "unknown":
            said = f"whether Stripe did {c['operation']} is not known: {c['why']}"
            yield "unknown_call", key, c["org"], 80, "operator", said, _typed("calls", "resolve", key[1]), None
    for key, i in rows.get("issuances", {}).items():
        if i["state"] == "held":
            said = "Stripe's invoice is not what we meant to bill"
            yield "stuck_issuance", key, i["org"], 70, "operator", said, _typed("issuances", "release", key[1]), None
        if i["state"] == "issue_failed":
            said = f"Stripe refused {i['step']}"
            yield "stuck_issuance", key, i["org"], 70, "operator", said, _typed("issuances", "retry", key[1]), None
    for key, d in rows.get("drift", {}).items():
        said = f"{key[2]} {key[3]} is not as Stripe holds it: {d['kind']}"
        yield (
            "drift",
            key,
            None,
            30,
            "operator",
            said,
            _typed("reconcile", "objects", "--repair", *_where(key[1])),
            None,
        )
    for key, d in rows.get("deliveries", {}).items():
        if d["state"] == "dead":
            said = f"{d['type']} was not taken: {d['fault'] or d['status']}"
            settles = _typed("endpoints", "redeliver", f"{key[2]}:{key[1]}")
            yield "failed_delivery", key, d["org"], 20, "operator", said, settles, None
