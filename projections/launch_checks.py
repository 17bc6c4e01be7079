"""The automatic checks of each area of the launch gate: pure, from rows. What a check says is for people.

Refuses to know who signed what: `launch_areas` weighs both; and what time it is: what holds by dates alone says in
which spans, and a reader with a clock asks whether one of them is now.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.ids import PLATFORM
from ledger.passthrough import covered
from projections.base import Row

Rows = Mapping[str, Sequence[Row]]


class Check(NamedTuple):
    """What was looked at, and what came of it."""

    check: str
    passed: bool
    said: str


def on_sale(rows: Rows) -> list[Mapping[str, Any]]:
    """The plans that anybody may buy, in their newest version."""
    found = [p.definition for p in sorted(rows["plans"], key=lambda p: p.id) if p.current and not p.retired]
    return [d for d in found if d.get("on_sale", True)]


def account_of(definition: Mapping[str, Any]) -> str:
    """Whose prices a plan is sold under."""
    return str(definition.get("account") or PLATFORM)


class _Sold(NamedTuple):
    """A price that a plan names, and those of Stripe's that it could be."""

    name: str
    account: str
    told: Mapping[str, Any]
    rows: list[Row]


def _sold(rows: Rows) -> Iterator[_Sold]:
    for definition in on_sale(rows):
        account = account_of(definition)
        for told in definition.get("prices") or ():
            name = str(told.get("lookup_key") or told.get("price"))
            by = "lookup_key" if told.get("lookup_key") else "id"
            found = [p for p in rows["prices"] if p.account == account and getattr(p, by) == name and not p.deleted]
            yield _Sold(name, account, told, sorted(found, key=lambda p: p.id))


def _published(rows: Rows) -> Check:
    plans = on_sale(rows)
    return Check("plans_published", bool(plans), f"{len(plans)} plans are on sale" if plans else "no plan is on sale")


def _all(check: str, faults: list[str], well: str) -> Check:
    return Check(check, not faults, "; ".join(faults[:5]) if faults else well)


def _products(rows: Rows) -> Iterator[Check]:
    yield _published(rows)
    known = {(p.account, p.id): p for p in rows["products"]}
    faults = []
    for sold in _sold(rows):
        if not sold.rows:
            faults.append(f"{sold.name} is no price in {sold.account}")
        for price in (p for p in sold.rows if p.active):
            product = known.get((price.account, price.product))
            if product is None or product.deleted or not product.active:
                faults.append(f"{sold.name} is a price of {price.product}, which is not active")
    yield _all("products_active", faults, "every product behind a price is active")


def _prices(rows: Rows) -> Iterator[Check]:
    yield _published(rows)
    yield _all("prices_resolve", [f for sold in _sold(rows) for f in _faults(sold)], "every price is active")


def _faults(sold: _Sold) -> Iterator[str]:
    active = [p for p in sold.rows if p.active]
    if not active:
        yield f"{sold.name} is no active price in {sold.account}"
        return
    price, told = active[0], sold.told
    if len(active) > 1:
        yield f"{sold.name} is more than one active price"
    elif price.currency != told["currency"]:
        yield f"{sold.name} is in {price.currency}, and the plan says {told['currency']}"
    elif told.get("amount_minor") is not None and price.unit_amount_minor != told["amount_minor"]:
        yield f"{sold.name} costs {price.unit_amount_minor}, and the plan says {told['amount_minor']}"


def _tax(rows: Rows) -> Iterator[Check]:
    # Stripe computes no tax without a registration, and says nothing: https://docs.stripe.com/tax/registering
    active = sorted({r.country or r.id for r in rows["tax_registrations"] if r.status == "active"})
    said = f"registered in {', '.join(active)}" if active else "no tax registration is active: no tax is collected"
    yield Check("tax_registered", bool(active), said)


def _portal(rows: Rows) -> Iterator[Check]:
    found = sorted(c.id for c in rows["portal_configurations"] if c.active)
    yield Check("portal_configured", bool(found), found[0] if found else "no configuration of the portal is active")


