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

from functools import lru_cache
from typing import Any

import msgspec

from ledger.facts import ObjectFact


class _Placed(msgspec.Struct, array_like=True, gc=False):
    """What a fact as a row keeps it begins with: enough to tell which facts are kept."""

    at_s: int
    event_id: str
    api_version: str
    rank: int
    fetched: bool
    mask: int


class Kept(_Placed, array_like=True, gc=False):
    """A fact as a row keeps it."""

    values: list[Any]
    was: dict[int, Any] | None
    like: int
    """Packed facts only: the number of an earlier one whose values these are too. Events of one second often say the
    same (`invoice.paid`, `invoice.payment_succeeded`), and states are what a rebuild's memory is made of."""


class _Packed(_Placed, array_like=True, gc=False):
    """The same with its values as they are packed: which facts are kept is decided without them. An invoice
    event took 28 µs with its lines opened, and takes 19 so."""

    values: msgspec.Raw
    was: msgspec.Raw
    like: int


#: The part of a fact that a row keeps: the fields of `Kept`, in its order.
_KEPT = slice(ObjectFact._fields.index("at_s"), None)

_encode = msgspec.msgpack.Encoder().encode
_open = msgspec.msgpack.Decoder(list[Kept]).decode
_look = msgspec.msgpack.Decoder(list[_Packed]).decode
_NOTHING = msgspec.Raw(_encode(()))


def _alone(fact: ObjectFact) -> bytes:
    kept: tuple[Any, ...] = tuple(fact)[_KEPT]
    return _encode(((*kept, -1),))


def _unpack(state: bytes) -> list[_Packed]:
    kept = _look(state)
    if len(kept) > 1:
        for fact in kept:
            if fact.like >= 0:
                fact.values, fact.like = kept[fact.like].values, -1
    return kept


def _pack(kept: list[_Packed]) -> bytes:
    packed: list[_Packed] = []
    seen: dict[tuple[int, bytes], int] = {}
    for fact in kept:
        like = seen.setdefault((fact.mask, bytes(fact.values)), len(packed))
        packed.append(fact if like == len(packed) else msgspec.structs.replace(fact, values=_NOTHING, like=like))
    return _encode(packed)


def absorb(state: bytes | None, fact: ObjectFact) -> bytes:
    """The state (an encoded set of facts) with one more fact. Commutative, associative, idempotent."""
    if state is None:
        return _alone(fact)
    kept = _unpack(state)
    mask = fact.mask
    if len(kept) == 1:
        old = kept[0]
        if fact.at_s > old.at_s and not old.mask & ~mask:
            return _alone(fact)
        if fact.at_s < old.at_s and not mask & ~old.mask:
            return state
    identity = (fact.event_id, fact.api_version, fact.fetched)
    if any((k.event_id, k.api_version, k.fetched) == identity for k in kept):
        return state
    kept.append(_look(_alone(fact))[0])
    return _pack(_prune(kept))


def merge(state: bytes | None, other: bytes | None) -> bytes | None:
    """The union of two states' facts, as if all had been absorbed into one."""
    if state is None or other is None:
        return state or other
    kept = _unpack(state)
    seen = {(k.event_id, k.api_version, k.fetched) for k in kept}
    kept += [k for k in _unpack(other) if (k.event_id, k.api_version, k.fetched) not in seen]
    return _pack(_prune(kept))


def _prune(kept: list[_Packed]) -> list[_Packed]:
    """Drop the facts that are older than another for every field they speak of. In an order of no meaning but one."""
    kept.sort(key=lambda k: (-k.at_s, k.event_id, k.api_version, k.fetched))
    left: list[_Packed] = []
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
    kept = _opened(state)
    first = kept[0]
    if len(kept) == 1 and len(first.values) == width:
        return Settled(first.values, first.at_s, False)
    values: list[Any] = [None] * width
    undecided = False
    covered = start = 0
    # Facts stand newest first: each second fills what no later one spoke of.
    while start < len(kept):
        end = start + 1
        while end < len(kept) and kept[end].at_s == kept[start].at_s:
            end += 1
        if end - start == 1:
            _fill(values, kept[start], covered)
        else:
            undecided |= _fill_tied(values, kept[start:end], covered, sealed)
        for fact in kept[start:end]:
            covered |= fact.mask
        start = end
    return Settled(values, first.at_s, undecided)


