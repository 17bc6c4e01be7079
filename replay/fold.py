"""The fold itself: entries into states, the same for live, rebuild and as-of. No I/O."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ledger.events import Recorded, StripeEventReceived
from ledger.facts import ObjectFact
from ledger.translations import translate
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
    return Entry(position, stream, version, recorded_at_us, event, said)


def targets(group: Group, entry: Entry) -> Iterator[Projection]:
    """The projections of `group` that read this entry."""
    routes = group.routes
    yield from routes.get(entry.event.NAME, ())
    if isinstance(entry.said, ObjectFact):
        yield from routes.get(entry.said.model, ())


def touched(group: Group, entries: Iterable[Entry]) -> dict[str, set[Key]]:
    """The keys that entries touch, by model: what must be loaded before they are folded, if it can exist."""
    found: dict[str, set[Key]] = {}
    for entry in entries:
        for projection in targets(group, entry):
            if projection.fresh is None or not projection.fresh(entry):
                found.setdefault(projection.name, set()).update(projection.keys(entry))
    return found


def last_positions(group: Group, entries: Iterable[Entry]) -> dict[tuple[str, Key], int]:
    """Where each key, with its model, was spoken of last."""
    return {
        (projection.name, key): entry.position
        for entry in entries
        for projection in targets(group, entry)
        for key in projection.keys(entry)
    }


def fold(
    group: Group,
    entries: Iterable[Entry],
    states: States,
    parked: Mapping[str, set[Key]],
    on_fault: OnFault,
) -> None:
    """Fold `entries`, in order, into `states`. Keys in `parked` are left alone, and so is a key after its fault."""
    faulty: set[tuple[str, Key]] = set()
    for entry in entries:
        for projection in targets(group, entry):
            mine = states.setdefault(projection.name, {})
            out = parked.get(projection.name, ())
            for key in projection.keys(entry):
                if key in out or (faulty and (projection.name, key) in faulty):
                    continue
                try:
                    mine[key] = projection.apply(mine.get(key), entry)
                except Exception as error:  # our own fault alone: there is no I/O in here
                    faulty.add((projection.name, key))
                    on_fault(projection, key, entry, error)
