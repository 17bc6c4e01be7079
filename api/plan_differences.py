"""What applying a catalogue changes, for people: plan by plan, field by field, and who stays on the version before."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from commands.plan_definition import read, written
from commands.plans import Plans
from ledger.events import PlanPriceMapped, PlanPriceUnmapped, PlanPublished, PlanRetired


class Difference(NamedTuple):
    """A field that a new version says otherwise."""

    field: str
    before: Any
    after: Any


class Change(NamedTuple):
    """What applying a file does to a plan, or to a price of old."""

    action: str
    """`add`, `change`, `retire`, `map` or `unmap`."""
    name: str
    version: int | None
    """The version that it makes."""
    differences: list[Difference]
    staying: int
    """How many subscriptions, purchases and agreements stay on the version that there is now."""


def change(event: Any, plans: Plans, held: Mapping[str, int]) -> Change:
    """What an event changes. `held`: how many are on each version, as `plan@version`."""
    if isinstance(event, (PlanPriceMapped, PlanPriceUnmapped)):
        mapped = isinstance(event, PlanPriceMapped)
        to = f"{event.price} → {event.plan}" if isinstance(event, PlanPriceMapped) else event.price
        return Change("map" if mapped else "unmap", to, None, [], 0)
    known = plans.plans.get(event.plan)
    on_it = held.get(f"{event.plan}@{known.version}", 0) if known is not None else 0
    if isinstance(event, PlanRetired):
        return Change("retire", event.plan, None, [], on_it)
    assert isinstance(event, PlanPublished)
    if known is None:
        return Change("add", event.plan, event.version, [], 0)
    before = read(dict(known.definition))
    old = written(before) if before is not None else dict(known.definition)
    return Change("change", event.plan, event.version, list(_differences("", old, event.definition)), on_it)


def _differences(where: str, before: Any, after: Any) -> Iterator[Difference]:
    """Where two definitions differ: field by field, lists whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{where}.{name}" if where else str(name)
            yield from _differences(inner, before.get(name), after.get(name))
    elif before != after:
        yield Difference(where, before, after)