def _webhooks(rows: Rows) -> Iterator[Check]:
    seen = sorted(v.account for v in rows["launch_verified"])
    said = (
        f"signed events came from {', '.join(seen[:5])}"
        if seen
        else "no signed event of a product or a price came: change one"
    )
    yield Check("event_verified", bool(seen), said)
    missed = sorted(f"{c.appended} of {c.account}" for c in rows["event_coverage"] if c.appended)
    said = f"events were never delivered: {', '.join(missed[:5])}" if missed else "no event is known to be missed"
    yield Check("deliveries_whole", not missed, said)


def _evidence(rows: Rows) -> Check:
    word = rows["launch_words"][0]
    shown = "; ".join(str(e.get("shows")) for e in word.evidence[:3])
    if not word.evidence:
        return Check("proven_end_to_end", False, "no event proves it yet: run it, then `recount launch check`")
    return Check("proven_end_to_end", True, f"in {word.proven_in} mode: {shown}")


def _entitlements(rows: Rows) -> Iterator[Check]:
    yield _evidence(rows)


def _setup(rows: Rows) -> Iterator[Check]:
    steps = [d["key"] for d in on_sale(rows) if d.get("setup_steps")]
    if not steps and on_sale(rows):
        yield Check("no_setup", True, "no plan on sale has setup steps")
    else:
        yield _evidence(rows)


def _enforced(rows: Rows) -> Check:
    found = sorted(p.policy for p in rows["service_policies"] if p.enforced)
    said = f"enforced: {', '.join(found)}" if found else "no service policy is enforced: they are only told"
    return Check("policy_enforced", bool(found), said)


def _service(rows: Rows) -> Iterator[Check]:
    yield _enforced(rows)
    yield _evidence(rows)


def _pass_through(rows: Rows) -> Iterator[Check]:
    count = len(_dated(rows))
    said = f"{count} cost policies are approved" if count else "no cost policy is approved"
    yield Check("policy_approved", count > 0, said)


def _dated(rows: Rows) -> list[tuple[int, int | None]]:
    """From when until when (None: without end) each approved cost policy holds: some were ended before they began."""
    found = [(p.from_s, p.until_s) for p in rows["cost_policies"] if p.status == "approved"]
    return sorted((f for f in found if f[1] is None or f[0] < f[1]), key=lambda f: f[0])


def spans_of(area: str, rows: Rows) -> list[dict[str, int | None]] | None:
    """The spans in which an area holds, apart and in their order; None: no date bounds it."""
    if area != "pass_through":
        return None
    spans: list[dict[str, int | None]] = []
    for from_s, until_s in _dated(rows):
        last = spans[-1] if spans else None
        if last is None or (last["until_s"] is not None and last["until_s"] < from_s):
            spans.append({"from_s": from_s, "until_s": until_s})
        elif last["until_s"] is not None:
            last["until_s"] = None if until_s is None else max(last["until_s"], until_s)
    return spans


def held_at(spans: Sequence[Mapping[str, Any]] | None, now_s: float) -> Check | None:
    """Whether one of an area's spans is now; None: no date bounds the area."""
    if not spans:
        return None  # without any, a check fails already
    if covered(spans, now_s):
        return Check("policy_in_force", True, "a cost policy is in force")
    said = "every approved cost policy is over" if spans[0]["from_s"] <= now_s else "no cost policy has begun"
    return Check("policy_in_force", False, said)


def failing_at(failing: Sequence[str], spans: Sequence[Mapping[str, Any]] | None, now_s: float) -> list[str]:
    """What fails of an area at a time: its checks, and its dates."""
    held = held_at(spans, now_s)
    return [*failing, *([held.said] if held is not None and not held.passed else [])]


_CHECKS: dict[str, Callable[[Rows], Iterator[Check]]] = {
    "products": _products,
    "prices": _prices,
    "tax_posture": _tax,
    "portal_settings": _portal,
    "webhook_signing": _webhooks,
    "entitlements": _entitlements,
    "setup_gating": _setup,
    "failed_payment": _service,
    "suspension": _service,
    "recovery": _entitlements,
    "pass_through": _pass_through,
}


def checks(area: str, rows: Rows) -> list[Check]:
    """All checks of an area; every area has one. A probe that was made counts as one."""
    found = list(_CHECKS[area](rows))
    word = rows["launch_words"][0]
    if word.probe_passed is not None:
        found.append(Check("probe", word.probe_passed, word.probe_said))
    return found
