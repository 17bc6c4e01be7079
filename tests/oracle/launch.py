"""The launch gate by looking: what the log says of each area, and what the world looks like beside it."""

import itertools
from collections.abc import Iterable
from typing import Any

from oracle.passthrough import passthrough_rows

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
Decided = list[tuple[Any, int]]

PATHS = {
    "products": "revenue", "prices": "revenue", "tax_posture": "revenue", "portal_settings": "revenue",
    "webhook_signing": "revenue", "entitlements": "entitlement", "setup_gating": "entitlement",
    "failed_payment": "service_control", "suspension": "service_control", "recovery": "service_control",
    "pass_through": "pass_through",
}  # fmt: skip
_WORDS = (
    "LaunchEvidenceRecorded",
    "LaunchProbed",
    "LaunchAreaSignedOff",
    "LaunchSignOffRevoked",
    "LaunchAreaReopened",
)


def launch_rows(rows: Rows, decided: Decided, verified: Iterable[tuple[str, str]]) -> Rows:
    """All read models of the launch gate. `verified`: (mode, account) of events whose signature was checked."""
    made: Rows = {
        "launch_words": {(m, a): _word(m, a, decided) for m, a in _spoken_of(decided)},
        "launch_gates": _gates(decided),
        "cost_policies": passthrough_rows(e for e, _ in decided)["cost_policies"],
        "launch_verified": {key: dict(zip(("mode", "account"), key, strict=True)) for key in verified},
    }
    made["launch_areas"] = {key: _area({**rows, **made}, key) for key in made["launch_words"]}
    made["launch_regressions"] = {
        key: {"mode": key[0], "area": key[1], "was": None, "now": area["failing"], "closed": 0}
        for key, area in made["launch_areas"].items()
        if area["signed"] and area["failing"]
    }
    del made["cost_policies"]
    return made


def _named(event: Any, *names: str) -> bool:
    return type(event).__name__ in names


def _spoken_of(decided: Decided) -> set[tuple[str, str]]:
    found = {(e.mode, area) for e, _ in decided if _named(e, "PlanPublished") for area in PATHS}
    return found | {(e.mode, e.area) for e, _ in decided if _named(e, *_WORDS)}


def _word(mode: str, area: str, decided: Decided) -> Row:
    mine = [e for e, _ in decided if _named(e, *_WORDS) and (e.mode, e.area) == (mode, area)]
    proofs = [e for e in mine if _named(e, "LaunchEvidenceRecorded")]
    probes = [e for e in mine if _named(e, "LaunchProbed")]
    words = [e for e in mine if _named(e, *_WORDS[2:])]
    last = words[-1] if words else None
    signed = _named(last, "LaunchAreaSignedOff")
    because = []
    if last is not None and not signed:
        because = list(last.because) if _named(last, "LaunchAreaReopened") else [last.why]
    return {
        "mode": mode,
        "area": area,
        "evidence": list(proofs[-1].events) if proofs else [],
        "proven_in": proofs[-1].proven_in if proofs else None,
        "probe_passed": probes[-1].passed if probes else None,
        "probe_said": probes[-1].said if probes else None,
        "signed": signed,
        "signed_by": last.by if signed else None,
        "signed_why": last.why if signed else None,
        "until_s": last.until_s if signed else None,
        "reopened": because,
    }


def _gates(decided: Decided) -> dict[tuple[str, ...], Row]:
    found: dict[tuple[str, ...], Row] = {}
    for e, _ in decided:
        if _named(e, "CheckoutOpened", "CheckoutClosed"):
            opened = _named(e, "CheckoutOpened")
            area = None if opened else e.area
            found[(e.mode,)] = {"mode": e.mode, "open": opened, "by": e.by, "why": e.why, "area": area}
    return found


def _area(rows: Rows, key: tuple[str, ...]) -> Row:
    mode, area = key
    word = rows["launch_words"][key]
    looked = list(_looked(rows, mode, area, word))
    if word["probe_passed"] is not None:
        looked.append(("probe", word["probe_passed"], word["probe_said"]))
    failing = [said for _, passed, said in looked if not passed]
    told = ("evidence", "proven_in", "signed", "signed_by", "signed_why", "until_s", "reopened")
    return {
        "mode": mode,
        "area": area,
        "path": PATHS[area],
        "proven": not failing,
        "ready": word["signed"] and not failing,
        "checks": [dict(zip(("check", "passed", "said"), one, strict=True)) for one in looked],
        "failing": failing,
        **{n: word[n] for n in told},
        "holds": _spans(rows, mode) if area == "pass_through" else None,
    }


def _policies(rows: Rows, mode: str) -> list[Row]:
    """Cost policies that hold for one second at least."""
    every = [p for p in _of(rows, "cost_policies", mode) if p["status"] == "approved"]
    return [p for p in every if p["until_s"] is None or p["until_s"] > p["from_s"]]


