"""Which word about a Stripe object is the last: the order rule, as a pure function of a set of facts.

Stripe promises no order of delivery, and `created` has whole seconds. So a row keeps, for every field, all facts of
the greatest second that speaks of it, and what is last among them is decided here:

1. lifecycle rank: created < updated < final < deleted (a canceled subscription does not come back);
2. `previous_attributes`: where one event's "before" is what another says, and not the other way round, it came later;
3. a fetched object over an event;
4. the newest API version, between renderings of one event;
5. the event id. When only this is left and the values differ, the row is marked undecided: Stripe must be asked.

Never by arrival: any permutation of any facts, with any duplicates, ends alike. Rank comes before the chains, since a
value toggled there and back before a deletion would else let a chain place the deletion first
(docs/decisions/0005-order.md).
"""

from typing import Any

import msgspec

from ledger.facts import ObjectFact


class Kept(msgspec.Struct, array_like=True, gc=False):
    """A fact as a row keeps it."""

    at_s: int
    event_id: str
    api_version: str
    rank: int
    fetched: bool
    mask: int
    values: list[Any]
    was: dict[int, Any] | None


#: The part of a fact that a row keeps: the fields of `Kept`, in its order.
_KEPT = slice(ObjectFact._fields.index("at_s"), None)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Kept]).decode


def absorb(state: bytes | None, fact: ObjectFact) -> bytes:
    """The state (an encoded set of facts) with one more fact. Commutative, associative, idempotent."""
    if state is None:
        return _encode((fact[_KEPT],))
    kept = _decode(state)
    mask = fact.mask
    if len(kept) == 1:
        old = kept[0]
        if fact.at_s > old.at_s and not old.mask & ~mask:
            return _encode((fact[_KEPT],))
        if fact.at_s < old.at_s and not mask & ~old.mask:
            return state
    identity = (fact.event_id, fact.api_version, fact.fetched)
    if any((k.event_id, k.api_version, k.fetched) == identity for k in kept):
        return state
    # The new fact goes through the same encoding as the others, so that equal values compare equal.
    kept.append(_decode(_encode((fact[_KEPT],)))[0])
    return _encode(_prune(kept))


def merge(state: bytes | None, other: bytes | None) -> bytes | None:
    """The union of two states' facts, as if all had been absorbed into one."""
    if state is None or other is None:
        return state or other
    kept = _decode(state)
    seen = {(k.event_id, k.api_version, k.fetched) for k in kept}
    kept += [k for k in _decode(other) if (k.event_id, k.api_version, k.fetched) not in seen]
    return _encode(_prune(kept))


def _prune(kept: list[Kept]) -> list[Kept]:
    """Drop the facts that are older than another for every field they speak of. In an order of no meaning but one."""
    kept.sort(key=lambda k: (-k.at_s, k.event_id, k.api_version, k.fetched))
    left: list[Kept] = []
    covered = now = 0
    second: int | None = None
    for fact in kept:
        if fact.at_s != second:
            covered |= now
            now, second = 0, fact.at_s
        if fact.mask & ~covered:
            left.append(fact)
            now |= fact.mask
    return left


class Settled(msgspec.Struct, gc=False):
    """What a set of facts comes to."""

    values: list[Any]
    """One value a field; None where nobody ever spoke."""
    changed_s: int
    undecided: bool


def settle(state: bytes, width: int, sealed: frozenset[int]) -> Settled:
    """The last word on each of `width` fields. `sealed` fields decide nothing."""
    kept = _decode(state)
    first = kept[0]
    if len(kept) == 1 and first.mask == (1 << width) - 1:
        return Settled(first.values, first.at_s, False)
    values: list[Any] = [None] * width
    undecided = False
    chosen: dict[tuple[int, ...], tuple[Kept, bool]] = {}
    spoken = [_spoken(k) for k in kept]
    for number in range(width):
        newest = max((k.at_s for k in kept if k.mask >> number & 1), default=None)
        if newest is None:
            continue
        speakers = tuple(i for i, k in enumerate(kept) if k.at_s == newest and k.mask >> number & 1)
        if speakers not in chosen:
            chosen[speakers] = _last([(kept[i], spoken[i]) for i in speakers], sealed)
        last, decided = chosen[speakers]
        values[number] = spoken[kept.index(last)][number]
        if not decided and number not in sealed and _differ(speakers, spoken, number):
            undecided = True
    return Settled(values, max(k.at_s for k in kept), undecided)


def _spoken(fact: Kept) -> dict[int, Any]:
    numbers = (i for i in range(fact.mask.bit_length()) if fact.mask >> i & 1)
    return dict(zip(numbers, fact.values, strict=True))


def _differ(speakers: tuple[int, ...], spoken: list[dict[int, Any]], number: int) -> bool:
    return any(spoken[i][number] != spoken[speakers[0]][number] for i in speakers)


def _last(candidates: list[tuple[Kept, dict[int, Any]]], sealed: frozenset[int]) -> tuple[Kept, bool]:
    """The last of the facts of one second, and whether anything better than its id decided so."""
    if len(candidates) == 1:
        return candidates[0][0], True
    top = max(k.rank for k, _ in candidates)
    group = [c for c in candidates if c[0].rank == top]
    ends = [c for c in group if not any(_precedes(c, d) and not _precedes(d, c) for d in group if d is not c)]
    group = ends or group
    if any(k.fetched for k, _ in group):
        group = [c for c in group if c[0].fetched]
    last = max((k for k, _ in group), key=lambda k: (k.event_id, k.api_version))
    return last, all(k.event_id == last.event_id for k, _ in group)


def _precedes(a: tuple[Kept, dict[int, Any]], b: tuple[Kept, dict[int, Any]]) -> bool:
    """Whether what `b` says was before it is what `a` says."""
    was = b[0].was
    if not was or a[0].event_id == b[0].event_id:
        return False
    common = [i for i in was if i in a[1]]
    return bool(common) and all(a[1][i] == was[i] for i in common)
