"""Plans and who has which: from everything that was decided and said, looked at as a whole.

Where the product keeps first and last times and asks which rows a change touches, this makes for every subscription a
diary of all that was ever said of its prices, and reads it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.events import (
    AgreementEnded,
    AgreementMade,
    PlanPriceMapped,
    PlanPriceUnmapped,
    PlanPublished,
    PlanRetired,
    PlanSubscriptionsMoved,
    SubscriptionPlanMoved,
)

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]
#: Operators' events in the order of the log, each with the microsecond at which it was recorded.
Decided = list[tuple[Any, int]]
Key = tuple[str, ...]


def plan_rows(rows: Rows, told: Mapping[str, Mapping[Key, Iterable[Any]]], decided: Iterable[tuple[Any, int]]) -> Rows:
    """Every read model of plans. `told`: all that was ever said, by model and object. Needs `org_links`, `payments`."""
    known = list(decided)
    diary = _diary(told)
    made: Rows = {
        "plans": _plans(known),
        "plan_names": _names(known),
        "legacy_prices": _legacy(known),
        "plan_moves": _moves(known),
        "agreements": _agreements(known),
        "subscription_sales": {key: _sales(key, entries) for key, entries in diary.items()},
        "price_lookup_keys": _lookup_keys(told, diary),
        "plan_purchases": _purchases(rows),
    }
    made["plan_placements"] = _placements({**rows, **made}, known, diary)
    return made


# ---- what was decided ---------------------------------------------------------------------------


def _published(decided: Decided) -> list[tuple[PlanPublished, int]]:
    """Every version with the microsecond since when it is in force."""
    return [
        (e, at if e.effective_s is None else e.effective_s * 1_000_000) for e, at in decided if type(e) is PlanPublished
    ]


def _plans(decided: Decided) -> dict[Key, Row]:
    found = {}
    for event, _ in _published(decided):
        theirs = [e for e, _ in decided if type(e) in (PlanPublished, PlanRetired)]
        theirs = [e for e in theirs if (e.mode, e.plan) == (event.mode, event.plan)]
        id = f"{event.plan}@{event.version}"
        prices = event.definition.get("prices", [])
        found[event.mode, id] = {
            "mode": event.mode,
            "id": id,
            "plan": event.plan,
            "version": event.version,
            "catalogue": event.catalogue,
            "account": event.definition.get("account") or "platform",
            **{n: event.definition.get(n) for n in ("name", "tier", "model")},
            "definition": event.definition,
            "lookup_keys": sorted({p["lookup_key"] for p in prices if p.get("lookup_key")}),
            "price_ids": sorted({p["price"] for p in prices if p.get("price")}),
            "current": not any(type(e) is PlanPublished and e.version > event.version for e in theirs),
            "retired": type(theirs[-1]) is PlanRetired,
        }
    return found


def _names(decided: Decided) -> dict[Key, Row]:
    found = {}
    for event, _ in _published(decided):
        account, id = event.definition.get("account") or "platform", f"{event.plan}@{event.version}"
        for name in _names_of(event):
            lasts = event.definition.get("lasts") or {}
            found[event.mode, account, name, id] = {
                "mode": event.mode,
                "account": account,
                "name": name,
                "id": id,
                "plan": event.plan,
                "version": event.version,
                "lasts_months": lasts.get("months"),
                "lasts_days": lasts.get("days"),
            }
    return found


def _names_of(event: PlanPublished) -> set[str]:
    prices = event.definition.get("prices", [])
    named = {p.get("lookup_key") for p in prices} | {p.get("price") for p in prices}
    return {f"plan:{event.plan}", *(n for n in named if n)}


def _legacy(decided: Decided) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    for event, _ in decided:
        if type(event) is PlanPriceUnmapped:
            del found[event.mode, event.account, event.price]
        if type(event) is PlanPriceMapped:
            found[event.mode, event.account, event.price] = {
                **{n: getattr(event, n) for n in ("mode", "account", "price", "plan", "version", "catalogue")},
                "name": f"plan:{event.plan}",
            }
    return found


def _moved(decided: Decided) -> list[tuple[Key, Any, int]]:
    """Every move of anything, in order, the many that one act moves each for itself."""
    found: list[tuple[Key, Any, int]] = []
    for event, at in decided:
        if type(event) is SubscriptionPlanMoved:
            found.append(((event.mode, event.account, event.subscription), event, at))
        if type(event) is PlanSubscriptionsMoved:
            found += [((event.mode, *s.split("/", 1)), event, at) for s in event.subscriptions]
    return found


def _moves(decided: Decided) -> dict[Key, Row]:
    return {
        key: {
            "mode": key[0],
            "account": key[1],
            "id": key[2],
            "plan": event.plan,
            "version": event.version,
            "by": event.by,
            "reason": event.why,
        }
        for key, event, _ in _moved(decided)
    }


def _agreements(decided: Decided) -> dict[Key, Row]:
    found = {}
    for made, made_at in [(e, at) for e, at in decided if type(e) is AgreementMade]:
        ends = [(e, at) for e, at in decided if type(e) is AgreementEnded and (e.mode, e.id) == (made.mode, made.id)]
        ended, ended_at = ends[-1] if ends else (None, 0)
        until = made.until_s if ended is None else ended_at // 10**6 if ended.at_s is None else ended.at_s
        found[made.mode, made.id] = {
            **{n: getattr(made, n) for n in ("mode", "id", "org", "plan", "version", "reference")},
            "from_s": made_at // 10**6 if made.from_s is None else made.from_s,
            "until_s": until,
            "made_by": made.by,
            "made_why": made.why,
            "ended_by": ended.by if ended else None,
            "ended_why": ended.why if ended else None,
        }
    return found


# ---- what was said ------------------------------------------------------------------------------


def _diary(told: Mapping[str, Mapping[Key, Iterable[Any]]]) -> dict[Key, list[tuple[int, list[Row]]]]:
    """For each subscription every (second, items) that anything said; what was before an event, a second earlier."""
    found: dict[Key, list[tuple[int, list[Row]]]] = {}
    for key, words in told.get("subscriptions", {}).items():
        entries = found.setdefault(key, [])
        for said in words:
            if "items" in said.now:
                entries.append((said.at_s, said.now["items"]))
            if "items" in said.before:
                entries.append((said.at_s - 1, said.before["items"]))
    return found


def _sales(key: Key, entries: list[tuple[int, list[Row]]]) -> Row:
    sets = {tuple(sorted({i["price"] for i in items})) for _, items in entries}
    held = []
    for prices in sorted(sets, key="\0".join):
        seen = [at for at, items in entries if {i["price"] for i in items} == set(prices)]
        held.append({"prices": list(prices), "first_s": min(seen), "last_s": max(seen)})
    ever = sorted({p for prices in sets for p in prices})
    return {"mode": key[0], "account": key[1], "id": key[2], "price_ids": ever, "held": held}


def _lookup_keys(
    told: Mapping[str, Mapping[Key, Iterable[Any]]], diary: dict[Key, list[tuple[int, list[Row]]]]
) -> dict[Key, Row]:
    seen: dict[Key, set[tuple[int, str]]] = {}
    for key, words in told.get("prices", {}).items():
        for said in words:
            for at, fields in ((said.at_s, said.now), (said.at_s - 1, said.before)):
                if fields.get("lookup_key"):
                    seen.setdefault(key, set()).add((at, fields["lookup_key"]))
    for (mode, account, _), entries in diary.items():
        for at, items in entries:
            for item in items:
                if item["lookup_key"]:
                    seen.setdefault((mode, account, item["price"]), set()).add((at, item["lookup_key"]))
    found = {}
    for (mode, account, price), times in seen.items():
        first = sorted((min(at for at, n in times if n == name), name) for name in {n for _, n in times})
        found[mode, account, price] = {
            "mode": mode,
            "account": account,
            "id": price,
            "lookup_keys": [name for _, name in first],
            "since_s": [at for at, _ in first],
        }
    return found


def _purchases(rows: Rows) -> dict[Key, Row]:
    found = {}
    for key, invoice in rows["invoices"].items():
        prices = sorted({line["price"] for line in invoice["lines"] or [] if line["price"]})
        if invoice["status"] != "paid" or invoice["subscription"] or invoice["deleted"] or not prices:
            continue
        found[key] = {
            "kind": "invoice",
            "payment": invoice["payment_intent"] or invoice["charge"],
            "names": prices,
            "sold_s": invoice["created_s"] if invoice["paid_at_s"] is None else invoice["paid_at_s"],
        }
    for key, checkout in rows["checkouts"].items():
        plan = (checkout["metadata"] or {}).get("recount_plan")
        done = checkout["status"] == "complete" and checkout["payment_status"] in ("paid", "no_payment_required")
        if checkout["purpose"] == "payment" and done and isinstance(plan, str) and plan and not checkout["invoice"]:
            found[key] = {
                "kind": "checkout",
                "payment": checkout["payment_intent"],
                "names": [f"plan:{plan}"],
                "sold_s": checkout["created_s"],
            }
    for key, row in found.items():
        customer = rows["checkouts" if row["kind"] == "checkout" else "invoices"][key]["customer"]
        row.update(mode=key[0], account=key[1], id=key[2], customer=customer)
    return found


# ---- who has which ------------------------------------------------------------------------------


def _placements(rows: Rows, decided: Decided, diary: dict[Key, list[tuple[int, list[Row]]]]) -> dict[Key, Row]:
    found: dict[Key, Row | None] = {}
    for (mode, id), agreement in rows["agreements"].items():
        sold = {"plan": agreement["plan"], "version": agreement["version"], "since": agreement["from_s"]}
        sold["why"] = {
            "by": "agreement",
            "person": agreement["made_by"],
            "reason": agreement["made_why"],
            "reference": agreement["reference"],
        }
        key = (mode, "platform", id)
        placed = _placed(key, "agreement", sold, rows, decided)
        found[key] = placed and {
            **placed,
            "org": agreement["org"],
            **_window(agreement["from_s"], agreement["until_s"]),
        }
    for key, purchase in rows["plan_purchases"].items():
        places = [p for p in (_place(key, n, purchase["sold_s"] or 0, rows, decided) for n in purchase["names"]) if p]
        sold = {**places[0], "also": sorted({p["plan"] for p in places} - {places[0]["plan"]})} if places else None
        until = _end(purchase["sold_s"], places[0]["lasts"]) if places else None
        placed = _placed(key, purchase["kind"], sold, rows, decided)
        if placed is not None:
            payment = rows["payments"].get((*key[:2], purchase["payment"] or ""))
            gone = payment is not None and bool(payment["received_minor"]) and payment["kept_minor"] <= 0
            placed |= {"customer": purchase["customer"], "refunded": gone, **_window(purchase["sold_s"], until)}
        found[key] = placed
    for key, subscription in rows["subscriptions"].items():
        sold = _sold(key, subscription, sorted(diary[key], key=lambda e: e[0]), rows, decided)
        placed = _placed(key, "subscription", sold, rows, decided)
        found[key] = placed and {**placed, "customer": subscription["customer"]}
    for key, row in found.items():
        if row is not None and row["customer"] is not None:
            row["org"] = (rows["org_links"].get((*key[:2], row["customer"])) or {"org": None})["org"]
    return {key: row for key, row in found.items() if row is not None}


def _window(start: int | None, end: int | None) -> Row:
    return {"from_s": start, "until_s": end}


def _placed(key: Key, kind: str, sold: Row | None, rows: Rows, decided: Decided) -> Row | None:
    """By the last move, unless another plan was bought after it; else by what was sold."""
    moves = [(event, at) for theirs, event, at in _moved(decided) if theirs == key]
    base = {
        "mode": key[0],
        "account": key[1],
        "subscription": key[2],
        "kind": kind,
        "customer": None,
        "org": None,
        **_window(None, None),
        "refunded": False,
        "also": sold.get("also", []) if sold else [],
    }
    if moves:
        event, at = moves[-1]
        left = sold is not None and sold.get("changed") and sold["plan"] != event.plan and sold["since"] * 10**6 > at
        if not left:
            instead = {"plan": sold["plan"], "version": sold["version"]} if sold else None
            why = {"by": "move", "person": event.by, "reason": event.why, "instead_of": instead}
            return {**base, **_plan(event.plan, event.version), "why": why, "since_s": at // 10**6}
    if sold is None:
        return None
    return {**base, **_plan(sold["plan"], sold["version"]), "why": sold["why"], "since_s": sold["since"]}


def _plan(plan: str, version: int) -> Row:
    return {"plan": plan, "version": version, "plan_id": f"{plan}@{version}"}


def _place(key: Key, price: str, at_s: int, rows: Rows, decided: Decided, only: str | None = None) -> Row | None:
    """The version that a price was sold under at a second; of the plan `only` where that is given."""
    mode, account, _ = key
    known = rows["price_lookup_keys"].get((mode, account, price), {"lookup_keys": [], "since_s": []})
    keys = list(zip(known["since_s"], known["lookup_keys"], strict=True))
    earlier = [name for since, name in keys if since <= at_s]
    for name in [price, *earlier[::-1], *(name for since, name in keys if since > at_s)]:
        legacy = rows["legacy_prices"].get((mode, account, name))
        why = {
            "by": "legacy_price" if legacy else "sale",
            "price": None if price.startswith("plan:") else price,
            "name": name,
            "sold_s": at_s,
        }
        if legacy and legacy["version"] is not None:
            return {"plan": legacy["plan"], "version": legacy["version"], "why": why, "since": at_s, "lasts": None}
        sought = f"plan:{legacy['plan']}" if legacy else name
        versions = [
            (since, e.version, e.plan, e)
            for e, since in _published(decided)
            if (e.mode, e.definition.get("account") or "platform") == (mode, account) and sought in _names_of(e)
        ]
        if not versions:
            continue
        versions = sorted((v for v in versions if only in (None, v[2])), key=lambda v: v[:3])
        event = ([v for v in versions if v[0] <= at_s * 10**6] or versions[:1])[-1][3]
        lasts = event.definition.get("lasts")
        return {"plan": event.plan, "version": event.version, "why": why, "since": at_s, "lasts": lasts}
    return None


def _sold(
    key: Key, subscription: Row, entries: list[tuple[int, list[Row]]], rows: Rows, decided: Decided
) -> Row | None:
    """What a subscription is on by its prices: the diary says since when it had any price of that plan."""

    def place(price: str) -> Row | None:
        since, _ = _since(entries, {price}, subscription["created_s"])
        return _place(key, price, since, rows, decided)

    plans = {p: found["plan"] for p in {i["price"] for _, items in entries for i in items} if (found := place(p))}
    priced = [i["price"] for i in subscription["items"] if i["price"] in plans]
    if not priced:
        return None
    plan = plans[priced[0]]
    since, changed = _since(entries, {p for p in plans if plans[p] == plan}, subscription["created_s"])
    first = place(priced[0])
    assert first is not None
    name = first["why"]["name"]
    fixed = rows["legacy_prices"].get((key[0], key[1], name))
    if fixed and fixed["version"] is not None:
        again = first
    else:
        sought = f"plan:{plan}" if fixed else name
        again = _place(key, sought, since, {**rows, "legacy_prices": {}, "price_lookup_keys": {}}, decided, plan)
        assert again is not None
    why = {**first["why"], "sold_s": since}
    also = sorted({plans[p] for p in priced} - {plan})
    return {"plan": plan, "version": again["version"], "why": why, "since": since, "also": also, "changed": changed}


def _since(entries: list[tuple[int, list[Row]]], prices: set[str], created_s: int | None) -> tuple[int, bool]:
    """The second since when a subscription has had some of these prices; and whether it ever was without."""
    with_them = [(at, {i["price"] for i in items}) for at, items in entries if prices & {i["price"] for i in items}]
    without = [at for at, items in entries if not prices & {i["price"] for i in items}]
    if not without:
        return (min(at for at, _ in with_them) if created_s is None else created_s), False
    left = max(without)
    # the first time that a set of prices was ever seen, where that was after it came back
    fresh = [at for at, held in with_them if at == min(a for a, h in with_them if h == held)]
    return min((at for at in fresh if at > left), default=left), True


def _end(start_s: int | None, lasts: Row | None) -> int | None:
    if start_s is None or not lasts or not (lasts.get("months") or lasts.get("days")):
        return None
    try:
        day = datetime.fromtimestamp(start_s, UTC)
        wanted = day.day
        day = day.replace(day=1)
        for _ in range(lasts.get("months") or 0):  # month by month, on the first
            day = (day + timedelta(days=31)).replace(day=1)
        last = ((day + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
        return int((day.replace(day=min(wanted, last)) + timedelta(days=lasts.get("days") or 0)).timestamp())
    except (OverflowError, ValueError, OSError):
        return None
