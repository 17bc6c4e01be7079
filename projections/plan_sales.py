"""What tells under which plan something was sold: the prices that a subscription had and when, and prices' old names.

A lookup key may be taken from one price and given to the next, and a customer may change prices: the subscription as
it stands knows neither. Both folds here are least and greatest times over everything that was said, so that the order
of arrival changes nothing.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ledger.facts import ObjectFact
from ledger.translations.price import Price
from ledger.translations.subscription import Subscription
from projections.base import Column, Entry, Key, Projection, Row, Table

_ITEMS = Subscription.__struct_fields__.index("items")
_LOOKUP_KEY = Price.__struct_fields__.index("lookup_key")

_SALES = Table(
    "subscription_sales",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("price_ids", "text[]"),  # all that it ever had
        Column("held", "jsonb"),  # each set of prices, with the first and the last second that it was seen
    ),
    indexes=("USING gin (price_ids)",),
)
_LOOKUP_KEYS = Table(
    "price_lookup_keys",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("lookup_keys", "text[]"),  # all that it ever had, oldest first
        Column("since_s", "bigint[]"),  # the first second that each was seen
    ),
    indexes=("USING gin (lookup_keys)",),
)

#: Sorted, so that every order of arrival leaves the same bytes.
_encode = msgspec.msgpack.Encoder(order="sorted").encode
#: No text in PostgreSQL holds it, so no id of a price does.
_BETWEEN = "\0"
#: The prices of a set, sorted -> the first and the last second.
_decode_held = msgspec.msgpack.Decoder(dict[str, tuple[int, int]]).decode
#: Price -> lookup key -> the first second.
_decode_keys = msgspec.msgpack.Decoder(dict[str, dict[str, int]]).decode


def _said(fact: ObjectFact, field: int) -> Iterator[tuple[Any, int]]:
    """What a fact says of a field, and what it says that was before, each with its second."""
    if fact.mask >> field & 1:
        yield fact.values[(fact.mask & ((1 << field) - 1)).bit_count()], fact.at_s
    if fact.was is not None and field in fact.was:
        yield fact.was[field], fact.at_s - 1


def _object_key(entry: Entry) -> tuple[Key, ...]:
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    return ((fact.mode, fact.account, fact.id),)


def _sell(state: bytes | None, entry: Entry) -> bytes:
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    held = _decode_held(state) if state is not None else {}
    for items, at_s in _said(fact, _ITEMS):
        prices = _BETWEEN.join(sorted({i["price"] for i in items or ()}))
        first, last = held.get(prices, (at_s, at_s))
        held[prices] = (min(first, at_s), max(last, at_s))
    return _encode(held)


def _to_sale(key: Key, state: bytes) -> Row:
    held = [
        {"prices": prices.split(_BETWEEN) if prices else [], "first_s": first, "last_s": last}
        for prices, (first, last) in sorted(_decode_held(state).items())
    ]
    return _SALES.row(*key, sorted({p for h in held for p in h["prices"]}), held)  # type: ignore[attr-defined]


def _merge_sales(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None:
        return one or other
    held = _decode_held(one)
    for prices, (first, last) in _decode_held(other).items():
        known = held.get(prices, (first, last))
        held[prices] = (min(known[0], first), max(known[1], last))
    return _encode(held)


def _names(fact: ObjectFact) -> Iterator[tuple[str, str, int]]:
    """Every price with a lookup key that a fact about a price or a subscription speaks of, and when."""
    if fact.model == "prices":
        for lookup_key, at_s in _said(fact, _LOOKUP_KEY):
            if lookup_key:
                yield fact.id, lookup_key, at_s
        return
    for items, at_s in _said(fact, _ITEMS):
        for item in items or ():
            if item["lookup_key"]:
                yield item["price"], item["lookup_key"], at_s


def _priced(entry: Entry) -> tuple[Key, ...]:
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    return tuple(dict.fromkeys((fact.mode, fact.account, price) for price, _, _ in _names(fact)))


def _name(state: bytes | None, entry: Entry) -> bytes:
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    known = _decode_keys(state) if state is not None else {}
    for price, lookup_key, at_s in _names(fact):
        seen = known.setdefault(price, {})
        seen[lookup_key] = min(seen.get(lookup_key, at_s), at_s)
    return _encode(known)


def _to_names(key: Key, state: bytes) -> Row:
    # a subscription speaks of several prices at once, and a fold knows no key: the others' are left out here
    seen = sorted((at_s, lookup_key) for lookup_key, at_s in _decode_keys(state)[key[2]].items())
    return _LOOKUP_KEYS.row(*key, [lookup_key for _, lookup_key in seen], [at_s for at_s, _ in seen])


def _merge_names(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None:
        return one or other
    known = _decode_keys(one)
    for price, more in _decode_keys(other).items():
        seen = known.setdefault(price, {})
        for lookup_key, at_s in more.items():
            seen[lookup_key] = min(seen.get(lookup_key, at_s), at_s)
    return _encode(known)


SUBSCRIPTION_SALES = Projection(
    "subscription_sales", 1, _SALES, ("subscriptions",), _object_key, _sell, _to_sale, merge=_merge_sales
)
PRICE_LOOKUP_KEYS = Projection(
    "price_lookup_keys", 1, _LOOKUP_KEYS, ("subscriptions", "prices"), _priced, _name, _to_names, merge=_merge_names
)
