"""Service control by looking: for each second that matters, what each debt comes to, and what was done about it.

The product builds ladders of segments and merges them; this asks, at a point of each stretch, how far a debt has come.
What was decided comes as events, each with the microsecond at which it was recorded, in the order of the log.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from ledger.events import DeadlineMet, DifferenceClosed
from ledger.service_events import (
    DebtWrittenOff,
    EnforcementAcknowledged,
    EnforcementAsked,
    GraceExtended,
    ServiceCancelled,
    ServicePaused,
    ServicePolicyEnforced,
    ServicePolicyPublished,
    ServicePolicySoftened,
    ServiceRecovered,
    ServiceResumed,
    ServiceStepped,
    ServiceSuspended,
)

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
Key = tuple[str, ...]
Decided = list[tuple[Any, int]]
#: (Stripe's type of the event, or nothing; mode, account and id of the invoice; second; what it says).
Told = Iterable[tuple[str, Key, int, Row]]

MILD_TO_SEVERE = ["active", "past_due", "grace", "paused", "suspended", "cancelled"]
SHUT = ("paused", "suspended", "cancelled")
DAY = 24 * 60 * 60
FAR = 10**15
_USUAL: Row = {
    "failed_retries": 3, "retries_within_days": 21, "skip_useless_retries": True, "scale_to_zero": True,
    "tolerated_minor": {}, "partial_payment_percent": 20, "fresh_starts": 2,
}  # fmt: skip
#: As people were told that they are.
KNOWN: dict[str, Row] = {
    "standard": {
        **_USUAL,
        "key": "standard",
        "stages": [
            {"state": "past_due", "days": 3},
            {"state": "grace", "days": 7},
            {"state": "suspended", "days": 30},
            {"state": "cancelled", "days": None},
        ],
    },
    "pause-at-first-failure": {
        **_USUAL,
        "key": "pause-at-first-failure",
        "failed_retries": 0,
        "stages": [{"state": "paused", "days": None}],
    },
}
NEVER_RETRIED = (
    "authentication_required highest_risk_level incorrect_number lost_card pickup_card stolen_card"
    " revocation_of_authorization revocation_of_all_authorizations transaction_not_allowed"
).split()


def service_rows(rows: Rows, invoices_told: Told, decided: Decided) -> Rows:
    """Every read model of service control."""
    made: Rows = {
        "payment_failures": _failures(invoices_told),
        "service_policies": _policies(decided),
        "debt_write_offs": {
            (e.mode, e.account, e.invoice): _picked(e, "mode", "account", "invoice", "reason")
            for e, _ in decided
            if type(e) is DebtWrittenOff
        },
        "service_steps": _steps(decided),
        "service_words": _words(decided),
        "enforcements": _enforcements(decided),
    }
    every = {**rows, **made}
    made["debts"] = {key: debt for key in rows["invoices"] if (debt := _debt(every, key)) is not None}
    every = {**every, **made}
    made["service_states"] = _states(every)
    every = {**every, **made}
    made["service_changes"] = _service_changes(every, decided)
    made["enforcement_changes"] = _enforcement_changes(every, decided)
    made["debt_alerts"] = _alerts(every, decided)
    return made


def _picked(event: Any, *names: str) -> Row:
    return {name: getattr(event, name) for name in names}


# ---- what was said ------------------------------------------------------------------------------


def _failures(told: Told) -> dict[Key, Row]:
    diary: dict[Key, list[tuple[int, int]]] = {}
    for type, key, at_s, said in told:
        if said.get("status") != "open":
            continue
        tried = said.get("attempt_count") or 0
        failed = max(1, tried) if type == "invoice.payment_failed" else tried - 1
        if failed > 0:
            diary.setdefault(key, []).append((failed, at_s))
    found = {}
    for key, entries in diary.items():
        most = max(n for n, _ in entries)
        since = [min(at for n, at in entries if n >= wanted) for wanted in range(1, most + 1)]
        names = dict(zip(("mode", "account", "id"), key, strict=True))
        found[key] = {**names, "failed": most, "first_s": since}
    return found


def _policies(decided: Decided) -> dict[Key, Row]:
    found = {}
    kinds = (ServicePolicyPublished, ServicePolicyEnforced, ServicePolicySoftened)
    for mode, policy in {(e.mode, e.policy) for e, _ in decided if isinstance(e, kinds)}:
        mine = [e for e, _ in decided if isinstance(e, kinds) and (e.mode, e.policy) == (mode, policy)]
        published = [e for e in mine if type(e) is ServicePolicyPublished]
        switched = [e for e in mine if type(e) is not ServicePolicyPublished]
        found[mode, policy] = {
            "mode": mode,
            "policy": policy,
            "version": published[-1].version if published else 0,
            "enforced": bool(switched) and type(switched[-1]) is ServicePolicyEnforced,
            "definition": published[-1].definition if published else KNOWN[policy],
        }
    return found


def _by_service(decided: Decided, *kinds: type[Any]) -> dict[Key, list[tuple[Any, int]]]:
    found: dict[Key, list[tuple[Any, int]]] = {}
    for event, at_us in decided:
        if isinstance(event, kinds):
            found.setdefault((event.mode, event.org, event.service), []).append((event, at_us // 1_000_000))
    return found


def _steps(decided: Decided) -> dict[Key, Row]:
    found = {}
    for key, said in _by_service(decided, ServiceStepped, ServiceRecovered).items():
        last, at_s = said[-1]
        names = dict(zip(("mode", "org", "service"), key, strict=True))
        steps = len([e for e, _ in said if type(e) is ServiceStepped])
        if type(last) is ServiceRecovered:
            before = found_before = [e for e, _ in said[:-1]]
            was = "active"
            if before:
                was = found_before[-1].state if type(found_before[-1]) is ServiceStepped else "active"
            found[key] = {
                **names, "state": "active", "by": "operator", "before": was, "enforced": False, "boundary_s": None,
                "at_s": at_s, "closed_s": None, "because": {"reason": last.reason}, "steps": steps,
            }  # fmt: skip
            continue
        shut_since = None
        for event, _ in said:
            shut = type(event) is ServiceStepped and event.enforced and event.state in SHUT
            shut_since = (shut_since if shut_since is not None else event.at_s) if shut else None
        told = _picked(last, "state", "before", "enforced", "boundary_s", "at_s", "because")
        found[key] = {**names, **told, "by": "policy", "closed_s": shut_since, "steps": steps}
    return found


def _words(decided: Decided) -> dict[Key, Row]:
    states = {ServicePaused: "paused", ServiceSuspended: "suspended", ServiceCancelled: "cancelled"}
    ends = (ServiceResumed, ServiceRecovered)
    found = {}
    for key, said in _by_service(decided, *states, *ends, GraceExtended).items():
        standing = [(e, at) for e, at in said if type(e) is not GraceExtended]
        word = standing[-1] if standing and type(standing[-1][0]) not in ends else None
        promised = [e.until_s for e, _ in said if type(e) is GraceExtended]
        found[key] = {
            **dict(zip(("mode", "org", "service"), key, strict=True)),
            "state": states[type(word[0])] if word else None,
            "reason": word[0].reason if word else None,
            "since_s": word[1] if word else None,
            "extended_until_s": promised[-1] if promised else None,
            "recovered_s": [at for e, at in said if type(e) is ServiceRecovered],
            "last_s": max(at for _, at in said),
        }
    return found


def _enforcements(decided: Decided) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    for asked, _ in decided:
        if type(asked) is not EnforcementAsked:
            continue
        key = (asked.mode, asked.org, asked.environment)
        mine = [e for e, _ in decided if isinstance(e, (EnforcementAsked, EnforcementAcknowledged))]
        mine = [e for e in mine if (e.mode, e.org, e.environment) == key]
        last = [e for e in mine if type(e) is EnforcementAsked][-1]
        after = mine[mine.index(last) + 1 :]
        done = any(e.request == last.request for e in after)
        first = next(e for e in mine if type(e) is EnforcementAsked and e.request == last.request)
        found[key] = {
            **_picked(last, "mode", "org", "environment", "request", "wanted", "attempt", "due_s", "because"),
            "state": "acknowledged" if done else "asked" if last.attempt == 1 else "overdue",
            "first_s": first.at_s,
            "asked_s": last.at_s,
        }
    return found


# ---- what is owed -------------------------------------------------------------------------------


def _plan_of(rows: Rows, key: Key, subscription: str | None) -> Row | None:
    placement = rows["plan_placements"].get((*key[:2], subscription or ""))
    return rows["plans"].get((key[0], placement["plan_id"])) if placement is not None else None


def service_of(rows: Rows, key: Key, subscription: str | None) -> str:
    """Which service something is: its own, where it is paid in advance; else the one of all that is paid afterwards."""
    if not subscription:
        return "postpaid"
    plan = _plan_of(rows, key, subscription)
    alone = plan is None or plan["definition"].get("model") in (None, "subscription", "prepaid", "one_time")
    return f"{key[1]}/{subscription}" if alone else "postpaid"


def _debt(rows: Rows, key: Key) -> Row | None:
    invoice = rows["invoices"][key]
    mode, account, id = key
    link = rows["org_links"].get((mode, account, invoice["customer"] or ""))
    org = link["org"] if link else None
    if invoice["status"] != "open" or invoice["deleted"] or key in rows["debt_write_offs"]:
        return None
    if account != "platform" and org is None:
        return None
    plan = _plan_of(rows, key, invoice["subscription"])
    said = (plan["definition"].get("service_policy") or {}) if plan else {}
    named = said.get("policy") or "standard"
    exists = named in KNOWN or (mode, named) in rows["service_policies"]
    counts = named if exists else "standard"
    published = rows["service_policies"].get((mode, counts))
    policy = published["definition"] if published else KNOWN[counts]
    payments = [p for p in rows["invoice_payments"].values() if (p["mode"], p["account"], p["invoice"]) == key]
    paid = [p for p in payments if p["status"] == "paid"]
    left = _left(rows, invoice, key, paid)
    if left is not None and left <= policy["tolerated_minor"].get(invoice["currency"], 0):
        return None
    failures = rows["payment_failures"].get(key, {}).get("first_s", [])
    start, why = (None, None) if left is None else _over(rows, key, invoice, policy, failures, payments)
    strange = {"unknown_amount": left is None, "unknown_policy": not exists, "unlinked": org is None}
    stages = [
        {**s, "days": said["grace_days"]}
        if s["state"] == "grace" and s is not policy["stages"][-1] and said.get("grace_days") is not None
        else s
        for s in policy["stages"]
    ]
    return {
        "mode": mode,
        "account": account,
        "id": id,
        "org": org,
        "customer": invoice["customer"],
        "subscription": invoice["subscription"],
        "service": service_of(rows, key, invoice["subscription"]),
        "currency": invoice["currency"],
        "owed_minor": left,
        "failed": len(failures),
        "failed_s": failures,
        "start_s": start,
        "why": why,
        "fresh_s": _fresh(rows, key, invoice, policy, start, paid),
        "plan_id": plan["id"] if plan else None,
        "policy": named,
        "follows": sorted({named, counts}),
        "policy_version": published["version"] if published else 0,
        "enforced": bool(published and published["enforced"]),
        "stages": stages,
        "retries_within_days": policy["retries_within_days"],
        "scale_to_zero": policy["scale_to_zero"],
        "anomalies": [name for name, is_so in strange.items() if is_so],
    }


def _left(rows: Rows, invoice: Row, key: Key, paid: list[Row]) -> int | None:
    if invoice["amount_remaining_minor"] is None:
        return None
    notes = [n for n in rows["credit_notes"].values() if (n["mode"], n["account"], n["invoice"]) == key]
    noted = sum(n["pre_payment_minor"] or 0 for n in notes if n["status"] == "issued")
    by_payments = sum(p["amount_paid_minor"] or 0 for p in paid) - (invoice["amount_paid_minor"] or 0)
    by_notes = noted - (invoice["pre_payment_credit_notes_minor"] or 0)
    return int(invoice["amount_remaining_minor"] - max(by_payments, 0) - max(by_notes, 0))


def _over(
    rows: Rows, key: Key, invoice: Row, policy: Row, failures: list[int], payments: list[Row]
) -> tuple[int | None, str | None]:
    if invoice["collection_method"] == "send_invoice":
        return invoice["due_date_s"], "due" if invoice["due_date_s"] is not None else None
    if not failures:
        return None, None
    found = []
    if len(failures) > policy["failed_retries"]:
        found.append((failures[policy["failed_retries"]], "retries"))
    if policy["retries_within_days"] is not None:
        found.append((failures[0] + policy["retries_within_days"] * DAY, "time"))
    if policy["skip_useless_retries"]:
        names = {invoice["payment_intent"], invoice["charge"]}
        names |= {n for p in payments for n in (p["payment_intent"], p["charge"])}
        charges = [
            c for c in rows["charges"].values() if (c["mode"], c["account"]) == key[:2] and c["payment"] in names
        ]
        charges = [c for c in charges if c["payment"] and c["created_s"] is not None]
        if charges:
            last = max(charges, key=lambda c: (c["created_s"], c["id"]))
            hard = last["failure_code"] in NEVER_RETRIED or last["outcome_reason"] in NEVER_RETRIED
            if last["status"] == "failed" and hard:
                found.append((max(last["created_s"], failures[0]), "hard_decline"))
        payer = rows["customers"].get((*key[:2], invoice["customer"] or ""))
        subscription = rows["subscriptions"].get((*key[:2], invoice["subscription"] or ""))
        defaults = [o["default_payment_method"] for o in (invoice, payer, subscription) if o]
        if payer and not any(defaults):
            found.append((failures[0], "no_method"))
    return min(found) if found else (None, None)


def _fresh(rows: Rows, key: Key, invoice: Row, policy: Row, start: int | None, paid: list[Row]) -> list[int]:
    if start is None:
        return []
    at_least = (invoice["amount_due_minor"] or 0) * policy["partial_payment_percent"] / 100
    times = [p["paid_at_s"] for p in paid if (p["amount_paid_minor"] or 0) >= at_least]
    for m in rows["payment_methods"].values():
        theirs = (m["mode"], m["account"], m["customer"]) == (*key[:2], invoice["customer"])
        if theirs and not m["detached"] and not m["deleted"]:
            times.append(m["created_s"])
    return sorted({t for t in times if t is not None and t > start})[: policy["fresh_starts"]]


# ---- what should be -----------------------------------------------------------------------------


def _spans(debt: Row, word: Row | None) -> list[tuple[str, int, int]]:
    """Every stage of a debt, with its begin and its end."""
    start = debt["start_s"]
    if start is None:
        return []
    recovered = [t for t in (word["recovered_s"] if word else []) if t > start]
    signs = sorted([*debt["fresh_s"], *recovered])
    last_sign = signs[-1] if signs else None
    promised = word["extended_until_s"] if word else None
    begin = start
    if last_sign is not None and debt["stages"][0]["state"] in SHUT:
        again = [t for t in debt["failed_s"] if t > last_sign]
        if debt["retries_within_days"] is not None:
            again.append(last_sign + debt["retries_within_days"] * DAY)
        begin = min(again) if again else FAR
    spans: list[tuple[str, int, int]] = []
    for n, stage in enumerate(debt["stages"]):
        if begin == FAR:
            break
        if promised is not None and stage["state"] in SHUT and promised > begin:
            begin = promised
            if spans:
                state, since, _ = spans[-1]
                spans[-1] = (state, since, begin)
        end = FAR
        if stage["days"] is not None:
            counted_from = max(begin, last_sign) if n == 0 and last_sign is not None else begin
            end = counted_from + stage["days"] * DAY
        spans.append((stage["state"], begin, end))
        begin = end
    return spans


def _ended(t: int) -> int | None:
    return None if t == FAR else t


def _states(rows: Rows) -> dict[Key, Row]:
    debts = {}
    for debt in rows["debts"].values():
        if debt["org"] is not None:
            debts.setdefault((debt["mode"], debt["org"], debt["service"]), []).append(debt)
    return {
        key: _state(key, debts.get(key, []), rows["service_steps"].get(key), rows["service_words"].get(key))
        for key in {*debts, *rows["service_steps"], *rows["service_words"]}
    }


def _state(key: Key, debts: list[Row], step: Row | None, word: Row | None) -> Row:
    debts = sorted(debts, key=lambda d: (d["account"], d["id"]))
    spans = {f"{d['account']}/{d['id']}": _spans(d, word) for d in debts}
    row: Row = dict(zip(("mode", "org", "service"), key, strict=True))
    if word and word["state"]:
        since = word["since_s"]
        row |= {"state": word["state"], "by": "operator", "since_s": since, "enforced": True, "closed_s": since}
        row |= {"why": {"reason": word["reason"]}, "scale_to_zero": True}
    elif step:
        row |= {"state": step["state"], "by": step["by"], "since_s": step["at_s"], "enforced": step["enforced"]}
        row |= {"closed_s": step["closed_s"], "why": step["because"]}
        row["scale_to_zero"] = step["because"].get("scale_to_zero", step["by"] == "operator")
    else:
        row |= {"state": "active", **dict.fromkeys(("by", "since_s", "closed_s", "why"))}
        row |= {"enforced": False, "scale_to_zero": False}
    owed: dict[str, int] = {}
    for d in debts:
        owed[d["currency"]] = owed.get(d["currency"], 0) + (d["owed_minor"] or 0)
    shown = ("account", "currency", "owed_minor", "failed", "start_s", "why", "plan_id", "policy", "policy_version")
    row |= {
        "schedule": _schedule(spans),
        "debts": [
            {
                **{n: d[n] for n in (*shown, "enforced", "scale_to_zero")},
                "invoice": d["id"],
                "segments": [
                    {"state": s, "from_s": a, "until_s": _ended(b)} for s, a, b in spans[f"{d['account']}/{d['id']}"]
                ],
            }
            for d in debts
        ],
        "owed": owed,
        "extended_until_s": word["extended_until_s"] if word else None,
        "said_s": word["last_s"] if word else None,
        "anomalies": sorted({a for d in debts for a in d["anomalies"]}),
    }
    return row


def _schedule(spans: dict[str, list[tuple[str, int, int]]]) -> list[Row]:
    times = sorted({t for each in spans.values() for _, a, b in each for t in (a, b)} | {FAR})
    found: list[Row] = []
    for begin, end in pairwise(times):
        words = []
        for name in sorted(spans):
            there = [s for s, a, b in spans[name] if a <= begin < b]
            words += [(s, name) for s in there]
        if not words:
            continue
        worst = max(MILD_TO_SEVERE.index(s) for s, _ in words)
        state, debt = next((s, name) for s, name in words if MILD_TO_SEVERE.index(s) == worst)
        last = found[-1] if found else None
        if last and (last["state"], last["debt"], last["until_s"]) == (state, debt, begin):
            last["until_s"] = _ended(end)
        else:
            found.append({"state": state, "from_s": begin, "until_s": _ended(end), "debt": debt})
    return found


# ---- what is left to do -------------------------------------------------------------------------


def _done(decided: Decided, reaction: str) -> dict[Key, tuple[Any, int]]:
    """What was done last about each key, and how often anything was."""
    found: dict[Key, tuple[Any, int]] = {}
    for event, _ in decided:
        if type(event) is DifferenceClosed and event.reaction == reaction:
            key = (event.mode, *event.key)
            found[key] = (event.done, found.get(key, (None, 0))[1] + 1)
    return found


def _spelled(*parts: str) -> str:
    return ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in parts)


def _service_changes(rows: Rows, decided: Decided) -> dict[Key, Row]:
    done = _done(decided, "service_changes")
    met = [e for e, _ in decided if type(e) is DeadlineMet and e.kind == "service.boundary"]
    fine = {"state": "active", "enforced": False, "boundary_s": None, "because": {}}
    found = {}
    for key in rows["service_states"].keys() | done.keys():
        state = rows["service_states"].get(key)
        was, closed = done.get(key, (None, 0))
        was = was or fine
        now = fine
        if state is not None:
            passed = [e.at_s for e in met if (e.mode, e.key) == (key[0], _spelled(*key[1:]))]
            passed += [state["said_s"]] if state["said_s"] is not None else []
            now = _step_from(was["state"], state, max(passed, default=None)) or fine
        if (was["state"], was["enforced"]) != (now["state"], now["enforced"]):
            names = dict(zip(("mode", "org", "service"), key, strict=True))
            found[key] = {**names, "was": was, "now": now, "closed": closed}
    return found


def _step_from(was: str, state: Row, passed: int | None) -> Row | None:
    if passed is None:
        return None
    now = [s for s in state["schedule"] if s["from_s"] <= passed and (s["until_s"] is None or passed < s["until_s"])]
    if not now:
        return None
    debt = next(d for d in state["debts"] if f"{d['account']}/{d['invoice']}" == now[0]["debt"])
    level, target = MILD_TO_SEVERE.index(was), MILD_TO_SEVERE.index(now[0]["state"])
    wanted = target
    if target > level:  # not further than the next stage
        wanted = min(MILD_TO_SEVERE.index(s["state"]) for s in debt["segments"] if _between(level, s, target))
    segment = next(s for s in debt["segments"] if MILD_TO_SEVERE.index(s["state"]) == wanted)
    shown = ("account", "invoice", "why", "failed", "plan_id", "policy", "policy_version", "scale_to_zero")
    because = {n: debt[n] for n in shown}
    told = {"state": segment["state"], "enforced": debt["enforced"], "boundary_s": segment["from_s"]}
    return {**told, "because": because}


def _between(level: int, segment: Row, target: int) -> bool:
    return level < MILD_TO_SEVERE.index(segment["state"]) <= target


def _enforcement_changes(rows: Rows, decided: Decided) -> dict[Key, Row]:
    done = _done(decided, "enforcement_changes")
    environments = rows.get("environments", {})
    orgs = {k[:2] for k in rows["service_states"]} | {k[:2] for k in done}
    orgs |= {(mode, e["org"]) for (mode, _), e in environments.items()} | rows.get("spending_limits", {}).keys()
    found = {}
    for mode, org in orgs:
        mine = {id: e for (m, id), e in environments.items() if (m, e["org"]) == (mode, org)}
        asked = {k[2] for k in done if k[:2] == (mode, org)}
        now: Row = {"wanted": "up", "because": {}}
        for key in sorted(k for k in rows["service_states"] if k[:2] == (mode, org)):
            s = rows["service_states"][key]
            if s["state"] in SHUT and s["enforced"] and s["scale_to_zero"]:
                now = {"wanted": "zero", "because": {"service": key[2], "state": s["state"]}}
                break
        if now["wanted"] == "up" and rows.get("spending_limits", {}).get((mode, org), {}).get("stopped"):
            now = {"wanted": "zero", "because": {"spending_limit": "stopped"}}
        ids = set(mine) | ({"default"} if not mine or "default" in asked else set())
        for id in ids | asked:
            was, closed = done.get((mode, org, id), (None, 0))
            if (mode, org, id) not in done and len(mine.get(id, {}).get("owners", ())) <= 1:
                was = {"wanted": "up", "because": {}}
            wanted = now if id in ids else {"wanted": "moved", "because": {}}
            if was is None or was["wanted"] != wanted["wanted"]:
                names = {"mode": mode, "org": org, "environment": id}
                found[mode, org, id] = {**names, "was": was, "now": wanted, "closed": closed}
    return found


def _alerts(rows: Rows, decided: Decided) -> dict[Key, Row]:
    done = _done(decided, "debt_alerts")
    shown = ("org", "customer", "subscription", "service", "currency", "failed", "why", "anomalies", "owed_minor")
    found = {}
    for key in rows["debts"].keys() | done.keys():
        debt = rows["debts"].get(key)
        was, closed = done.get(key, (None, 0))
        now = {n: debt[n] for n in shown} if debt and (debt["failed"] or debt["anomalies"]) else None
        if _news(was) != _news(now):
            names = dict(zip(("mode", "account", "id"), key, strict=True))
            found[key] = {**names, "was": was, "now": now, "closed": closed}
    return found


def _news(told: Row | None) -> Any:
    return (told["failed"], told["why"], list(told["anomalies"])) if told else (0, None, [])


def due_times(rows: Rows) -> Iterable[tuple[Key, int, Row]]:
    """Every boundary of a schedule, and every acknowledgement that is waited for."""
    for (mode, org, service), state in rows["service_states"].items():
        for at_s in {t for s in state["schedule"] for t in (s["from_s"], s["until_s"]) if t is not None}:
            about = {"org": org, "account": None, "customer": None, "about": {"service": service}}
            yield (mode, "service.boundary", _spelled(org, service)), at_s, about
    for (mode, org, environment), asked in rows["enforcements"].items():
        if asked["state"] != "acknowledged":
            told = {"environment": environment, "wanted": asked["wanted"]}
            about = {"org": org, "account": None, "customer": None, "about": told}
            yield (mode, "enforcement.due", _spelled(org, environment, asked["request"])), asked["due_s"], about