def _opened(state: bytes) -> list[Kept]:
    kept = _open(state)
    for fact in kept:
        if fact.like >= 0:
            fact.values = kept[fact.like].values
    return kept


@lru_cache(maxsize=4_096)
def _numbers(mask: int) -> tuple[int, ...]:
    """The fields that a mask speaks of."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


def _fill(values: list[Any], fact: Kept, covered: int) -> None:
    for number, value in zip(_numbers(fact.mask), fact.values, strict=True):
        if not covered >> number & 1:
            values[number] = value


def _fill_tied(values: list[Any], tied: list[Kept], covered: int, sealed: frozenset[int]) -> bool:
    """Fill from facts of one second. Returns whether a field was left undecided."""
    first = tied[0]
    if any(k.mask != first.mask for k in tied):
        return _fill_apart(values, tied, covered, sealed)
    # They speak of the same fields, and mostly say the same: only where they do not must one be chosen.
    _fill(values, first, covered)
    said = list(zip(*(k.values for k in tied), strict=True))
    differing = [i for i, each in enumerate(said) if each.count(each[0]) != len(tied)]
    numbers = _numbers(first.mask)
    differing = [i for i in differing if not covered >> numbers[i] & 1]
    if not differing:
        return False
    left = _left(tied, [_spoken(k) for k in tied], tuple(range(len(tied))))
    undecided = False
    for i in differing:
        values[numbers[i]] = last = said[i][left[-1]]
        undecided |= numbers[i] not in sealed and any(said[i][j] != last for j in left)
    return undecided


def _fill_apart(values: list[Any], tied: list[Kept], covered: int, sealed: frozenset[int]) -> bool:
    """The same for facts that speak of different fields: each field has speakers of its own."""
    undecided = False
    chosen: dict[tuple[int, ...], tuple[int, ...]] = {}
    spoken = [_spoken(k) for k in tied]
    for number in range(len(values)):
        speakers = tuple(i for i, said in enumerate(spoken) if number in said)
        if covered >> number & 1 or not speakers:
            continue
        if speakers not in chosen:
            chosen[speakers] = _left(tied, spoken, speakers)
        left = chosen[speakers]
        values[number] = spoken[left[-1]][number]
        if number not in sealed and any(spoken[i][number] != values[number] for i in left):
            undecided = True
    return undecided


def _spoken(fact: Kept) -> dict[int, Any]:
    return dict(zip(_numbers(fact.mask), fact.values, strict=True))


def _left(kept: list[Kept], spoken: list[dict[int, Any]], candidates: tuple[int, ...]) -> tuple[int, ...]:
    """Of the facts of one second those that nothing better than their ids tells apart, in the order of these."""
    if len(candidates) == 1:
        return candidates
    top = max(kept[i].rank for i in candidates)
    group = tuple(i for i in candidates if kept[i].rank == top)
    group = tuple(i for i in group if not any(_follows(j, i, kept, spoken) for j in group)) or group
    group = tuple(i for i in group if kept[i].fetched) or group
    newest = {kept[i].event_id: i for i in sorted(group, key=lambda i: kept[i].api_version)}
    return tuple(newest[event_id] for event_id in sorted(newest))


def _follows(later: int, earlier: int, kept: list[Kept], spoken: list[dict[int, Any]]) -> bool:
    a, b = (kept[earlier], spoken[earlier]), (kept[later], spoken[later])
    return _precedes(a, b) and not _precedes(b, a)


def _precedes(a: tuple[Kept, dict[int, Any]], b: tuple[Kept, dict[int, Any]]) -> bool:
    """Whether what `b` says was before it is what `a` says."""
    was = b[0].was
    if not was or a[0].event_id == b[0].event_id:
        return False
    common = [i for i in was if i in a[1]]
    return bool(common) and all(a[1][i] == was[i] for i in common)