def _spans(rows: Rows, mode: str) -> list[Row]:
    """When at least one cost policy holds: asked anew between any two dates that some policy names."""
    policies = _policies(rows, mode)
    dates = sorted({d for p in policies for d in (p["from_s"], p["until_s"]) if d is not None})
    spans: list[Row] = []
    for date, following in itertools.pairwise([*dates, None]):
        if any(p["from_s"] <= date and (p["until_s"] is None or p["until_s"] > date) for p in policies):
            if spans and spans[-1]["until_s"] == date:
                spans[-1]["until_s"] = following
            else:
                spans.append({"from_s": date, "until_s": following})
    return spans


def _looked(rows: Rows, mode: str, area: str, word: Row) -> Iterable[tuple[str, bool, str]]:
    plans = [
        p["definition"]
        for _, p in sorted(rows["plans"].items())
        if p["mode"] == mode and p["current"] and not p["retired"] and p["definition"].get("on_sale", True)
    ]
    if area in ("products", "prices"):
        yield "plans_published", bool(plans), f"{len(plans)} plans are on sale" if plans else "no plan is on sale"
        faults = [f for p in plans for t in p.get("prices") or [] for f in _faults(rows, mode, area, p, t)]
        well = {"products": "every product behind a price is active", "prices": "every price is active"}[area]
        name = {"products": "products_active", "prices": "prices_resolve"}[area]
        yield name, not faults, "; ".join(faults[:5]) or well
    elif area in _OF_WORLD:
        yield from _OF_WORLD[area](rows, mode)
    elif area == "pass_through":
        n = len(_policies(rows, mode))
        yield "policy_approved", n > 0, f"{n} cost policies are approved" if n > 0 else "no cost policy is approved"
    elif area == "setup_gating" and plans and not any(p.get("setup_steps") for p in plans):
        yield "no_setup", True, "no plan on sale has setup steps"
    else:
        if area in ("failed_payment", "suspension"):
            kept = sorted(p["policy"] for p in _of(rows, "service_policies", mode) if p["enforced"])
            none = "no service policy is enforced: they are only told"
            yield "policy_enforced", bool(kept), f"enforced: {', '.join(kept)}" if kept else none
        shown = "; ".join(str(e.get("shows")) for e in word["evidence"][:3])
        none = "no event proves it yet: run it, then `recount launch check`"
        found = bool(word["evidence"])
        yield "proven_end_to_end", found, f"in {word['proven_in']} mode: {shown}" if found else none


def _tax(rows: Rows, mode: str) -> Iterable[tuple[str, bool, str]]:
    where = {r["country"] or r["id"] for r in _of(rows, "tax_registrations", mode) if r["status"] == "active"}
    none = "no tax registration is active: no tax is collected"
    yield "tax_registered", bool(where), f"registered in {', '.join(sorted(where))}" if where else none


def _portal(rows: Rows, mode: str) -> Iterable[tuple[str, bool, str]]:
    active = [c["id"] for c in _of(rows, "portal_configurations", mode) if c["active"]]
    none = "no configuration of the portal is active"
    yield "portal_configured", bool(active), min(active) if active else none


def _webhooks(rows: Rows, mode: str) -> Iterable[tuple[str, bool, str]]:
    seen = sorted(account for m, account in rows["launch_verified"] if m == mode)
    none = "no signed event of a product or a price came: change one"
    yield "event_verified", bool(seen), f"signed events came from {', '.join(seen[:5])}" if seen else none
    lost = sorted(f"{c['appended']} of {c['account']}" for c in _of(rows, "event_coverage", mode) if c["appended"])
    said = f"events were never delivered: {', '.join(lost[:5])}" if lost else "no event is known to be missed"
    yield "deliveries_whole", not lost, said


_OF_WORLD = {"tax_posture": _tax, "portal_settings": _portal, "webhook_signing": _webhooks}


def _of(rows: Rows, model: str, mode: str) -> list[Row]:
    return [r for key, r in rows.get(model, {}).items() if key[0] == mode]


def _faults(rows: Rows, mode: str, area: str, plan: Row, told: Row) -> Iterable[str]:
    account, by = plan.get("account") or "platform", "lookup_key" if told.get("lookup_key") else "id"
    name = told.get("lookup_key") or told.get("price")
    named = [p for p in _of(rows, "prices", mode) if p["account"] == account and p[by] == name]
    active = sorted((p for p in named if p["active"] and not p["deleted"]), key=lambda p: p["id"])
    if area == "products":
        if all(p["deleted"] for p in named):
            yield f"{name} is no price in {account}"
        for p in active:
            product = rows["products"].get((mode, account, p["product"]))
            if product is None or product["deleted"] or not product["active"]:
                yield f"{name} is a price of {p['product']}, which is not active"
    elif not active:
        yield f"{name} is no active price in {account}"
    elif len(active) > 1:
        yield f"{name} is more than one active price"
    elif active[0]["currency"] != told["currency"]:
        yield f"{name} is in {active[0]['currency']}, and the plan says {told['currency']}"
    elif told.get("amount_minor") not in (None, active[0]["unit_amount_minor"]):
        yield f"{name} costs {active[0]['unit_amount_minor']}, and the plan says {told['amount_minor']}"
