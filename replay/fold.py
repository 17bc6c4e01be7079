"""The fold itself: entries into states, the same for live, rebuild and as-of. No I/O."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ledger.events import Recorded, StripeEventReceived
from ledger.facts import ObjectFact
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations import translate
from ledger.translations.observed import translate_observed
from projections.base import Entry, Group, Key, Projection

#: Model -> key -> state. Loaded before a fold and changed by it; None: there is no row.
States = dict[str, dict[Key, bytes | None]]
#: Called with what raised: the key is parked, and takes no further event.
OnFault = Callable[[Projection, Key, Entry, Exception], None]


def entry_of(recorded: Recorded) -> Entry:
    """An event of the log, translated once for all projections."""
    position, stream, version, event, _, recorded_at_us = recorded
    # Conflicted and misrouted events are kept for people: what they say is never applied.
    said = translate(event) if type(event) is StripeEventReceived else None
    if type(event) is StripeObjectObserved:
        said = translate_observed(event)
    return Entry(position, stream, version, recorded_at_us, event, said)


class Touch(NamedTuple):
    """An entry that a projection folds into one of its rows."""

    projection: Projection
    key: Key
    entry: Entry


def route(group: Group, entries: Iterable[Entry]) -> list[Touch]:
    """Which rows of which projections the entries touch, in the order of the log."""
    routes = group.routes
    found: list[Touch] = []
    for entry in entries:
        readers = routes.get(entry.event.NAME, ())
        if type(entry.said) is ObjectFact:
            readers = (*readers, *routes.get(entry.said.model, ()))
        for projection in readers:
            for key in projection.keys(entry):
                found.append(Touch(projection, key, entry))
    return found


def fold(touches: Iterable[Touch], states: States, parked: Mapping[str, set[Key]], on_fault: OnFault) -> None:
    """Fold, in order, into `states`. Keys in `parked` are left alone, and so is a key after its fault."""
    faulty: set[tuple[str, Key]] = set()
    for projection, key, entry in touches:
        name = projection.name
        if (parked and key in parked.get(name, ())) or (faulty and (name, key) in faulty):
            continue
        mine = states.setdefault(name, {})
        try:
            mine[key] = projection.apply(mine.get(key), entry)
        except Exception as error:  # our own fault alone: there is no I/O in here
            faulty.add((name, key))
            on_fault(projection, key, entry, error)
