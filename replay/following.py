"""Following: events folded one by one in memory, with what they derive, so that each step can be looked at.

The same definitions as live; what a changed row affects is found by the same look-ups, over the rows at hand.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.events import Recorded
from projections.base import Derivation, Group, Hop, Key, Lookup, Row
from replay.as_of import Rows, gather
from replay.fold import States, entry_of, fold, route

#: A row before and after; None where there is none.
Change = tuple[Row | None, Row | None]


def upstream(group: Group, name: str) -> Group:
    """A derivation with everything that it is made of."""
    wanted = {name}
    for derivation in reversed(group.derivations):
        if derivation.name in wanted:
            wanted |= {i.model for i in derivation.inputs} | set(derivation.affects)
    return Group(
        name,
        tuple(p for p in group.projections if p.name in wanted),
        tuple(d for d in group.derivations if d.name in wanted),
    )


class Following:
    """Rows of a group's models as events make them."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._states: States = {}
        self.rows: dict[str, Rows] = {m.name: {} for m in group.models}

    def take(self, recorded: Recorded) -> None:
        """Fold an event in, and derive what it affects. A fault in a definition raises."""
        changes: dict[str, list[Change]] = {}
        for touch in route(self._group, [entry_of(recorded)]):
            fold([touch], self._states, {}, _raise)
            state = self._states[touch.projection.name][touch.key]
            after = touch.projection.to_row(touch.key, state) if state is not None else None
            self._put(touch.projection.name, touch.key, after, changes)
        for derivation in self._group.derivations:
            width = len(derivation.key)
            mine = self.rows[derivation.name]
            for key in self._affected(derivation, changes):
                made = derivation.derive(key, gather(self._group, derivation, key, self.rows))
                after = {tuple(row[: len(derivation.table.key)]): row for row in made}
                for gone in [k for k in mine if k[:width] == key and k not in after]:
                    self._put(derivation.name, gone, None, changes)
                for k, row in after.items():
                    self._put(derivation.name, k, row, changes)

    def _put(self, model: str, key: Key, after: Row | None, changes: dict[str, list[Change]]) -> None:
        mine = self.rows[model]
        before = mine.pop(key, None)
        if after is not None:
            mine[key] = after
        if before != after:
            changes.setdefault(model, []).append((before, after))

    def _affected(self, derivation: Derivation, changes: Mapping[str, Iterable[Change]]) -> list[Key]:
        found: set[Key] = set()
        for model, how in derivation.affects.items():
            rows = [r for change in changes.get(model, ()) for r in change if r is not None]
            for row in rows:
                if callable(how):
                    found.update(how(row))
                else:
                    found.update(k for lookup in how for k in self._looked_up(lookup, row))
        return sorted(k for k in found if None not in k)

    def _looked_up(self, lookup: Lookup, row: Row) -> Iterable[Key]:
        here = [row]
        for hop in lookup.hops:
            here = [r for before in here for r in self.rows[hop.model].values() if _joins(hop, before, r)]
        return {tuple(getattr(r, c) for c in lookup.key) for r in here}


def _joins(hop: Hop, before: Row, row: Row) -> bool:
    if hop.holds is not None and getattr(before, hop.holds[1]) not in (getattr(row, hop.holds[0]) or ()):
        return False
    return all(getattr(row, mine) == getattr(before, theirs) is not None for mine, theirs in hop.on)


def _raise(*fault: Any) -> None:
    raise fault[-1]
