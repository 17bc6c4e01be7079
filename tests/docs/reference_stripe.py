"""The reference page about Stripe's types: what becomes of each event type, and where each field is read."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ledger.translations import FAMILIES
from ledger.translations.base import CLAIM_KEYS, Family
from tests.docs import sources
from tests.docs.event_types import family_of, names
from tests.docs.markdown import code, page, plain, table

#: What stands in the table of event types for a type that no family reads.
STORED_ONLY = "stored_only"
_COLUMNS = ("event type", "becomes", "object", "read model")


class Fate(NamedTuple):
    """A row of the table: what becomes of a type's events."""

    event_type: str
    state: str
    objects: tuple[str, ...]
    model: str | None


def stripe_types() -> str:
    """`stripe-types.md`."""
    known = names()
    read = [t for t in (*known.snapshot, *known.thin) if t in known.snapshot or family_of(t) is not None]
    parts = [
        "Recount stores and acknowledges **every** event type, listed here or not. An event of a type that is `applied`"
        " folds into the read model beside it; where it lacks what its type must have, or carries another object, it is"
        " `quarantined` instead, with the reason. A type that is `stored_only` moves no read model but the webhook"
        " ledger, [`stripe_events`](read-models.md#stripe_events); so is every type that is not in the list.",
        "## Event types",
        table(_COLUMNS, [_row(fate_of(event_type)) for event_type in read]),
        "## Thin event types",
        "They carry no object. They are stored whole, and wait for what they are about to be fetched. Those that tell"
        " all there is in themselves stand in the table above.",
        table(("about", "event types", "becomes"), list(_thin(t for t in known.thin if t not in read))),
        "## What a translation reads",
        "A translation reads a field wherever an API version keeps it, from 2015 on. The tables say where. *Required*"
        " means: an event that lacks it is `quarantined`, and never turned into nulls. A field that a payload does not"
        " speak of keeps its last known value ([absent is not null](../explanation/versions.md#absent-is-not-null))."
        " `wins` marks the place that counts where a payload has several. What moved in which version is told in"
        " [versions](../explanation/versions.md#what-changed-in-which-version).",
        f"`org_claim` comes from the first of these metadata keys that is present: {', '.join(map(code, CLAIM_KEYS))}."
        " It counts on the platform's own account alone.",
        "In event types, `*` is one word: `customer.*` is `customer.created` and `customer.updated`, and not"
        " `customer.subscription.created`. A type that is named whole goes before such a pattern.",
    ]
    for family in FAMILIES:
        parts += [f"## {family.name}", _sentence_of(family), _whence(family)]
    return page("Stripe types", *parts)


def fate_of(event_type: str) -> Fate:
    """What becomes of events of this type, where they are whole."""
    family = family_of(event_type)
    if family is None:
        return Fate(event_type, STORED_ONLY, (), None)
    return Fate(event_type, "applied", family.object_types, family.model)


def _row(fate: Fate) -> tuple[str, str, str, str]:
    model = f"[`{fate.model}`](read-models.md#{fate.model})" if fate.model else ""
    return code(fate.event_type), code(fate.state), ", ".join(map(code, fate.objects)), model


def _thin(types: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """One row a kind of object, its types in one cell."""
    by_object: dict[str, list[str]] = {}
    for event_type in types:
        by_object.setdefault(event_type.rpartition(".")[0], []).append(event_type)
    for about, mine in by_object.items():
        yield code(about), ", ".join(map(code, mine)), code("waiting")


def rows_of(text: str) -> dict[str, Fate]:
    """What a written page says of each event type."""
    found = {}
    for kind, state, objects, model in _cells(text, "Event types"):
        found[kind] = Fate(kind, state.strip("`"), tuple(_names(objects)), next(iter(_names(model)), None))
    for _, types, state in _cells(text, "Thin event types"):
        found |= {kind: Fate(kind, state.strip("`"), (), None) for kind in _names(types)}
    return found


def _cells(text: str, title: str) -> Iterator[list[str]]:
    """The rows of the table under a heading."""
    for line in text.split(f"## {title}\n")[1].split("\n## ")[0].splitlines():
        if line.startswith("| `"):
            first, *others = (cell.strip() for cell in line.strip("|").split(" |"))
            yield [first.strip("`"), *others]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _sentence_of(family: Family) -> str:
    said = sources.first_sentence(family.facts.__doc__)
    ignored = f", except {', '.join(code(i) for i in sorted(family.ignored))}" if family.ignored else ""
    kinds = ", ".join(code(e) for e in family.event_types)
    objects = ", ".join(map(code, family.object_types))
    model = f"[`{family.model}`](read-models.md#{family.model})"
    return f"{said} Object: {objects}. Event types: {kinds}{ignored}. Read model: {model}."


def _whence(family: Family) -> str:
    return table(
        ("field", "required", "where, oldest place first"),
        [(code(w.field), "yes" if w.required else "", plain("; ".join(w.places))) for w in family.whence],
    )
