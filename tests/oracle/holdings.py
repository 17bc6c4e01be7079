"""Whose is it, what is sold: org_links, organizations and the catalogue, from all rows at once."""

from typing import Any

Row = dict[str, Any]
Rows = dict[str, dict[tuple[str, ...], Row]]

PRICE_FIELDS = [
    "id", "active", "deleted", "currency", "unit_amount_minor", "unit_amount_decimal", "type", "interval",
    "interval_count", "usage_type", "lookup_key", "nickname", "trial_period_days", "features", "limits",
]  # fmt: skip
STATUSES = ["active", "trialing", "past_due", "unpaid", "incomplete", "paused", "canceled", "incomplete_expired"]


def org_links(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every customer that anybody ever spoke of, linked or not."""
    customers = set(rows["operator_links"]) | set(rows["customers"])
    customers |= {(s["mode"], s["account"], s["customer"]) for s in rows["subscriptions"].values()}
    made = rows.get("stripe_made", {})
    customers |= {
        (c["mode"], c["account"], c["customer"])
        for c in rows["checkouts"].values()
        if c["customer"] and (c["mode"], c["account"], c["id"]) in made
    }
    return {key: _org_link(key, rows) for key in customers}


def _org_link(key: tuple[str, ...], rows: Rows) -> Row:
    mode, account, customer = key
    claims: list[Row] = []
    if key in rows["operator_links"]:
        claims.append({"by": "operator", "org": rows["operator_links"][key]["org"]})
    if account == "platform":  # what a connected account says is never a claim
        if key in rows["customers"] and rows["customers"][key]["org_claim"]:
            claims.append({"by": "customer", "org": rows["customers"][key]["org_claim"]})
        theirs = [s for s in rows["subscriptions"].values() if (s["mode"], s["account"], s["customer"]) == key]
        for s in sorted(theirs, key=lambda s: (s["created_s"] or 0, s["id"])):
            if s["org_claim"]:
                claims.append({"by": "subscription", "org": s["org_claim"], "subscription": s["id"]})
    made = rows.get("stripe_made", {})  # what we asked Stripe for ourselves is ours in any account
    if key in made:
        claims.append({"by": "call", "org": made[key]["org"]})
    sessions = [c for c in rows["checkouts"].values() if (c["mode"], c["account"], c["customer"]) == key]
    for session in sorted(sessions, key=lambda c: (c["created_s"] or 0, c["id"])):
        if (mode, account, session["id"]) in made:
            org = made[mode, account, session["id"]]["org"]
            claims.append({"by": "checkout", "org": org, "checkout": session["id"]})
    first = claims[0] if claims else {"org": None, "by": None}
    whom = {"mode": mode, "account": account, "customer": customer}
    return {**whom, "org": first["org"], "claimed_by": first["by"], "claims": claims}


def organizations(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every organization that some customer is linked to, or that operators gave or denied something."""
    found = {}
    named = [link for link in rows["org_links"].values() if link["org"]]
    named += [*rows["overrides"].values(), *rows["agreements"].values()]
    for mode, org in {(row["mode"], row["org"]) for row in named}:
        keys = sorted(k for k, link in rows["org_links"].items() if (k[0], link["org"]) == (mode, org))
        statuses = [s["status"] for s in rows["subscriptions"].values() if _owner(s) in keys]
        customers = [rows["customers"][k] for k in keys if k in rows["customers"]]
        found[mode, org] = {
            "mode": mode,
            "org": org,
            "customers": [
                {"account": a, "customer": c, "claimed_by": rows["org_links"][m, a, c]["claimed_by"]}
                for m, a, c in keys
            ],
            "accounts": sorted({k[1] for k in keys}),
            "subscriptions": {s: statuses.count(s) for s in STATUSES if s in statuses},
            "delinquent": any(c["delinquent"] is True for c in customers),
            "created_s": min((c["created_s"] for c in customers if c["created_s"] is not None), default=None),
        }
    return found


def _owner(row: Row) -> tuple[str, str, str]:
    return row["mode"], row["account"], row["customer"]


def catalog(rows: Rows) -> dict[tuple[str, ...], Row]:
    """One row for every product that was seen, or that a price names."""
    keys = set(rows["products"])
    keys |= {(p["mode"], p["account"], p["product"]) for p in rows["prices"].values() if p["product"]}
    found = {}
    for key in keys:
        product = rows["products"].get(key)
        prices = [p for p in rows["prices"].values() if (p["mode"], p["account"], p["product"]) == key]
        seen = product or {}
        found[key] = {
            "mode": key[0],
            "account": key[1],
            "product": key[2],
            "name": seen.get("name"),
            "active": seen.get("active"),
            "deleted": seen.get("deleted") is True,
            "known": product is not None,
            "features": seen.get("features") or [],
            "limits": seen.get("limits") or {},
            "marketing_features": seen.get("marketing_features") or [],
            "prices": [{f: p[f] for f in PRICE_FIELDS} for p in sorted(prices, key=lambda p: p["id"])],
            "lookup_keys": sorted({p["lookup_key"] for p in prices} - {None, ""}),
            "metadata": seen.get("metadata") or {},
        }
    return found
