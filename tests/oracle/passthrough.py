"""Pass-through: from everything that was decided and recorded, looked at as a whole.

Where the product keeps running totals and states, this reads the whole log again for every row.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from ledger.passthrough_events import (
    BatchApproved,
    BatchDiscarded,
    BatchInvoiceMoved,
    BatchInvoiceReady,
    BatchLinesCollected,
    BatchLinesReviewed,
    BatchOpened,
    BatchReopened,
    BatchReviewStarted,
    BudgetMoved,
    CostPolicyApproved,
    CostPolicyEnded,
    CostPolicyProposed,
    CostPolicyRejected,
    ProviderChargesRecorded,
    ReservationCharged,
    ReservationExpired,
    ReservationMade,
    ReservationReleased,
    ReservationSettled,
)

Row = dict[str, Any]
Key = tuple[str, ...]
Rows = dict[str, dict[Key, Row]]
_STATE_OF = {"accept": "accepted", "adjust": "adjusted", "reject": "rejected"}


def passthrough_rows(events: Iterable[Any]) -> Rows:
    """Every read model of pass-through that people ask for, from its events in the order of the log."""
    said = list(events)
    return {
        "cost_policies": _policies(said),
        "provider_charges": _charges(said),
        "reservations": _reservations(said),
        "pass_through_budgets": _budgets(said),
        "reconciliation_batches": _batches(said),
        "reconciliation_lines": _lines(said),
    }


def due_times(rows: Rows) -> Iterable[tuple[Key, int, Row]]:
    """When reservations run out, and when a stop has waited too long for somebody to acknowledge it."""
    for (mode, org, id), r in rows["reservations"].items():
        if r["status"] == "open":
            about = {"category": r["category"], "reservation": id}
            yield (mode, "reservation.expiring", _joined(org, id)), r["until_s"], _whose(org, about)
    for (mode, *key), b in rows["pass_through_budgets"].items():
        if b["stopped_s"] is not None and b["acknowledged_s"] is None:
            about = {f: b[f] for f in ("category", "period", "currency")}
            about |= {"rule": b["stop_rule"], "notice": b["stop_notice"]}
            where = (mode, "passthrough.stop_overdue", _joined(*key))
            yield where, b["stopped_s"] + 15 * 60, _whose(key[0], about)


def _whose(org: str, about: Row) -> Row:
    return {"org": org, "account": None, "customer": None, "about": about}


def number(exact: Fraction) -> str:
    """A decimal without zeros that say nothing."""
    micro = exact * 10**6
    assert micro.denominator == 1
    text = f"{abs(micro.numerator):07d}"
    text = f"{text[:-6]}.{text[-6:]}".rstrip("0").rstrip(".")
    return f"-{text}" if micro < 0 else text


def month(second: int) -> str:
    """The calendar month of a second."""
    when = datetime.fromtimestamp(second, UTC)
    return f"{when.year:04d}-{when.month:02d}"


def _of(said: list[Any], kind: Any, **fields: Any) -> list[Any]:
    return [e for e in said if isinstance(e, kind) and all(getattr(e, f) == v for f, v in fields.items())]


def _last(found: list[Any], field: str, otherwise: Any = None) -> Any:
    return getattr(found[-1], field) if found else otherwise


def _joined(*parts: str) -> str:
    return ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in parts)


# ---- policies and charges -----------------------------------------------------------------------


def _policies(said: list[Any]) -> dict[Key, Row]:
    rows = {}
    for e in _of(said, CostPolicyProposed):
        which = {"mode": e.mode, "org": e.org, "category": e.category, "version": e.version}
        approved, rejected = _of(said, CostPolicyApproved, **which), _of(said, CostPolicyRejected, **which)
        ended = _of(said, CostPolicyEnded, **which)
        settled = approved + rejected
        id = f"{e.category}@{e.version}"
        rows[e.mode, e.org, id] = {
            **which,
            "id": id,
            "scope": _joined(e.org, e.category),
            "status": "approved" if approved else "rejected" if rejected else "proposed",
            **{f: getattr(e, f) for f in ("billing_owner", "currency", "cap_minor", "warn_percent", "stop_rule")},
            "markup_bps": e.markup_bps,
            "from_s": _last(approved, "from_s", e.from_s),
            "until_s": _last(ended, "at_s", e.until_s),
            "proposed_by": e.by,
            "proposed_why": e.why,
            "settled_by": _last(settled, "by"),
            "settled_why": _last(settled, "why"),
            "ended_by": _last(ended, "by"),
            "ended_why": _last(ended, "why"),
        }
    return rows


def _charges(said: list[Any]) -> dict[Key, Row]:
    policies = [p for p in _policies(said).values() if p["status"] == "approved"]
    lines = _lines(said)
    rows = {}
    sums: dict[Key, Fraction] = {}
    for e in _of(said, ProviderChargesRecorded):
        for c in e.charges:
            window = (e.mode, c.org, c.category, month(c.occurred_s), c.currency)
            sums[window] = sums.get(window, Fraction(0)) + Fraction(c.cost)
            mine = [p for p in policies if (p["mode"], p["org"], p["category"]) == (e.mode, c.org, c.category)]
            held, version = _held(mine, c, sums[window])
            row = {
                "mode": e.mode,
                "record": e.record,
                "reference": c.reference,
                "provider": e.provider,
                "org": c.org,
                "category": c.category,
                "period": month(c.occurred_s),
                "occurred_s": c.occurred_s,
                "currency": c.currency,
                "cost_minor": c.cost,
                "reservation": c.reservation,
                "source": e.source,
                "status": "held" if held else "matched",
                "held": held,
                "policy_version": version,
                "batch": None,
                "billed_cost_minor": None,
            }
            its = [r for r in lines.values() if (r["mode"], r["provider"], r["reference"]) == (
                e.mode, e.provider, c.reference)]  # fmt: skip
            if its:
                line = max(its, key=lambda r: int(r["batch"].split(".")[1]))
                row["batch"] = line["batch"]
                if line["decision"] in _STATE_OF:
                    row |= {"status": _STATE_OF[line["decision"]], "held": None}
                    row |= {f: line[f] for f in ("policy_version", "billed_cost_minor")}
            rows[e.mode, e.record, c.reference] = row
    return rows


def _held(policies: list[Row], charge: Any, running: Fraction) -> tuple[str | None, int | None]:
    if not policies:
        return "no_policy", None
    covering = [
        p
        for p in policies
        if p["from_s"] <= charge.occurred_s and (p["until_s"] is None or charge.occurred_s < p["until_s"])
    ]
    if not covering:
        return "outside_dates", None
    newest = sorted(covering, key=lambda p: p["version"])[-1]
    if newest["currency"] != charge.currency:
        return "other_currency", None
    if newest["cap_minor"] is not None and running > newest["cap_minor"]:
        return "above_cap", None
    return None, newest["version"]


# ---- reservations and budgets -------------------------------------------------------------------


def _reservations(said: list[Any]) -> dict[Key, Row]:
    rows = {}
    for e in _of(said, ReservationMade):
        which = {"mode": e.mode, "org": e.org, "id": e.id}
        settled, released = _of(said, ReservationSettled, **which), _of(said, ReservationReleased, **which)
        expired, charged = _of(said, ReservationExpired, **which), _of(said, ReservationCharged, **which)
        sum_charged = sum((Fraction(c.cost) for c in charged), Fraction(0))
        spent = max(sum_charged, Fraction(_last(settled, "cost", "0")))
        status = "settled" if settled else "released" if released else "expired" if expired else "open"
        rows[e.mode, e.org, e.id] = {
            **which,
            **{f: getattr(e, f) for f in ("category", "period", "currency", "policy_version", "until_s", "by")},
            "status": status,
            "estimate_minor": e.estimate,
            "cost_minor": _last(settled, "cost"),
            "charged_minor": number(sum_charged),
            "over_minor": number(max(Fraction(0), spent - Fraction(e.estimate))),
            "late": bool(settled) and settled[-1].at_s >= e.until_s,
            "made_s": e.at_s,
            "settled_s": _last(settled + released, "at_s"),
        }
    return rows


def _budgets(said: list[Any]) -> dict[Key, Row]:
    """Sums of what reservations cost and of what was charged; of when they moved the budget's own events tell."""
    rows = {}
    for e in _of(said, BudgetMoved):
        key = (e.mode, e.org, e.category, e.period, e.currency)
        moves = _of(
            said, BudgetMoved, mode=e.mode, org=e.org, category=e.category, period=e.period, currency=e.currency
        )
        last = moves[-1]
        charges = [
            c
            for r in _of(said, ProviderChargesRecorded, mode=e.mode)
            for c in r.charges
            if (c.org, c.category, month(c.occurred_s), c.currency) == key[1:]
        ]
        settled = sum((Fraction(c.cost) for c in charges if c.reservation is None), Fraction(0))
        holds: dict[int, Fraction] = {}
        for r in _of(said, ReservationMade, mode=e.mode, org=e.org, category=e.category, currency=e.currency):
            if r.period != e.period:
                continue
            its = _reservations(said)[r.mode, r.org, r.id]
            spent = max(Fraction(its["cost_minor"] or 0), Fraction(its["charged_minor"]), Fraction(0))
            settled += spent
            left = Fraction(r.estimate) - spent
            if its["status"] in ("open", "expired") and r.until_s > last.at_s and left > 0:
                holds[r.until_s] = holds.get(r.until_s, Fraction(0)) + left
        stop = last.stop
        rows[key] = {
            **dict(zip(("mode", "org", "category", "period", "currency"), key, strict=True)),
            "cap_minor": last.cap_minor,
            "settled_minor": number(settled),
            "recorded_minor": number(sum((Fraction(c.cost) for c in charges), Fraction(0))),
            "holds": [{"until_s": u, "amount_minor": number(a)} for u, a in sorted(holds.items())],
            "warned": list(last.warned),
            "stop_rule": stop and stop.rule,
            "stop_notice": stop and stop.notice,
            "stopped_s": stop and stop.at_s,
            "acknowledged_by": stop and stop.acknowledged_by,
            "acknowledged_s": stop and stop.acknowledged_s,
            "moves": len(moves),
            "moved_s": last.at_s,
        }
    return rows


