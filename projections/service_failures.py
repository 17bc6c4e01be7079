"""When payments of invoices failed: by the invoice's own count of attempts, the first second at which each was seen.

Of an open invoice that counts n attempts, n failed where the event says so, and else the n - 1 before the last, which
may be under way. Least times over everything that was said, so that the order of arrival changes nothing, and an event
that was lost is made up for by the next.

https://docs.stripe.com/api/invoices/object#invoice_object-attempt_count
"""

from typing import Any

import msgspec

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact
from ledger.translations.invoice import Invoice
from projections.base import Column, Entry, Key, Projection, Row, Table

_STATUS = Invoice.__struct_fields__.index("status")
_ATTEMPTS = Invoice.__struct_fields__.index("attempt_count")
#: Stripe's events that say that the last attempt failed.
FAILED = frozenset({"invoice.payment_failed"})

_TABLE = Table(
    "payment_failures",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("failed", "bigint"),  # how many
        Column("first_s", "bigint[]"),  # of each count from 1 on: when so many had failed
    ),
)

_pack = msgspec.msgpack.Encoder().encode
#: So many that failed -> the first second.
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


def _encode(seen: dict[int, int]) -> bytes:
    """Sorted, so that every order of arrival leaves the same bytes."""
    return _pack(dict(sorted(seen.items())))


def _said(fact: ObjectFact, field: int) -> Any:
    if not fact.mask >> field & 1:
        return None
    return fact.values[(fact.mask & ((1 << field) - 1)).bit_count()]


def _failed(entry: Entry) -> int:
    """How many payments an entry says that failed; 0: none, or it does not say."""
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    if _said(fact, _STATUS) != "open":
        return 0
    attempts = int(_said(fact, _ATTEMPTS) or 0)
    said_so = isinstance(entry.event, StripeEventReceived) and entry.event.type in FAILED
    return max(attempts, 1) if said_so else attempts - 1


def _keys(entry: Entry) -> tuple[Key, ...]:
    fact = entry.said
    assert isinstance(fact, ObjectFact)
    return ((fact.mode, fact.account, fact.id),) if _failed(entry) > 0 else ()


def _apply(state: bytes | None, entry: Entry) -> bytes:
    fact, seen = entry.said, _decode(state) if state is not None else {}
    assert isinstance(fact, ObjectFact)
    count = _failed(entry)
    seen[count] = min(seen.get(count, fact.at_s), fact.at_s)
    return _encode(seen)


def _to_row(key: Key, state: bytes) -> Row:
    seen = _decode(state)
    most = max(seen)
    first = [min(at_s for count, at_s in seen.items() if count >= n) for n in range(1, most + 1)]
    return _TABLE.row(*key, most, first)


def _merge(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None:
        return one or other
    seen = _decode(one)
    for count, at_s in _decode(other).items():
        seen[count] = min(seen.get(count, at_s), at_s)
    return _encode(seen)


PAYMENT_FAILURES = Projection("payment_failures", 1, _TABLE, ("invoices",), _keys, _apply, _to_row, merge=_merge)
