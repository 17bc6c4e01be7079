"""Plans held against the catalogue that Stripe told of: what is sold under a price that is not as the plan says.

A pure look at rows. Refuses to know what should be sold: that is what a catalogue's file says.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple


class Lookup(NamedTuple):
    """A price as a plan names it."""

    interval: str
    currency: str
    interval_count: int = 1
    lookup_key: str | None = None
    price: str | None = None
    amount_minor: int | None = None
    meter: str | None = None

    @property
    def name(self) -> str:
        """Its lookup key or id."""
        return self.lookup_key or self.price or ""


class Subject(NamedTuple):
    """A plan, as far as it is held against Stripe's catalogue."""

    plan: str
    account: str
    on_sale: bool
    annual_discount_percent: str | None
    prices: tuple[Lookup, ...]


class Finding(NamedTuple):
    """What is wrong, and with what."""

    plan: str | None
    code: str
    price: str | None
    said: str


def subject_of(definition: Mapping[str, Any]) -> Subject:
    """A plan's definition, as the read model has it, as what is looked at."""
    return Subject(
        definition["key"],
        definition.get("account") or "platform",
        definition.get("on_sale") is not False,
        definition.get("annual_discount_percent"),
        tuple(Lookup(**{n: v for n, v in p.items() if n in Lookup._fields}) for p in definition.get("prices") or ()),
    )


def lint(
    plans: Sequence[Subject], prices: Sequence[Any], legacy: Sequence[Any], placements: Sequence[Any]
) -> list[Finding]:
    """All that is wrong. `prices` are rows of Stripe's, `legacy` of `legacy_prices`, `placements` with other plans."""
    by_name: dict[tuple[str, str], list[Any]] = {}
    for row in prices:
        for name in {row.id, row.lookup_key} - {None, ""}:
            by_name.setdefault((row.account, name), []).append(row)
    found = [f for plan in plans for f in _of_plan(plan, by_name)]
    found += _on_two(plans, legacy, by_name)
    for row in placements:
        others = ", ".join(row.also)
        said = f"its prices belong to {others} too; it is on {row.plan_id}"
        found.append(Finding(row.plan, "prices_of_two_plans", row.subscription, said))
    return found


def _of_plan(plan: Subject, by_name: Mapping[tuple[str, str], Sequence[Any]]) -> Iterator[Finding]:
    known: list[tuple[Lookup, Any]] = []
    for wanted in plan.prices:
        rows = by_name.get((plan.account, wanted.name), [])
        there = [r for r in rows if not r.deleted]
        if not there:
            what = "was deleted" if rows else "is unknown: Stripe never told of it"
            code = "deleted_price" if rows else "unknown_lookup_key" if wanted.lookup_key else "unknown_price"
            yield Finding(plan.plan, code, wanted.name, f"{wanted.name} {what}")
            continue
        row = max(there, key=lambda r: (bool(r.active), r.created_s or 0, r.id))
        known.append((wanted, row))
        if plan.on_sale and row.active is False:
            yield Finding(plan.plan, "archived_price", wanted.name, f"{wanted.name} is archived: nobody can buy it")
        yield from _mismatches(plan, wanted, row)
    yield from _discount(plan, known)


def _mismatches(plan: Subject, wanted: Lookup, row: Any) -> Iterator[Finding]:
    if row.currency is not None and row.currency != wanted.currency:
        said = f"{wanted.name} is in {row.currency}, and the plan says {wanted.currency}"
        yield Finding(plan.plan, "currency_mismatch", wanted.name, said)
    elif None not in (wanted.amount_minor, row.unit_amount_minor) and row.unit_amount_minor != wanted.amount_minor:
        said = f"{wanted.name} costs {row.unit_amount_minor}, and the plan says {wanted.amount_minor}"
        yield Finding(plan.plan, "amount_mismatch", wanted.name, said)
    theirs = ("once", 1) if row.type == "one_time" else (row.interval, row.interval_count or 1)
    if theirs[0] is not None and theirs != (wanted.interval, wanted.interval_count):
        said = (
            f"{wanted.name} is paid {_each(*theirs)}, and the plan says {_each(wanted.interval, wanted.interval_count)}"
        )
        yield Finding(plan.plan, "interval_mismatch", wanted.name, said)


def _each(interval: str, count: int) -> str:
    if interval == "once":
        return "once"
    return f"every {interval}" if count == 1 else f"every {count} {interval}s"


def _discount(plan: Subject, known: Sequence[tuple[Lookup, Any]]) -> Iterator[Finding]:
    """A year costs twelve months less the discount, where both are known: to the minor unit."""
    if plan.annual_discount_percent is None:
        return
    licensed = [(w, r) for w, r in known if w.meter is None and r.unit_amount_minor is not None]
    monthly = {w.currency: r.unit_amount_minor for w, r in licensed if (w.interval, w.interval_count) == ("month", 1)}
    for wanted, row in licensed:
        if (wanted.interval, wanted.interval_count) != ("year", 1) or wanted.currency not in monthly:
            continue
        full = 12 * monthly[wanted.currency]
        expected = full * (100 - Decimal(plan.annual_discount_percent)) / 100
        if abs(expected - row.unit_amount_minor) > _ROUNDED:
            less = f"{full} less {plan.annual_discount_percent} % is {expected}"
            said = f"{wanted.name} costs {row.unit_amount_minor}, and {less}"
            yield Finding(plan.plan, "discount_mismatch", wanted.name, said)


#: How far a yearly price may be from the exact discount: sellers round to a whole unit of the currency.
_ROUNDED = 100


def _on_two(
    plans: Sequence[Subject], legacy: Sequence[Any], by_name: Mapping[tuple[str, str], Sequence[Any]]
) -> Iterator[Finding]:
    """One price of Stripe's that several plans have, under whatever names."""
    owners: dict[tuple[str, str], dict[str, str]] = {}
    named = [(plan.account, price.name, plan.plan) for plan in plans for price in plan.prices]
    named += [(row.account, row.price, row.plan) for row in legacy]
    for account, name, plan_key in named:
        for id in {row.id for row in by_name.get((account, name), ())} or {name}:
            owners.setdefault((account, id), {}).setdefault(plan_key, name)
    for (_, id), by_plan in sorted(owners.items()):
        if len(by_plan) > 1:
            first, *others = sorted(by_plan)
            said = f"{id} belongs to {first} and to {', '.join(others)}"
            yield Finding(first, "price_on_two_plans", id, said)