# ---- batches ------------------------------------------------------------------------------------


def _lines(said: list[Any]) -> dict[Key, Row]:
    rows = {}
    for e in _of(said, BatchLinesCollected):
        which = {"mode": e.mode, "org": e.org, "period": e.period, "number": e.number}
        if _of(said, BatchDiscarded, **which):
            continue
        words = [(r, d) for r in _of(said, BatchLinesReviewed, **which, chunk=e.chunk) for d in r.decided]
        for place, line in enumerate(e.collected):
            its = [(r, d) for r, d in words if d.line == place]
            review, word = its[-1] if its else (None, None)
            batch = f"{e.period}.{e.number}"
            rows[e.mode, e.org, batch, str(e.chunk), line.provider, line.reference] = {
                "mode": e.mode,
                "org": e.org,
                "batch": batch,
                "chunk": str(e.chunk),
                "number": e.number,
                **{f: getattr(line, f) for f in ("provider", "reference", "record", "category", "occurred_s")},
                "cost_minor": line.cost,
                "decision": word and word.decision,
                "billed_cost_minor": word and word.cost,
                "policy_version": word and word.policy_version,
                "by": review and review.by,
                "why": review and review.why,
            }
    return rows


def _batches(said: list[Any]) -> dict[Key, Row]:
    rows = {}
    for e in _of(said, BatchOpened):
        which = {"mode": e.mode, "org": e.org, "period": e.period, "number": e.number}
        batch = f"{e.period}.{e.number}"
        story = [s for s in said if all(getattr(s, f, None) == v for f, v in which.items())]
        undone = [i for i, s in enumerate(story) if isinstance(s, (BatchReopened, BatchDiscarded))]
        since = story[undone[-1] :] if undone else story
        reviews, approved, ready = (
            _of(story, BatchReviewStarted), _of(since, BatchApproved), _of(since, BatchInvoiceReady),
        )  # fmt: skip
        moved, discarded = _of(story, BatchInvoiceMoved), _of(story, BatchDiscarded)
        every = _lines([s for s in said if not isinstance(s, BatchDiscarded)])
        mine = [r for r in every.values() if (r["mode"], r["org"], r["batch"]) == (e.mode, e.org, batch)]
        decided = [r["decision"] for r in mine]
        rows[e.mode, e.org, batch] = {
            **which,
            "batch": batch,
            "currency": e.currency,
            "state": _state(story),
            "opened_by": e.by,
            "opened_s": e.at_s,
            "statements": [
                {
                    "provider": s.provider,
                    "total_minor": s.total,
                    "recorded_minor": s.recorded,
                    "difference_minor": number(Fraction(s.total) - Fraction(s.recorded)),
                }
                for s in _last(reviews, "statements", ())
            ],
            "approved_by": _last(approved, "by"),
            "approved_why": _last(approved, "why"),
            "approved_s": _last(approved, "at_s"),
            "policies": list(_last(approved, "policies", ())),
            "reviewers": list(_last(approved, "reviewers", ())),
            "billing_owner": _last(ready, "billing_owner"),
            "lines": [_invoice_line(line) for line in _last(ready, "lines", ())],
            "total_minor": _last(ready, "total_minor"),
            "invoice": _last(moved, "invoice"),
            "fault": _last([m for m in since if isinstance(m, BatchInvoiceMoved)], "fault"),
            "credited_minor": _last(moved, "credited_minor", 0),
            "charges": len(mine),
            "undecided": decided.count(None),
            "accepted": decided.count("accept"),
            "adjusted": decided.count("adjust"),
            "rejected": decided.count("reject"),
            "deferred": decided.count("defer"),
            "cost_minor": number(sum((Fraction(r["cost_minor"]) for r in mine), Fraction(0))),
            "billed_cost_minor": number(
                Fraction(0) if discarded else sum((Fraction(r["billed_cost_minor"] or 0) for r in mine), Fraction(0))
            ),
        }
    return rows


def _state(story: list[Any]) -> str:
    told = {
        BatchOpened: "collecting",
        BatchReviewStarted: "in_review",
        BatchApproved: "approved",
        BatchInvoiceReady: "invoice_ready",
        BatchReopened: "in_review",
        BatchDiscarded: "discarded",
    }
    states = [e.state if isinstance(e, BatchInvoiceMoved) else told.get(type(e)) for e in story]
    return str([s for s in states if s][-1])


def _invoice_line(line: Any) -> Row:
    exactly = Fraction(line.cost) * (10_000 + line.markup_bps) / 10_000
    whole, rest = divmod(abs(exactly), 1)
    amount = whole + (1 if rest >= Fraction(1, 2) else 0)
    return {
        "category": line.category,
        "policy_version": line.policy_version,
        "charges": line.charges,
        "cost_minor": line.cost,
        "markup_bps": line.markup_bps,
        "amount_minor": int(amount if exactly >= 0 else -amount),
    }
